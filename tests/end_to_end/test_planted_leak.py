"""Records that know the outcome, dated by day on the day of the echo: left out by default, else seen and refused."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from projects import SETTINGS, Home, assignments

from echomort.settings.sections import Synthetic
from echomort.synth.archive import write_archive

pytestmark = pytest.mark.slow

LEAKS = "SELECT max(dx_i46), count(bnp) FROM feature"
WHY = "SELECT details FROM ledger WHERE asset = 'champion'"
CHECKS = ("no_variable_knows_the_outcome", "no_result_is_too_good_to_be_true")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A finished project on an archive whose discharge codes and laboratory values of the echo's day know who died."""
    folder = tmp_path_factory.mktemp("leaking")
    archive, key = folder / "archive", folder / "key"
    write_archive(archive, Synthetic(patients=90, seed=3, views=("apical_4",)))
    plant(archive / "ehr")
    key.write_text("k" * 40)
    key.chmod(0o600)
    settings = {name: value for name, value in SETTINGS.items() if not name.startswith("sources.")}
    settings |= {"evaluation.suspicious_auc": 0.9}  # few patients: a model that knows the code learns it not quite
    settings |= {"preset": "demo", "sources.dicom": archive / "dicom", "sources.ehr": archive / "ehr"}
    home = Home(folder / "home")
    settings |= {"cohort.salt": "echomort-1", "cohort.reader_fraction": 0.05}
    settings |= {"training.min_clips": 1000}  # the leak is in the records: no network is trained
    home.rerun(*assignments(settings | {"privacy.key_file": key}))
    return home


def plant(ehr: Path) -> None:
    """Write a code of cardiac arrest for those who die within a year, and a value that tells who does."""
    died = {row["patient_id"]: row["death_date"] for row in rows(ehr, "death") if len(row["death_date"]) == 10}
    studies = [row for row in rows(ehr, "study") if len(row["study_at"]) == 19]
    days = {(row["patient_id"], row["study_at"][:10]) for row in studies}
    with (ehr / "diagnosis.csv").open("a") as codes, (ehr / "measurement.csv").open("a") as values:
        for patient, day in sorted(days):
            end = date.fromisoformat(day) + timedelta(days=365)
            dies = patient in died and day <= died[patient] <= end.isoformat()
            values.write(f"{patient},,bnp,{900 if dies else 90},pg/mL,{day}\n")
            if dies:
                codes.write(f"{patient},ICD10CM,I46.9,{day}\n")


def rows(ehr: Path, table: str) -> list[dict[str, str]]:
    """Return the rows of a table of the extract."""
    with (ehr / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def warned(home: Home) -> list[str]:
    """Return what each of the two checks warned of."""
    return [
        json.loads(home.query(f"SELECT details FROM ledger WHERE asset = 'check:{check}'")[0][0])["warned"]
        for check in CHECKS
    ]


def test_by_default_no_feature_holds_what_may_have_been_written_after_the_echo(project: Home) -> None:
    assert project.query(LEAKS) == [(0, 0)]
    assert warned(project) == ["", ""]
    excluded = project.query("SELECT variable, count FROM feature_refusal WHERE reason = 'SAME_DAY_WITHOUT_TIME'")
    assert {"bnp", "dx_i46"} <= {name for name, count in excluded if count > 10}
    page = (project.root / "report" / "report.html").read_text()
    assert "values and codes of an echo&#39;s own day" in page and "Too good to be true" not in page


def test_taken_as_before_the_leak_is_seen_everywhere_and_nothing_is_promoted(project: Home) -> None:
    champion = (project.root / "registry" / "champion.json").read_bytes()
    printed = project.rerun("--set", "features.same_day=before")
    assert project.query(LEAKS)[0][0] == 1
    assert all("variable bnp (its value alone)" in words for words in warned(project))
    assert "model ehr" in warned(project)[1]
    assert "too good to be true" in printed
    decision = json.loads(project.query(WHY)[0][0])
    assert not decision["promoted"] and "variable bnp (its value alone) has an AUC of 1.000" in decision["why"]
    assert (project.root / "registry" / "champion.json").read_bytes() == champion
    assert "Too good to be true" in (project.root / "report" / "report.html").read_text()
