"""The view that a loop shows, read from its header."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.dicom.header.texts import TAGS_KEPT
from echomort.dicom.header.view_texts import code_groups, group_in, groups, match_text, normalise, rule_file
from echomort.settings import TagTable

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ViewTags:
    """What a header says of the view; people typed the texts, which may hold anything."""

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
    """Return the names of the 30 groups, in alphabetical order."""
    return tuple(sorted(groups()))


@functools.lru_cache(maxsize=TAGS_KEPT)
def resolve_view(tags: ViewTags, table: TagTable = "standard") -> View:
    """Return the view by the first that names one: code, ViewName, stage protocol, series and protocol texts.

    ``table`` is ``imaging.clip.view_tags``. A code or a ViewName that matches no group is returned as ``unmapped``, for
    a person to review.
    """
    view = _named_view(tags, table)
    return replace(view, group=group_in(table, view.group))


def _named_view(tags: ViewTags, table: TagTable) -> View:
    match = functools.partial(match_text, table=table)
    if found := _first(map(_group_of_code, tags.codes)) or _first(map(match, tags.meanings)):
        return View(found, "view_code")
    unmapped = next(filter(None, (*tags.meanings, *tags.codes, tags.name)), None)
    if found := match(tags.name):
        return View(found, "view_name")
    if found := _group_of_stage(tags):
        return View(found, "stage_protocol")
    if found := _first(map(match, tags.descriptions)):
        return View(found, "series_description", unmapped)
    return View(UNKNOWN, "none", unmapped)


def read_view_table(path: Path) -> dict[str, str]:
    """Return {SOP instance UID: view group} from a CSV with the columns sop_instance_uid and view.

    Raises :class:`UserError` with the number of the first wrong line, never with its text.
    """
    rows = read_rows(path, f"the view table of sources.view_table ({path})", ("sop_instance_uid", "view"))
    return dict(_parse_row(row, number, path) for number, row in rows)


def _parse_row(row: dict[str, str], number: int, path: Path) -> tuple[str, str]:
    view = row["view"].strip()
    if view != UNKNOWN and view not in groups():
        raise UserError(f"line {number} of the view table names no view group ({path})", _known_groups())
    return row["sop_instance_uid"].strip(), view


def _known_groups() -> str:
    return f"known groups: {', '.join(view_groups())}"


def check_group(name: str) -> str:
    """Return ``name`` if it is a group or ``unknown``, else raise :class:`UserError`."""
    if name != UNKNOWN and name not in groups():
        raise UserError(f"no such view group: {name}", _known_groups())
    return name


def _group_of_stage(tags: ViewTags) -> str | None:
    stage = normalise(tags.stage)
    for rule in rule_file()["protocols"]:
        made_by = re.match(rule["manufacturer"], normalise(tags.manufacturer))
        if made_by and stage in rule["stages"] and tags.number in rule["views"]:
            return str(rule["views"][tags.number])
    return None


def _group_of_code(code: str) -> str | None:
    return code_groups().get(code.strip().upper())


def _first(found: Any) -> str | None:
    return next(filter(None, found), None)
