"""Which bytes of an encapsulated pixel element belong to which frame (PS3.5 A.4)."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from echomort.dicom.reasons import Reason, Rejected

MAX_FRAGMENTS = 250_000
"""Fragments of an object, and entries of its offset table, at most. Our choice: an hour at 60 frames a second, one
fragment a frame, has 216,000."""

MAX_FRAME_BYTES = 128 << 20
"""Bytes (128 MiB) of a compressed frame at most: more than the largest frame that is read takes uncompressed (48 MiB at
4096x4096 in colour), and as much again. Our choice."""

_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0"

_HEAD = 8
"""Bytes of an item's tag and length (PS3.5 7.5.1)."""

_FIRST = 12
"""Bytes of an item's value that are read: enough for the signatures below, of 8 bytes at most."""

_SIGNATURES = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""First bytes of a JPEG or JPEG-LS, of a JPEG 2000 codestream, and of a JP2 file."""


@dataclass(frozen=True)
class Fragment:
    """One item of the pixel element: where its value lies, its length, and its first bytes."""

    offset: int
    length: int
    start: bytes

    @property
    def starts_frame(self) -> bool:
        """Whether a JPEG, JPEG-LS or JPEG 2000 codestream begins here."""
        return self.start.startswith(_SIGNATURES)


@dataclass(frozen=True)
class OffsetTable:
    """Offsets of frames from the first fragment's item tag, as the basic or the extended table gives them."""

    offsets: tuple[int, ...]


@dataclass(frozen=True)
class Items:
    """What an encapsulated pixel element holds."""

    table: OffsetTable
    fragments: tuple[Fragment, ...]
    end: int


def read_items(stream: BinaryIO, offset: int, size: int) -> Items:
    """Walk the items from ``offset`` to the sequence delimiter; of their values only the first bytes are read.

    Raises :class:`Rejected` with ``TRUNCATED_PIXELS`` where the file ends first.
    """
    tag, length, _ = _item(stream, offset, size)
    if tag != _ITEM:
        raise Rejected(Reason.BAD_TAG, "offset table")
    if length > 4 * MAX_FRAGMENTS:
        raise Rejected(Reason.BOMB, "offset table")
    stream.seek(offset + _HEAD)
    table, position = stream.read(length), offset + _HEAD + length
    fragments: list[Fragment] = []
    while True:
        tag, length, start = _item(stream, position, size)
        position += _HEAD
        if tag == _END:
            return Items(_read_basic_table(table), tuple(fragments), position)
        if tag != _ITEM:
            raise Rejected(Reason.BAD_FRAME, f"item {len(fragments) + 1}")
        fragments.append(Fragment(position, length, start))
        position += length
        if len(fragments) > MAX_FRAGMENTS:
            raise Rejected(Reason.BOMB, "fragments")


def group_by_frame(items: Items, frames: int, extended: Sequence[int]) -> tuple[list[tuple[Fragment, ...]], list[str]]:
    """Return the fragments of each frame, and notes.

    One fragment a frame needs no table. With several, an offset table is used only where each entry points at a
    fragment; otherwise a frame begins where a codestream does. The frames found must agree with NumberOfFrames, else
    :class:`Rejected` (``FRAME_COUNT``) is raised: a table alone can lose frames unnoticed.
    """
    fragments = tuple(fragment for fragment in items.fragments if fragment.length)
    table = _frame_starts(fragments, extended or items.table.offsets)
    notes = ["bad_offset_table"] if (extended or items.table.offsets) and not _is_complete(table, frames) else []
    marked = [index for index, fragment in enumerate(fragments) if fragment.starts_frame]
    if len(fragments) == frames and (not marked or len(marked) == frames or frames == 1):
        return _check_frame_sizes([(fragment,) for fragment in fragments]), notes
    starts = marked if len(marked) == frames or not _is_complete(table, frames) else table
    if len(starts) != frames or starts[:1] != [0]:
        found = len(starts) if starts else len(fragments)
        raise Rejected(Reason.FRAME_COUNT, f"{frames} declared, {found} in the file")
    bounds = [*starts, len(fragments)]
    groups = [fragments[bounds[index] : bounds[index + 1]] for index in range(frames)]
    return _check_frame_sizes(groups), [*notes, "several_fragments"]


def _check_frame_sizes(groups: list[tuple[Fragment, ...]]) -> list[tuple[Fragment, ...]]:
    if any(sum(fragment.length for fragment in group) > MAX_FRAME_BYTES for group in groups):
        raise Rejected(Reason.BOMB, "compressed frame")
    return groups


def extended_offsets(value: bytes | None) -> tuple[int, ...]:
    """Return the entries of an ExtendedOffsetTable (unsigned 64-bit, little endian)."""
    whole = len(value or b"") // 8
    return struct.unpack(f"<{whole}Q", (value or b"")[: whole * 8])


def _item(stream: BinaryIO, position: int, size: int) -> tuple[bytes, int, bytes]:
    """Return the tag, the length and the first bytes of the item at ``position``."""
    stream.seek(position)
    read = stream.read(_HEAD + _FIRST)
    if len(read) < _HEAD:
        raise Rejected(Reason.TRUNCATED_PIXELS)
    length = struct.unpack_from("<L", read, 4)[0]
    if read[:4] == _ITEM and position + _HEAD + length > size:
        raise Rejected(Reason.TRUNCATED_PIXELS)
    return read[:4], length, read[_HEAD : _HEAD + min(length, _FIRST)]


def _read_basic_table(table: bytes) -> OffsetTable:
    """Read the basic offset table; one that is no whole number of offsets gets an offset that fits no fragment."""
    whole = len(table) // 4
    return OffsetTable((*struct.unpack(f"<{whole}L", table[: 4 * whole]), *(() if len(table) % 4 == 0 else (-1,))))


def _frame_starts(fragments: Sequence[Fragment], offsets: Sequence[int]) -> list[int]:
    """Return the indices of the fragments that the table's entries point at; none where an entry points elsewhere."""
    if not fragments:
        return []
    first = fragments[0].offset
    index_at = {fragment.offset - first: index for index, fragment in enumerate(fragments)}
    starts = [index_at.get(offset, -1) for offset in offsets]
    rising = all(left < right for left, right in itertools.pairwise(starts))
    return starts if starts and starts[0] == 0 and rising and -1 not in starts else []


def _is_complete(starts: Sequence[int], frames: int) -> bool:
    return len(starts) == frames
