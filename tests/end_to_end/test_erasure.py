"""`echomort erase` leaves no byte of a patient in a project, a later run leaves the patient out, and the rest stays."""

import csv
import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import duckdb
import pydicom
import pytest
from projects import Home, copied

from assets.erasure import removal
from echomort.core.audit import Audited, append, check_chain
from echomort.core.keys import SYNTHETIC_KEY, Keyring
from orchestration.resources import VALUES
from warehouse import vault

pytestmark = pytest.mark.slow

DEMO = Keyring(SYNTHETIC_KEY)


def person_of(home: Home, keyring: Keyring, number: str) -> set[str]:
    """Return all pseudonyms of a patient, found without the code under test."""
    key = keyring.pseudonym("patient", number)
    keys = {key, *(one for (one,) in home.query(f"SELECT study_key FROM study WHERE patient_key = '{key}'"))}
    columns = "instance_key, dicom_instance.study_key, accession_key, sop_key, source_digest, folder_key"
    linked = home.query(
        f"SELECT {columns} FROM dicom_instance JOIN instance_link USING (instance_key) "
        f"WHERE instance_link.patient_key = '{key}' OR dicom_instance.patient_key = '{key}'"
    )
    return keys | {one for row in linked for one in row if one}


def contents(home: Home) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a home but the exclusion and the embedded archive, and what databases and tables hold."""
    import pandas as pd

    for path in sorted(path for path in home.root.rglob("*") if path.is_file()):
        name = path.relative_to(home.root).as_posix()
        if name.startswith("archive/") or name == "exclusion.json":
            continue
        yield name, name.encode() + path.read_bytes()
        if path.suffix == ".parquet":
            yield name, pd.read_parquet(path).to_csv().encode()
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    yield f"{name}/{table}", connection.execute(f'FROM "{table}"').df().to_csv().encode()


def places_of(home: Home, words: set[str]) -> set[str]:
    """Return the places of a home that hold one of ``words``; of a pseudonym its first 12 characters are enough."""
    short = [word[:12].encode() if re.fullmatch(r"[0-9a-f]{32}", word) else word.encode() for word in words]
    return {name for name, content in contents(home) if any(word in content for word in short)}


def state(home: Home) -> dict[str, bytes]:
    """Return what a home holds, but for what says when: databases by their rows."""
    skipped = ("erasures/", "dagster/", "audit.jsonl", ".run.lock")
    found = {
        name: content
        for name, content in contents(home)
        if not name.startswith(skipped) and not name.endswith(".duckdb")
    }
    return found | {"exclusion": (home.root / "exclusion.json").read_bytes()}


def test_no_byte_of_the_patient_stays_and_the_rest_does(project: Home) -> None:
    number = erasable(project)
    words = person_of(project, DEMO, number) | {number} | header_texts(project, number)
    append(project.root, "labels", "done", Audited([f"patient {DEMO.pseudonym('patient', number)}"]))
    passed_on = project.root / VALUES / "of a run that failed" / "units.json"
    passed_on.parent.mkdir(parents=True)
    passed_on.write_text(json.dumps([DEMO.pseudonym("patient", number)]))
    before = places_of(project, words)
    assert {"vault.duckdb/vault", "warehouse.duckdb/patient", "audit.jsonl"} <= before
    assert {name.split("/")[0] for name in before} >= {"index", "clips", "models", "registry", "values"}
    made = {name: one for name, one in project.artifacts().items() if name.startswith(("index", "clips"))}
    said = project.here("erase", number)
    assert said.status == 0, said.stderr
    assert places_of(project, words) == set()
    assert not any(word in said.stdout for word in words)
    after = project.artifacts()
    gone = {name for name in made if after.get(name) != made[name]}
    assert gone == {name for name in before if name.startswith(("index", "clips"))}
    assert check_chain(project.root).broken is None
    _check_certificate(project, words)
    assert not (project.root / "registry/champion.json").exists()
    assert "learnt from a patient who was erased" in project.here("champion", "list").stdout
    assert project.query("SELECT count(*) FROM risk_score") == [(0,)]


def header_texts(home: Home, number: str) -> set[str]:
    """Return name and UIDs in the headers of the patient's files."""
    files = [path for path in (home.root / "archive/dicom").rglob("*.dcm") if _patient_id(path) == number]
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    return {
        str(one) for header in headers for one in (header.PatientName, header.StudyInstanceUID, header.SOPInstanceUID)
    }


def _check_certificate(home: Home, words: set[str]) -> None:
    (file,) = (home.root / "erasures").glob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert not any(word in text for word in words)
    record = json.loads(text)
    assert record["searched"]["found"] == 0 and record["searched"]["files"] > 100
    assert record["removed"]["candidates retired"] == 1 and record["removed"]["rows of patient"] == 1
    assert record["left"]["files of the patient in the archive"] >= 1


def erasable(home: Home) -> str:
    """Return the number of a patient of the embedded archive from whom models learnt."""
    ((key,),) = home.query(
        "SELECT patient_key FROM cohort JOIN clip USING (patient_key, study_key) "
        "WHERE role = 'development' AND clip.status = 'accepted' ORDER BY ALL DESC LIMIT 1"
    )
    (number,) = vault.recall(home.root / "vault.duckdb", "patient", [key]).values()
    return number


