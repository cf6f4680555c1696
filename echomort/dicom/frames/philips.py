"""Philips native data: the grey pictures as the scanner held them, before anything was drawn over them.

The vendor publishes no description. What is here follows what public readers of such files state of two generations of
the private block (group 200D), and no real file was at hand: nothing is taken on trust that the block states twice.

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
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_sequence
from pydicom.tag import Tag

from echomort.dicom.frames.frames import Frames
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import DEFLATED, Opened
from echomort.dicom.header.rejection import MAX_FRAME_PIXELS, MAX_OBJECT_BYTES
from echomort.dicom.header.timing import DISAGREEMENT, Timing, TimingTags, resolve_timing
from echomort.dicom.reasons import Reason, Rejected

GROUP = 0x200D
STREAMS, SAMPLES = "Philips US Imaging DD 045", "Philips US Imaging DD 033"
ECHO = "UDM_USD_DATATYPE_DIN_2D_ECHO"
COLOUR = "UDM_USD_DATATYPE_DIN_2D_COLOR"
MAX_FILE_BYTES = 1 << 30
"""The block is read whole, so that a file with one may be no larger than this."""

LOWEST_SIDE, WIDEST = 64, 3.0
CLEAR = 0.9
"""The best width must differ this much from the next, as the ratio of the differences between neighbouring rows."""

_UNPARSED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, NotImplementedError, struct.error)
"""What pydicom raises for an element that it can't make sense of."""


@dataclass(frozen=True)
class Stream:
    """One data stream of the block, as written."""

    kind: str
    compression: str
    frames: int
    reserved: int
    payload: bytes = field(repr=False)
    headers: bytes = field(repr=False)


@dataclass(frozen=True)
class Generation:
    """How one generation of scanners lays out a frame header: its struct and the number of its two fields."""

    header: struct.Struct
    time: int
    size: int
    seconds_a_tick: float | None


GENERATIONS = {
    16: Generation(struct.Struct("<LHHHHL"), 0, 5, None),
    32: Generation(struct.Struct("<QHHBBHL12x"), 0, 6, 1e-6),
}
"""By the bytes of a frame header. What one tick of the older one's clock means, no reader says."""


@dataclass(frozen=True)
class Layout:
    """Where each frame's bytes lie in the payload, how many each has when unpacked, and its time in ticks."""

    bounds: tuple[tuple[int, int], ...]
    size: int
    ticks: tuple[int, ...]
    seconds_a_tick: float | None
    notes: tuple[str, ...] = ()


def open_native(source: Opened) -> NativeEcho:
    """Return the native grey frames of ``source``.

    Raises :class:`Rejected`: ``NO_NATIVE_DATA`` where there are none, ``NATIVE_LAYOUT`` where the block is not laid out
    as any generation known, and the usual reasons for frames that are too few, cut short or too large.
    """
    try:
        streams = [stream for stream in _streams(source) if stream.frames > 0 and stream.payload]
    except _UNPARSED:
        raise Rejected(Reason.NATIVE_LAYOUT, "block") from None
    echoes = [stream for stream in streams if stream.kind == ECHO]
    if not echoes:
        raise Rejected(Reason.NO_NATIVE_DATA)
    if len(echoes) > 1:
        raise Rejected(Reason.DUAL_PANEL, "native streams")
    return NativeEcho(source, echoes[0], any(stream.kind.startswith(COLOUR) for stream in streams))


