"""``echomort records``: what a run would make of the records, in memory, with nothing written but what is asked for."""

import csv
import json
import os
import stat
import subprocess
import sys

import pytest
from extracts import clean_records, person, write_extract
from projects import Home, clean_environment

KEY = "a key that only these tests know...."
RECORDS = {**clean_records(3, patients=40)}
RECORDS["measurement"] = [*RECORDS["measurement"], ("3-1", "", "2160-0", 1, "mg/dL", "2013-01-01")]
RECORDS["contact"] = [*RECORDS["contact"], ("3-2", "2014-01-01", "called Smith"), ("elsewhere", "2014-01-01", "visit")]
RECORDS["patient"] = [*RECORDS["patient"], person("censored"), person("Smith")]
RECORDS["study"] = [
    *RECORDS["study"],
    ("S-censored", "censored", "2013-05-05 09:00:00", ""),
    ("S-Smith", "Smith", "2013-06-06", ""),
]
RECORDS["contact"] += [("censored", "2013-07-01", "visit"), ("censored", "2013-07-02", "letter")]


@pytest.fixture
def extract(tmp_path):
    """A small extract with a few faults."""
    return write_extract(tmp_path / "ehr", RECORDS)


def workbench(*arguments, cwd, **environment):
    """Carry out ``echomort records`` as a person does."""
    command = [sys.executable, "-m", "orchestration.cli", "records", *map(str, arguments)]
    return subprocess.run(
        command,
        env=clean_environment() | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def accounted(*arguments, cwd, **environment):
    """Return the account as JSON."""
    done = workbench(*arguments, "--json", cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def labels(path):
    """Return study id -> its row."""
    with path.open(newline="") as file:
        return {row["study_id"]: row for row in csv.DictReader(file)}


def test_the_account_needs_no_key_and_writes_nothing(extract, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    done = workbench(extract, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    assert done.stdout.index("WARNINGS") < done.stdout.index("ROWS") < done.stdout.index("FROM STUDIES TO THE COHORT")
    assert "UNKNOWN_PATIENT in 1 row" in done.stdout
    assert "2160-0 1" in done.stdout
    assert "TABLE 1" in done.stdout
    assert not any(word in done.stdout for word in ("Smith", "3-1", "S-censored", "elsewhere", "2013-05-05"))
    assert max(map(len, done.stdout.splitlines())) < 200
    assert len(done.stdout.splitlines()) < 120


def test_the_account_is_of_every_row(extract, tmp_path):
    found = accounted(extract, cwd=tmp_path)
    rows = {row["table"]: row for row in found["tables"]}
    for table, row in rows.items():
        assert row["read"] == len(RECORDS[table])
        assert row["read"] == row["used"] + row["set_aside"]
    words = {one["reason"]: one["words"] for one in found["set_aside"] if one["words"]}
    assert words["UNKNOWN_VARIABLE"] == {"2160-0": 1}
    assert words["NOT_EVIDENCE_OF_LIFE"].get("letter") == 1
    (year,) = [row for row in found["years"] if row["year"] == 2013]
    assert year["studies"] == sum(str(study[2]).startswith("2013") for study in RECORDS["study"])
    by_name = {row["variable"]: row for row in found["variables"]}
    assert by_name["lvef"]["share"] == pytest.approx(40 / 42)
    assert by_name["ldl"]["share"] == 0
    assert by_name["dx_i50"]["by_year"]["2013"] == pytest.approx(1 - 2 / year["studies"])
    assert len(found["variables"]) >= 158
    assert {row["Characteristic"] for row in found["table_1"]} >= {"Age at study, years", "Women"}


def test_labels_have_the_sites_study_ids_and_variables_and_are_private(extract, tmp_path):
    target = tmp_path / "labels.csv"
    target.write_text("before")
    target.chmod(0o644)
    done = workbench(extract, "--labels", target, "--variables", "age, lvef,dx_i50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".tmp_*"))
    rows = labels(target)
    assert set(rows) == {study[0] for study in RECORDS["study"]}
    assert list(rows["S-censored"]) == ["study_id", "label", "reason", "days", "event", "age", "lvef", "dx_i50"]
    assert [rows["S-censored"][name] for name in ("label", "reason", "days", "event")] == [
        "",
        "EXCL_CENSORED_LT_1Y",
        "57",
        "0",
    ]
    assert [rows["S-Smith"][name] for name in ("label", "reason", "days")] == ["", "EXCL_NO_FOLLOWUP", ""]
    assert [rows["S3-0"][name] for name in ("label", "reason", "days", "event", "dx_i50")] == ["1", "", "60", "1", "1"]
    assert rows["S3-1"]["label"] == "0"


def test_words_on_no_list_are_written_as_they_are_if_asked_for(extract, tmp_path):
    target = tmp_path / "words.csv"
    assert workbench(extract, "--words", target, cwd=tmp_path).returncode == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with target.open(newline="") as file:
        rows = {row["text"]: row for row in csv.DictReader(file)}
    assert rows["called smith"]["shown"].endswith("(12 characters)")
    assert rows["2160-0"]["shown"] == "2160-0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--variables", "age"], "--variables has no meaning without --labels"),
        (["--labels", "x.csv", "--variables", "agee"], "there is no variable agee: did you mean age"),
        (["--labels", "x.csv", "--variables", "age,age"], "names a variable twice"),
        (["--labels", "missing/x.csv"], "in a folder that does not exist"),
        (["--labels", "ehr/x.csv"], "would become a part of the records"),
        (["--labels", "x.csv", "--words", "x.csv"], "name the same file"),
        (["--adapter", "nowhere"], "there is no adapter nowhere"),
        (["--set", "outcome.horizon=3"], "unknown setting outcome.horizon"),
        (["--home", "nowhere"], "there is no project at /"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(extract, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = Home(tmp_path).here("records", str(extract), *arguments, home=False)
    assert done.status == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(("arguments", "said"), [([], "no health records are named"), (["nowhere"], "does not exist")])
def test_records_that_are_not_there_are_refused(tmp_path, arguments, said):
    done = Home(tmp_path).here("records", *arguments, home=False)
    assert done.status == 2
    assert said in done.stderr


def test_two_accounts_of_one_extract_are_the_same(extract, tmp_path):
    first, second = (accounted(extract, "--set", "cohort.heart_failure_fraction=0.45", cwd=tmp_path) for _ in range(2))
    assert first == second, "without a key too the sets apart, and so Table 1, are the same each time"
    assert first["table_1"]


@pytest.mark.slow
def test_the_workbench_and_a_run_agree(extract, tmp_path):
    """Labels, reasons, attrition and warnings of the workbench are those of a run on the same extract."""
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "x.dcm").write_bytes(b"no file")
    home = Home(tmp_path / "home")
    choices = {"outcome.horizon_days": 300, "cohort.minimum_age": 40, "cohort.heart_failure_fraction": 0.45}
    settings = {"sources.dicom": tmp_path / "dicom", "sources.ehr": extract, **choices}
    flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    printed = home.run("--select", "group:records", *flags, ECHOMORT_KEY=KEY)

    target = tmp_path / "labels.csv"
    found = accounted("--home", home.root, "--labels", target, cwd=tmp_path, ECHOMORT_KEY=KEY)
    steps = home.query(
        "SELECT reason, studies, patients FROM attrition WHERE NOT starts_with(reason, 'ROLE_') ORDER BY step"
    )
    assert [(row["reason"], row["studies"], row["patients"]) for row in found["attrition"]] == steps
    assert len(steps) > 12
    with_vault = dict(vault(home, "study"))
    made = {
        with_vault[key]: tuple(
            "" if value is None else str(int(value)) if not isinstance(value, str) else value for value in rest
        )
        for key, *rest in home.query("SELECT study_key, label, reason, days, event FROM outcome")
    }
    assert {name: tuple(row.values())[1:] for name, row in labels(target).items()} == made

    # Without the key the labels are the same.
    other = tmp_path / "other.csv"
    accounted(
        extract,
        "--labels",
        other,
        *[part for key, value in choices.items() for part in ("--set", f"{key}={value}")],
        cwd=tmp_path,
    )
    assert labels(other) == labels(target)

    # What the workbench warns of, the run printed at its end, and status repeats it.
    assert found["warnings"]
    said = [line.removeprefix("WARNING: ") for line in printed.splitlines() if line.startswith("WARNING: ")]
    assert set(found["warnings"]) <= set(said)
    repeated = home.here("status", ECHOMORT_KEY=KEY).stdout
    assert all(f"WARNING: {line}" in repeated for line in found["warnings"])
    rows = [json.loads(line) for line in home.here("status", "--json", ECHOMORT_KEY=KEY).stdout.splitlines()]
    assert any("UNKNOWN_PATIENT" in words for row in rows if row["asset"] == "contact" for words in row["warnings"])


def vault(home, domain):
    """Return (pseudonym, identifier) of ``domain`` from the key vault."""
    import duckdb

    with duckdb.connect(str(home.root / "vault.duckdb"), read_only=True) as connection:
        return connection.execute("SELECT key, identifier FROM vault WHERE domain = ?", [domain]).fetchall()


@pytest.mark.slow
def test_a_run_in_which_half_of_a_table_is_lost_stops_and_says_so(tmp_path):
    rows = {**clean_records(4, patients=20)}
    rows["contact"] = [*rows["contact"], *((f"0{name}", at, kind) for name, at, kind in rows["contact"])]
    rows["contact"] += [(f"00{name}", at, kind) for name, at, kind in clean_records(4, patients=20)["contact"]]
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "x.dcm").write_bytes(b"no file")
    home = Home(tmp_path / "home")
    flags = [
        "--set",
        f"sources.dicom={tmp_path / 'dicom'}",
        "--set",
        f"sources.ehr={write_extract(tmp_path / 'ehr', rows)}",
    ]
    done = home.echomort("run", "--select", "group:records", *flags, ECHOMORT_KEY=KEY)
    assert done.returncode == 2
    assert "contact/contact_rows_are_not_lost" in done.stderr
    assert "UNKNOWN_PATIENT" in done.stderr
    assert "sources.most_lost=0.67" in done.stderr
    assert home.query("SELECT count(*) FROM outcome") == [(0,)]
    assert "WARNING: table contact" in done.stdout
    for more in ([], ["--json"]):
        looked = home.here("records", str(tmp_path / "ehr"), *more, home=False)
        assert "a run stops here" in looked.stdout and looked.status == 1
    done = home.echomort("run", "--select", "group:records", "--set", "sources.most_lost=0.67", ECHOMORT_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert home.query("SELECT count(*) FROM outcome") == [(20,)]
    assert os.environ.get("ECHOMORT_HOME") is None
