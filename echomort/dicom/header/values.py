"""Values of a data set's elements, whatever was written there: a number, a text, or nothing."""

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


def required(dataset: Dataset, keyword: str) -> int:
    """Return a whole number above 0; raises :class:`BadTag` where there is none."""
    given = whole(dataset, keyword)
    if given is None or given <= 0:
        raise BadTag(keyword)
    return given


def whole(dataset: Dataset, keyword: str) -> int | None:
    """Return a whole number, None where there is none."""
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
    """Return numbers, none at all where one of them is none."""
    try:
        return tuple(float(part) for part in several(value(dataset, keyword)))
    except _BAD_VALUE:
        return ()


def text(dataset: Dataset, keyword: str) -> str:
    """Return text without the padding about each value; several are joined as in the file, by a backslash."""
    return "\\".join(str(part).strip("\x00 ") for part in several(value(dataset, keyword)))


def several(given: Any) -> tuple[Any, ...]:
    """Return a value as the tuple of its parts."""
    if given is None:
        return ()
    return tuple(given) if isinstance(given, (list, tuple)) or hasattr(given, "append") else (given,)


def value(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value as pydicom has it, None where it is absent or can't be made sense of."""
    try:
        element = dataset.get(_tag(keyword))
        return None if element is None else element.value
    except _BAD_VALUE:
        return None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    return [item for item in value(dataset, keyword) or () if isinstance(item, Dataset)]
