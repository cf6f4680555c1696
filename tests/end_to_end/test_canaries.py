"""Nothing that names a person leaves the vault: every byte that a project writes is searched for what went in."""

import base64
import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pydicom
import pytest
from projects import SETTINGS, Home, assignments
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

pytestmark = pytest.mark.slow

KEY = "a key that only this hospital knows, longer than 32 bytes"

PATIENT, ACCESSION = "CANARYPATIENT7731", "CANARYACC5512"
NAMES = ["CANARYFAMILY", "CANARYGIVEN", "CANARYFOLDER", "CANARYROOM", "CANARYFILE"]
UIDS = ["1.2.826.0.1.771.93.1", "1.2.826.0.1.771.93.2", "1.2.826.0.1.771.93.3"]
DATES = ["19010203", "1901-02-03", "19020304", "1902-03-04"]
TEXTS = [
    "CANARYINSTITUTION", "CANARYPHYSICIAN", "CANARYOPERATOR", "CANARYDESCRIPTION", "CANARYCOMMENT", "CANARYPRIVATE",
    "CANARYNESTED", "CANARYADDRESS", "CANARYVIEWNAME", "CANARYMODEL", "CANARYMANUFACTURER", "CANARYSERIAL",
    "CANARYBADNUMBER", "CANARYTIMEZONE",
]  # fmt: skip
TAGS = (
    "OtherPatientNames", "PatientComments", "PatientTelephoneNumbers", "PerformingPhysicianName", "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy", "InstitutionAddress", "InstitutionalDepartmentName", "RequestingPhysician",
    "AdmissionID", "DerivationDescription", "PerformedProcedureStepDescription", "RequestedProcedureDescription",
    "MedicalAlerts", "Occupation", "EthnicGroup", "AdditionalPatientHistory", "TransducerData", "ProcessingFunction",
    "IssuerOfPatientID", "ResponsiblePerson", "PatientMotherBirthName", "StationName", "StudyID",
)  # fmt: skip
"""Each holds a canary of its own name."""
CELLS = {
    "patient": {"race": "CANARYRACE", "sex": "CANARYSEX"},
    "death": {"source": "CANARYSOURCE", "death_date": "CANARYDEATHDATE"},
    "contact": {"kind": "CANARYKIND", "contact_at": "CANARYCONTACTDATE"},
    "study": {"setting": "CANARYSETTING", "study_at": "CANARYSTUDYDATE"},
    "measurement": {"variable": "CANARYVARIABLE", "unit": "CANARYUNIT", "value": "CANARYVALUE"},
    "diagnosis": {"vocabulary": "CANARYVOCABULARY", "code": "CANARY CODE, FREE TEXT"},
    "medication": {"drug_class": "CANARYDRUG", "dose": "CANARYDOSAGE", "unit": "CANARYDOSEUNIT"},
}
CODED = {"CANARYRACE", "CANARYSETTING", "CANARYVARIABLE", "CANARYUNIT", "CANARYDRUG", "CANARYDOSEUNIT"}
"""Columns of codes that each site has of its own: the warehouse keeps them, nothing else may."""
TABLES = "warehouse.duckdb"
CANARIES = [PATIENT, ACCESSION, *NAMES, *UIDS, *DATES, *TEXTS, "CANARYCODEFREETEXT", "CANARY"]
CANARIES += [f"CANARY{keyword.upper()}" for keyword in TAGS]
CANARIES += [text for cells in CELLS.values() for text in cells.values()]


