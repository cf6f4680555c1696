"""Which view a loop shows, from what its header says of it."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from echomort.errors import UserError

UNKNOWN = "unknown"
MAX_TEXT = 256
_DIGITS = {"two": "2", "three": "3", "four": "4", "five": "5"}


@dataclass(frozen=True)
class ViewTags:
    """What a header says of the view; the texts were typed by people and may hold anything."""

    codes: tuple[str, ...] = field(default=(), repr=False)
    meanings: tuple[str, ...] = field(default=(), repr=False)
    name: str = field(default="", repr=False)
    stage: str = field(default="", repr=False)
    number: int | None = None
    descriptions: tuple[str, ...] = field(default=(), repr=False)
    manufacturer: str = ""


@dataclass(frozen=True)
class View:
    """A view group, where it was read (``view_code``, ``view_name``, ``stage_protocol``, ``series_description`` or
    ``none``), and the tag of the view that no group matched."""

    group: str
    source: str
    unmapped: str | None = field(default=None, repr=False)


NO_VIEW = View(UNKNOWN, "none")


def view_groups() -> tuple[str, ...]:
    """Return the names of the 24 groups, in alphabetical order."""
    return tuple(sorted(_groups()))


def resolve_view(tags: ViewTags) -> View:
    """Return the view: ViewCodeSequence, then ViewName, the stage protocol, and the series and protocol texts.

    A tag made for views (code or name) that no group matches is returned as ``unmapped``, for a person to review.
    """
    if found := _first(map(_group_of_code, tags.codes)) or _first(map(match_text, tags.meanings)):
        return View(found, "view_code")
    unmapped = next(filter(None, (*tags.meanings, *tags.codes, tags.name)), None)
    if found := match_text(tags.name):
        return View(found, "view_name")
    if found := _staged(tags):
        return View(found, "stage_protocol")
    if found := _first(map(match_text, tags.descriptions)):
        return View(found, "series_description", unmapped)
    return View(UNKNOWN, "none", unmapped)


def match_text(text: str) -> str | None:
    """Return the group whose patterns ``text`` matches, or None."""
    plain = _plain(text)
    if not plain or any(pattern.search(plain) for pattern in _never()):
        return None
    return next((group for group, pattern in _patterns() if pattern.search(plain)), None)


def read_view_table(path: Path) -> dict[str, str]:
    """Return {SOP instance UID: view group} from a CSV with the columns sop_instance_uid and view.

    Raises :class:`UserError` naming the first line that is not of that form, never what it holds.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"sop_instance_uid", "view"} <= set(rows.fieldnames or ()):
                raise UserError(f"the view table lacks a column ({path})", "its header is sop_instance_uid,view")
            return dict(_table_row(row, number, path) for number, row in enumerate(rows, start=2))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise UserError(f"the view table can't be read ({path})", "correct sources.view_table") from None


def _table_row(row: dict[str, str | None], number: int, path: Path) -> tuple[str, str]:
    view = (row["view"] or "").strip()
    if view != UNKNOWN and view not in _groups():
        raise UserError(f"line {number} of the view table names no view group ({path})", _known())
    return (row["sop_instance_uid"] or "").strip(), view


def _known() -> str:
    return f"known groups: {', '.join(view_groups())}"


def check_group(name: str) -> str:
    """Return ``name`` if it is a group or ``unknown``, else raise :class:`ValueError`."""
    if name != UNKNOWN and name not in _groups():
        raise ValueError(f"no such view group; {_known()}")
    return name


def _staged(tags: ViewTags) -> str | None:
    stage = _plain(tags.stage)
    for rule in _book()["protocols"]:
        made_by = re.match(rule["manufacturer"], _plain(tags.manufacturer))
        if made_by and stage in rule["stages"] and tags.number in rule["views"]:
            return str(rule["views"][tags.number])
    return None


def _group_of_code(code: str) -> str | None:
    return _codes().get(code.strip().upper())


def _first(found: Any) -> str | None:
    return next(filter(None, found), None)


def _plain(text: str) -> str:
    """Lower case, number words as digits, letters and digits apart, all else one space."""
    lowered = re.sub(r"[\W_]+", " ", text[:MAX_TEXT].lower())
    apart = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", lowered)
    return " ".join(_DIGITS.get(word, word) for word in apart.split())


@functools.cache
def _book() -> dict[str, Any]:
    text = resources.files("echomort.dicom").joinpath("views.yaml").read_text()
    return dict(yaml.safe_load(text))


@functools.cache
def _groups() -> frozenset[str]:
    return frozenset(group for group, rule in _book()["groups"].items() if "same_as" not in rule)


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The groups' own names first, then their patterns in the order of the file."""
    named = [(group, re.compile(f"^{re.escape(_plain(group))}$")) for group in sorted(_groups())]
    ruled = [
        (rule.get("same_as", group), _whole_words(pattern))
        for group, rule in _book()["groups"].items()
        for pattern in rule["tags"]
    ]
    return (*named, *ruled)


@functools.cache
def _never() -> tuple[re.Pattern[str], ...]:
    return tuple(_whole_words(pattern) for pattern in _book()["never"])


def _whole_words(pattern: str) -> re.Pattern[str]:
    for word, meaning in _book()["words"].items():
        pattern = pattern.replace(f"{{{word}}}", meaning)
    return re.compile(rf"\b(?:{pattern})\b")


@functools.cache
def _codes() -> dict[str, str]:
    return {
        code.upper(): rule.get("same_as", group)
        for group, rule in _book()["groups"].items()
        for code in rule.get("codes", ())
    }
