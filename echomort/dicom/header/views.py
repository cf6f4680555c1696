"""The view that a loop shows, read from its header."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError

UNKNOWN = "unknown"
MAX_TEXT = 256
"""Characters of a text that are searched. Our choice: DICOM's short and long strings have 64 at most, several may be
joined."""

_DIGITS = {"two": "2", "three": "3", "four": "4", "five": "5"}


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
    """Return the names of the 24 groups, in alphabetical order."""
    return tuple(sorted(_groups()))


def resolve_view(tags: ViewTags) -> View:
    """Return the view by the first that names one: code, ViewName, stage protocol, series and protocol texts.

    A code or a ViewName that matches no group is returned as ``unmapped``, for a person to review.
    """
    if found := _first(map(_group_of_code, tags.codes)) or _first(map(match_text, tags.meanings)):
        return View(found, "view_code")
    unmapped = next(filter(None, (*tags.meanings, *tags.codes, tags.name)), None)
    if found := match_text(tags.name):
        return View(found, "view_name")
    if found := _group_of_stage(tags):
        return View(found, "stage_protocol")
    if found := _first(map(match_text, tags.descriptions)):
        return View(found, "series_description", unmapped)
    return View(UNKNOWN, "none", unmapped)


def match_text(text: str) -> str | None:
    """Return the one group that ``text`` names, or None where it names none or several.

    >>> match_text("Apical 4 chamber"), match_text("PLAX"), match_text("A4C and A2C")
    ('apical_4', 'parasternal_long', None)
    """
    plain = _normalise(text)
    if not plain or any(pattern.search(plain) for pattern in _excluded()):
        return None
    if plain in _group_names():
        return _group_names()[plain]
    scopes = _find_scopes(plain)
    if len(scopes) > 1:
        return None
    fitting = [rule for rule in _rules() if rule.fits(plain, scopes)]
    named = [rule for rule in fitting if not rule.last] or fitting
    return named[0].group if len({rule.family for rule in named}) == 1 else None


@dataclass(frozen=True)
class _Rule:
    """The patterns of one group's texts."""

    group: str
    family: str
    scope: str
    patterns: tuple[re.Pattern[str], ...]
    needed: re.Pattern[str] | None
    last: bool

    def fits(self, plain: str, scopes: set[str]) -> bool:
        """Whether ``plain``, which names ``scopes`` (one or none), may be of this group."""
        return (
            scopes <= {self.scope}
            and any(pattern.search(plain) for pattern in self.patterns)
            and (self.needed is None or self.needed.search(plain) is not None)
        )


def _find_scopes(plain: str) -> set[str]:
    """Return the probe positions and planes that a text names; two that exclude each other are a conflict."""
    strong = {scope for scope, pattern in _scopes("scopes") if pattern.search(plain)}
    weak = {scope for scope, pattern in _scopes("weak_scopes") if pattern.search(plain)}
    if not strong:
        return weak - ({"long"} if weak == {"apical", "long"} else {"apical"} if weak == {"apical", "short"} else set())
    if strong == {"suprasternal"}:
        return strong
    allowed = {"apical": {"apical", "long"}, "short": {"short", "apical"}, "subcostal": {"long"}, "long": {"long"}}
    return strong if len(strong) > 1 else strong | (weak - allowed[next(iter(strong))])


def read_view_table(path: Path) -> dict[str, str]:
    """Return {SOP instance UID: view group} from a CSV with the columns sop_instance_uid and view.

    Raises :class:`UserError` with the number of the first wrong line, never with its text.
    """
    rows = read_rows(path, f"the view table of sources.view_table ({path})", ("sop_instance_uid", "view"))
    return dict(_parse_row(row, number, path) for number, row in rows)


def _parse_row(row: dict[str, str], number: int, path: Path) -> tuple[str, str]:
    view = row["view"].strip()
    if view != UNKNOWN and view not in _groups():
        raise UserError(f"line {number} of the view table names no view group ({path})", _known_groups())
    return row["sop_instance_uid"].strip(), view


def _known_groups() -> str:
    return f"known groups: {', '.join(view_groups())}"


def check_group(name: str) -> str:
    """Return ``name`` if it is a group or ``unknown``, else raise :class:`UserError`."""
    if name != UNKNOWN and name not in _groups():
        raise UserError(f"no such view group: {name}", _known_groups())
    return name


def _group_of_stage(tags: ViewTags) -> str | None:
    stage = _normalise(tags.stage)
    for rule in _rule_file()["protocols"]:
        made_by = re.match(rule["manufacturer"], _normalise(tags.manufacturer))
        if made_by and stage in rule["stages"] and tags.number in rule["views"]:
            return str(rule["views"][tags.number])
    return None


def _group_of_code(code: str) -> str | None:
    return _codes().get(code.strip().upper())


def _first(found: Any) -> str | None:
    return next(filter(None, found), None)


def _normalise(text: str) -> str:
    """Return ``text`` in lower case without accents and punctuation, letters and digits separated, phrases of other
    languages and number words translated."""
    bare = unicodedata.normalize("NFKD", text[:MAX_TEXT].lower())
    lowered = re.sub(r"[\W_]+", " ", "".join(sign for sign in bare if not unicodedata.combining(sign)))
    apart = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", " ", lowered)
    ours = _spellings().sub(lambda found: str(_rule_file()["spellings"][found[0]]), apart)
    return " ".join(_DIGITS.get(word, word) for word in ours.split())


@functools.cache
def _rule_file() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("views.yaml").read_text()
    return dict(yaml.safe_load(text))


@functools.cache
def _groups() -> frozenset[str]:
    return frozenset(group for group, rule in _rule_file()["groups"].items() if "same_as" not in rule)


@functools.cache
def _group_names() -> dict[str, str]:
    """Return each group by its normalised name, which is also one of its texts."""
    return {_normalise(group): group for group in _groups()}


@functools.cache
def _rules() -> tuple[_Rule, ...]:
    """Return the groups' rules in the order of the file."""
    return tuple(
        _Rule(
            rule.get("same_as", group),
            rule.get("family", rule.get("same_as", group)),
            rule["scope"],
            tuple(map(_whole_words, rule["tags"])),
            _whole_words(rule["with"]) if "with" in rule else None,
            rule.get("last", False),
        )
        for group, rule in _rule_file()["groups"].items()
    )


@functools.cache
def _scopes(kind: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((scope, _whole_words(pattern)) for scope, pattern in _rule_file()[kind].items())


@functools.cache
def _spellings() -> re.Pattern[str]:
    longest_first = sorted(_rule_file()["spellings"], key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


@functools.cache
def _excluded() -> tuple[re.Pattern[str], ...]:
    return tuple(_whole_words(pattern) for pattern in _rule_file()["never"])


def _whole_words(pattern: str) -> re.Pattern[str]:
    for word, meaning in _rule_file()["words"].items():
        pattern = pattern.replace(f"{{{word}}}", meaning)
    pattern = pattern.replace(" .*", " (?:.* )?")  # the next word begins as a word, whatever lies between
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")


@functools.cache
def _codes() -> dict[str, str]:
    return {
        code.upper(): rule.get("same_as", group)
        for group, rule in _rule_file()["groups"].items()
        for code in rule.get("codes", ())
    }
