"""Opening an echo object: its header parsed without its pixels, within limits."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from echomort.dicom.header import values
from echomort.dicom.header.description import describe_header
from echomort.dicom.header.fields import Header
from echomort.dicom.header.rejection import judge
from echomort.dicom.header.sequences import UNDEFINED, ItemWalk
from echomort.dicom.reasons import Reason, Rejected

MAX_INFLATED_BYTES = 256 << 20
MAX_INFLATED_HEADER = 16 << 20
MAX_ELEMENTS = 20_000
MAX_VALUE_BYTES = 256 << 10
MAX_META_BYTES = 1 << 20
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DICOM_DIRECTORY = "1.2.840.10008.1.3.10"

_LONG_VALUE = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_WANTED = [
    int(Tag(keyword))  # plain integers: pydicom's tags compare in Python, a hundred times a header
    for keyword in (
        "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AccessionNumber", "Modality", "Manufacturer",
        "SeriesDescription", "ManufacturerModelName", "StageName", "ViewName", "ViewNumber", "StageNumber",
        "RecommendedDisplayFrameRate", "PatientID", "CineRate", "ProtocolName", "FrameTime", "FrameTimeVector",
        "SequenceOfUltrasoundRegions", "StudyInstanceUID", "SeriesInstanceUID", "SamplesPerPixel",
        "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "FrameIncrementPointer", "Rows",
        "Columns", "PixelAspectRatio", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
        "ViewCodeSequence", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
        "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
        "SegmentedBluePaletteColorLookupTableData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
        "StudyDescription", "PerformedProcedureStepDescription", "TransducerData", "TransducerType",
        "TransducerApplicationCodeSequence", "UltrasoundColorDataPresent",
    )
]  # fmt: skip
_WANTED_TAGS = frozenset(_WANTED)
_MOST_BYTES = {
    int(Tag(keyword)): 8 << 20 for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
} | {int(Tag("FrameTimeVector")): 512 << 10}  # fmt: skip

# pydicom's warnings and log lines quote values and paths: none may reach a log of ours.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data element's value lies: offset, declared length (None: undefined) and VR ("": implicit)."""

    offset: int
    length: int | None
    vr: str
    keyword_is_pixel_data: bool = True


@dataclass(frozen=True)
class Opened:
    """An object open for reading its pixels: the stream, the parsed tags, the header and where the pixels are."""

    stream: BinaryIO = field(repr=False)
    size: int
    dataset: Dataset = field(repr=False)
    header: Header
    pixels: PixelElement
    is_little_endian: bool = True


def read_header(path: Path | str) -> Header:
    """Return the header of the object at ``path`` without reading its pixels.

    Raises :class:`Rejected`, and nothing else, for whatever can't become a clip; its ``header`` is set where enough
    could be read to describe the object.
    """
    with boundary(Reason.CORRUPT_HEADER), opened(path, inflate_limit=MAX_INFLATED_HEADER) as source:
        return source.header


@contextlib.contextmanager
def boundary(otherwise: Reason) -> Iterator[None]:
    """Turn whatever the block raises into :class:`Rejected`; ``otherwise`` is the reason for the unforeseen.

    ``StopIteration`` and ``RecursionError`` are real outcomes of parsers on bad files; were they to escape, a file
    would vanish without a word or take its neighbours with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Rejected:
        raise
    except RecursionError:
        raise Rejected(Reason.TOO_DEEP) from None
    except MemoryError:
        raise Rejected(Reason.OUT_OF_MEMORY) from None
    except OSError:
        raise Rejected(Reason.UNREADABLE_FILE) from None
    except EOFError:
        raise Rejected(Reason.TRUNCATED) from None
    except Exception as error:  # noqa: BLE001 - the boundary: a bad file never stops a run
        raise Rejected(otherwise, type(error).__name__) from None


@contextlib.contextmanager
def opened(path: Path | str, inflate_limit: int = MAX_INFLATED_BYTES, judged: bool = True) -> Iterator[Opened]:
    """Open the object at ``path``, parse its header, and yield it ready for its pixels to be read.

    ``judged`` refuses at once what its header alone keeps from being a clip.
    """
    with _open_regular(path) as file:
        with boundary(Reason.CORRUPT_HEADER):
            source = _parse(file, os.fstat(file.fileno()).st_size, inflate_limit)
        yield replace(source, header=judge(source.header)) if judged else source


def _open_regular(path: Path | str) -> _Clamped:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not block
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Rejected(Reason.UNREADABLE_FILE)
    return _Clamped(io.FileIO(descriptor))


class _Clamped(io.BufferedReader):
    """A file that never allocates for more bytes than it has, whatever length a tag declares."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _parse(file: BinaryIO, size: int, inflate_limit: int) -> Opened:
    syntax, media_class, notes = _read_meta(file, size)
    if media_class == DICOM_DIRECTORY:
        raise Rejected(Reason.NOT_AN_IMAGE)
    stream, whole = file, size
    if syntax == DEFLATED:
        content = _inflated(file, inflate_limit)
        stream, whole = io.BytesIO(content), len(content)
    is_implicit, is_little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    watch = _Watch(stream, whole, is_little)
    dataset = read_dataset(stream, is_implicit, is_little, stop_when=watch, specific_tags=list(_WANTED))
    if watch.pixels is None:
        raise _without_pixels(dataset, syntax)
    start = stream.tell()
    long_form = watch.pixels.vr.encode() in _LONG_VALUE
    pixels = replace(watch.pixels, offset=start + (12 if long_form else 8))
    header = describe_header(dataset, syntax)
    header = replace(header, notes=(*notes, *header.notes))
    return Opened(stream, whole, dataset, header, pixels, is_little)


