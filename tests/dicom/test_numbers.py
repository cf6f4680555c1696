"""Numbers of the patient and the study beside the three that every header has."""

import pydicom
import pytest
from echo_files import BIG, DEFLATED, EXPLICIT, IMPLICIT, EchoFile, regions, sector_movie
from pydicom.dataset import Dataset

from echomort.core.keys import Keyring
from echomort.core.listing import SourceFile
from echomort.dicom import read_header
from echomort.dicom.header.numbers import MOST_NUMBERS
from echomort.dicom.index import Indexer

KEYRING = Keyring(b"a key that only these tests know....")


def item(**tags):
    """Return an item of a sequence."""
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


TAGS = {
    "OtherPatientIDsSequence": regions(item(PatientID="O2"), item(PatientID=""), item(PatientID="O3")),
    "StudyID": " S1 ",
    "AdmissionID": "V7",
    "RequestedProcedureID": "R1",
    "RequestAttributesSequence": regions(item(RequestedProcedureID="R2", AccessionNumber="A2")),
    "FillerOrderNumberImagingServiceRequest": "F^1",
}
NUMBERS = {
    ("OtherPatientIDs", "O2"),
    ("OtherPatientIDs", "O3"),
    ("StudyID", "S1"),
    ("AdmissionID", "V7"),
    ("RequestedProcedureID", "R1"),
    ("RequestedProcedureID", "R2"),
    ("AccessionNumber", "A2"),
    ("FillerOrderNumberImagingServiceRequest", "F^1"),
}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_they_are_read_from_every_place(tmp_path, syntax):
    path = EchoFile(sector_movie(4), syntax, tags=TAGS).write(tmp_path / "f.dcm")
    assert set(read_header(path).other_numbers) == NUMBERS


def test_several_values_of_the_retired_tag_are_read(tmp_path):
    path = EchoFile(sector_movie(4)).write(tmp_path / "f.dcm")
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00101000, "LO", ["O1", "", "O2", "O1"])
    dataset.save_as(path)
    assert read_header(path).other_numbers == (("OtherPatientIDs", "O1"), ("OtherPatientIDs", "O2"))


def test_a_header_without_them_has_none_and_one_with_too_many_is_cut(tmp_path):
    assert read_header(EchoFile(sector_movie(4)).write(tmp_path / "f.dcm")).other_numbers == ()
    many = regions(*(item(PatientID=f"O{number}") for number in range(500)))
    path = EchoFile(sector_movie(4), tags={"OtherPatientIDsSequence": many}).write(tmp_path / "g.dcm")
    assert len(read_header(path).other_numbers) == MOST_NUMBERS


def test_the_index_holds_their_pseudonyms_and_the_vault_gets_the_numbers(tmp_path):
    path = EchoFile(sector_movie(4), tags=TAGS).write(tmp_path / "f.dcm")
    indexer = Indexer(tmp_path, KEYRING, {})
    row = indexer.row("folder", SourceFile("f.dcm", path.stat().st_size, 1))
    keys = dict(part.split(":") for part in row["other_keys"].split() if part.startswith("StudyID"))
    assert keys == {"StudyID": KEYRING.pseudonym("study", "S1")}
    assert not any(number in str(row) for _, number in NUMBERS if len(number) > 1 and "^" in number)
    domains = {("patient" if tag == "OtherPatientIDs" else "study", number) for tag, number in NUMBERS}
    assert {(domain, text) for (domain, _), text in indexer.numbers.items()} == domains | {
        ("patient", "P-17"),
        ("study", "1.2.3"),
        ("study", "A-9"),
    }
    assert all(key == KEYRING.pseudonym(domain, text) for (domain, key), text in indexer.numbers.items())
