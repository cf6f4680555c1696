"""The files by which strangers judge, cite and join the project hold together."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

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


def _name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_the_lock_holds_what_the_project_asks_for_in_the_versions_that_ci_tests() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    lines = [re.split("[#;]", line)[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    tested = {_name(name): version for name, version in (line.split("==") for line in lines if "==" in line)}
    locked = [(package["name"], package["version"]) for package in packages if package["name"] in tested]
    assert sorted(locked) == sorted(tested.items()), "run `make lock`"

    (own,) = (package for package in packages if package["name"] == "echomort")
    extras = [(name, line) for name, lines in PROJECT["optional-dependencies"].items() for line in lines]
    asked = [Requirement(line) for line in PROJECT["dependencies"]] + [
        Requirement(f"{line}; extra == '{name}'") for name, line in extras
    ]
    known = [
        (row["name"], SpecifierSet(row["specifier"]), row.get("marker")) for row in own["metadata"]["requires-dist"]
    ]
    wanted = [(_name(one.name), one.specifier, one.marker and str(one.marker).replace('"', "'")) for one in asked]
    assert sorted(known, key=str) == sorted(wanted, key=str), "run `make lock`"
    sources = {package["source"].get("registry") for package in packages if package is not own}
    assert sources == {"https://pypi.org/simple"}


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in ``folder``, with a Makefile as ours."""
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text())
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_make_help_lists_every_command(tmp_path: Path) -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    said = make(tmp_path, "help").stdout
    assert [line.split()[0] for line in said.splitlines()[:-1]] == phony.split()


def test_a_misspelt_variable_is_refused_and_every_variable_is_known(tmp_path: Path) -> None:
    done = make(tmp_path, "help", "PATIENT=60")
    assert done.returncode and "unknown variable PATIENT: known are" in done.stderr and "PATIENTS" in done.stderr
    given = [f"{name}=1" for name in ("HOME_DIR", "PATIENTS", "SEED", "COVERAGE", "DEMO_FLAGS", "TEST_FLAGS")]
    assert make(tmp_path, "help", *given, "PYTHON=python3").returncode == 0


def test_a_wrong_python_is_named_before_anything_is_made(tmp_path: Path) -> None:
    done = make(tmp_path, ".venv/bin/python", "PYTHON=/bin/false")
    assert done.returncode and "echomort needs Python 3.11, 3.12 or 3.13, and /bin/false is" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_environment_of_a_wrong_python_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    wrong = tmp_path / ".venv/bin/python"
    wrong.write_text("#!/bin/sh\nexit 1\n")
    wrong.chmod(0o755)
    make(tmp_path, ".venv/installed", f"PYTHON={sys.executable}")  # pip then finds no package here
    assert wrong.is_symlink() and subprocess.run([wrong, "-c", ""], check=False).returncode == 0


def test_the_module_runs_the_command() -> None:
    command = [sys.executable, "-m", "echomort", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout == f"echomort {__version__}\n"


def test_a_release_is_built_and_published_by_nobody() -> None:
    flow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert flow["permissions"] == {"contents": "read"}
    steps = flow["jobs"]["build"]["steps"]
    commands = " ".join(step.get("run", "") for step in steps)
    assert "auditwheel repair" in commands and "make sbom" in commands and "upload" not in commands
    assert {step["uses"].partition("@")[0] for step in steps if "uses" in step} == {
        *("actions/checkout", "actions/setup-python", "actions/upload-artifact"),
    }