class _Watch:
    """Sees each element of a header before pydicom reads it: ends at the pixels, steps over what nobody asked for, and
    refuses what would cost too much. A header may be read where no limit of time or memory holds."""

    def __init__(self, stream: BinaryIO, size: int, is_little_endian: bool) -> None:
        self.pixels: PixelElement | None = None
        self._stream = stream
        self._size = size
        self._items = ItemWalk(stream, is_little_endian)
        self._elements = 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        number, is_open = int(tag), length == UNDEFINED
        if number in _PIXELS:
            self.pixels = PixelElement(0, None if is_open else length, vr or "", number == 0x7FE00010)
        if number >= 0x7FE00008:
            return True
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise Rejected(Reason.BOMB, "header elements")
        if number in _WANTED_TAGS:
            taken = self._items.measure(vr) if is_open else length
            if taken > _MOST_BYTES.get(number, MAX_VALUE_BYTES):
                is_there = is_open or taken <= self._size - self._stream.tell()
                raise Rejected(Reason.BOMB, "header value") if is_there else Rejected(Reason.TRUNCATED)
        elif is_open:
            self._items.to_delimiter(vr)  # pydicom then sees an empty sequence
        return False


def _read_meta(file: BinaryIO, size: int) -> tuple[str, str, tuple[str, ...]]:
    """Leave ``file`` at the data set; return its transfer syntax, its class and notes (PS3.10 section 7.1)."""
    start = file.read(132)
    if start[128:] == b"DICM":
        return *_read_group_2(file), ()
    if not _looks_like_tags(start):
        raise Rejected(Reason.TRUNCATED if size == 0 else Reason.NOT_DICOM)
    file.seek(0)
    if start[:2] == b"\x02\x00":
        return *_read_group_2(file), ("no_preamble",)
    return _guess_syntax(start), "", ("no_preamble",)


def _looks_like_tags(start: bytes) -> bool:
    if len(start) < 16:
        return False
    group, element = struct.unpack("<HH", start[:4])
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    little = group in (0x0002, 0x0008) and element <= 0x0100
    big = start[:2] == b"\x00\x08" and explicit
    return big or (little and (explicit or struct.unpack("<L", start[4:8])[0] <= 256))


def _guess_syntax(start: bytes) -> str:
    if start[:2] == b"\x00\x08":
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if start[4:6].isalpha() else IMPLICIT_LITTLE


def _read_group_2(file: BinaryIO) -> tuple[str, str]:
    texts = {b"\x10\x00": "", b"\x02\x00": ""}  # TransferSyntaxUID, MediaStorageSOPClassUID
    while True:
        start = file.tell()
        element = file.read(8)
        if len(element) < 8:
            raise Rejected(Reason.TRUNCATED)
        if element[:2] != b"\x02\x00":
            file.seek(start)
            return texts[b"\x10\x00"] or _guess_syntax(element), texts[b"\x02\x00"]
        length = struct.unpack("<H", element[6:])[0]
        if element[4:6] in _LONG_VALUE:
            length = struct.unpack("<L", file.read(4).ljust(4, b"\xff"))[0]
        value = file.read(min(length, MAX_META_BYTES))
        if len(value) < length:
            raise Rejected(Reason.TRUNCATED)
        if file.tell() > MAX_META_BYTES:
            raise Rejected(Reason.CORRUPT_HEADER, "file meta information")
        if element[2:4] in texts:
            texts[element[2:4]] = value.decode("ascii", "replace").strip("\x00 ")


def _inflated(file: BinaryIO, limit: int) -> bytes:
    """Return the inflated rest of ``file``; a header reader's small ``limit`` cuts, the pixel reader's refuses."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    try:
        while not inflate.eof and (block := inflate.unconsumed_tail or file.read(1 << 16)):
            content += inflate.decompress(block, 1 << 20)
            if len(content) > limit:
                if limit == MAX_INFLATED_HEADER:
                    break
                raise Rejected(Reason.BOMB, "deflated")
    except zlib.error:
        raise Rejected(Reason.CORRUPT_HEADER, "deflated") from None
    if not inflate.eof and len(content) <= limit:
        raise Rejected(Reason.TRUNCATED_PIXELS if content else Reason.TRUNCATED, "deflated")
    return bytes(content)


def _without_pixels(dataset: Dataset, syntax: str) -> Rejected:
    sop_class = values.text(dataset, "SOPClassUID")
    if not sop_class and not values.text(dataset, "Modality"):
        return Rejected(Reason.CORRUPT_HEADER if len(dataset) == 0 else Reason.NOT_AN_IMAGE)
    described = Header(sop_class=sop_class, modality=values.text(dataset, "Modality").upper(), transfer_syntax=syntax)
    if described.modality not in {"", "US"}:
        return Rejected(Reason.NOT_ULTRASOUND, header=described)
    is_image = "Image Storage" in UID(sop_class).name or "Rows" in dataset
    return Rejected(Reason.TRUNCATED if is_image else Reason.NOT_AN_IMAGE, header=described)
