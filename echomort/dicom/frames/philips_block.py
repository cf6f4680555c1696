"""The private block in which Philips scanners keep native data: its elements, read into data streams.

The vendor publishes no description. This module follows what public readers of such files say of two generations of
the block (group 200D); it has not been tested on a real file.

    (200D,xxF5) or (200D,xxF8)  "Philips US Imaging DD 045"   one item a data stream
      (200D,xx0D)  "Philips US Imaging DD 033"                its data type
      (200D,xxF1)  "Philips US Imaging DD 045"                its samples, one item
        (200D,xxFA) "ZLib" or "None"   (200D,xx10) frames   (200D,xx11) bytes reserved for one frame
        (200D,xxF3) payload: its length, the number of frames, where each begins; then frame header and frame in turn
        (200D,xxFB) the frame headers once more
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_sequence
from pydicom.tag import Tag

from echomort.dicom.header.elements import FIRST_PIXEL_TAG
from echomort.dicom.header.meta import DEFLATED
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.reasons import Reason, Rejected

GROUP = 0x200D
"""Group of the block (public readers of such files)."""

STREAMS = "Philips US Imaging DD 045"
SAMPLES = "Philips US Imaging DD 033"

BLOCKS = range(0x10, 0x100)
"""Numbers that a private block may have (PS3.5 7.8.1); all are searched, since a creator may have any."""

STREAM_LISTS = (0xF5, 0xF8)
"""Elements that list data streams, in the two generations (public readers of such files)."""

DATA_TYPE, STREAM_SAMPLES, FRAMES, RESERVED = 0x0D, 0xF1, 0x10, 0x11
"""Elements of a data stream (public readers of such files): see the table above."""

COMPRESSION, PAYLOAD, FRAME_HEADERS = 0xFA, 0xF3, 0xFB
"""Elements of a stream's samples (public readers of such files): see the table above."""

MAX_FILE_BYTES = 1 << 30
"""Bytes (1 GiB) of a file whose block is read, since the block is read whole. Our choice, within the memory that a
worker may take (``imaging.worker_memory_gib``)."""

MAX_DIGITS = 12
"""Digits of a number that the block writes as text; a longer one is no count. Our choice."""

PARSE_ERRORS = (ValueError, TypeError, LookupError, AttributeError, OverflowError, NotImplementedError, struct.error)
"""Errors that pydicom raises for an element that it can't parse."""


@dataclass(frozen=True)
class Stream:
    """One data stream of the block, as written.

    ``kind`` is its data type, ``reserved`` the bytes reserved for one unpacked frame, ``payload`` the frames with their
    headers, ``headers`` the frame headers once more.
    """

    kind: str
    compression: str
    frames: int
    reserved: int
    payload: bytes = field(repr=False)
    headers: bytes = field(repr=False)


def read_streams(source: OpenObject) -> Iterator[Stream]:
    """Yield the data streams of the block; raises one of :data:`PARSE_ERRORS` where it can't be parsed."""
    dataset = _read_block(source)
    for element in STREAM_LISTS:
        for item in _items(dataset, element):
            kind = _text(_value(item, SAMPLES, DATA_TYPE))
            for samples in _items(item, STREAM_SAMPLES):
                yield Stream(
                    kind,
                    _text(_value(samples, STREAMS, COMPRESSION)),
                    _count(_value(samples, SAMPLES, FRAMES)),
                    _count(_value(samples, SAMPLES, RESERVED)),
                    _payload(_value(samples, STREAMS, PAYLOAD)),
                    _payload(_value(samples, STREAMS, FRAME_HEADERS)),
                )


def _read_block(source: OpenObject) -> Dataset:
    """Read the elements of the private block, and no others."""
    if source.size > MAX_FILE_BYTES:
        raise Rejected(Reason.BOMB, "native block")
    wanted = [Tag(GROUP, block) for block in BLOCKS]
    wanted += [Tag(GROUP, block << 8 | element) for block in BLOCKS for element in STREAM_LISTS]
    source.stream.seek(0)
    if source.header.transfer_syntax == DEFLATED:
        return read_dataset(source.stream, False, True, stop_when=_at_pixels, specific_tags=[*wanted])
    return dcmread(source.stream, stop_before_pixels=True, force=True, specific_tags=list(wanted))


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag >= FIRST_PIXEL_TAG


def _items(dataset: Dataset, element: int) -> list[Dataset]:
    """Return the items of a sequence of the block; one whose VR was lost (UN) is read by PS3.5 6.2.2."""
    value = _value(dataset, STREAMS, element)
    if isinstance(value, bytes):
        value = read_sequence(io.BytesIO(value), True, True, len(value), ["iso8859"])
    return [item for item in value or () if isinstance(item, Dataset)]


def _value(dataset: Dataset, creator: str, element: int) -> Any:
    try:
        return dataset.private_block(GROUP, creator)[element].value
    except KeyError:
        return None


def _text(value: Any) -> str:
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")).strip("\x00 ")


def _count(value: Any) -> int:
    text = _text(value)
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else 0


def _payload(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
