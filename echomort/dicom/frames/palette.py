"""The colour look-up tables of PALETTE COLOR pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from echomort.dicom.header.values import Elements
from echomort.dicom.reasons import Reason, Rejected

LEVELS = 256
"""Values that an 8-bit sample can have, and levels of an 8-bit entry."""

WORD_VALUES = 1 << 16
"""Values of a 16-bit word: a descriptor's 0 entries mean as many (PS3.3 C.7.6.3.1.5)."""

FIRST_NEGATIVE = 1 << 15
"""From here on an unsigned 16-bit word is a negative number: the first mapped value may be signed (C.7.6.3.1.5)."""

ENTRY_BITS = (8, 16)
"""Bits an entry may have (PS3.3 C.7.6.3.1.5)."""

DISCRETE, LINEAR, INDIRECT = range(3)
"""Opcodes of a segmented table's segments (PS3.3 C.7.9.2): entries as they are, a ramp, earlier segments once more."""


@dataclass(frozen=True)
class Palette:
    """A colour look-up table, uint8 (256, 3)."""

    colours: np.ndarray

    @classmethod
    def read(cls, dataset: Elements, is_little_endian: bool = True) -> Palette:
        """Return the palette of ``dataset`` (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9), each entry at 8 bits.

        Raises :class:`Rejected` (``BAD_TAG``) where a table is missing or holds another number of entries than it
        declares; a segmented one is never unpacked beyond that number.
        """
        try:
            tables = [_read_table(dataset, colour, is_little_endian) for colour in ("Red", "Green", "Blue")]
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise Rejected(Reason.BAD_TAG, "palette") from error
        levels = np.stack(tables, axis=1)
        return cls((levels if levels.max() < LEVELS else levels >> 8).astype(np.uint8))


def _read_table(dataset: Elements, colour: str, is_little_endian: bool) -> np.ndarray:
    """Return the entry of each of 256 stored values, uint16 (256,): values before the first mapped take the first."""
    count, first, bits = (int(part) for part in dataset[f"{colour}PaletteColorLookupTableDescriptor"].value)
    count = count % WORD_VALUES or WORD_VALUES
    first = first - WORD_VALUES if first >= FIRST_NEGATIVE else first
    if bits not in ENTRY_BITS:
        raise ValueError
    plain = dataset.get(f"{colour}PaletteColorLookupTableData")
    if plain is not None:
        entries = _plain_entries(plain, count, bits, is_little_endian)
    else:
        packed = dataset[f"Segmented{colour}PaletteColorLookupTableData"].value
        words = _words(packed, is_little_endian)
        segmented = _Segmented((words if bits == 16 else _bytes(words)).tolist(), bits, count)
        segmented.unpack()
        entries = np.array(segmented.entries, "<u2")
    if len(entries) < count:
        raise ValueError
    return np.asarray(entries[np.clip(np.arange(LEVELS) - first, 0, count - 1)])


def _plain_entries(data: Any, count: int, bits: int, is_little_endian: bool) -> np.ndarray:
    """Return ``count`` entries; those of 8 bits come two a word or, as some scanners write them, one a word."""
    words = _words(data, is_little_endian)
    return np.asarray((words if bits == 16 or len(words) >= count else _bytes(words))[:count])


def _words(data: Any, is_little_endian: bool) -> np.ndarray:
    """Return the 16-bit words of an element, which pydicom gives as bytes (OW) or as numbers (US)."""
    if isinstance(data, bytes):
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if is_little_endian else ">u2").astype("<u2")
    return np.atleast_1d(np.array(data, np.int64)).astype("<u2")


def _bytes(words: np.ndarray) -> np.ndarray:
    return words.view(np.uint8).astype("<u2")


@dataclass
class _Segmented:
    """A segmented table (PS3.3 C.7.9.2), unpacked into no more than ``count`` entries."""

    values: list[int]
    bits: int
    count: int
    entries: list[int] = field(default_factory=list)

    def unpack(self, at: int = 0, segments: int = -1) -> None:
        """Append ``segments`` segments (negative: all) from ``at``.

        Earlier segments, which begin at an offset in bytes, are repeated once only: a repeat inside a repeat raises
        :class:`ValueError`.
        """
        while segments and at + 2 < len(self.values) and len(self.entries) < self.count:
            opcode, length = self.values[at], self.values[at + 1]
            at, segments = at + 2, segments - 1
            if opcode == DISCRETE:
                self.entries.extend(self.values[at : at + length])
                at += length
            elif opcode == LINEAR:
                self.entries.extend(_ramp(self.entries[-1], self.values[at], length, self.count - len(self.entries)))
                at += 1
            elif opcode == INDIRECT and segments < 0:
                self.unpack(self._offset(at), length)
                at += 32 // self.bits
            else:
                raise ValueError

    def _offset(self, at: int) -> int:
        parts = self.values[at : at + 32 // self.bits]
        return sum(part << self.bits * place for place, part in enumerate(parts)) * 8 // self.bits


def _ramp(start: int, end: int, length: int, most: int) -> list[int]:
    steps = np.arange(1, min(length, most) + 1)
    return [int(level) for level in np.rint(start + (end - start) * steps / max(1, length))]
