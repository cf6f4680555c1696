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

_BAD_VALUE = (
    ValueError, TypeError, OverflowError, AttributeError, LookupError, NotImplementedError, struct.error,
    BytesLengthException,
)  # fmt: skip
_tag = functools.cache(Tag)
_CONVERTED = RawDataElement(Tag(0), None, 0, None, 0, False, True)
"""Stands for an element that pydicom has converted already: its bytes are gone."""

_TEXTS = frozenset({"AE", "CS", "DA", "LO", "SH", "TM", "UI"})
"""Value representations of plain text in which a backslash divides values (PS3.5 6.2)."""

_INTEGERS = {"US": struct.Struct("<H"), "UL": struct.Struct("<L")}
"""Binary integers, little endian."""

_PLAIN_TEXT = re.compile(rb"[\x20-\x7e]*\0?")
"""Text that reads the same in every character set: ASCII without escapes."""

_PLAIN_INTEGER = re.compile(rb" *[+-]?\d{1,10} *\0?")
_PLAIN_DECIMAL = re.compile(rb" *[+-]?\d{1,10}(\.\d{1,10})? *\0?")
"""One number in text (IS, DS), as nearly all are written."""


class BadTag(ValueError):
    """A tag that decides how pixels are read has no usable value; the message is its keyword."""


def required_integer(dataset: Dataset, keyword: str) -> int:
    """Return an integer above 0; raises :class:`BadTag` where there is none."""
    given = integer(dataset, keyword)
    if given is None or given <= 0:
        raise BadTag(keyword)
    return given


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Return an integer, None where there is none."""
    raw = _raw(dataset, keyword)
    if raw is None:
        return None
    written = raw.value or b""
    binary = _INTEGERS.get(raw.VR or "")
    if binary and raw.is_little_endian and len(written) == binary.size:
        return int(binary.unpack(written)[0])
    if raw.VR == "IS" and _PLAIN_INTEGER.fullmatch(written):
        return int(written.strip(b" \0"))
    given = value(dataset, keyword)
    try:
        return int(given) if given not in (None, "") and float(given) == int(given) else None
    except _BAD_VALUE:
        return None


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return a number, None where there is none."""
    raw = _raw(dataset, keyword)
    if raw is None:
        return None
    written = raw.value or b""
    if raw.VR == "DS" and _PLAIN_DECIMAL.fullmatch(written):
        return float(written.strip(b" \0"))
    given = value(dataset, keyword)
    try:
        return float(given) if given not in (None, "") else None
    except _BAD_VALUE:
        return None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return all numbers of an element; an empty tuple where one of them can't be parsed."""
    raw = _raw(dataset, keyword)
    if raw is None:
        return ()
    written = raw.value or b""
    if raw.VR == "DS" and _PLAIN_DECIMAL.fullmatch(written):
        return (float(written.strip(b" \0")),)
    try:
        return tuple(float(part) for part in parts(value(dataset, keyword)))
    except _BAD_VALUE:
        return ()


def written_numbers(dataset: Dataset, keyword: str) -> tuple[tuple[float, ...], bool]:
    """Return all numbers of an element of text, and whether a decimal comma was read as a point.

    Numbers are empty where one of them can't be parsed.
    """
    if found := numbers(dataset, keyword):
        return found, False
    try:
        element = dataset.get_item(_tag(keyword))
        given = None if element is None else element.value  # bytes where pydicom could not convert them
        written = given.decode("ascii") if isinstance(given, bytes) else "\\".join(map(str, parts(given)))
        parsed = tuple(float(part.replace(",", ".")) for part in written.strip("\0 ").split("\\"))
    except _BAD_VALUE:
        return (), False
    return parsed, "," in written


def text(dataset: Dataset, keyword: str) -> str:
    """Return text without padding; several values are joined by a backslash, as in the file."""
    raw = _raw(dataset, keyword)
    if raw is None:
        return ""
    written = raw.value or b""
    if raw.VR in _TEXTS and _PLAIN_TEXT.fullmatch(written):
        return "\\".join(part.strip("\0 ") for part in written.decode("ascii").split("\\"))
    return "\\".join(str(part).strip("\x00 ") for part in parts(value(dataset, keyword)))


def parts(given: Any) -> tuple[Any, ...]:
    """Return a value as the tuple of its parts."""
    if given is None:
        return ()
    return tuple(given) if isinstance(given, (list, tuple)) or hasattr(given, "append") else (given,)


def value(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value as pydicom reads it, None where it is absent or can't be parsed."""
    try:
        element = dataset.get(_tag(keyword))
        return None if element is None else element.value
    except _BAD_VALUE:
        return None


def _raw(dataset: Dataset, keyword: str) -> RawDataElement | None:
    """Return an element as it was read, None where it is absent; one without a value where pydicom converted it before.

    Converting every element costs pydicom most of a header's time; the values above that are written plainly are read
    from their bytes, all others by pydicom.
    """
    element = dataset.get_item(_tag(keyword))
    return element if element is None or isinstance(element, RawDataElement) else _CONVERTED


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    return [item for item in value(dataset, keyword) or () if isinstance(item, Dataset)]
