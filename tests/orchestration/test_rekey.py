"""A new home with another key leaves out whoever was erased from the former one, and holds none of its pseudonyms."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
import yaml
from projects import Home, Said

from echomort.core.exclusion import Erased, Exclusion, read_exclusion, write_exclusion
from echomort.core.keys import Keyring, note_key
from echomort.settings import load_settings
from echomort.synth.archive import write_archive
from warehouse.connection import connect
from warehouse.tables.risk_score.seals import seal_kept_risks

FORMER, NEW = Keyring(b"f" * 64), Keyring(b"n" * 64)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic archive, taken as a site's own."""
    folder = tmp_path_factory.mktemp("site") / "archive"
    synthetic = load_settings(flags={"sources.synthetic.patients": 6}, environment={}).sources.synthetic
    assert synthetic is not None
    write_archive(folder, synthetic, 1)
    return folder


@pytest.fixture
def home(archive: Path, tmp_path: Path) -> Home:
    """A site's project that was not run yet, and the two keys beside it."""
    for name, keyring in (("former.key", FORMER), ("new.key", NEW)):
        (tmp_path / name).write_bytes(keyring.secret)
        os.chmod(tmp_path / name, 0o600)
    home = Home(tmp_path / "home")
    with connect(home.root / "warehouse.duckdb"):
        pass
    settings = {
        "preset": "demo",
        "sources": {"dicom": str(archive / "dicom"), "ehr": str(archive / "ehr")},
        "privacy": {"key_file": str(tmp_path / "former.key")},
    }
    (home.root / "echomort.yaml").write_text(yaml.safe_dump(settings))
    note_key(home.root, FORMER)
    return home


def rekey(home: Home, *arguments: str) -> tuple[Home, Said]:
    new = Home(home.root.parent / "new")
    key = str(home.root.parent / "new.key")
    return new, home.here("rekey", str(new.root), "--key", key, *arguments)


def patient_files(archive: Path) -> dict[str, list[str]]:
    """Return PatientID -> the paths of the files that have it."""
    found: dict[str, list[str]] = {}
    for path in sorted((archive / "dicom").rglob("*.dcm")):
        number = pydicom.dcmread(path, stop_before_pixels=True, force=True).get("PatientID", "")
        if number:
            found.setdefault(number, []).append(path.relative_to(archive / "dicom").as_posix())
    return found


def erased(keyring: Keyring, number: str, files: list[str]) -> Erased:
    return Erased(
        (keyring.pseudonym("patient", number),), (), tuple(sorted(keyring.pseudonym("instance", f) for f in files))
    )


@pytest.mark.slow
def test_the_erased_stay_erased_under_the_new_key(home: Home, archive: Path) -> None:
    number, files = next(iter(patient_files(archive).items()))
    write_exclusion(home.root, Exclusion((erased(FORMER, number, files),)))
    (home.root / "erasures").mkdir()
    (home.root / "erasures/0001.json").write_text("{}")
    new, said = rekey(home)
    assert said.status == 0, said.stderr
    assert "left out as before: 1 erased" in said.stdout and "neither the archive" not in said.stdout
    assert read_exclusion(new.root).erased == (erased(NEW, number, files),)
    assert (new.root / "exclusion.json").stat().st_mode & 0o777 == 0o600 and new.root.stat().st_mode & 0o777 == 0o700
    assert (new.root / "erasures/0001.json").exists()
    former = {FORMER.pseudonym("patient", number), *(FORMER.pseudonym("instance", file) for file in files)}
    for path in new.root.rglob("*"):
        assert path.is_dir() or not any(key[:12] in path.read_text() for key in former), path
    for root, key_id in ((home.root, NEW.key_id), (new.root, FORMER.key_id)):
        assert f"key {key_id}" in json.loads((root / "audit.jsonl").read_text().splitlines()[-1])["objects"]
    new.rerun("--select", "key:dicom_index or key:study")
    assert (NEW.pseudonym("patient", number),) not in new.query("SELECT patient_key FROM dicom_instance")
    assert new.query("SELECT count(*) FROM patient") == [(5,)]
    left_out = dict(new.query("SELECT table_name, count FROM conflict WHERE reason = 'ERASED_PATIENT'"))
    assert left_out["patient"] == 1


def test_a_person_whom_nothing_names_any_more_is_counted(home: Home) -> None:
    write_exclusion(home.root, Exclusion((erased(FORMER, "GONE-4711", ["gone/1.dcm"]),)))
    new, said = rekey(home)
    assert said.status == 0, said.stderr
    assert "1 record and study numbers of erased patients are in neither" in said.stdout
    assert read_exclusion(new.root) == Exclusion()


def test_kept_risks_stay_behind_and_that_is_said(home: Home) -> None:
    with connect(home.root / "warehouse.duckdb") as connection:
        connection.execute("INSERT INTO prospective_risk VALUES (1, 's', 'p', 'champion', 'video', 1, 0.0, 0.5, false)")
        seal_kept_risks(connection)
    _, said = rekey(home)
    assert said.status == 0 and f"1 kept risks stay in {home.root}" in said.stdout


def test_the_former_key_is_refused_by_the_new_home(home: Home) -> None:
    new, said = rekey(home)
    assert said.status == 0, said.stderr
    assert "kept risks" not in said.stdout
    refused = new.here("run", ECHOMORT_KEY="f" * 64)
    assert refused.status == 2 and "made with another key" in refused.stderr and refused.stderr.count("\n") == 1


def _archive_away(home: Home) -> None:
    file = home.root / "echomort.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["sources"]["dicom"] += "-away"
    file.write_text(yaml.safe_dump(settings))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda home: (home.root.parent / "new.key").write_bytes(FORMER.secret), "the key that the project has"),
        (lambda home: (home.root.parent / "new.key").unlink(), "does not exist"),
        (lambda home: (home.root.parent / "former.key").write_bytes(b"x" * 64), "made with another key"),
        (lambda home: (home.root / "exclusion.json").write_text("{"), "can't be read"),
        (lambda home: (home.root.parent / "new").mkdir(), "exists"),
        (_archive_away, "sources.dicom"),
        (lambda home: (home.root / "echomort.yaml").write_text("preset: demo\n"), "has a public key"),
    ],
)
def test_what_can_not_be_done_whole_is_not_begun(home: Home, spoil: Callable[[Home], object], line: str) -> None:
    write_exclusion(home.root, Exclusion((erased(FORMER, "GONE-4711", ["gone/1.dcm"]),)))
    spoil(home)
    new, said = rekey(home)
    assert said.status == 2 and line in said.stderr and said.stderr.count("\n") == 1
    assert not (new.root / "key_id").exists() and not list(home.root.parent.glob(".tmp_*"))
