"""Reads values of a data set's elements; a value that can't be parsed reads as absent."""

from __future__ import annotations

import functools
import re
import struct
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import Tag

from echomort.dicom.header.plain import PlainDataset

_BAD_VALUE = (
    ValueError, TypeError, OverflowError, AttributeError, LookupError, NotImplementedError, struct.error,
    BytesLengthException,
)  # fmt: skip
Elements = Dataset | PlainDataset
"""A data set, as pydicom reads it or as it is written."""

_CONVERTED = "", b""
"""Stands for an element whose bytes are gone or big endian: pydicom converts it, or did so."""

_TEXTS = frozenset({"AE", "CS", "DA", "LO", "SH", "TM", "UI"})
"""Value representations of plain text in which a backslash divides values (PS3.5 6.2)."""

_INTEGERS = {"US": struct.Struct("<H"), "UL": struct.Struct("<L")}
"""Binary integers, little endian."""

_DECIMALS = {"FD": struct.Struct("<d"), "FL": struct.Struct("<f")}
"""Binary floating point numbers, little endian."""

_PLAIN_TEXT = re.compile(rb"[\x20-\x7e]*\0?")
"""Text that reads the same in every character set: ASCII without escapes."""

_PLAIN_INTEGER = re.compile(rb" *[+-]?\d{1,10} *\0?")
"""One integer in text (IS), as nearly all are written."""

_PLAIN_NUMBERS = {
    vr: re.compile(rb"%b(?:\\%b)*\0?" % (one, one))
    for vr, one in {
        "IS": rb" *[+-]?\d{1,10} *",
        "DS": rb" *[+-]?\d{1,10}(?:\.\d{1,10})?(?:[eE][+-]?\d{1,2})? *",
    }.items()
}
"""Numbers in text, as nearly all are written."""

_TAG = struct.Struct("<HH")
"""A tag (AT), little endian."""


class BadTag(ValueError):
    """A tag that decides how pixels are read has no usable value; the message is its keyword."""


def required_integer(dataset: Elements, keyword: str) -> int:
    """Return an integer above 0; raises :class:`BadTag` where there is none."""
    given = integer(dataset, keyword)
    if given is None or given <= 0:
        raise BadTag(keyword)
    return given


def integer(dataset: Elements, keyword: str) -> int | None:
    """Return an integer, None where there is none."""
    found = _written(dataset, keyword)
    if found is None:
        return None
    vr, written = found
    binary = _INTEGERS.get(vr)
    if binary and len(written) == binary.size:
        return int(binary.unpack(written)[0])
    if vr == "IS" and _PLAIN_INTEGER.fullmatch(written):
        return int(written.strip(b" \0"))
    given = value(dataset, keyword)
    try:
        return int(given) if given not in (None, "") and float(given) == int(given) else None
    except _BAD_VALUE:
        return None


def number(dataset: Elements, keyword: str) -> float | None:
    """Return a number, None where there is none."""
    found = _written(dataset, keyword)
    if found is None:
        return None
    plain = _plain_numbers(*found)
    if len(plain) == 1:
        return plain[0]
    given = value(dataset, keyword)
    try:
        return float(given) if given not in (None, "") else None
    except _BAD_VALUE:
        return None


def numbers(dataset: Elements, keyword: str) -> tuple[float, ...]:
    """Return all numbers of an element; an empty tuple where one of them can't be parsed."""
    found = _written(dataset, keyword)
    if found is None:
        return ()
    if plain := _plain_numbers(*found):
        return plain
    try:
        return tuple(float(part) for part in parts(value(dataset, keyword)))
    except _BAD_VALUE:
        return ()


def _plain_numbers(vr: str, written: bytes) -> tuple[float, ...]:
    """Return the numbers that are written plainly; none where they are left to pydicom."""
    if vr in _PLAIN_NUMBERS and _PLAIN_NUMBERS[vr].fullmatch(written):
        read = int if vr == "IS" else float  # an integer has no negative zero
        return tuple(float(read(part)) for part in written.rstrip(b"\0").split(b"\\"))
    binary = _DECIMALS.get(vr)
    return binary.unpack(written) if binary and len(written) == binary.size else ()


