"""Planted identifiers: none comes out of the reader but through the fields that exist to hold them."""

import base64
import logging
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from echo_files import EchoFile, region, regions, sector_movie, with_overlays
from pydicom.dataset import Dataset

from echomort.dicom import Clip, Header, Rejected, inspect_paths, read_clip, read_header
from echomort.settings import Execution, Settings

CANARY = "Zq7Canary"
LINKAGE = {"PatientID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate"}
TEXT_TAGS = (
    "PatientName", "OtherPatientNames", "PatientComments", "PatientAddress", "PatientTelephoneNumbers",
    "InstitutionName", "InstitutionAddress", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "StationName", "StudyDescription", "SeriesDescription",
    "ProtocolName", "ImageComments", "StudyID", "RequestingPhysician", "AdmissionID", "DeviceSerialNumber",
    "DerivationDescription", "ViewName", "StageName", "PerformedProcedureStepDescription",
)  # fmt: skip


def canaries() -> dict[str, object]:
    tags: dict[str, object] = {keyword: f"{CANARY}{number}" for number, keyword in enumerate(TEXT_TAGS)}
    tags |= {keyword: f"{CANARY}-{keyword}"[:16] for keyword in ("PatientID", "AccessionNumber")}
    nested = Dataset()
    nested.CodeValue, nested.CodingSchemeDesignator, nested.CodeMeaning = CANARY, "L", f"{CANARY} meaning"
    tags["ViewCodeSequence"] = regions(nested)
    other = Dataset()
    other.PatientID = f"{CANARY}-other"
    tags["OtherPatientIDsSequence"] = regions(other)
    return tags


def with_private_block(path: Path) -> Path:
    import pydicom

    dataset = pydicom.dcmread(path)
    block = dataset.private_block(0x0019, f"{CANARY} Private", create=True)
    block.add_new(0x10, "LO", f"{CANARY} private value")
    dataset.save_as(path)
    return path


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    movie = with_overlays(sector_movie(12, 240, 320))
    path = EchoFile(movie, tags=canaries()).write(tmp_path / f"{CANARY}_Doe_Jane.dcm")
    return with_private_block(path)


def leaks(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    forms = {
        "plain": CANARY.encode(),
        "lower": CANARY.lower().encode(),
        "utf-16": CANARY.encode("utf-16-le"),
        "base64": base64.b64encode(CANARY.encode())[:11],
    }
    return [name for name, form in forms.items() if form in data]


def test_the_header_holds_identifiers_only_where_they_are_needed_and_never_shows_them(loop: Path) -> None:
    header = read_header(loop)
    assert CANARY in header.patient_id
    shown = {field.name for field in fields(Header) if field.repr}
    assert leaks(repr(header)) == leaks(str(header)) == []
    for name in shown - {"view_tags"}:
        assert leaks(str(getattr(header, name))) == [], name


def test_a_clip_holds_none(loop: Path) -> None:
    clip = read_clip(loop)
    assert leaks(repr(clip)) == leaks(clip.pixels.tobytes()) == leaks("".join(clip.notes)) == []


@pytest.mark.parametrize("break_it", [b"", b"\xff"], ids=["cut", "garbled"])
def test_an_error_holds_none(loop: Path, break_it: bytes, caplog: pytest.LogCaptureFixture) -> None:
    content = loop.read_bytes()
    at = content.rindex(b"\xe0\x7f\x10\x00O")
    loop.write_bytes(content[:at] + break_it * 300 if break_it else content[: len(content) // 2])
    with pytest.raises(Rejected) as rejected:
        read_clip(loop)
    import traceback

    shown = "".join(traceback.format_exception(rejected.value, chain=True, limit=0))
    assert leaks(shown) == leaks(repr(rejected.value)) == leaks(caplog.text) == []


@pytest.mark.parametrize("tag", [b"\x10\x00\x20\x00LO", b"\x08\x00\x20\x00DA", b"\x28\x00\x08\x00IS"])
def test_warnings_and_log_lines_hold_none(
    loop: Path, tag: bytes, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    """pydicom warns with the value and the path when a value is not what its type allows."""
    caplog.set_level(logging.DEBUG)
    content = loop.read_bytes()
    at = content.index(tag)
    loop.write_bytes(content[:at] + content[at : at + 8] + CANARY.encode()[:4] + content[at + 12 :])
    for read in (read_header, read_clip):
        try:
            read(loop)
        except Rejected as rejected:
            assert leaks(str(rejected)) == []
    assert [str(warning.message) for warning in recwarn] == []
    assert leaks(caplog.text) == []


def test_warnings_of_others_are_left_alone(loop: Path) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        read_header(loop)
        warnings.warn("mine", stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["mine"]


def test_what_is_saved_holds_none_but_the_path_as_given(loop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = Settings(execution=Execution(processes=1))
    (inspection,) = inspect_paths([loop], settings, out)
    record = inspection.as_record()
    assert record.pop("path") == str(loop)
    assert leaks(str(record)) == []
    for path in out.iterdir():
        assert leaks(path.name) == leaks(path.read_bytes()) == []


@pytest.mark.parametrize("declared", [True, False], ids=["region", "no_region"])
def test_burned_in_text_is_gone_and_the_heart_is_not(declared: bool, tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    movie = sector_movie(12, 240, 320).copy()
    text = Image.new("L", (320, 240))
    pen = ImageDraw.Draw(text)
    places = [(4, 4), (200, 4), (4, 180), (240, 190), (100, 224), (4, 60), (250, 40)]
    for place in places:
        pen.text(place, "ZQ7 CANARY", fill=255)
    written = np.asarray(text) > 128
    movie[:, written] = 255
    boxes = {"SequenceOfUltrasoundRegions": regions(region(0, 0, 319, 239)) if declared else None}
    clip = read_clip(EchoFile(movie, tags=boxes).write(tmp_path / "loop.dcm"))
    outside = read_clip(EchoFile(sector_movie(12, 240, 320), tags=boxes).write(tmp_path / "clean.dcm"))
    assert isinstance(clip, Clip)
    assert np.abs(clip.pixels.astype(int) - outside.pixels).mean() < 1.5
    lit = clip.pixels.max(axis=0) > 0
    from scipy import ndimage

    assert not (lit & ~ndimage.binary_dilation(outside.pixels.max(axis=0) > 0, iterations=3)).any()
