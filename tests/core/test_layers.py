"""Imports point one way: orchestration -> assets -> {echomort, warehouse}; warehouse -> echomort."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "echomort": {"echomort"},
    "warehouse": {"warehouse", "echomort"},
    "assets": {"assets", "warehouse", "echomort", "dagster"},
    "orchestration": {"orchestration", "assets", "warehouse", "echomort", "dagster"},
}
FACE = ROOT / "echomort" / "__init__.py"
"""The public names: it loads one of them from a package above, when that name is used."""
WATCHED = {"echomort", "warehouse", "assets", "orchestration", "dagster"}


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_lies_below_it(layer):
    files = [file for file in (ROOT / layer).rglob("*.py") if file != FACE]
    assert files
    wrong = {file.name: imported(file) & WATCHED - MAY_IMPORT[layer] for file in files}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("layer", ["assets", "orchestration"])
def test_dagster_can_read_every_annotation(layer):
    for file in (ROOT / layer).rglob("*.py"):
        assert "__future__" not in imported(file), f"{file.name}: Dagster can't resolve postponed annotations"


def files_imported_by(file: Path) -> set[Path]:
    """The product's files that ``file`` takes names from, also inside functions and for types alone."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    places = [ROOT.joinpath(*name.split(".")) for name in names if name.partition(".")[0] in MAY_IMPORT]
    found = {place.with_suffix(".py") for place in places}
    return {module for module in found if module.is_file()} - {file}


def test_no_file_is_imported_in_a_circle():
    files = [file for layer in MAY_IMPORT for file in (ROOT / layer).rglob("*.py") if file.name != "__init__.py"]
    order = graphlib.TopologicalSorter({file: files_imported_by(file) for file in files})
    order.prepare()  # raises CycleError, which names the files


def test_the_page_on_the_architecture_names_every_folder():
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = [file.parent.name for file in (ROOT / "echomort").glob("*/__init__.py")]
    assert [name for name in folders if f"`echomort/{name}/`" not in page] == []


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_graph_loads_without_the_heavy_libraries():
    heavy = {"torch", "great_expectations", "xgboost", "sklearn", "matplotlib", "pydicom", "statsmodels"}
    heavy |= {"cv2", "h5py"}
    assert loaded_by("import orchestration.definitions") & heavy == set()


@pytest.mark.parametrize("command", ["inspect", "predict", "risk", "synth", "fetch", "receive", "readers", "weights"])
def test_light_commands_never_load_dagster(command):
    statement = (
        "import sys, contextlib\n"
        f"sys.argv = ['echomort', '{command}', '--help']\n"
        "from orchestration.cli.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None): main()"
    )
    assert "dagster" not in loaded_by(statement)
