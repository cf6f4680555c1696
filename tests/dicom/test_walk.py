"""The walk over plain headers finds what pydicom finds, or leaves the header to it."""

import dataclasses
import struct
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from echo_files import BIG, DEFLATED, EXPLICIT, IMPLICIT, EchoFile, region, sector_movie
from fuzz_dicom import mutate, seeds
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from echomort.dicom import Rejected, read_header
from echomort.dicom.header import parsing, walk
from echomort.dicom.header.plain import PlainDataset

pytestmark = pytest.mark.filterwarnings("ignore")
MUTATIONS = 3000


def outcome(path: Path) -> str:
    """All of a header, or why there is none."""
    try:
        return repr(dataclasses.asdict(read_header(path)))
    except Rejected as rejected:
        header = rejected.header and dataclasses.asdict(rejected.header)
        return repr((rejected.reason, rejected.detail, header))


def both(path: Path) -> tuple[str, str]:
    """The outcome by the walk, and by pydicom alone."""
    by_walk = outcome(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "walk_header", lambda stream, is_implicit: None)
        return by_walk, outcome(path)


def is_walked(path: Path) -> bool:
    with parsing.open_object(path, check=False) as source:
        return isinstance(source.dataset, PlainDataset)


def loop(**fields) -> EchoFile:
    return EchoFile(sector_movie(3, 48, 64), **fields)


def codes(*meanings: str) -> list[Dataset]:
    """Items of a code sequence, each with one of its own in it."""
    items = []
    for meaning in meanings:
        item, inner = Dataset(), Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "G-A19C", "SRT", meaning
        inner.CodeValue, inner.CodeMeaning = "X", "modifier"
        item.ViewModifierCodeSequence = [inner]
        items.append(item)
    return items


def real_objects() -> Iterator[Path]:
    for package in ("pydicom", "data_store", "deid_data"):
        yield from sorted(path for path in Path(str(resources.files(package))).rglob("*") if path.suffix != ".py")


def test_every_real_object_reads_as_by_pydicom() -> None:
    found = [both(path) for path in real_objects() if path.is_file()]
    assert [by_walk for by_walk, _ in found] == [by_pydicom for _, by_pydicom in found]
    assert len(found) > 300


def test_a_damaged_object_reads_as_by_pydicom(tmp_path: Path) -> None:
    written = seeds(tmp_path)
    nested = {"ViewCodeSequence": codes("Apical four chamber", "x"), "InstitutionName": "Universit\xe4t"}
    for name, syntax in (("explicit", EXPLICIT), ("implicit", IMPLICIT)):
        tags = {
            **nested,
            "SpecificCharacterSet": "ISO_IR 100",
            "SequenceOfUltrasoundRegions": [region(0, 0, 63, 47)] * 3,
        }
        data = loop(syntax=syntax, tags=tags)
        written.append(data.write(tmp_path / f"{name}.dcm").read_bytes())
        written.append(with_open_sequences(data, syntax == IMPLICIT, tmp_path))
    path = tmp_path / "damaged.dcm"
    reasons = set()
    for number in range(MUTATIONS):
        path.write_bytes(mutate(written[number % len(written)], number))
        by_walk, by_pydicom = both(path)
        assert by_walk == by_pydicom, number
        reasons.add(by_walk[:30])
    assert len(reasons) > 10


def with_open_sequences(file: EchoFile, is_implicit: bool, folder: Path) -> bytes:
    """The object with sequences and items of undefined length."""
    content = file.write(folder / "closed.dcm").read_bytes()
    data = file.dataset()
    for element in data:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                for inner in item:
                    inner.is_undefined_length = inner.VR == "SQ"
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = is_implicit, True
    write_dataset(stream, data)
    start = content.index(struct.pack("<HH", 0x0008, 0x0005 if "SpecificCharacterSet" in data else 0x0008))
    return content[:start] + stream.getvalue() + content[content.rindex(b"\xe0\x7f\x10\0") :]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, DEFLATED])