def test_a_dry_run_and_an_unknown_patient_change_nothing(project: Home) -> None:
    def files() -> dict[str, tuple[int, int]]:
        found = (path for path in project.root.rglob("*") if path.is_file())
        others = (path for path in found if path.name not in (".run.lock", "vault.duckdb"))
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in others}

    before = files()
    said = project.here("erase", erasable(project), "--dry-run")
    assert said.status == 0 and said.stdout.startswith("an erasure would remove:\n")
    assert "rows of measurement: " in said.stdout and "nothing was removed" in said.stdout
    unknown = project.here("erase", "NOBODY-4711")
    assert unknown.status == 2 and unknown.stderr.count("\n") == 1
    assert "no patient has this number" in unknown.stderr and "NOBODY" not in unknown.stderr
    assert files() == before


def test_it_is_refused_while_a_run_works(project: Home) -> None:
    number = erasable(project)
    lock = project.root / "dagster/alive/run.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = project.here("erase", number)
    assert said.status == 2 and "a run works on this project" in said.stderr
    assert not (project.root / "exclusion.json").exists()


class Killed(BaseException):
    """Ends a command at a step: nothing that it would do afterwards is done."""


STEPS = ("retire", "forget_sealed", "_remove", "_clear_warehouse", "_clear_vault", "redact", "_redact", "search")


@pytest.fixture(scope="module")
def unbroken(finished: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a project holds after an erasure that nothing interrupted."""
    home = copied(finished, tmp_path_factory.mktemp("unbroken") / "home")
    assert home.here("erase", erasable(home)).status == 0
    return state(home)


@pytest.mark.parametrize("step", STEPS)
def test_one_that_was_killed_goes_on_to_the_same_end(project: Home, unbroken: dict[str, bytes], step: str) -> None:
    number = erasable(project)
    carried_out, calls = getattr(removal, step), []

    def killed(*given: object) -> object:
        calls.append(step)
        if len(calls) == (2 if step in ("_remove", "search") else 1):
            raise Killed
        return carried_out(*given)

    with mock.patch.object(removal, step, killed), pytest.raises(Killed):
        project.here("erase", number)
    assert (project.root / "exclusion.json").exists() and not list((project.root / "erasures").glob("*.json"))
    said = project.here("erase", number)
    assert said.status == 0, said.stderr
    assert state(project) == unbroken
    (certificate,) = (project.root / "erasures").glob("*.json")
    assert json.loads(certificate.read_text())["removed"]["rows of measurement"] > 1


def test_a_champion_that_did_not_learn_from_the_patient_stays(project: Home) -> None:
    rows = project.query("SELECT patient_key, study_key FROM prospective_risk ORDER BY ALL")
    patient, study = next(
        (patient, study)
        for patient, study in rows
        if not project.query(f"FROM cohort WHERE patient_key = '{patient}' AND role = 'development'")
    )
    (number,) = vault.recall(project.root / "vault.duckdb", "patient", [patient]).values()
    champion = (project.root / "registry/champion.json").read_bytes()
    risks = project.query(f"SELECT study_key, risk FROM risk_score WHERE study_key <> '{study}' ORDER BY ALL")
    said = project.here("erase", number)
    assert said.status == 0, said.stderr
    assert (project.root / "registry/champion.json").read_bytes() == champion
    assert project.query("SELECT study_key, risk FROM risk_score ORDER BY ALL") == risks
    assert not project.query(f"FROM prospective_risk WHERE study_key = '{study}'")


def test_a_file_that_arrives_later_in_another_place_is_left_out(project: Home) -> None:
    number = erasable(project)
    assert project.here("erase", number).status == 0
    file = next(path for path in (project.root / "archive/dicom").rglob("*.dcm") if _patient_id(path) == number)
    later = project.root / "archive/dicom/later/copy.dcm"
    later.parent.mkdir()
    shutil.copy(file, later)
    project.rerun("--select", "key:dicom_index or key:study")
    key = DEMO.pseudonym("instance", "later/copy.dcm")
    columns = "status, reason, patient_key, study_key, sop_key"
    rows = project.query(f"SELECT {columns} FROM dicom_instance WHERE instance_key = '{key}'")
    assert rows == [("rejected", "erased", None, None, None)]
    left_out = dict(project.query("SELECT table_name, count FROM conflict WHERE reason = 'ERASED_PATIENT'"))
    assert left_out["patient"] == 1 and left_out["study"] >= 1 and left_out["measurement"] > 1
    counted = "staging_count WHERE rows_read <> rows_staged + rows_dropped"
    assert project.query(f"SELECT count(*) FROM {counted}") == [(0,)]
    assert places_of(project, {number}) == set()


def _patient_id(path: Path) -> str:
    try:
        return str(pydicom.dcmread(path, stop_before_pixels=True).get("PatientID", ""))
    except Exception:  # noqa: BLE001 one of the archive's broken files
        return ""


def test_a_frozen_reader_study_is_named_and_not_changed(project: Home) -> None:
    number = erasable(project)
    key = DEMO.pseudonym("patient", number)
    (project.root / "readers").mkdir()
    with (project.root / "readers/cases.csv").open("w") as file:
        csv.writer(file).writerow([key])
    said = project.here("erase", number)
    assert said.status == 2 and "(readers)" in said.stderr and "nothing was changed" in said.stderr
    assert not (project.root / "exclusion.json").exists()
