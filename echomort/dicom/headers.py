"""The header of an echo object: read without its pixels, judged before anything is allocated."""

from __future__ import annotations

import contextlib
import functools
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
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from echomort.dicom.approach import Approach, ApproachTags, resolve_approach
from echomort.dicom.items import UNDEFINED, ItemWalk
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.timing import NO_TIMING, Timing, TimingTags, resolve_timing
from echomort.dicom.views import NO_VIEW, UNKNOWN, View, ViewTags, resolve_view

MAX_FRAME_PIXELS = 4096 * 4096
MAX_OBJECT_BYTES = 4 << 30
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
ULTRASOUND_STILLS = frozenset({"1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.6.1"})
ULTRASOUND_LOOPS = frozenset({"1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.3.1"})
ULTRASOUND_VOLUMES = frozenset({"1.2.840.10008.5.1.4.1.1.6.2", "1.2.840.10008.5.1.4.1.1.6.3"})
# PS3.3 C.8.5.6.1.1, third value of ImageType: examinations that are not an adult heart's.
NOT_CARDIAC = (
    "ABDOM", "BREAST", "ENDORECTAL", "ENDOVAGINAL", "FETAL", "GYNECOLOG", "INTRAVASCULAR", "MUSCULOSKELETAL",
    "NEONATAL HEAD", "OBSTETRIC", "OPHTHALMIC", "PELVI", "RETROPERITONEAL", "SCROTAL", "SMALL PARTS", "THYROID",
    "TRANSCRANIAL", "URETHRAL", "VASCULAR", "ENDOCAVITARY",
)  # fmt: skip
RENDERED = 0x0040  # PS3.3 C.8.5.6.1.1, fourth value of ImageType: 3D rendering
SAMPLES = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3, "YBR_PARTIAL_420": 3, "YBR_RCT": 3, "YBR_ICT": 3,
}  # fmt: skip

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
_BAD_VALUE = (
    ValueError, TypeError, OverflowError, AttributeError, LookupError, NotImplementedError, struct.error,
    BytesLengthException,
)  # fmt: skip

# pydicom's warnings and log lines quote values and paths: none may reach a log of ours.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Region:
    """One item of SequenceOfUltrasoundRegions (PS3.3 C.8.5.5), as written: corners inclusive, in pixels."""

    spatial_format: int
    data_type: int
    x0: int
    y0: int
    x1: int
    y1: int
    delta_x: float = 0.0
    delta_y: float = 0.0
    in_centimetres: bool = False


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data element's value lies: offset, declared length (None: undefined) and VR ("": implicit)."""

    offset: int
    length: int | None
    vr: str
    keyword_is_pixel_data: bool = True


@dataclass(frozen=True)
class Header:
    """What the reader needs of an object's header. Identifiers are for linkage alone and never shown by ``repr``."""

    patient_id: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    series_uid: str = field(default="", repr=False)
    sop_uid: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    sop_class: str = ""
    transfer_syntax: str = ""
    modality: str = ""
    manufacturer: str = field(default="", repr=False)
    model: str = field(default="", repr=False)
    image_type: tuple[str, ...] = ()
    rows: int = 0
    columns: int = 0
    frames: int = 0
    samples: int = 0
    photometric: str = ""
    planar: int | None = None
    bits_allocated: int = 0
    bits_stored: int = 0
    is_signed: bool = False
    pixel_aspect: float = 1.0
    regions: tuple[Region, ...] = ()
    timing: Timing = NO_TIMING
    view_tags: View = NO_VIEW
    approach: Approach = Approach.UNSAID
    declares_colour: bool = False
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> float | None:
        """Frames a second, None where no tag says."""
        return self.timing.fps

    @property
    def fps_source(self) -> str:
        """Tag that the frame rate came from, or ``none``."""
        return self.timing.source

    @property
    def view(self) -> str:
        """View group, or ``unknown``."""
        return self.view_tags.group

    @property
    def view_source(self) -> str:
        """Where the view was read, or ``none``."""
        return self.view_tags.source


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
    header = _header(dataset, syntax)
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
    sop_class = _text(dataset, "SOPClassUID")
    if not sop_class and not _text(dataset, "Modality"):
        return Rejected(Reason.CORRUPT_HEADER if len(dataset) == 0 else Reason.NOT_AN_IMAGE)
    described = Header(sop_class=sop_class, modality=_text(dataset, "Modality").upper(), transfer_syntax=syntax)
    if described.modality not in {"", "US"}:
        return Rejected(Reason.NOT_ULTRASOUND, header=described)
    is_image = "Image Storage" in UID(sop_class).name or "Rows" in dataset
    return Rejected(Reason.TRUNCATED if is_image else Reason.NOT_AN_IMAGE, header=described)