@pytest.fixture(scope="module")
def archive(finished: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of one's own in which one patient is made of canaries, and odd rows and files are too."""
    folder = tmp_path_factory.mktemp("hospital")
    shutil.copytree(finished.root / "archive", folder / "archive")
    rooms = sorted((folder / "archive" / "dicom").glob("*/*"))
    former = pydicom.dcmread(min(rooms[0].glob("*.dcm")))
    for number, file in enumerate(sorted(rooms[0].glob("*.dcm"))):
        _plant_in_file(file, number)
        file.rename(file.with_name(f"CANARYFILE_{number}.dcm"))
    (rooms[0] / "CANARYFILE.txt").write_text("CANARYFILE is not DICOM")
    named = rooms[0].parent.with_name("CANARYFAMILY_CANARYGIVEN_CANARYFOLDER")
    rooms[0].rename(rooms[0].with_name("19020304_CANARYROOM"))
    rooms[0].parent.rename(named)
    _plant_in_tables(folder / "archive" / "ehr", str(former.PatientID), str(former.AccessionNumber))
    return folder / "archive"


@pytest.fixture(scope="module")
def spoken(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """A project made of that archive with the hospital's own key, and everything that its commands printed."""
    home = Home(tmp_path_factory.mktemp("project") / "home")
    own = {"preset": "demo", "sources.dicom": archive / "dicom", "sources.ehr": archive / "ehr"}
    settings = {key: value for key, value in SETTINGS.items() if not key.startswith("sources.")}
    settings |= {
        "training.views": "[apical_4]",
        "cohort.salt": "canaries-7",
    }  # somebody dead among the readers' patients
    commands = [
        ("run", *assignments(own | settings)),
        ("status",),
        ("status", "--json"),
    ]
    commands.append(("run", "--select", "key:dicom_index or key:clips or key:study"))
    commands.append(("readers", "export", str(home.root / "unaided"), "--view", "apical_4"))
    commands.append(("readers", "assist", str(home.root / "aided")))
    said = [home.echomort(*command, ECHOMORT_KEY=KEY) for command in commands]
    assert [done.stderr[-3000:] for done in said if done.returncode] == []
    return home, "".join(done.stdout + done.stderr for done in said)


def test_the_patient_of_canaries_went_all_the_way(spoken: tuple[Home, str]) -> None:
    home, _ = spoken
    from echomort.core.keys import Keyring
    from warehouse import vault

    keyring = Keyring(KEY.encode())
    key, merged = (keyring.pseudonym("patient", number) for number in (PATIENT, "CANARYMERGED"))
    assert vault.recall(home.root / "vault.duckdb", "patient", [key]) == {key: PATIENT}
    ((clips,),) = home.query(f"SELECT count(*) FROM clip WHERE patient_key = '{merged}' AND status = 'accepted'")
    assert clips > 0
    assert (home.root / "report" / "report.html").exists()


def test_no_canary_is_in_any_byte_that_was_written_or_printed(spoken: tuple[Home, str]) -> None:
    home, printed = spoken
    found = {
        (place, canary)
        for place, content in (*_files(home), *_tables(home), ("printed", printed.encode()))
        for canary in CANARIES
        if holds(content, canary) and not (place.startswith(TABLES) and canary in {"CANARY", *CODED})
    }
    assert found == set()


def test_the_warehouse_holds_no_text_but_codes(spoken: tuple[Home, str]) -> None:
    home, _ = spoken
    words = {word for _, content in _tables(home) for word in re.findall(rb"CANARY[A-Z0-9]*", content.upper())}
    assert words <= {code.encode() for code in CODED}


def test_no_identifier_of_any_patient_is_in_any_byte_that_was_written_or_printed(
    spoken: tuple[Home, str], archive: Path
) -> None:
    home, printed = spoken
    known = _identifiers(archive)
    assert len(known) > 150
    found = {
        (place, word)
        for place, content in (*_files(home), *_tables(home), ("printed", printed.encode()))
        for word in set(re.findall(rb"[0-9]+(?:\.[0-9]+){4,}|[HE][0-9]{8,14}|[A-Z]{4,}", content.upper()))
        if word in known
    }
    assert found == set()


def test_bundles_for_readers_hold_no_pseudonym(spoken: tuple[Home, str]) -> None:
    home, _ = spoken
    keys = {key for row in home.query("SELECT patient_key, study_key, clip_key FROM clip") for key in row if key}
    given = [path for arm in ("unaided", "aided") for path in (home.root / arm).rglob("*")]
    assert len(keys) > 100 and {path.suffix for path in given} >= {".html", ".webp", ".json"}
    content = b"".join(path.name.encode() + (path.read_bytes() if path.is_file() else b"") for path in given)
    assert [key for key in keys if key.encode() in content] == []


def test_the_vault_alone_holds_them_and_is_its_owners_alone(spoken: tuple[Home, str]) -> None:
    home, _ = spoken
    vaults = list(home.root.glob("vault.duckdb*"))
    assert vaults and all(path.stat().st_mode & 0o077 == 0 for path in vaults)
    with duckdb.connect(str(home.root / "vault.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM vault WHERE identifier LIKE '%CANARY%'").fetchone() != (0,)


def holds(content: bytes, canary: str) -> bool:
    """Whether ``canary`` is in ``content`` as UTF-8 or UTF-16 in any case, or as base64 at any place of a text."""
    capitals = content.upper()
    if any(canary.upper().encode(form) in capitals for form in ("utf-8", "utf-16-le", "utf-16-be")):
        return True
    return any(code in content for text in {canary, canary.lower()} for code in _as_base64(text.encode()))


def _as_base64(text: bytes) -> Iterator[bytes]:
    for before in range(3):
        code = base64.b64encode(b"\0" * before + text + b"\0" * 3)
        yield code[-(-before * 8 // 6) : (before + len(text)) * 8 // 6]


@pytest.mark.parametrize("form", ["plain", "lower", "utf-16-le", "utf-16-be", "base64", "base64 of lower"])
@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_a_canary_is_seen_in_every_form(form: str, before: bytes) -> None:
    text = PATIENT.lower() if "lower" in form else PATIENT
    said = before + (text.encode(form) if form.startswith("utf") else text.encode())
    assert holds(b"..." + (base64.b64encode(said) if "base64" in form else said) + b"...", PATIENT)


def test_there_are_enough_canaries() -> None:
    assert len({*CANARIES}) >= 60 and len(TAGS) + 15 >= 25


def _files(home: Home) -> Iterator[tuple[str, bytes]]:
    for path in sorted(home.root.rglob("*")):
        if not path.name.startswith("vault.duckdb"):
            yield "file name", str(path.relative_to(home.root)).encode()
            if path.is_file():
                yield str(path.relative_to(home.root)), path.read_bytes()


def _tables(home: Home) -> Iterator[tuple[str, bytes]]:
    """DuckDB compresses text: what a table holds is read out of it."""
    for (table,) in home.query("SELECT table_name FROM information_schema.tables"):
        yield f"{TABLES} {table}", repr(home.query(f'SELECT * FROM "{table}"')).encode()


def _identifiers(archive: Path) -> set[bytes]:
    words: set[str] = set()
    for table in (archive / "ehr").glob("*.csv"):
        with table.open() as file:
            rows = list(csv.DictReader(file))
        words.update(row[column] for row in rows for column in ("patient_id", "study_id", "same_as") if row.get(column))
    for file in (archive / "dicom").rglob("*.dcm"):
        words.update(
            part for part in re.split(r"[_/]", str(file.parent.relative_to(archive / "dicom"))) if part != "TTE"
        )
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True)
            words.update((header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID))
        except (pydicom.errors.InvalidDicomError, AttributeError):
            continue
    return {word.upper().encode() for word in words if len(word) >= 4 and not re.fullmatch(r"[0-9]{8}", word)}


def _plant_in_file(file: Path, number: int) -> None:
    dataset = pydicom.dcmread(file)
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "CANARYFAMILY^CANARYGIVEN", PATIENT, ACCESSION
    dataset.PatientBirthDate, dataset.StudyDate, dataset.ContentDate = "19010203", "19020304", "19020304"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UIDS[0], UIDS[1]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{UIDS[2]}.{number}"
    dataset.InstitutionName, dataset.ReferringPhysicianName = "CANARYINSTITUTION", "CANARYPHYSICIAN"
    dataset.OperatorsName, dataset.StudyDescription = "CANARYOPERATOR", "CANARYDESCRIPTION"
    dataset.ImageComments, dataset.PatientAddress = "CANARYCOMMENT", "CANARYADDRESS"
    dataset.DeviceSerialNumber, dataset.TimezoneOffsetFromUTC = "CANARYSERIAL", "CANARYTIMEZONE"
    dataset.Manufacturer, dataset.ManufacturerModelName = "CANARYMANUFACTURER", "CANARYMODEL"
    dataset.private_block(0x1773, "CANARYPRIVATE", create=True).add_new(1, "LO", "CANARYPRIVATE")
    for keyword in TAGS:
        setattr(dataset, keyword, f"CANARY{keyword.upper()}")
    nested = Dataset()
    nested.PatientID, nested.CodeMeaning = PATIENT, "CANARYNESTED"
    outer = Dataset()
    outer.ReferencedSOPInstanceUID, outer.PurposeOfReferenceCodeSequence = UIDS[2], Sequence([nested])
    dataset.ReferencedImageSequence = Sequence([outer])
    if number == 1:
        dataset.ViewName = dataset.StageName = "CANARYVIEWNAME"
    dataset.save_as(file)
    if number == 2:
        file.write_bytes(file.read_bytes().replace(b"US\x00\x00", b"US\x00\x00")[:4000])


def _plant_in_tables(folder: Path, patient: str, study: str) -> None:
    for table, cells in CELLS.items():
        path = folder / f"{table}.csv"
        text = path.read_text().replace(patient, PATIENT).replace(study, ACCESSION)
        header, example = text.splitlines()[:2]
        row = dict(zip(header.split(","), example.split(","), strict=True))
        for column, canary in cells.items():
            row_of_canaries = row | {column: f'"{canary}"', "patient_id": PATIENT}
            if table == "patient":
                row_of_canaries["patient_id"] = f"CANARYPATIENT{column.upper()}"
            if table == "study":
                row_of_canaries["study_id"] = f"CANARYSTUDY{column.upper()}"
            text += ",".join(row_of_canaries.values()) + "\n"
        path.write_text(text)
    identity = folder / "identity.csv"
    identity.write_text(identity.read_text().replace(patient, PATIENT) + f"CANARYMERGED,{PATIENT}\n")
