"""Walks over a header that is written plainly, many times as fast as pydicom; whatever is not plain, pydicom reads.

Plain is little endian, with tags that rise, known value representations, lengths that fit, and pixels at the end.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import dictionary_VR

from echomort.dicom.header.elements import (
    FIRST_PIXEL_TAG,
    MAX_ELEMENTS,
    MAX_VALUE_BYTES,
    PIXEL_DATA,
    PIXELS,
    WANTED,
    PixelElement,
    most_bytes,
)
from echomort.dicom.header.plain import (
    CHARACTER_SET,
    PlainDataset,
    Written,
    character_set_of,
    convert_dataset,
    convert_item,
    encodings_of,
)
from echomort.dicom.header.sequences import ITEM_END, ITEM_START, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, ItemWalk

try:
    import echomort.dicom.header._passing as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

BLOCK_BYTES = 1 << 12
"""Bytes (4 KiB) of a header that are read at a time: as many as are in a file's buffer already. Our choice."""

HEAD_BYTES = 12
"""Bytes of an element's longest head: tag, value representation, two reserved bytes, length (PS3.5 7.1.2)."""

DELIMITER_BYTES = 8
"""Bytes of a delimiter, of an item's head and of an element's shortest head (PS3.5 7.1.2 and 7.5)."""

MOST_NESTED = 8
"""Sequences within sequences that are still plain. Our choice: scanners write three."""

_ITEM_END, _SEQUENCE_END = (struct.pack("<HHL", tag >> 16, tag & 0xFFFF, 0) for tag in (ITEM_END, SEQUENCE_END))
"""Delimiters, of length 0."""

_SEQUENCES = frozenset(tag for tag in WANTED if dictionary_VR(tag) == "SQ")
_KEPT = {tag: tag not in _SEQUENCES for tag in WANTED} | {CHARACTER_SET: False}
"""Tags of the elements that are kept, and whether nothing else is done with them."""

_SHORT = {vr: vr.decode() for vr in SHORT_VRS}
_LONG = {vr: vr.decode() for vr in LONG_VRS}
_read_explicit, _read_implicit = struct.Struct("<HH2sH").unpack_from, struct.Struct("<HHL").unpack_from
_read_length = struct.Struct("<L").unpack_from

Span = tuple[int, int, int]
"""Where a pass begins, where it ends at the latest, and the tag before it; or what it returns."""

Rules = tuple[int, int, dict[int, bool] | None]
"""The tag and the length from which an element is not passed, and which are kept (None: all)."""

ReadHead = Callable[[bytes, int], tuple[int, str, int, int]]
"""Returns tag, value representation and length of the element at a place, and where its value begins."""

_HEADER = FIRST_PIXEL_TAG, MAX_VALUE_BYTES, _KEPT
_ITEM = FIRST_PIXEL_TAG, MAX_VALUE_BYTES, None


class NotPlain(Exception):
    """The header, or a sequence of it, is left to pydicom."""


def walk_header(stream: BinaryIO, is_implicit: bool) -> tuple[PlainDataset, PixelElement] | None:
    """Return the wanted elements of the data set at the position of ``stream``, and the pixel element that ends them.

    None, with the stream where it was, where they are not plain. Raises :class:`Rejected` where the items of an open
    sequence are cut, too deep or too many.
    """
    start = stream.tell()
    try:
        return _Walk(stream, IMPLICIT if is_implicit else EXPLICIT).run()
    except (NotPlain, struct.error):
        stream.seek(start)
        return None


def pass_explicit(data: bytes, span: Span, rules: Rules, written: Written) -> Span:
    """Pass the elements of ``data`` from where ``span`` begins, and put those that are kept into ``written``.

    Stops before the first that needs a closer look: not whole within the span, of more than ``most`` bytes, with a tag
    up to that of the span or from ``until``, of no known value representation, kept but marked False, or kept and a
    sequence where not all are. Returns where it stopped, how many elements were passed, and the last tag.
    """
    return _pass(_explicit_head, data, span, rules, written)


