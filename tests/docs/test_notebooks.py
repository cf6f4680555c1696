"""The notebooks of docs/notebooks run from top to bottom on a finished project, and are stored without outputs."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from commands import accepts
from projects import Home, clean_environment

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
RUN = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
try:
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
finally:
    nbformat.write(book, sys.argv[2])
"""


def cells(file: Path, kind: str = "code") -> list[str]:
    """Return the texts of a notebook's cells."""
    return ["".join(cell["source"]) for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == kind]


def test_there_are_five_and_the_page_names_each() -> None:
    assert len(NOTEBOOKS) == 5
    assert set(re.findall(r"^\| \[(\w+\.ipynb)\]", (FOLDER / "README.md").read_text(), re.MULTILINE)) == {
        file.name for file in NOTEBOOKS
    }


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_is_stored_without_outputs_and_without_paths_of_a_machine(file: Path) -> None:
    stored = json.loads(file.read_text())
    assert stored["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in stored["cells"]:
        assert cell["metadata"] == {} and not cell.get("outputs") and cell.get("execution_count") is None
    assert not re.search(r"/(home|Users|tmp|work|srv)/", file.read_text())


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_its_commands_exist_and_its_links_hold(file: Path) -> None:
    lines = [line for cell in cells(file) for line in cell.splitlines() if line.startswith("echomort ")]
    for line in lines:
        accepts(shlex.split(line))
    links = [link for cell in cells(file, "markdown") for link in re.findall(r"\]\(([^)#]+)", cell)]
    assert links and [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_says_that_its_data_are_synthetic(file: Path) -> None:
    assert "synthetic" in cells(file, "markdown")[0]


def carried_out(file: Path, folder: Path, home: Home) -> list[dict[str, Any]]:
    """Run a notebook in ``folder`` on the project; return its cells with their outputs. What it installs lies there."""
    if not all(map(importlib.util.find_spec, ("nbclient", "ipykernel"))):
        pytest.skip("needs the extra notebooks (nbclient, ipykernel)")
    (folder / "installed").mkdir(exist_ok=True)
    paths = [str(folder / "installed"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = clean_environment() | {
        "ECHOMORT_HOME": str(home.root),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say: build with the setuptools that is here, without the network
        "PIP_NO_INDEX": "1",
        "PIP_TARGET": str(folder / "installed"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    result = folder / f"{file.stem}.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(file), str(result)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(result.read_text())["cells"]
    return found


def pictures(found: list[dict[str, Any]]) -> int:
    """Return how many pictures the cells show."""
    return sum("image/png" in output.get("data", {}) for cell in found for output in cell.get("outputs", []))


def text_of(found: list[dict[str, Any]]) -> str:
    """Return all that the cells wrote and showed as text."""
    outputs = [output for cell in found for output in cell.get("outputs", [])]
    return "".join("".join(one.get("text", one.get("data", {}).get("text/plain", ""))) for one in outputs)


@pytest.mark.slow
def test_clips_are_read_shown_and_exported(finished: Home, tmp_path: Path) -> None:
    found = carried_out(FOLDER / "clips.ipynb", tmp_path, finished)
    assert pictures(found) == 4
    text = text_of(found)
    assert "not_ultrasound: The image is not ultrasound." in text and "12 files: 10 loops in out/clips" in text
    assert "torch.Size([2, 60, 64, 96])" in text


@pytest.mark.slow
def test_a_project_is_read_and_plotted(finished: Home, tmp_path: Path) -> None:
    found = carried_out(FOLDER / "project.ipynb", tmp_path, finished)
    assert pictures(found) == 2 and "DeLongTest(" in text_of(found)


@pytest.mark.slow
def test_an_encoder_is_judged_beside_the_project_s_models(finished: Home, tmp_path: Path) -> None:
    found = carried_out(FOLDER / "encoder.ipynb", tmp_path, finished)
    assert pictures(found) == 1 and "\x1b[2K" not in text_of(found), "no bars where there is no terminal"
    judged = Home(tmp_path / "out" / "with_encoder")
    scores = pd.read_parquet(tmp_path / "out" / "random_encoder.parquet").set_index("study_key")["logit"]
    assert dict(judged.query("SELECT study_key, logit FROM external_score")) == pytest.approx(scores.to_dict())
    counts = dict(judged.query("SELECT outcome, rows FROM external_score_count"))
    assert counts["used"] == len(scores) and counts["out_of_fold"] > 20 and not counts.get("in_other_fold")
    assert judged.query("SELECT count(*) FROM metric WHERE model = 'external:random_encoder' AND metric = 'auc'")[0][0]
    assert "random_encoder" in (judged.root / "report" / "report.html").read_text()
    before = finished.query("SELECT digest FROM ledger WHERE asset = 'view_models' ORDER BY unit")
    assert judged.query("SELECT digest FROM ledger WHERE asset = 'view_models' ORDER BY unit") == before


@pytest.mark.slow
def test_a_network_of_20_lines_ends_in_the_report_and_a_paper_compares_it(finished: Home, tmp_path: Path) -> None:
    file = FOLDER / "own_network.ipynb"
    (network,) = [cell for cell in cells(file) if cell.startswith("%%writefile") and "NETWORK = " in cell]
    assert len([line for line in network.splitlines()[1:] if line.strip()]) <= 20
    found = carried_out(file, tmp_path, finished)
    own = Home(tmp_path / "out" / "own_network")
    assert pictures(found) == 1 and "training.network: cnn_3d | motion" in text_of(found)
    assert "motion" in (own.root / "report" / "report.html").read_text()
    assert own.query("SELECT count(DISTINCT model) FROM score WHERE model LIKE 'view:%'") == [(2,)]
    paper = carried_out(FOLDER / "paper.ipynb", tmp_path, finished)
    assert pictures(paper) == 3 and "training.network: cnn_3d | motion" in text_of(paper)
    assert {"paper", "figure1.pdf", "clip.pdf"} <= {path.name for path in (tmp_path / "out").iterdir()}
