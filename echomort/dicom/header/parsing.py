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
from echomort.dicom.header.rejection import check_header
from echomort.dicom.header.sequences import LONG_VRS, UNDEFINED, ItemWalk
from echomort.dicom.reasons import Reason, Rejected

MAX_INFLATED_BYTES = 256 << 20
"""Bytes (256 MiB) that a deflated object may inflate to where its pixels are read, else ``BOMB``. Our choice."""

MAX_INFLATED_HEADER = 16 << 20
"""Bytes (16 MiB) that are inflated where the header alone is read; the rest is left. Our choice."""

MAX_ELEMENTS = 20_000
"""Elements of a header at most, else ``BOMB``. Our choice, far above the headers of the tests' files."""

MAX_VALUE_BYTES = 256 << 10
"""Bytes (256 KiB) of a value that is read, else ``BOMB``. Our choice: a 16-bit palette of 65,536 entries takes 128
KiB."""

MAX_TABLE_BYTES = 8 << 20
"""Bytes (8 MiB) of an extended offset table: a million frames at 8 bytes each. Our choice."""

MAX_TIMES_BYTES = 512 << 10
"""Bytes (512 KiB) of FrameTimeVector: at 16 characters a value (VR DS), 30,000 frames. Our choice."""

MAX_META_BYTES = 1 << 20
"""Bytes (1 MiB) of the file meta information, else ``CORRUPT_HEADER``. Our choice: it usually takes 200 bytes."""

FIRST_PIXEL_TAG = 0x7FE00008
"""Float Pixel Data, the first of the pixel elements (PS3.6); a header ends before it."""

PIXEL_DATA = 0x7FE00010
"""Pixel Data (PS3.6)."""

PREAMBLE_BYTES = 132
"""Bytes of the preamble and ``DICM`` (PS3.10 7.1)."""

MAX_FIRST_VALUE = 256
"""Bytes of the first value of an implicit object without a preamble: beyond it the bytes are no tags. Our choice."""

MAX_FIRST_ELEMENT = 0x0100
"""Element number with which an object without a preamble begins at most: group 2 or 8 in front. Our choice."""

INFLATE_READ = 1 << 16
"""Bytes (64 KiB) read at a time while inflating. Our choice."""

INFLATE_STEP = 1 << 20
"""Bytes (1 MiB) inflated at a time, after which the limit is checked. Our choice."""

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DICOM_DIRECTORY = "1.2.840.10008.1.3.10"

_PIXELS = frozenset({FIRST_PIXEL_TAG, 0x7FE00009, PIXEL_DATA})
"""Float, double float and integer pixel data (PS3.6)."""

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
    int(Tag("ExtendedOffsetTable")): MAX_TABLE_BYTES,
    int(Tag("ExtendedOffsetTableLengths")): MAX_TABLE_BYTES,
    int(Tag("FrameTimeVector")): MAX_TIMES_BYTES,
}
"""Bytes of the values that may be longer than ``MAX_VALUE_BYTES``."""

# pydicom's warnings and log lines quote values and paths: none may reach our logs.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class PixelElement:
    """Where the value of the pixel element lies: offset, declared length (None: undefined) and VR ("": implicit).

    ``is_pixel_data`` is false for floating point pixels.
    """

    offset: int
    length: int | None
    vr: str
    is_pixel_data: bool = True


@dataclass(frozen=True)
class OpenObject:
    """An object ready for its pixels to be read: its stream, size, tags and header, and where the pixels are."""

    stream: BinaryIO = field(repr=False)
    size: int
    dataset: Dataset = field(repr=False)
    header: Header
    pixels: PixelElement
    is_little_endian: bool = True


def read_header(path: Path | str) -> Header:
    """Return the header of the object at ``path`` without reading its pixels.

    Raises :class:`Rejected`, and nothing else, for an object that can't become a clip; its ``header`` is set where
    enough could be read to describe the object.

    >>> from pydicom.data import get_testdata_file
    >>> header = read_header(get_testdata_file("examples_ybr_color.dcm"))
    >>> header.frames, header.rows, header.columns, header.fps_source
    (30, 240, 320, 'FrameTime')
    """
    with reject_errors_as(Reason.CORRUPT_HEADER), open_object(path, inflate_limit=MAX_INFLATED_HEADER) as source:
        return source.header


