"""Philips native data: the grey pictures as the scanner held them, before anything was drawn over them.

The private block is read by ``philips_block``, the frames in it are found by ``philips_layout``. Neither has been
tested on a real file: see docs/imaging.md.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np

from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.philips_block import PARSE_ERRORS, Stream, read_streams
from echomort.dicom.frames.philips_layout import Layout, find_layout
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.header.timing import MAX_DISAGREEMENT, Timing, TimingTags, resolve_timing
from echomort.dicom.reasons import Reason, Rejected

ECHO = "UDM_USD_DATATYPE_DIN_2D_ECHO"
COLOUR = "UDM_USD_DATATYPE_DIN_2D_COLOR"

MIN_SIDE = 64
"""Pixels of a native picture's shorter side at least. Our choice: no heart can be read off a smaller one."""

MAX_SIDE_RATIO = 3.0
"""Longer side of a native picture over its shorter one at most. Our choice: screens are at most twice as wide as
high."""

MAX_DIFFERENCE_RATIO = 0.9
"""The best width is taken only where its rows differ from their neighbours by less than this share of the next best
width's difference. Tuned on drawn pictures of six shapes (tests/dicom/test_native.py)."""


def open_native(source: OpenObject) -> NativeEcho:
    """Return the native grey frames of ``source``.

    Raises :class:`Rejected`: ``NO_NATIVE_DATA`` where there are none, ``NATIVE_LAYOUT`` where the block has the layout
    of no known generation, and the usual reasons for frames that are too few, cut short or too large.
    """
    try:
        streams = [stream for stream in read_streams(source) if stream.frames > 0 and stream.payload]
    except PARSE_ERRORS:
        raise Rejected(Reason.NATIVE_LAYOUT, "block") from None
    echoes = [stream for stream in streams if stream.kind == ECHO]
    if not echoes:
        raise Rejected(Reason.NO_NATIVE_DATA)
    if len(echoes) > 1:
        raise Rejected(Reason.DUAL_PANEL, "native streams")
    return NativeEcho(source, echoes[0], any(stream.kind.startswith(COLOUR) for stream in streams))


class NativeEcho(Frames):
    """The frames of the grey stream; ``has_colour_flow`` says whether colour was recorded beside it."""

    def __init__(self, source: OpenObject, stream: Stream, has_colour_flow: bool) -> None:
        self.stream, self.layout, self.has_colour_flow = stream, find_layout(stream), has_colour_flow
        rows, columns = self._shape(source.header)
        timing = _native_timing(self.layout, source.header)
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
        unpacked = _inflate(data, self.stream.reserved, index) if self.stream.compression == "ZLib" else data
        if len(unpacked) < self.layout.size:
            raise Rejected(Reason.TRUNCATED_PIXELS, f"frame {index + 1}")
        return unpacked[: self.layout.size]


def find_shape(frame: np.ndarray) -> tuple[int, int]:
    """Return (rows, columns) of a picture given as uint8 (pixels,): the readable part of the block has no shape.

    At the right width each pixel lies below one much like it. Raises :class:`Rejected` (``NATIVE_LAYOUT``) where no
    width is clearly better than the next.
    """
    total, levels = len(frame), frame.astype(np.int16)
    widths = [width for width in range(MIN_SIDE, total // MIN_SIDE + 1) if total % width == 0]
    differences = {
        width: float(np.abs(levels[width:] - levels[:-width]).mean())
        for width in widths
        if 1 / MAX_SIDE_RATIO <= width * width / total <= MAX_SIDE_RATIO
    }
    ranked = sorted(differences, key=lambda width: differences[width])
    if not ranked or (len(ranked) > 1 and differences[ranked[0]] >= MAX_DIFFERENCE_RATIO * differences[ranked[1]]):
        raise Rejected(Reason.NATIVE_LAYOUT, "shape")
    return total // ranked[0], ranked[0]


def _inflate(data: bytes, limit: int, index: int) -> bytes:
    try:
        unpacked = zlib.decompressobj().decompress(data, limit + 1)
    except zlib.error:
        raise Rejected(Reason.BAD_FRAME, f"frame {index + 1}") from None
    if len(unpacked) > limit:
        raise Rejected(Reason.BOMB, f"frame {index + 1}")
    return unpacked


def _native_timing(layout: Layout, header: Header) -> Timing:
    """Return the loop's timing: the frames' own clock where its tick is known and it runs, else the usual tags."""
    usual = header.timing
    if layout.seconds_a_tick is None:
        return Timing(usual.fps, usual.source, (), (*usual.notes, "native_clock_unknown"))
    steps = tuple(1000 * layout.seconds_a_tick * (later - earlier) for earlier, later in pairwise(layout.ticks))
    own = resolve_timing(TimingTags(frames=len(layout.ticks), frame_time_vector=(0.0, *steps)))
    if own.fps is None:
        return Timing(usual.fps, usual.source, (), (*usual.notes, "native_clock_unusable"))
    differs = usual.fps is not None and abs(usual.fps - own.fps) > MAX_DISAGREEMENT * own.fps
    notes = (*own.notes, f"fps_disagrees:{usual.source}") if differs else own.notes
    return Timing(own.fps, "native_frame_times", own.times, notes)
