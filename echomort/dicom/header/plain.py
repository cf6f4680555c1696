"""Elements that are read from their bytes as they are written; pydicom converts those that are not written plainly."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any, cast

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.filereader import read_sequence
from pydicom.tag import BaseTag
from pydicom.values import convert_string

CHARACTER_SET = 0x00080005
"""SpecificCharacterSet (PS3.6)."""

ENCODINGS_KEPT = 64
"""Character sets whose encodings are remembered. Our choice: an archive has a handful."""

Written = dict[int, tuple[str, bytes]]
"""Elements as they are written: tag -> value representation and bytes."""


class PlainDataset:
    """A data set as it is written, little endian; pydicom's :class:`Dataset` is made of it only where needed.

    ``sequences`` is tag -> items, of the sequences that are written plainly too.
    """

    def __init__(self, convert: Callable[[Written], Dataset]) -> None:
        self.written: Written = {}
        self.sequences: dict[int, list[PlainDataset]] = {}
        self._convert = convert

    @functools.cached_property
    def converted(self) -> Dataset:
        """The data set as pydicom reads it."""
        return self._convert(self.written)

    def get(self, key: int | str) -> Any:
        """Return an element by its tag, or a value by its keyword, as ``Dataset.get`` does."""
        tag = tag_for_keyword(key) if isinstance(key, str) else key
        return self.converted.get(key) if tag in self.written else None

    def get_item(self, tag: int) -> Any:
        """Return an element as ``Dataset.get_item`` does."""
        return self.converted.get_item(tag)

    def __getitem__(self, key: int | str) -> Any:
        return self.converted[key]


def convert_dataset(is_implicit: bool, written: Written) -> Dataset:
    """Return the data set that pydicom makes of ``written``."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {
        BaseTag(tag): _raw_element(tag, *found, is_implicit) for tag, found in written.items()
    }
    dataset = Dataset(elements, parent_encoding=default_encoding)
    dataset.set_original_encoding(is_implicit, True, encodings_of(character_set_of(written)))
    return dataset


def convert_item(value: bytes, index: int, character_set: bytes | None, is_implicit: bool, _: Written) -> Dataset:
    """Return the item that pydicom reads of a sequence with the bytes ``value``."""
    return read_sequence(io.BytesIO(value), is_implicit, True, len(value), encodings_of(character_set))[index]


def character_set_of(written: Written) -> bytes | None:
    """Return the bytes of SpecificCharacterSet, None where it is absent."""
    return written[CHARACTER_SET][1] if CHARACTER_SET in written else None


@functools.lru_cache(maxsize=ENCODINGS_KEPT)
def encodings_of(character_set: bytes | None) -> str | list[str]:
    """Return the encodings that a SpecificCharacterSet names, or none does, as pydicom; raises what it raises."""
    if character_set is None:
        return default_encoding
    convert_encodings(convert_string(character_set, True))
    element = convert_raw_data_element(_raw_element(CHARACTER_SET, "CS", character_set, False))
    return list(convert_encodings(element.value))


def _raw_element(tag: int, vr: str, value: bytes, is_implicit: bool) -> RawDataElement:
    kind = None if is_implicit else vr
    stored = value or cast(bytes | None, empty_value_for_VR(kind, raw=True))
    return RawDataElement(BaseTag(tag), kind, len(value), stored, 0, is_implicit, True)