def test_a_plain_header_is_walked(syntax: str, tmp_path: Path) -> None:
    tags = {"ViewCodeSequence": codes("Apical four chamber"), "SpecificCharacterSet": "ISO_IR 100"}
    path = loop(syntax=syntax, tags=tags).write(tmp_path / "a.dcm")
    assert is_walked(path)
    assert read_header(path).view == "apical_4"
    by_walk, by_pydicom = both(path)
    assert by_walk == by_pydicom


@pytest.mark.parametrize("is_implicit", [False, True])
def test_open_sequences_are_walked(is_implicit: bool, tmp_path: Path) -> None:
    tags = {"ViewCodeSequence": codes("Apical four chamber", "x")}
    data = loop(syntax=IMPLICIT if is_implicit else EXPLICIT, tags=tags)
    path = tmp_path / "open.dcm"
    path.write_bytes(with_open_sequences(data, is_implicit, tmp_path))
    assert is_walked(path)
    header = read_header(path)
    assert header.view == "apical_4" and header.regions[0].x1 == 63
    by_walk, by_pydicom = both(path)
    assert by_walk == by_pydicom


def test_big_endian_is_left_to_pydicom(tmp_path: Path) -> None:
    assert not is_walked(loop(syntax=BIG).write(tmp_path / "a.dcm"))


def test_text_in_other_scripts_is_read_by_pydicom(tmp_path: Path) -> None:
    tags = {"SpecificCharacterSet": "ISO_IR 100", "InstitutionName": "Universit\xe4tsklinikum"}
    path = loop(tags=tags).write(tmp_path / "a.dcm")
    assert is_walked(path)
    assert read_header(path).institution == "Universit\xe4tsklinikum"


def test_a_header_longer_than_a_block_is_walked(tmp_path: Path) -> None:
    tags = {"ImageComments": "x" * 9000, "FrameTimeVector": [0, 30, 40]}
    path = loop(tags=tags).write(tmp_path / "a.dcm")
    assert is_walked(path)
    by_walk, by_pydicom = both(path)
    assert by_walk == by_pydicom


ELEMENT = st.tuples(
    st.sampled_from([0x00080008, 0x00080060, 0x00100010, 0x00180026, 0x00186011, 0x00280010, 0x7FE00010, 0xFFFEE00D]),
    st.sampled_from([b"CS", b"LO", b"US", b"SQ", b"OB", b"UN", b"XX", b"\0\0", b"UV"]),
    st.binary(max_size=9),
    st.sampled_from([0, 0, 0, 1, 0xFFFF]),
)


@pytest.mark.skipif(walk.compiled is None, reason="not compiled here")
@given(
    elements=st.lists(ELEMENT, max_size=9), cut=st.integers(0, 12), kept=st.booleans(), most=st.sampled_from([4, 99])
)
def test_the_compiled_pass_is_the_other_one(elements, cut: int, kept: bool, most: int) -> None:
    content = b"".join(explicit(*element) for element in sorted(elements, key=lambda element: element[0]))
    span = 0, max(0, len(content) - cut), -1
    wanted = {0x00080008: True, 0x00186011: False, 0x00280010: True, 0x00100010: True} if kept else None
    mine, theirs = {}, {}
    passed = walk.compiled.pass_explicit(content, span, (0x7FE00008, most, wanted), mine)
    assert passed == walk.pass_explicit(content, span, (0x7FE00008, most, wanted), theirs)
    assert mine == theirs


def explicit(tag: int, vr: bytes, value: bytes, more: int) -> bytes:
    """An element that declares ``more`` bytes than it has."""
    head, length = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr), len(value) + more
    is_long = vr in {b"SQ", b"OB", b"UN", b"UV"}
    return head + (struct.pack("<HL", 0, length) if is_long else struct.pack("<H", min(length, 0xFFFF))) + value


def test_a_header_takes_a_fraction_of_pydicoms_time(tmp_path: Path) -> None:
    path = loop().write(tmp_path / "a.dcm")

    def spent() -> float:
        start = time.process_time()
        for _ in range(100):
            read_header(path)
        return time.process_time() - start

    by_walk = min(spent() for _ in range(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "walk_header", lambda stream, is_implicit: None)
        by_pydicom = min(spent() for _ in range(3))
    assert by_walk < 0.7 * by_pydicom