def pass_implicit(data: bytes, span: Span, rules: Rules, written: Written) -> Span:
    """Do the same with elements of implicit value representation."""
    return _pass(_implicit_head, data, span, rules, written)


def _pass(read: ReadHead, data: bytes, span: Span, rules: Rules, written: Written) -> Span:
    at, limit, last = span
    until, most, kept = rules
    count = 0
    while limit - at >= DELIMITER_BYTES:
        try:
            tag, vr, length, value = read(data, at)
        except (NotPlain, struct.error):
            break
        end = value + length
        if not last < tag < until or end > limit or length > most:
            break
        wanted = True if kept is None else kept.get(tag)
        if wanted is False or (wanted and vr == "SQ" and kept is not None):
            break
        if wanted:
            written[tag] = vr, data[value:end]
        at, last, count = end, tag, count + 1
    return at, count, last


def _explicit_head(data: bytes, at: int) -> tuple[int, str, int, int]:
    """Return tag, value representation and length of the element at ``at``, and where its value begins."""
    group, element, kind, length = _read_explicit(data, at)
    vr = _SHORT.get(kind)
    if vr is not None:
        return group << 16 | element, vr, length, at + DELIMITER_BYTES
    if kind not in _LONG:
        raise NotPlain
    return group << 16 | element, _LONG[kind], _read_length(data, at + DELIMITER_BYTES)[0], at + HEAD_BYTES


def _implicit_head(data: bytes, at: int) -> tuple[int, str, int, int]:
    group, element, length = _read_implicit(data, at)
    tag = group << 16 | element
    return tag, _usual_vr(tag), length, at + DELIMITER_BYTES


