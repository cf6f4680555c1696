"""Skips sequences of undefined length (PS3.5 7.5) without recursion, keeping nothing and counting every step."""

from __future__ import annotations

import struct
from typing import BinaryIO

from echomort.dicom.reasons import Reason, Rejected

UNDEFINED = 0xFFFFFFFF
"""Length that means undefined (PS3.5 7.1.1)."""

MAX_DEPTH = 256
"""Nested sequences at most, else ``TOO_DEEP``. Our choice: scanners write fewer than ten."""

MAX_STEPS = 1_000_000
"""Elements and items of all skipped sequences at most, else ``BOMB``. Our choice: a few seconds of reading."""

ITEM_GROUP = 0xFFFE
"""Group of the tags below (PS3.5 7.5.1)."""

ITEM_START = 0xFFFEE000  # item (PS3.5 table 7.5-1)
ITEM_END, SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD  # item and sequence delimitation (PS3.5 table 7.5-1)
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length has 32 bits, after two reserved bytes (PS3.5 7.1.2)."""

SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value representations whose length has 16 bits (PS3.5 7.1.2)."""

IMPLICIT, EXPLICIT, EITHER = "implicit", "explicit", "either"
"""How the elements of a sequence are written. Where the sequence is of type UN they must be implicit (PS3.5 6.2.2), but
scanners do write explicit ones."""


class ItemWalk:
    """Walks over the items of the sequences in a stream."""

    def __init__(self, stream: BinaryIO, is_little_endian: bool) -> None:
        self._stream = stream
        self._order = "<" if is_little_endian else ">"
        self._steps = 0

    def measure(self, vr: str | None) -> int:
        """Return how many bytes the value at the stream's position takes; the position stays the same."""
        start = self._stream.tell()
        self.skip_to_delimiter(vr)
        end = self._stream.tell()
        self._stream.seek(start)
        return end - start

    def skip_to_delimiter(self, vr: str | None) -> None:
        """Move to the delimiter that ends the value at the stream's position.

        The value has undefined length and type ``vr`` (None: implicit).

        Raises :class:`Rejected`: ``TRUNCATED`` where the object ends first, ``TOO_DEEP`` beyond :data:`MAX_DEPTH`,
        ``BOMB`` beyond :data:`MAX_STEPS`.
        """
        open_ends = [IMPLICIT if vr is None else EITHER if vr == "UN" else EXPLICIT]  # one an open sequence or item
        while True:
            tag, length, kind = self._next(open_ends)
            if tag == SEQUENCE_END:
                del open_ends[-1 - (len(open_ends) % 2 == 0) :]  # an item left open ends with its sequence
                if not open_ends:
                    self._stream.seek(-8, 1)
                    return
            elif tag == ITEM_END:
                open_ends.pop()
            elif length == UNDEFINED:
                open_ends.append(EITHER if kind == b"UN" and open_ends[-1] == EXPLICIT else open_ends[-1])
            else:
                self._stream.seek(length, 1)
            self._check_limits(len(open_ends))

    def _next(self, open_ends: list[str]) -> tuple[int, int, bytes]:
        head = self._read(8)
        group, element = struct.unpack(f"{self._order}HH", head[:4])
        tag, kind = group << 16 | element, head[4:6]
        if group == ITEM_GROUP or not _is_explicit(kind, open_ends[-1]):
            return tag, struct.unpack(f"{self._order}L", head[4:])[0], b""
        if kind in LONG_VRS:
            return tag, struct.unpack(f"{self._order}L", self._read(4))[0], kind
        return tag, struct.unpack(f"{self._order}H", head[6:])[0], kind

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) < count:
            raise Rejected(Reason.TRUNCATED)
        return data

    def _check_limits(self, depth: int) -> None:
        self._steps += 1
        if depth > 2 * MAX_DEPTH:  # a sequence and its item are one level each
            raise Rejected(Reason.TOO_DEEP)
        if depth == 0:
            raise Rejected(Reason.CORRUPT_HEADER, "item")
        if self._steps > MAX_STEPS:
            raise Rejected(Reason.BOMB, "header items")


def _is_explicit(kind: bytes, way: str) -> bool:
    """Whether the two bytes after a tag are a value representation; as a length, nearly all of them would be odd."""
    if way == EITHER:
        return kind in LONG_VRS or kind in SHORT_VRS
    return way == EXPLICIT and kind.isalpha() and kind.isupper()
