"""The elements of a header that are read, and the limits on what they may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from pydicom.tag import Tag

from echomort.dicom.header.sequences import UNDEFINED, ItemWalk
from echomort.dicom.reasons import Reason, Rejected

MAX_ELEMENTS = 20_000
"""Elements of a header at most, else ``BOMB``. Our choice, far above the headers of the tests' files."""

MAX_VALUE_BYTES = 256 << 10
"""Bytes (256 KiB) of a value that is read, else ``BOMB``. Our choice: a 16-bit palette of 65,536 entries takes 128
KiB."""

MAX_TABLE_BYTES = 8 << 20
"""Bytes (8 MiB) of an extended offset table: a million frames at 8 bytes each. Our choice."""

MAX_TIMES_BYTES = 512 << 10
"""Bytes (512 KiB) of FrameTimeVector: at 16 characters a value (VR DS), 30,000 frames. Our choice."""

FIRST_PIXEL_TAG = 0x7FE00008
"""Float Pixel Data, the first of the pixel elements (PS3.6); a header ends before it."""

PIXEL_DATA = 0x7FE00010
"""Pixel Data (PS3.6)."""

PIXELS = frozenset({FIRST_PIXEL_TAG, 0x7FE00009, PIXEL_DATA})
"""Float, double float and integer pixel data (PS3.6)."""

WANTED = [
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
        "TransducerApplicationCodeSequence", "UltrasoundColorDataPresent", "InstitutionName",
        "LossyImageCompression", "BodyPartExamined", "ContrastBolusAgent", "OtherPatientIDs",
        "OtherPatientIDsSequence", "StudyID", "AdmissionID", "RequestedProcedureID", "RequestAttributesSequence",
        "PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest",
        "RWaveTimeVector", "HeartRate", "NominalInterval",
    )
]  # fmt: skip
"""Tags that are read; sequences of undefined length that are not among them are skipped."""

_WANTED = frozenset(WANTED)
_MOST_BYTES = {
    int(Tag("ExtendedOffsetTable")): MAX_TABLE_BYTES,
    int(Tag("ExtendedOffsetTableLengths")): MAX_TABLE_BYTES,
    int(Tag("FrameTimeVector")): MAX_TIMES_BYTES,
}
"""Bytes of the values that may be longer than ``MAX_VALUE_BYTES``."""


@dataclass(frozen=True)
class PixelElement:
    """Where the value of the pixel element lies: offset, declared length (None: undefined) and VR ("": implicit).

    ``is_pixel_data`` is false for floating point pixels.
    """

    offset: int
    length: int | None
    vr: str
    is_pixel_data: bool = True


def most_bytes(tag: int) -> int:
    """Return how many bytes the value of an element that is read has at most."""
    return _MOST_BYTES.get(tag, MAX_VALUE_BYTES)


class ElementGuard:
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
        if number in PIXELS:
            self.pixels = PixelElement(0, None if is_open else length, vr or "", number == PIXEL_DATA)
        if number >= FIRST_PIXEL_TAG:
            return True
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise Rejected(Reason.BOMB, "header elements")
        if number in _WANTED:
            size = self._items.measure(vr) if is_open else length
            if size > most_bytes(number):
                is_present = is_open or size <= self._size - self._stream.tell()
                raise Rejected(Reason.BOMB, "header value") if is_present else Rejected(Reason.TRUNCATED)
        elif is_open:
            self._items.skip_to_delimiter(vr)  # pydicom then sees an empty sequence
        return False
