"""The files by which strangers judge, cite and join the project hold together."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from echomort.version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = ("", "assets", "orchestration", "warehouse", "echomort/dicom")
"""Where a short path in the table of rooms may begin."""
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_every_path_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_the_readme_lists_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]} - {
        "README.md"
    }
    assert [page for page in sorted(pages) if f"({page})" not in readme] == []


def test_every_place_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = [place for place in re.findall(r"`([\w/.]+)`", text) if "/" in place]
    places = [place for place in named if not any((ROOT / base / place).exists() for base in ROOMS)]
    assert len(named) > 30 and places == []


def test_the_version_is_written_once_and_printed() -> None:
    assert "version" in PROJECT["dynamic"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__ and {"cff-version", "message", "title", "authors"} <= set(citation)
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()
    command = [sys.executable, "-m", "orchestration.cli", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout == f"echomort {__version__}\n"


def test_the_hosted_checks_run_what_decides_on_every_python_that_is_promised() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["check"]
    assert job["steps"][-1]["run"] == ".ci/run"
    lowest, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(lowest), int(below))]


@pytest.mark.parametrize("form", ["bug.yml", "feature.yml"])
def test_a_form_asks_that_nothing_of_a_patient_is_attached(form: str) -> None:
    parts = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE" / form).read_text())["body"]
    (box,) = [part for part in parts if part["type"] == "checkboxes"]
    assert box["attributes"]["options"][0]["required"] is True and "patient" in box["attributes"]["options"][0]["label"]
