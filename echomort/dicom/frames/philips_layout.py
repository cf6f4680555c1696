"""The layout of a Philips native stream; what the block states twice is used only where both statements agree."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from echomort.dicom.frames.philips_block import Stream
from echomort.dicom.header.rejection import MAX_FRAME_PIXELS
from echomort.dicom.reasons import Reason, Rejected

MAX_NATIVE_BYTES = 4 << 30
"""Bytes (4 GiB) of all unpacked native pictures at most, else ``BOMB``. Our choice: a minute of the largest."""


@dataclass(frozen=True)
class Generation:
    """How one generation of scanners writes a frame header.

    ``time`` and ``size`` are places in the struct; ``seconds_a_tick`` is None where the clock's tick is not known.
    """

    header: struct.Struct
    time: int
    size: int
    seconds_a_tick: float | None


GENERATIONS = {
    16: Generation(struct.Struct("<LHHHHL"), 0, 5, None),
    32: Generation(struct.Struct("<QHHBBHL12x"), 0, 6, 1e-6),
}
"""Generations by the bytes of a frame header (public readers of such files). A tick of the newer clock is a
microsecond; no reader says what a tick of the older one is."""


@dataclass(frozen=True)
class Layout:
    """Where each frame's bytes lie in the payload, how many each has when unpacked, and its time in ticks."""

    bounds: tuple[tuple[int, int], ...]
    size: int
    ticks: tuple[int, ...]
    seconds_a_tick: float | None
    notes: tuple[str, ...] = ()


def find_layout(stream: Stream) -> Layout:
    """Return where the frames of ``stream`` lie; raises :class:`Rejected` where its two statements differ."""
    _reject_bad_sizes(stream)
    generation = GENERATIONS.get(len(stream.headers) // stream.frames)
    if generation is None or len(stream.headers) % stream.frames:
        raise Rejected(Reason.NATIVE_LAYOUT, "frame headers")
    offsets, end = _offsets(stream)
    width = generation.header.size
    if any(later - earlier < width for earlier, later in pairwise((*offsets, end))):
        raise Rejected(Reason.NATIVE_LAYOUT, "offsets")
    inside = [generation.header.unpack_from(stream.payload, offset) for offset in offsets]
    separate = list(generation.header.iter_unpack(stream.headers))
    sizes = {header[generation.size] for header in (*inside, *separate)}
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
        () if inside == separate else ("native_headers_differ",),
    )


def _reject_bad_sizes(stream: Stream) -> None:
    """Check the declared sizes before anything of that size is allocated."""
    if stream.compression not in {"ZLib", "None"}:
        raise Rejected(Reason.NATIVE_LAYOUT, "compression")
    if stream.frames == 1:
        raise Rejected(Reason.STILL)
    if not 0 < stream.reserved <= MAX_FRAME_PIXELS or stream.frames * stream.reserved > MAX_NATIVE_BYTES:
        raise Rejected(Reason.BOMB, f"{stream.frames} native frames")


def _offsets(stream: Stream) -> tuple[tuple[int, ...], int]:
    """Return where the frames begin and where the last one ends.

    The payload's own length has 4 bytes in one generation and 8 in the other. The first frame begins where the table of
    offsets ends, which decides between the two.
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
