"""Reads values of a data set's elements; a value that can't be parsed reads as absent."""

from __future__ import annotations

import functools
import struct
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import Tag

_BAD_VALUE = (
    ValueError, TypeError, OverflowError, AttributeError, LookupError, NotImplementedError, struct.error,
    BytesLengthException,
)  # fmt: skip
_tag = functools.cache(Tag)


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
    given = value(dataset, keyword)
    try:
        return int(given) if given not in (None, "") and float(given) == int(given) else None
    except _BAD_VALUE:
        return None


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return a number, None where there is none."""
    given = value(dataset, keyword)
    try:
        return float(given) if given not in (None, "") else None
    except _BAD_VALUE:
        return None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return all numbers of an element; an empty tuple where one of them can't be parsed."""
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


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    return [item for item in value(dataset, keyword) or () if isinstance(item, Dataset)]
