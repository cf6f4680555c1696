"""``echomort paper`` on a finished project, and what it refuses."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from projects import Home

pytestmark = pytest.mark.slow

KEY = re.compile(r"\b[0-9a-f]{32}\b")
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


@pytest.fixture(scope="module")
def folder(finished: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("paper") / "out"
    done = finished.here("paper", str(place))
    assert done.status == 0, done.stderr
    assert f"written: {place}" in done.stdout and "references.bib" in done.stdout
    return place


def test_tables_and_figures_are_those_of_the_report_with_latex_and_pdf_beside(finished: Home, folder: Path) -> None:
    report = finished.root / "report"
    for kind, usual, other in (("tables", ".csv", ".tex"), ("figures", ".svg", ".pdf")):
        made = {file.name: file.read_bytes() for file in (report / kind).iterdir()}
        assert made and made == {file.name: file.read_bytes() for file in (folder / kind).glob(f"*{usual}")}
        assert {Path(name).stem for name in made} == {file.stem for file in (folder / kind).glob(f"*{other}")}
    for card in ("model_card.md", "model_card.html"):
        assert (folder / card).read_bytes() == (report / card).read_bytes()


def test_the_texts_answer_every_item_and_say_that_the_data_are_synthetic(finished: Home, folder: Path) -> None:
    items = json.loads((finished.root / "report" / "report.json").read_text())["checklist"]
    listed = (folder / "tripod_ai.md").read_text()
    assert all(f"\n| {item} | " in listed for item in items)
    methods = (folder / "methods.md").read_text()
    assert all("**Synthetic data.**" in text for text in (methods, listed))
    assert "cohort.reader" in methods and "code that decides report" in methods
    sources = (folder / "references.bib").read_text()
    assert set(re.findall(r"@(\w+)", methods)) == set(re.findall(r"@\w+\{(\w+),", sources))


def test_no_person_and_no_path_can_be_told_from_the_files(finished: Home, folder: Path) -> None:
    for file in folder.rglob("*.*"):
        if file.suffix == ".pdf":
            assert b"CreationDate" not in file.read_bytes()
            continue
        text = file.read_text()
        assert not KEY.search(text) and not DATE.search(text) and str(finished.root) not in text, file.name


def test_a_second_call_writes_the_same_and_changed_texts_are_kept(finished: Home, folder: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(folder, tmp_path / "again"))
    (again / "methods.md").unlink()
    assert finished.here("paper", str(again)).status == 0, "an earlier output is replaced"
    assert (again / "contents.json").read_bytes() == (folder / "contents.json").read_bytes()
    assert (again / "methods.md").read_bytes() == (folder / "methods.md").read_bytes()
    (again / "methods.md").write_text("mine")
    refused = finished.here("paper", str(again))
    assert refused.status == 2 and len(refused.stderr.splitlines()) == 1 and "was changed" in refused.stderr
    assert (again / "methods.md").read_text() == "mine"


def test_a_project_without_a_report_is_told_what_to_do(project: Home, tmp_path: Path) -> None:
    with duckdb.connect(str(project.root / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM ledger WHERE asset = 'report'")
    refused = project.here("paper", str(tmp_path / "out"))
    assert refused.status == 2 and len(refused.stderr.splitlines()) == 1
    assert "nothing was evaluated" in refused.stderr and "`echomort run`" in refused.stderr
    assert not (tmp_path / "out").exists()
    nowhere = Home(tmp_path / "nowhere").here("paper", str(tmp_path / "out"))
    assert nowhere.status == 2 and "there is no project" in nowhere.stderr


def test_two_projects_are_compared_and_what_is_none_is_refused(finished: Home, project: Home, tmp_path: Path) -> None:
    config = project.root / "echomort.yaml"
    config.write_text(config.read_text().replace("bootstrap: 100", "bootstrap: 101"))
    done = finished.here("compare", str(finished.root), str(project.root), "--json", home=False)
    assert done.status == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    (changed,) = [row for row in rows if row["kind"] == "setting"]
    assert (changed["name"], changed["first"], changed["second"]) == ("evaluation.bootstrap", "100", "101")
    assert {row["difference"] for row in rows if row["kind"] in ("count", "metric")} == {0}
    tests = [row for row in rows if row["kind"] == "test"]
    assert tests and all(row["difference"] == 0 or "fewer than 2" in row["note"] for row in tests)
    assert not KEY.search(done.stdout) and str(finished.root) not in done.stdout
    nowhere = finished.here("compare", str(finished.root), str(tmp_path), home=False)
    assert nowhere.status == 2 and len(nowhere.stderr.splitlines()) == 1 and "no project" in nowhere.stderr
    with duckdb.connect(str(project.root / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM metric")
    early = finished.here("compare", str(finished.root), str(project.root), home=False)
    assert early.status == 2 and "was not evaluated yet" in early.stderr and "`echomort run`" in early.stderr
