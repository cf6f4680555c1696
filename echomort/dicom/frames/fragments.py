"""Which bytes of an encapsulated pixel element belong to which frame (PS3.5 A.4)."""

from __future__ import annotations

import io
import itertools
import operator
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from echomort.dicom.reasons import Reason, Rejected

MAX_FRAGMENTS = 250_000
"""Fragments of an object, and entries of its offset table, at most. Our choice: an hour at 60 frames a second, one
fragment a frame, has 216,000."""

MAX_FRAME_BYTES = 128 << 20
"""Bytes (128 MiB) of a compressed frame at most: more than the largest frame that is read takes uncompressed (48 MiB at
4096x4096 in colour), and as much again. Our choice."""

_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0"
_WRONG_ENDS = (b"\xfe\xff\x0d\xe0", b"\xff\xfe\xe0\xdd", b"\xfc\xff\xfc\xff")
"""What some writers put in the place of the sequence delimiter: an item delimiter, the delimiter with its bytes turned
round, and the padding that ends a data set (PS3.5 7.5, PS3.10 7.2)."""

_PADDING = frozenset(b"\x00\x20\xff")
"""Bytes with which a file without a delimiter may be filled up: zeros, spaces, and the byte of blank flash memory."""

_PADDING_READ = 1 << 20
"""Bytes (1 MiB) read at a time where the rest of a file may be padding. Our choice."""

_HEAD = 8
"""Bytes of an item's tag and length (PS3.5 7.5.1)."""

_FIRST = 64
"""Bytes of an item's value that are read: enough for an RLE header (PS3.5 G.5) and for the signatures below."""

_SIGNATURES = (
    b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ", b"\x00\x00\x00\x0cJXL ",
)  # fmt: skip
"""First bytes of a JPEG or JPEG-LS, of a JPEG 2000 codestream, of a JP2 file and of a JPEG XL file."""

_JPEG_XL = b"\xff\x0a"
"""First bytes of a bare JPEG XL codestream (ISO/IEC 18181-1), which are few enough to occur within other fragments."""

_RLE_SEGMENTS = (1, 3)
"""Segments of an RLE frame of 8 bits: one a sample (PS3.5 G.2)."""

NO_DELIMITER = "no_delimiter"
"""Note: the frames are whole, but no sequence delimiter follows them."""


class Fragment(NamedTuple):
    """One item of the pixel element: where its value lies, its length, and its first bytes."""

    offset: int
    length: int
    start: bytes

    @property
    def starts_frame(self) -> bool:
        """Whether a JPEG, JPEG-LS or JPEG 2000 codestream or a JPEG XL file begins here."""
        return self.start.startswith(_SIGNATURES)

    @property
    def starts_jpeg_xl(self) -> bool:
        """Whether a bare JPEG XL codestream may begin here."""
        return self.start.startswith(_JPEG_XL)

    @property
    def starts_rle(self) -> bool:
        """Whether an RLE frame begins here: its header names its segments, of which the first follows the header."""
        if len(self.start) < _FIRST:
            return False
        count, *offsets = struct.unpack("<16L", self.start)
        used, unused = offsets[:count], offsets[count:]
        rising = all(left < right for left, right in itertools.pairwise(used))
        return count in _RLE_SEGMENTS and used[0] == _FIRST and rising and not any(unused)


_BEGINNINGS = tuple(map(operator.attrgetter, ("starts_frame", "starts_jpeg_xl", "starts_rle")))


@dataclass(frozen=True)
class OffsetTable:
    """Offsets of frames from the first fragment's item tag, as the basic or the extended table gives them."""

    offsets: tuple[int, ...]


@dataclass(frozen=True)
class Items:
    """What an encapsulated pixel element holds; ``missing_end`` is set where no sequence delimiter ends it: what is
    wrong with the file, unless every declared frame is whole."""

    table: OffsetTable
    fragments: tuple[Fragment, ...]
    end: int
    missing_end: Rejected | None = None


def read_items(stream: BinaryIO, offset: int, size: int) -> Items:
    """Walk the items from ``offset`` to the sequence delimiter; of their values only the first bytes are read.

    Many writers leave the delimiter out, or write padding or another delimiter: the items end there as well.

    Raises :class:`Rejected` with ``TRUNCATED_PIXELS`` where the file ends within an item.
    """
    tag, length, _ = _item(read_at(stream, offset, _HEAD), offset, size)
    if tag != _ITEM:
        raise Rejected(Reason.BAD_TAG, "offset table")
    if length > 4 * MAX_FRAGMENTS:
        raise Rejected(Reason.BOMB, "offset table")
    table, position = read_at(stream, offset + _HEAD, length), offset + _HEAD + length
    fragments: list[Fragment] = []
    while True:
        read = read_at(stream, position, _HEAD + _FIRST)
        if missing := _missing_end(stream, read[:4], position, size, len(fragments)):
            return Items(_read_basic_table(table), tuple(fragments), size, missing)
        tag, length, start = _item(read, position, size)
        position += _HEAD
        if tag == _END:
            return Items(_read_basic_table(table), tuple(fragments), position)
        fragments.append(Fragment(position, length, start))
        position += length
        if len(fragments) > MAX_FRAGMENTS:
            raise Rejected(Reason.BOMB, "fragments")