def tags(dataset: Elements, keyword: str) -> tuple[int, ...]:
    """Return the tags that an element names."""
    found = _written(dataset, keyword)
    if found is None:
        return ()
    vr, written = found
    if vr == "AT" and len(written) % _TAG.size == 0:
        return tuple(group << 16 | element for group, element in _TAG.iter_unpack(written))
    return tuple(int(tag) for tag in parts(value(dataset, keyword)) if isinstance(tag, int))


def written_numbers(dataset: Elements, keyword: str) -> tuple[tuple[float, ...], bool]:
    """Return all numbers of an element of text, and whether a decimal comma was read as a point.

    Numbers are empty where one of them can't be parsed.
    """
    if found := numbers(dataset, keyword):
        return found, False
    if _written(dataset, keyword) is None:
        return (), False
    try:
        given = dataset.get_item(_tag(keyword)).value  # bytes where pydicom could not convert them
        written = given.decode("ascii") if isinstance(given, bytes) else "\\".join(map(str, parts(given)))
        parsed = tuple(float(part.replace(",", ".")) for part in written.strip("\0 ").split("\\"))
    except _BAD_VALUE:
        return (), False
    return parsed, "," in written


def text(dataset: Elements, keyword: str) -> str:
    """Return text without padding; several values are joined by a backslash, as in the file."""
    found = _written(dataset, keyword)
    if found is None:
        return ""
    vr, written = found
    if vr in _TEXTS and _PLAIN_TEXT.fullmatch(written):
        plain = written.decode("ascii")
        return "\\".join(part.strip("\0 ") for part in plain.split("\\")) if "\\" in plain else plain.strip("\0 ")
    return "\\".join(str(part).strip("\x00 ") for part in parts(value(dataset, keyword)))


def parts(given: Any) -> tuple[Any, ...]:
    """Return a value as the tuple of its parts."""
    if given is None:
        return ()
    return tuple(given) if isinstance(given, (list, tuple)) or hasattr(given, "append") else (given,)


def value(dataset: Elements, keyword: str) -> Any:
    """Return an element's value as pydicom reads it, None where it is absent or can't be parsed."""
    try:
        element = dataset.get(_tag(keyword))
        return None if element is None else element.value
    except _BAD_VALUE:
        return None


def is_empty(dataset: Elements, keyword: str) -> bool:
    """Return whether an element is absent or holds nothing."""
    if isinstance(dataset, PlainDataset):
        return not dataset.written.get(_tag(keyword), _CONVERTED)[1]
    element = dataset.get_item(_tag(keyword))
    return element is None or not element.value


@functools.cache
def _tag(keyword: str) -> int:
    return int(Tag(keyword))  # a plain integer: pydicom's tags compare in Python


def _written(dataset: Elements, keyword: str) -> tuple[str, bytes] | None:
    """Return an element's value representation and bytes as they are written, None where it is absent.

    Converting every element costs pydicom most of a header's time; the values above that are written plainly are read
    from their bytes, all others by pydicom.
    """
    if isinstance(dataset, PlainDataset):
        return dataset.written.get(_tag(keyword))
    element = dataset.get_item(_tag(keyword))
    if element is None:
        return None
    if not isinstance(element, RawDataElement) or not element.is_little_endian:
        return _CONVERTED
    return element.VR or "", element.value or b""


def items(dataset: Elements, keyword: str) -> list[Any]:
    """Return the items of a sequence."""
    if isinstance(dataset, PlainDataset) and _tag(keyword) in dataset.sequences:
        return dataset.sequences[_tag(keyword)]
    return [item for item in value(dataset, keyword) or () if isinstance(item, Dataset)]