def _header(dataset: Dataset, syntax: str) -> Header:
    header = Header(
        patient_id=_text(dataset, "PatientID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        sop_uid=_text(dataset, "SOPInstanceUID"),
        accession_number=_text(dataset, "AccessionNumber"),
        study_date=_text(dataset, "StudyDate"),
        sop_class=_text(dataset, "SOPClassUID"),
        transfer_syntax=syntax,
        modality=_text(dataset, "Modality").upper(),
        manufacturer=_text(dataset, "Manufacturer"),
        model=_text(dataset, "ManufacturerModelName"),
        image_type=tuple(part.strip().upper() for part in _text(dataset, "ImageType").split("\\")),
    )
    try:
        return _with_pixel_tags(header, dataset)
    except _BadTag as error:
        refused = _refusal_of_kind(header)
        raise refused or Rejected(Reason.BAD_TAG, str(error), header) from None


def _with_pixel_tags(header: Header, dataset: Dataset) -> Header:
    rows, columns = _required(dataset, "Rows"), _required(dataset, "Columns")
    frames = _frames(dataset, header.sop_class)
    described = replace(
        header,
        rows=rows,
        columns=columns,
        frames=frames,
        samples=_required(dataset, "SamplesPerPixel"),
        photometric=_text(dataset, "PhotometricInterpretation").upper(),
        planar=_whole(dataset, "PlanarConfiguration"),
        bits_allocated=_required(dataset, "BitsAllocated"),
        bits_stored=_required(dataset, "BitsStored"),
        is_signed=_whole(dataset, "PixelRepresentation") == 1,
        pixel_aspect=_pixel_aspect(dataset),
        regions=_regions(dataset),
        declares_colour=_whole(dataset, "UltrasoundColorDataPresent") == 1,
        timing=resolve_timing(_timing_tags(dataset, frames)),
    )
    described = replace(described, view_tags=resolve_view(_view_tags(dataset, header.manufacturer)))
    approach, notes = resolve_approach(_approach_tags(dataset, described))
    return replace(described, approach=approach, notes=notes)


def judge(header: Header) -> Header:
    """Return ``header`` if its object may hold a clip, else raise :class:`Rejected`."""
    checks = (_refusal_of_kind, _refusal_of_size, _refusal_of_content, _refusal_of_pixels, _refusal_of_timing)
    for check in checks:
        if refused := check(header):
            raise refused
    return header


def _refusal_of_kind(header: Header) -> Rejected | None:
    known = header.sop_class in ULTRASOUND_STILLS | ULTRASOUND_LOOPS
    if header.sop_class in ULTRASOUND_VOLUMES:
        return Rejected(Reason.VOLUME, header=header)
    if header.modality not in {"US", ""} or (header.modality == "" and not known):
        return Rejected(Reason.NOT_ULTRASOUND, header=header)
    if not known and header.sop_class and "Image Storage" not in UID(header.sop_class).name:
        return Rejected(Reason.NOT_AN_IMAGE, header=header)
    if not header.sop_uid:
        return Rejected(Reason.CORRUPT_HEADER, "no SOPInstanceUID", header)
    return None


def _refusal_of_size(header: Header) -> Rejected | None:
    if header.rows * header.columns > MAX_FRAME_PIXELS:
        return Rejected(Reason.BOMB, f"{header.rows}x{header.columns}", header)
    if header.rows * header.columns * header.samples * header.frames > MAX_OBJECT_BYTES:
        return Rejected(Reason.BOMB, f"{header.frames} frames", header)
    return None


def _refusal_of_content(header: Header) -> Rejected | None:
    formats = {region.spatial_format for region in header.regions if region.x1 > region.x0 and region.y1 > region.y0}
    found = {
        Reason.NOT_CARDIAC: header.image_type[2:3] and header.image_type[2].startswith(NOT_CARDIAC),
        Reason.NOT_TRANSTHORACIC: header.approach is Approach.ELSEWHERE,
        Reason.VOLUME: _modes(header) & RENDERED,
        Reason.STILL: header.frames == 1,
        Reason.SPECTRAL_DOPPLER: 3 in formats,
        Reason.M_MODE: 2 in formats,
    }
    reason = next((reason for reason, is_so in found.items() if is_so), None)
    return None if reason is None else Rejected(reason, header=header)


def _modes(header: Header) -> int:
    """The modes that ImageType adds up in its fourth value, four hexadecimal digits; 0 where it says none."""
    text = header.image_type[3] if len(header.image_type) > 3 else ""
    return int(text, 16) if len(text) == 4 and all(digit in "0123456789ABCDEF" for digit in text) else 0


def _refusal_of_pixels(header: Header) -> Rejected | None:
    if header.bits_allocated in (16, 32) or header.bits_stored in (10, 12, 16):
        return Rejected(Reason.DEPTH, f"{header.bits_allocated} bits", header)
    if header.bits_allocated != 8 or header.bits_stored != 8:
        return Rejected(Reason.BAD_TAG, "BitsAllocated", header)
    if header.is_signed:
        return Rejected(Reason.BAD_TAG, "PixelRepresentation", header)  # C.8.5.6.1.12: an echo's samples have no sign
    if SAMPLES.get(header.photometric) is None:
        return Rejected(Reason.BAD_TAG, "PhotometricInterpretation", header)
    if SAMPLES[header.photometric] != header.samples:
        return Rejected(Reason.BAD_TAG, "SamplesPerPixel", header)
    return None


def _refusal_of_timing(header: Header) -> Rejected | None:
    if header.timing.fps is None:
        outside = any(note.startswith("fps_outside_limits") for note in header.timing.notes)
        return Rejected(Reason.BAD_FRAME_RATE if outside else Reason.NO_FRAME_RATE, header=header)
    return None


class _BadTag(ValueError):
    """A tag that decides how pixels are read has no usable value; the message is its keyword."""


def _frames(dataset: Dataset, sop_class: str) -> int:
    """NumberOfFrames; absent or empty means one, but for a multi-frame class, where it is required (C.7.6.6)."""
    given = dataset.get_item("NumberOfFrames")
    if given is None or not given.value:
        if sop_class in ULTRASOUND_LOOPS:
            raise _BadTag("NumberOfFrames")
        return 1
    return _required(dataset, "NumberOfFrames")


def _required(dataset: Dataset, keyword: str) -> int:
    value = _whole(dataset, keyword)
    if value is None or value <= 0:
        raise _BadTag(keyword)
    return value


def _whole(dataset: Dataset, keyword: str) -> int | None:
    value = _value(dataset, keyword)
    try:
        return int(value) if value not in (None, "") and float(value) == int(value) else None
    except _BAD_VALUE:
        return None


def _number(dataset: Dataset, keyword: str) -> float | None:
    value = _value(dataset, keyword)
    try:
        return float(value) if value not in (None, "") else None
    except _BAD_VALUE:
        return None


def _numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    value = _value(dataset, keyword)
    try:
        return tuple(float(part) for part in _several(value))
    except _BAD_VALUE:
        return ()


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
    return "\\".join(str(part).strip("\x00 ") for part in _several(value))


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else (value,)


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        element = dataset.get(_tag(keyword))
        return None if element is None else element.value
    except _BAD_VALUE:
        return None


_tag = functools.cache(Tag)


def _pixel_aspect(dataset: Dataset) -> float:
    """Height of a pixel over its width (PixelAspectRatio is vertical, horizontal: C.7.6.3.1.7); 1 where absent."""
    ratio = _numbers(dataset, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0


def _regions(dataset: Dataset) -> tuple[Region, ...]:
    regions = map(_region, _items(dataset, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in regions if region is not None)


def _region(item: Dataset) -> Region | None:
    corners = [_whole(item, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    spatial_format, data_type = _whole(item, "RegionSpatialFormat"), _whole(item, "RegionDataType")
    if None in corners or spatial_format is None:
        return None
    x0, y0, x1, y1 = (_signed(corner or 0) for corner in corners)
    deltas = [_number(item, f"PhysicalDelta{axis}") or 0.0 for axis in "XY"]
    units = [_whole(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    return Region(spatial_format, data_type or 0, x0, y0, x1, y1, deltas[0], deltas[1], units == [3, 3])


def _signed(corner: int) -> int:
    """Corners are unsigned 32-bit, yet scanners write negative ones: -1 arrives as 4294967295."""
    return corner - (1 << 32) if corner >= 1 << 31 else corner


def _timing_tags(dataset: Dataset, frames: int) -> TimingTags:
    pointers = tuple(int(tag) for tag in _several(_value(dataset, "FrameIncrementPointer")) if isinstance(tag, int))
    return TimingTags(
        frames=frames,
        pointers=pointers,
        frame_time=_number(dataset, "FrameTime"),
        frame_time_vector=_numbers(dataset, "FrameTimeVector"),
        cine_rate=_number(dataset, "CineRate"),
        display_rate=_number(dataset, "RecommendedDisplayFrameRate"),
    )


def _view_tags(dataset: Dataset, manufacturer: str) -> ViewTags:
    items = _items(dataset, "ViewCodeSequence")
    return ViewTags(
        codes=tuple(filter(None, (_text(item, "CodeValue") for item in items))),
        meanings=tuple(filter(None, (_text(item, "CodeMeaning") for item in items))),
        name=_text(dataset, "ViewName"),
        stage=_text(dataset, "StageName"),
        number=_whole(dataset, "ViewNumber"),
        descriptions=tuple(filter(None, (_text(dataset, key) for key in ("SeriesDescription", "ProtocolName")))),
        manufacturer=manufacturer,
    )


def _approach_tags(dataset: Dataset, header: Header) -> ApproachTags:
    items = _items(dataset, "TransducerApplicationCodeSequence")
    named = ("ViewName", "SeriesDescription", "ProtocolName")
    meanings = [_text(item, "CodeMeaning") for item in _items(dataset, "ViewCodeSequence")]
    ordered = ("StudyDescription", "PerformedProcedureStepDescription")
    return ApproachTags(
        examination=header.image_type[2] if len(header.image_type) > 2 else "",
        transducer_type=_text(dataset, "TransducerType"),
        applications=tuple(_text(item, "CodeValue") for item in items),
        probe=_text(dataset, "TransducerData").split("\\")[0],
        named=tuple(filter(None, (*meanings, *(_text(dataset, keyword) for keyword in named)))),
        ordered=tuple(filter(None, (_text(dataset, keyword) for keyword in ordered))),
        shows_view=header.view != UNKNOWN,
    )


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    return [item for item in _value(dataset, keyword) or () if isinstance(item, Dataset)]