def read_at(stream: BinaryIO, offset: int, count: int) -> bytes:
    """Return the ``count`` bytes of ``stream`` from ``offset``, fewer where it ends before: of a file past its buffer,
    by one call of the system, or more on a file system that answers in parts."""
    if isinstance(stream, io.BytesIO):
        stream.seek(offset)
        return stream.read(count)
    read = os.pread(stream.fileno(), count, offset)
    while len(read) < count and (more := os.pread(stream.fileno(), count - len(read), offset + len(read))):
        read += more
    return read


def _missing_end(stream: BinaryIO, tag: bytes, position: int, size: int, count: int) -> Rejected | None:
    """Return what is wrong where the items end at ``position``, at which ``tag`` stands, without a sequence delimiter;
    None where they do not.

    Raises :class:`Rejected` (``BAD_FRAME``) where something else stands there.
    """
    if tag in {_ITEM, _END} and size - position >= _HEAD:
        return None
    if size - position < _HEAD:
        return Rejected(Reason.TRUNCATED_PIXELS)
    rejected = Rejected(Reason.BAD_FRAME, f"item {count + 1}")
    if tag in _WRONG_ENDS or _is_padding(stream, position, size):
        return rejected
    raise rejected


def _is_padding(stream: BinaryIO, position: int, size: int) -> bool:
    """Whether one byte repeats from ``position`` to the end of the file, or to a delimiter that ends it."""
    stream.seek(size - _HEAD)
    left = size - position - (_HEAD if stream.read(_HEAD) == _END + bytes(4) else 0)
    stream.seek(position)
    filling = stream.read(1)
    stream.seek(position)
    while left > 0 and (part := stream.read(min(left, _PADDING_READ))) and not part.strip(filling):
        left -= len(part)
    return left == 0 and filling[0] in _PADDING


def group_by_frame(items: Items, frames: int, extended: Sequence[int]) -> tuple[list[tuple[Fragment, ...]], list[str]]:
    """Return the fragments of each frame, and notes.

    One fragment a frame needs no table. With several, an offset table is used only where each entry points at a
    fragment; otherwise a frame begins where a codestream does. The frames found must agree with NumberOfFrames, else
    :class:`Rejected` (``FRAME_COUNT``) is raised: a table alone can lose frames unnoticed.
    """
    fragments = tuple(fragment for fragment in items.fragments if fragment.length)
    table = _frame_starts(fragments, extended or items.table.offsets)
    notes = ["bad_offset_table"] if (extended or items.table.offsets) and not _is_complete(table, frames) else []
    marked = _marked(fragments)
    if len(fragments) == frames and (not marked or len(marked) == frames or frames == 1):
        return _check_frame_sizes([(fragment,) for fragment in fragments]), notes
    starts = marked if len(marked) == frames or not _is_complete(table, frames) else table
    if len(starts) != frames or starts[:1] != [0]:
        found = len(starts) if starts else len(fragments)
        if items.missing_end:
            raise items.missing_end
        raise Rejected(Reason.FRAME_COUNT, f"{frames} declared, {found} in the file")
    bounds = [*starts, len(fragments)]
    groups = [fragments[bounds[index] : bounds[index + 1]] for index in range(frames)]
    return _check_frame_sizes(groups), [*notes, "several_fragments"]


def _marked(fragments: Sequence[Fragment]) -> list[int]:
    """Return the indices of the fragments in which a codestream begins, by the kind that begins in the first."""
    if not fragments:
        return []
    begins = next((begins for begins in _BEGINNINGS if begins(fragments[0])), _BEGINNINGS[0])
    return [index for index, fragment in enumerate(fragments) if begins(fragment)]


def _check_frame_sizes(groups: list[tuple[Fragment, ...]]) -> list[tuple[Fragment, ...]]:
    if any(sum(fragment.length for fragment in group) > MAX_FRAME_BYTES for group in groups):
        raise Rejected(Reason.BOMB, "compressed frame")
    return groups


def extended_offsets(value: bytes | None) -> tuple[int, ...]:
    """Return the entries of an ExtendedOffsetTable (unsigned 64-bit, little endian)."""
    whole = len(value or b"") // 8
    return struct.unpack(f"<{whole}Q", (value or b"")[: whole * 8])


def _item(read: bytes, position: int, size: int) -> tuple[bytes, int, bytes]:
    """Return the tag, the length and the first bytes of the item at ``position``, where the bytes ``read`` stand."""
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