@functools.cache
def _usual_vr(tag: int) -> str:
    """Return the value representation of a tag, "UN" where the standard does not name it."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@dataclass(frozen=True)
class _Form:
    """How elements are written: with value representations or without, and what reads them."""

    is_implicit: bool
    head: ReadHead
    passing: Callable[[bytes, Span, Rules, Written], Span]


EXPLICIT = _Form(False, _explicit_head, compiled.pass_explicit if compiled else pass_explicit)
IMPLICIT = _Form(True, _implicit_head, pass_implicit)


class _Walk:
    """One walk over a data set, of which a block at a time is held in memory."""

    def __init__(self, stream: BinaryIO, form: _Form) -> None:
        self._stream = stream
        self._form = form
        self._open_items = ItemWalk(stream, True)
        self._start = stream.tell()
        self._block = stream.read(BLOCK_BYTES)
        self._found = PlainDataset(functools.partial(convert_dataset, form.is_implicit))

    def run(self) -> tuple[PlainDataset, PixelElement]:
        """Return the elements and the pixels; raises :class:`NotPlain`."""
        if self._form.is_implicit and _is_upper(self._block[4:6]):  # pydicom would take it for explicit
            raise NotPlain
        form, written = self._form, self._found.written
        at, last, seen = 0, -1, 0
        while seen < MAX_ELEMENTS:
            at, count, last = form.passing(self._block, (at, len(self._block), last), _HEADER, written)
            at = self._hold(at, HEAD_BYTES)
            tag, vr, length, value = form.head(self._block, at)
            if tag <= last:
                raise NotPlain
            if tag >= FIRST_PIXEL_TAG:
                return self._found, self._pixels(tag, vr, length, value)
            at = self._keep(tag, vr, length, value) if tag in _KEPT else self._skip(vr, length, value)
            last, seen = tag, seen + count + 1
        raise NotPlain

    def _hold(self, at: int, count: int) -> int:
        """Read on where the block does not hold ``count`` bytes from ``at``; return where they are in it."""
        if at + count <= len(self._block):
            return at
        self._start += at
        self._stream.seek(self._start)
        self._block = self._stream.read(max(count, BLOCK_BYTES))
        if len(self._block) < count:
            raise NotPlain
        return 0

    def _pixels(self, tag: int, vr: str, length: int, at: int) -> PixelElement:
        if tag not in PIXELS:
            raise NotPlain
        written = "" if self._form.is_implicit else vr
        return PixelElement(self._start + at, None if length == UNDEFINED else length, written, tag == PIXEL_DATA)

    def _skip(self, vr: str, length: int, at: int) -> int:
        """Return where the element ends whose value is at ``at``."""
        if length != UNDEFINED:
            return at + length
        self._stream.seek(self._start + at)
        self._open_items.skip_to_delimiter(None if self._form.is_implicit else vr)
        return self._stream.tell() - self._start + DELIMITER_BYTES

    def _keep(self, tag: int, vr: str, length: int, at: int) -> int:
        """Keep the value at ``at``; return where the element ends."""
        is_open = length == UNDEFINED
        if (vr == "SQ") != (tag in _SEQUENCES) or (is_open and vr != "SQ"):
            raise NotPlain
        if is_open:
            self._stream.seek(self._start + at)
            length = self._open_items.measure(None if self._form.is_implicit else vr)
        if length > most_bytes(tag):
            raise NotPlain
        at = self._hold(at, length)
        value = self._block[at : at + length]
        self._found.written[tag] = vr, value
        if vr == "SQ":
            self._keep_items(tag, value, is_open)
        if tag == CHARACTER_SET:
            _check_character_set(vr, value)
        return at + length + (DELIMITER_BYTES if is_open else 0)

    def _keep_items(self, tag: int, value: bytes, is_open: bool) -> None:
        try:
            self._found.sequences[tag] = self._read_items(value)
        except (NotPlain, struct.error):
            if is_open:  # pydicom may find its end elsewhere
                raise

    def _read_items(self, value: bytes) -> list[PlainDataset]:
        character_set = character_set_of(self._found.written)
        items: list[PlainDataset] = []
        at = 0
        while at < len(value):
            convert = functools.partial(convert_item, value, len(items), character_set, self._form.is_implicit)
            items.append(PlainDataset(convert))
            at = _read_item(value, (at, len(value)), self._form, items[-1].written)
        return items


def _read_item(data: bytes, span: tuple[int, int], form: _Form, written: Written, depth: int = 0) -> int:
    """Put the elements of the item at the first place of ``span``, which ends at the second at the latest, into
    ``written``; return where it ends."""
    at, limit = span
    group, element, length = _read_implicit(data, at)
    at, is_open = at + DELIMITER_BYTES, length == UNDEFINED
    end = limit if is_open else at + length
    if group << 16 | element != ITEM_START or end > limit or depth > MOST_NESTED:
        raise NotPlain
    last = -1
    while True:
        at, _, last = form.passing(data, (at, end, last), _ITEM, written)
        if CHARACTER_SET in written:
            raise NotPlain
        if at == end and not is_open:
            return at
        if is_open and data[at : at + DELIMITER_BYTES] == _ITEM_END:
            return at + DELIMITER_BYTES
        tag, vr, length, start = form.head(data, at)
        if tag <= last or vr != "SQ" or length != UNDEFINED:
            raise NotPlain
        last, at = tag, _end_of_sequence(data, (start, end), form, depth + 1)
        written[tag] = vr, data[start : at - DELIMITER_BYTES]
        if at > end:
            raise NotPlain


def _end_of_sequence(data: bytes, span: tuple[int, int], form: _Form, depth: int) -> int:
    """Return where the open sequence ends that begins at the first place of ``span``."""
    at, limit = span
    while data[at : at + DELIMITER_BYTES] != _SEQUENCE_END:
        at = _read_item(data, (at, limit), form, {}, depth)
    return at + DELIMITER_BYTES


def _check_character_set(vr: str, value: bytes) -> None:
    """Raise what pydicom would raise, or :class:`NotPlain` where it would not read text."""
    if vr != "CS":
        raise NotPlain
    encodings_of(value)


def _is_upper(kind: bytes) -> bool:
    return len(kind) == 2 and kind.isalpha() and kind.isupper()
