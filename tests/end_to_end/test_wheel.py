"""A wheel is whole, and works from any folder, whatever lies there."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from projects import SETTINGS, assignments, clean_environment

ROOT = Path(__file__).parents[2]
PACKAGES = ("orchestration", "assets", "echomort", "warehouse")
RUN = "import echomort; from orchestration.cli.__main__ import main; print(echomort.__file__, flush=True); main()"


def tracked(*folders: str) -> list[str]:
    """The files of ``folders`` that git knows."""
    command = ["git", "ls-files", *folders]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked("."):  # a copy: building leaves files beside its sources
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / "source" / name)
    source = str(folder / "source")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "--wheel-dir", str(folder), source]
    subprocess.run(command, check=True, timeout=300)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_it(site: Path) -> None:
    missing = [name for name in tracked(*PACKAGES) if not (site / name).is_file()]
    assert missing == []
    (wheel,) = site.parent.glob("*.whl")
    assert "-cp311-abi3-" in wheel.name, "one wheel serves every Python that is promised"
    top = {path.name for path in site.iterdir() if path.is_dir() and not path.name.endswith(".dist-info")}
    assert top == set(PACKAGES)


@pytest.mark.slow
def test_a_source_distribution_holds_all_that_it_takes_to_test_it(site: Path) -> None:
    code = "from setuptools.build_meta import build_sdist; print(build_sdist('dist'))"
    source = site.parent / "source"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
    with tarfile.open(source / "dist" / done.stdout.splitlines()[-1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    apart = (".github/", ".gitignore", ".pre-commit-config.yaml")
    assert [name for name in tracked(".") if name not in held and not name.startswith(apart)] == []


@pytest.mark.slow
def test_without_a_compiler_it_is_built_all_the_same_and_torch_computes(site: Path, tmp_path: Path) -> None:
    source = shutil.copytree(
        site.parent / "source", tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.so")
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    environment = clean_environment() | {"CC": "false", "CXX": "false"}
    subprocess.run([*command, "--wheel-dir", tmp_path, source], check=True, timeout=300, env=environment)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert not [name for name in wheel.namelist() if name.endswith(".so")]
        wheel.extractall(tmp_path / "site")
    code = (
        "import torch; from echomort.networks import _kernel, build_network; assert _kernel.LEVEL is None; "
        "build_network('cnn_3d', (27, 27, 27))(torch.zeros(1, 27, 27, 27, dtype=torch.uint8)).sum().backward()"
    )
    environment = clean_environment() | {"PYTHONPATH": str(tmp_path / "site")}
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=300, env=environment, cwd=tmp_path)


@pytest.fixture
def confusing(tmp_path: Path) -> Path:
    """A folder to work in that holds folders of the same names as the packages."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise AssertionError('not the installed package')\n")
    return tmp_path


def run(site: Path, folder: Path, settings: dict[str, Any], *arguments: str) -> None:
    """Carry out ``echomort run`` of the wheel in ``folder``; it must end well."""
    command = [sys.executable, "-P", "-c", RUN, "run", "--home", "home", *assignments(settings), *arguments]
    environment = clean_environment() | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert Path(done.stdout.splitlines()[0]).is_relative_to(site), "the wheel ran, and not the checkout"


@pytest.mark.slow
def test_the_demo_runs_from_a_folder_that_holds_folders_of_the_same_names(site: Path, confusing: Path) -> None:
    run(site, confusing, SETTINGS | {"training.views": "[apical_4]", "evaluation.permutations": 1})
    assert (confusing / "home/report/report.html").is_file()
    assert (confusing / "home/registry/champion.json").is_file()


@pytest.mark.slow
def test_steps_in_processes_of_their_own_run_from_there_too(site: Path, confusing: Path) -> None:
    settings = {"sources.synthetic.patients": 10, "execution.executor": "multiprocess"}
    run(site, confusing, settings, "--select", "key:dicom_archive")
    assert list((confusing / "home/archive/dicom").rglob("*.dcm"))