@contextlib.contextmanager
def reject_errors_as(reason: Reason) -> Iterator[None]:
    """Turn every exception of the block into :class:`Rejected`, with ``reason`` where no better one is known.

    Parsers do raise ``StopIteration`` and ``RecursionError`` on bad files; if these escaped, a file would disappear
    unnoticed or stop the run.
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
    except Exception as error:  # noqa: BLE001 - a bad file never stops a run
        raise Rejected(reason, type(error).__name__) from None


@contextlib.contextmanager
def open_object(path: Path | str, inflate_limit: int = MAX_INFLATED_BYTES, check: bool = True) -> Iterator[OpenObject]:
    """Open the object at ``path``, parse its header, and yield it ready for its pixels to be read.

    Raises :class:`Rejected`; with ``check``, also where the header shows that the object can't become a clip.
    """
    with _open_regular(path) as file:
        with reject_errors_as(Reason.CORRUPT_HEADER):
            source = _parse(file, os.fstat(file.fileno()).st_size, inflate_limit)
        yield replace(source, header=check_header(source.header)) if check else source


def _open_regular(path: Path | str) -> _BoundedFile:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not block
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Rejected(Reason.UNREADABLE_FILE)
    return _BoundedFile(io.FileIO(descriptor))


class _BoundedFile(io.BufferedReader):
    """A file whose ``read`` allocates no more bytes than the file has, whatever length a tag declares."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _parse(file: BinaryIO, size: int, inflate_limit: int) -> OpenObject:
    syntax, media_class, notes = _read_meta(file, size)
    if media_class == DICOM_DIRECTORY:
        raise Rejected(Reason.NOT_AN_IMAGE)
    stream, whole = file, size
    if syntax == DEFLATED:
        content = _inflate(file, inflate_limit)
        stream, whole = io.BytesIO(content), len(content)
    is_implicit, is_little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    guard = _ElementGuard(stream, whole, is_little)
    dataset = read_dataset(stream, is_implicit, is_little, stop_when=guard, specific_tags=list(_WANTED))
    if guard.pixels is None:
        raise _rejection_without_pixels(dataset, syntax)
    start = stream.tell()
    long_form = guard.pixels.vr.encode() in LONG_VRS
    pixels = replace(guard.pixels, offset=start + (12 if long_form else 8))
    header = describe_header(dataset, syntax)
    header = replace(header, notes=(*notes, *header.notes))
    return OpenObject(stream, whole, dataset, header, pixels, is_little)


class _ElementGuard:
    """Called for each element of a header before pydicom reads it (pydicom's ``stop_when``).

    It stops at the pixels, skips sequences that are not needed, and rejects what would cost too much: a header may be
    read where no limit of time or memory holds.
    """

    def __init__(self, stream: BinaryIO, size: int, is_little_endian: bool) -> None:
        self.pixels: PixelElement | None = None
        self._stream = stream
        self._size = size
        self._items = ItemWalk(stream, is_little_endian)
        self._elements = 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        number, is_open = int(tag), length == UNDEFINED
        if number in _PIXELS:
            self.pixels = PixelElement(0, None if is_open else length, vr or "", number == PIXEL_DATA)
        if number >= FIRST_PIXEL_TAG:
            return True
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise Rejected(Reason.BOMB, "header elements")
        if number in _WANTED_TAGS:
            size = self._items.measure(vr) if is_open else length
            if size > _MOST_BYTES.get(number, MAX_VALUE_BYTES):
                is_present = is_open or size <= self._size - self._stream.tell()
                raise Rejected(Reason.BOMB, "header value") if is_present else Rejected(Reason.TRUNCATED)
        elif is_open:
            self._items.skip_to_delimiter(vr)  # pydicom then sees an empty sequence
        return False


def _read_meta(file: BinaryIO, size: int) -> tuple[str, str, tuple[str, ...]]:
    """Read up to the data set; return its transfer syntax, its class and notes (PS3.10 7.1)."""
    start = file.read(PREAMBLE_BYTES)
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
    little = group in (0x0002, 0x0008) and element <= MAX_FIRST_ELEMENT
    big = start[:2] == b"\x00\x08" and explicit
    return big or (little and (explicit or struct.unpack("<L", start[4:8])[0] <= MAX_FIRST_VALUE))


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
        if element[4:6] in LONG_VRS:
            length = struct.unpack("<L", file.read(4).ljust(4, b"\xff"))[0]
        value = file.read(min(length, MAX_META_BYTES))
        if len(value) < length:
            raise Rejected(Reason.TRUNCATED)
        if file.tell() > MAX_META_BYTES:
            raise Rejected(Reason.CORRUPT_HEADER, "file meta information")
        if element[2:4] in texts:
            texts[element[2:4]] = value.decode("ascii", "replace").strip("\x00 ")


def _inflate(file: BinaryIO, limit: int) -> bytes:
    """Return the inflated rest of ``file``: cut at the header's ``limit``, rejected beyond that of the pixels."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    try:
        while not inflate.eof and (block := inflate.unconsumed_tail or file.read(INFLATE_READ)):
            content += inflate.decompress(block, INFLATE_STEP)
            if len(content) > limit:
                if limit == MAX_INFLATED_HEADER:
                    break
                raise Rejected(Reason.BOMB, "deflated")
    except zlib.error:
        raise Rejected(Reason.CORRUPT_HEADER, "deflated") from None
    if not inflate.eof and len(content) <= limit:
        raise Rejected(Reason.TRUNCATED_PIXELS if content else Reason.TRUNCATED, "deflated")
    return bytes(content)


def _rejection_without_pixels(dataset: Dataset, syntax: str) -> Rejected:
    sop_class = values.text(dataset, "SOPClassUID")
    if not sop_class and not values.text(dataset, "Modality"):
        return Rejected(Reason.CORRUPT_HEADER if len(dataset) == 0 else Reason.NOT_AN_IMAGE)
    described = Header(sop_class=sop_class, modality=values.text(dataset, "Modality").upper(), transfer_syntax=syntax)
    if described.modality not in {"", "US"}:
        return Rejected(Reason.NOT_ULTRASOUND, header=described)
    is_image = "Image Storage" in UID(sop_class).name or "Rows" in dataset
    return Rejected(Reason.TRUNCATED if is_image else Reason.NOT_AN_IMAGE, header=described)