class NativeEcho(Frames):
    """The frames of the grey stream; ``has_colour_flow`` tells that colour was recorded beside it."""

    def __init__(self, source: Opened, stream: Stream, has_colour_flow: bool) -> None:
        self.stream, self.layout, self.has_colour_flow = stream, lay_out(stream), has_colour_flow
        rows, columns = self._shape(source.header)
        timing = _timing(self.layout, source.header)
        header = replace(
            source.header, rows=rows, columns=columns, frames=stream.frames, samples=1, regions=(), timing=timing
        )
        super().__init__(replace(source, header=header))
        self.notes += ["native", *self.layout.notes]

    def samples(self, index: int) -> np.ndarray:
        return np.frombuffer(self._bytes(index), np.uint8).reshape(self.header.rows, self.header.columns)

    def luma(self, index: int) -> np.ndarray:
        return self.samples(index)

    def colour(self, index: int) -> np.ndarray | None:
        return None

    def _shape(self, header: Header) -> tuple[int, int]:
        if header.rows * header.columns == self.layout.size:
            return header.rows, header.columns
        return find_shape(np.frombuffer(self._bytes(self.stream.frames // 2), np.uint8))

    def _bytes(self, index: int) -> bytes:
        start, end = self.layout.bounds[index]
        data = self.stream.payload[start:end]
        unpacked = _inflated(data, self.stream.reserved, index) if self.stream.compression == "ZLib" else data
        if len(unpacked) < self.layout.size:
            raise Rejected(Reason.TRUNCATED_PIXELS, f"frame {index + 1}")
        return unpacked[: self.layout.size]


def lay_out(stream: Stream) -> Layout:
    """Return where the frames of ``stream`` lie; raises :class:`Rejected` where its two accounts differ."""
    _refuse_absurd(stream)
    generation = GENERATIONS.get(len(stream.headers) // stream.frames)
    if generation is None or len(stream.headers) % stream.frames:
        raise Rejected(Reason.NATIVE_LAYOUT, "frame headers")
    offsets, end = _offsets(stream)
    width = generation.header.size
    if any(later - earlier < width for earlier, later in pairwise((*offsets, end))):
        raise Rejected(Reason.NATIVE_LAYOUT, "offsets")
    inside = [generation.header.unpack_from(stream.payload, offset) for offset in offsets]
    apart = list(generation.header.iter_unpack(stream.headers))
    sizes = {header[generation.size] for header in (*inside, *apart)}
    if len(sizes) != 1:
        raise Rejected(Reason.SIZE_MISMATCH, "native frame headers")
    size = sizes.pop()
    if not 0 < size <= stream.reserved:
        raise Rejected(Reason.NATIVE_LAYOUT, "frame size")
    return Layout(
        tuple((start + width, stop) for start, stop in pairwise((*offsets, end))),
        size,
        tuple(header[generation.time] for header in inside),
        generation.seconds_a_tick,
        () if inside == apart else ("native_headers_differ",),
    )


def find_shape(frame: np.ndarray) -> tuple[int, int]:
    """Return (rows, columns) of a flat picture: the readable part of the block gives only how many pixels it has.

    At the right width each pixel stands below one much like it. Raises :class:`Rejected` (``NATIVE_LAYOUT``) where no
    width stands out.
    """
    total, levels = len(frame), frame.astype(np.int16)
    widths = [width for width in range(LOWEST_SIDE, total // LOWEST_SIDE + 1) if total % width == 0]
    steps = {
        width: float(np.abs(levels[width:] - levels[:-width]).mean())
        for width in widths
        if 1 / WIDEST <= width * width / total <= WIDEST
    }
    ranked = sorted(steps, key=lambda width: steps[width])
    if not ranked or (len(ranked) > 1 and steps[ranked[0]] >= CLEAR * steps[ranked[1]]):
        raise Rejected(Reason.NATIVE_LAYOUT, "shape")
    return total // ranked[0], ranked[0]


def _refuse_absurd(stream: Stream) -> None:
    """Judge the sizes stated before anything of that size is made."""
    if stream.compression not in {"ZLib", "None"}:
        raise Rejected(Reason.NATIVE_LAYOUT, "compression")
    if stream.frames == 1:
        raise Rejected(Reason.STILL)
    if not 0 < stream.reserved <= MAX_FRAME_PIXELS or stream.frames * stream.reserved > MAX_OBJECT_BYTES:
        raise Rejected(Reason.BOMB, f"{stream.frames} native frames")


def _offsets(stream: Stream) -> tuple[tuple[int, ...], int]:
    """Return where the frames begin and where the last ends.

    The payload's own length has 4 bytes in one generation and 8 in the other: the first frame begins where the table
    of offsets ends, which tells the two apart.
    """
    for head in (struct.Struct("<LL"), struct.Struct("<QL")):
        if len(stream.payload) < head.size + 4:
            continue
        length, count = head.unpack_from(stream.payload)
        start = head.size + 4 * count
        if count == 0 or struct.unpack_from("<L", stream.payload, head.size)[0] != start:
            continue
        if count != stream.frames:
            raise Rejected(Reason.FRAME_COUNT, f"{stream.frames} declared, {count} in the block")
        if length > len(stream.payload) or start > len(stream.payload):
            raise Rejected(Reason.TRUNCATED_PIXELS, "native")
        return struct.unpack_from(f"<{count}L", stream.payload, head.size), length
    raise Rejected(Reason.NATIVE_LAYOUT, "payload")


def _inflated(data: bytes, limit: int, index: int) -> bytes:
    try:
        unpacked = zlib.decompressobj().decompress(data, limit + 1)
    except zlib.error:
        raise Rejected(Reason.BAD_FRAME, f"frame {index + 1}") from None
    if len(unpacked) > limit:
        raise Rejected(Reason.BOMB, f"frame {index + 1}")
    return unpacked


def _timing(layout: Layout, header: Header) -> Timing:
    """Return the loop's timing: the frames' own clock where its tick is known and it runs, else the usual tags."""
    usual = header.timing
    if layout.seconds_a_tick is None:
        return Timing(usual.fps, usual.source, (), (*usual.notes, "native_clock_unknown"))
    steps = tuple(1000 * layout.seconds_a_tick * (later - earlier) for earlier, later in pairwise(layout.ticks))
    own = resolve_timing(TimingTags(frames=len(layout.ticks), frame_time_vector=(0.0, *steps)))
    if own.fps is None:
        return Timing(usual.fps, usual.source, (), (*usual.notes, "native_clock_unusable"))
    differs = usual.fps is not None and abs(usual.fps - own.fps) > DISAGREEMENT * own.fps
    notes = (*own.notes, f"fps_disagrees:{usual.source}") if differs else own.notes
    return Timing(own.fps, "native_frame_times", own.times, notes)


# --- the private block -------------------------------------------------------------------------------------------


def _streams(source: Opened) -> Iterator[Stream]:
    dataset = _private(source)
    for element in (0xF5, 0xF8):
        for item in _items(dataset, element):
            kind = _text(_value(item, SAMPLES, 0x0D))
            for samples in _items(item, 0xF1):
                yield Stream(
                    kind,
                    _text(_value(samples, STREAMS, 0xFA)),
                    _count(_value(samples, SAMPLES, 0x10)),
                    _count(_value(samples, SAMPLES, 0x11)),
                    _payload(_value(samples, STREAMS, 0xF3)),
                    _payload(_value(samples, STREAMS, 0xFB)),
                )


def _private(source: Opened) -> Dataset:
    """Read the private block's own elements; every block number is looked at, as a creator may have any."""
    if source.size > MAX_FILE_BYTES:
        raise Rejected(Reason.BOMB, "native block")
    wanted = [Tag(GROUP, block) for block in range(0x10, 0x100)]
    wanted += [Tag(GROUP, block << 8 | element) for block in range(0x10, 0x100) for element in (0xF5, 0xF8)]
    source.stream.seek(0)
    if source.header.transfer_syntax == DEFLATED:
        return read_dataset(source.stream, False, True, stop_when=_at_pixels, specific_tags=[*wanted])
    return dcmread(source.stream, stop_before_pixels=True, force=True, specific_tags=list(wanted))


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag >= 0x7FE00008


def _items(dataset: Dataset, element: int) -> list[Dataset]:
    """Return the items of a sequence of the block; one that lost its VR (UN) is read as PS3.5 6.2.2 has it."""
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
    return int(text) if text.isdecimal() and len(text) <= 12 else 0


def _payload(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
