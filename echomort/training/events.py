"""The curves of a training as TensorBoard reads them: event files, written while it runs, without TensorFlow.

An event file is a row of records (a length, its checksum, the data, theirs), each with one protocol buffer ``Event``.
Sources: tensorflow/core/lib/io/record_writer.h and tensorflow/core/util/event.proto. The wall time is always 0, so that
no file holds a date.
"""

import functools
import struct
from collections.abc import Mapping
from pathlib import Path

FILE = "events.out.tfevents.0"
"""TensorBoard takes every file whose name holds ``tfevents``."""
VERSION = b"brain.Event:2"
"""The text with which every event file begins."""
POLYNOMIAL = 0x82F63B78
"""Of the checksum CRC-32C, its bits reversed (RFC 3720, B.4)."""
MASK = 0xA282EAD8
"""Added to a checksum that is stored beside what it is of (tensorflow/core/lib/hash/crc32c.h)."""


def add_event(folder: Path, step: int, values: Mapping[str, float | None]) -> None:
    """Append the ``values`` (name -> value; None: none) of ``step`` to the event file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in values.items() if value is not None}
    with (folder / FILE).open("ab") as file:
        begin = b"" if file.tell() else _record(_event(0, _bytes_field(3, VERSION)))
        file.write(begin + _record(_event(step, _bytes_field(5, b"".join(map(_value, known, known.values()))))))


def _value(name: str, value: float) -> bytes:
    """Return one entry of a summary: its tag (field 1) and its number (field 2, float32)."""
    return _bytes_field(1, _bytes_field(1, name.encode()) + b"\x15" + struct.pack("<f", value))


def _event(step: int, content: bytes) -> bytes:
    """Return an event: wall time (field 1, float64), step (field 2) and content."""
    return b"\x09" + struct.pack("<d", 0.0) + b"\x10" + _varint(step) + content


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    rest = 0xFFFFFFFF
    for byte in content:
        rest = rest >> 8 ^ _remainders()[(rest ^ byte) & 0xFF]
    rest ^= 0xFFFFFFFF
    return struct.pack("<I", ((rest >> 15 | rest << 17) + MASK) & 0xFFFFFFFF)


@functools.cache
def _remainders() -> tuple[int, ...]:
    """Return the remainder of each byte."""
    found = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ (POLYNOMIAL if rest & 1 else 0)
        found.append(rest)
    return tuple(found)
