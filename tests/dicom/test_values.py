"""Values that are read from their bytes equal those that pydicom reads."""

import io
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from echomort.dicom.header import values
from echomort.dicom.header.elements import WANTED

READERS = (values.text, values.integer, values.number, values.numbers, values.written_numbers, values.tags)
pytestmark = pytest.mark.filterwarnings("ignore")
KEYWORDS = {
    "CS": "Modality", "LO": "SeriesDescription", "UI": "SOPInstanceUID", "DA": "StudyDate", "SH": "AccessionNumber",
    "DS": "FrameTime", "IS": "NumberOfFrames", "US": "Rows", "UL": "RegionLocationMinX0",
    "FD": "PhysicalDeltaX", "FL": "TableOfXBreakPoints", "AT": "FrameIncrementPointer",
}  # fmt: skip


def read(reader, content: bytes, keyword: str):
    """What ``reader`` returns of a data set, an exception as its type."""
    try:
        dataset = read_dataset(io.BytesIO(content), is_implicit_VR=False, is_little_endian=True)
        return repr(reader(dataset, keyword))
    except Exception as error:  # noqa: BLE001 - the same for both is enough
        return type(error).__name__


def by_pydicom(reader, content: bytes, keyword: str):
    """The same where pydicom converts the element."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_written", converted_element)
        return read(reader, content, keyword)


def converted_element(dataset: Dataset, keyword: str):
    """An element of which nothing is known before pydicom reads it."""
    return values._CONVERTED if dataset.get_item(Tag(keyword)) is not None else None


def element(vr: str, keyword: str, value: bytes) -> bytes:
    tag = int(Tag(keyword))
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return head + vr.encode() + len(value).to_bytes(2, "little") + value


@pytest.mark.parametrize("vr", KEYWORDS)
@given(value=st.one_of(st.binary(max_size=24), st.text(r" 0123456789.+-\eEA^,").map(lambda text: text.encode())))
@example(value=b"")
@example(value=b" 33.3 ")
@example(value=b"12\0")
@example(value=b"A \\ B\\\\ ")
@example(value=b"1\\2")
@example(value=b"\x1b$B0l")
@example(value=b"+7")
@example(value=b"1\\2.5 \\ 3e1\0")
@example(value=b"\x18\0\x63\x10\x18\0\x65\x10")
@example(value=b"1_0")
@example(value=b"30.0")
@example(value=b"-0")
@example(value=b"\xe9")
def test_any_value_reads_as_by_pydicom(vr: str, value: bytes) -> None:
    content = element(vr, KEYWORDS[vr], value)
    for reader in READERS:
        assert read(reader, content, KEYWORDS[vr]) == by_pydicom(reader, content, KEYWORDS[vr])


def real_objects() -> Iterator[Path]:
    for package in ("pydicom", "data_store", "deid_data"):
        yield from sorted(Path(str(resources.files(package))).rglob("*.dcm"))


@pytest.mark.parametrize("reader", READERS)
def test_real_headers_read_as_by_pydicom(reader) -> None:
    count = 0
    for path in real_objects():
        dataset, other = (
            dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(WANTED)) for _ in range(2)
        )
        plainly = [_said(reader, dataset, tag) for tag in WANTED]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(values, "_written", converted_element)
            assert plainly == [_said(reader, other, tag) for tag in WANTED], path.name
        count += len(dataset)
    assert count > 1000


def _said(reader, dataset: Dataset, tag: int) -> str:
    try:
        return repr(reader(dataset, tag))
    except Exception as error:  # noqa: BLE001 - the same for both is enough
        return type(error).__name__
