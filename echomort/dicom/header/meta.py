"""The start of a file: preamble, file meta information, transfer syntax, and inflating what is deflated."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from echomort.dicom.header.plain import Written
from echomort.dicom.header.sequences import LONG_VRS
from echomort.dicom.header.walk import EXPLICIT
from echomort.dicom.reasons import Reason, Rejected

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DICOM_DIRECTORY = "1.2.840.10008.1.3.10"
"""Transfer syntaxes of uncompressed objects, and the SOP class of a DICOMDIR (PS3.6 annex A)."""

MAX_INFLATED_HEADER = 16 << 20
"""Bytes (16 MiB) that are inflated where the header alone is read; the rest is left. Our choice."""

MAX_META_BYTES = 1 << 20
"""Bytes (1 MiB) of the file meta information, else ``CORRUPT_HEADER``. Our choice: it usually takes 200 bytes."""

PREAMBLE_BYTES = 132
"""Bytes of the preamble and ``DICM`` (PS3.10 7.1)."""

MAX_FIRST_VALUE = 256
"""Bytes of the first value of an implicit object without a preamble: beyond it the bytes are no tags. Our choice."""

MAX_FIRST_ELEMENT = 0x0100
"""Element number with which an object without a preamble begins at most: group 2 or 8 in front. Our choice."""

BLOCK_BYTES = 1 << 10
"""Bytes (1 KiB) in which a plain group 2 ends. Our choice: it usually takes 200."""

META_GROUP, NEXT_GROUP = 0x00020000, 0x00030000  # the first tag of the file meta information, and of what may follow it

_KEPT = {0x00020010: True, 0x00020002: True}
"""TransferSyntaxUID, MediaStorageSOPClassUID (PS3.10 7.1)."""

INFLATE_READ = 1 << 16
"""Bytes (64 KiB) read at a time while inflating. Our choice."""

INFLATE_STEP = 1 << 20
"""Bytes (1 MiB) inflated at a time, after which the limit is checked. Our choice."""


def read_meta(file: BinaryIO, size: int) -> tuple[str, str, tuple[str, ...]]:
    """Read up to the data set; return its transfer syntax, its class and notes (PS3.10 7.1)."""
    start = file.read(PREAMBLE_BYTES)
    if start[128:] == b"DICM":
        return *(_pass_group_2(file) or _read_group_2(file)), ()
    if not _looks_like_tags(start):
        raise Rejected(Reason.TRUNCATED if size == 0 else Reason.NOT_DICOM)
    file.seek(0)
    if start[:2] == b"\x02\x00":
        return *_read_group_2(file), ("no_preamble",)
    return _guess_syntax(start), "", ("no_preamble",)


def _looks_like_tags(start: bytes) -> bool:
    if len(start) < 16:
        return False
    group, element = struct.unpack("<HH", start[:4])
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    little = group in (0x0002, 0x0008) and element <= MAX_FIRST_ELEMENT
    big = start[:2] == b"\x00\x08" and explicit
    return big or (little and (explicit or struct.unpack("<L", start[4:8])[0] <= MAX_FIRST_VALUE))


def _guess_syntax(start: bytes) -> str:
    if start[:2] == b"\x00\x08":
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if start[4:6].isalpha() else IMPLICIT_LITTLE


def _pass_group_2(file: BinaryIO) -> tuple[str, str] | None:
    """Do what :func:`_read_group_2` does with a group that is plain and short; None, nothing read, for any other."""
    start = file.tell()
    block, written = file.read(BLOCK_BYTES), Written()
    at, _, _ = EXPLICIT.passing(block, (0, len(block), META_GROUP - 1), (NEXT_GROUP, len(block), _KEPT), written)
    element = block[at : at + 8]
    if len(element) < 8 or element[:2] == b"\x02\x00":
        file.seek(start)
        return None
    file.seek(start + at)
    syntax, media_class = (written.get(tag, ("UI", b""))[1].decode("ascii", "replace").strip("\x00 ") for tag in _KEPT)
    return syntax or _guess_syntax(element), media_class


def _read_group_2(file: BinaryIO) -> tuple[str, str]:
    texts = {b"\x10\x00": "", b"\x02\x00": ""}  # TransferSyntaxUID, MediaStorageSOPClassUID
    while True:
        start = file.tell()
        element = file.read(8)
        if len(element) < 8:
            raise Rejected(Reason.TRUNCATED)
        if element[:2] != b"\x02\x00":
            file.seek(start)
            return texts[b"\x10\x00"] or _guess_syntax(element), texts[b"\x02\x00"]
        length = struct.unpack("<H", element[6:])[0]
        if element[4:6] in LONG_VRS:
            length = struct.unpack("<L", file.read(4).ljust(4, b"\xff"))[0]
        value = file.read(min(length, MAX_META_BYTES))
        if len(value) < length:
            raise Rejected(Reason.TRUNCATED)
        if file.tell() > MAX_META_BYTES:
            raise Rejected(Reason.CORRUPT_HEADER, "file meta information")
        if element[2:4] in texts:
            texts[element[2:4]] = value.decode("ascii", "replace").strip("\x00 ")


def inflate(file: BinaryIO, limit: int) -> bytes:
    """Return the inflated rest of ``file``: cut at the header's ``limit``, rejected beyond that of the pixels."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    try:
        while not stream.eof and (block := stream.unconsumed_tail or file.read(INFLATE_READ)):
            content += stream.decompress(block, INFLATE_STEP)
            if len(content) > limit:
                if limit == MAX_INFLATED_HEADER:
                    break
                raise Rejected(Reason.BOMB, "deflated")
    except zlib.error:
        raise Rejected(Reason.CORRUPT_HEADER, "deflated") from None
    if not stream.eof and len(content) <= limit:
        raise Rejected(Reason.TRUNCATED_PIXELS if content else Reason.TRUNCATED, "deflated")
    return bytes(content)
