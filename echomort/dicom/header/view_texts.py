"""The texts that name a view: from the preprint's tags, and from patterns of usual abbreviations."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from echomort.dicom.header.texts import plain_text, split_digits
from echomort.settings import TagTable

_DIGITS = {"two": "2", "three": "3", "four": "4", "five": "5"}


def match_text(text: str, table: TagTable = "standard") -> str | None:
    """Return the one group that ``text`` names, or None where it names none or several.

    >>> match_text("Apical 4 chamber"), match_text("PLAX"), match_text("A4C and A2C")
    ('apical_4', 'parasternal_long', None)
    >>> match_text("AP2"), match_text("AP2", "paper")
    ('apical_2', 'apical_2_zoomed')
    """
    plain = normalise(text)
    if plain in _listed(table):
        return _listed(table)[plain]
    found = _match(plain)
    return found and group_in(table, found)


def _match(plain: str) -> str | None:
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


def normalise(text: str) -> str:
    """Return ``text`` in lower case without accents and punctuation, letters and digits separated, phrases of other
    languages and number words translated."""
    apart = split_digits(plain_text(text))
    ours = _spellings().sub(lambda found: str(rule_file()["spellings"][found[0]]), apart)
    return " ".join(_DIGITS.get(word, word) for word in ours.split())


@functools.cache
def rule_file() -> dict[str, Any]:
    """Return the content of ``views.yaml``, which says what its parts are."""
    text = resources.files(__package__).joinpath("views.yaml").read_text()
    return dict(yaml.safe_load(text))


@functools.cache
def _listed_tags() -> tuple[dict[str, str], ...]:
    """Return the preprint's tags (Ext. Table 1): each with its group there, and the one that ``standard`` gives it
    instead, with the reason."""
    with resources.files(__package__).joinpath("view_tags.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


@functools.cache
def _listed(table: TagTable) -> dict[str, str | None]:
    """Return the group of each listed tag, by its normalised text; None where ``table`` has it name no view."""
    found = {row["tag"]: (row["standard"] if table == "standard" else "") or row["paper"] for row in _listed_tags()}
    return {normalise(tag): group if group in groups() else None for tag, group in found.items()}


def group_in(table: TagTable, group: str) -> str:
    """Return the group that ``group`` belongs to in ``table``."""
    rule = rule_file()["groups"].get(group, {}) if table == "paper" else {}
    return str(rule.get("in_paper", group))


@functools.cache
def groups() -> frozenset[str]:
    """Return the names of all view groups."""
    return frozenset(group for group, rule in rule_file()["groups"].items() if "same_as" not in rule)


@functools.cache
def _group_names() -> dict[str, str]:
    """Return each group by its normalised name, which is also one of its texts."""
    return {normalise(group): group for group in groups()}


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
        for group, rule in rule_file()["groups"].items()
    )


@functools.cache
def _scopes(kind: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((scope, _whole_words(pattern)) for scope, pattern in rule_file()[kind].items())


@functools.cache
def _spellings() -> re.Pattern[str]:
    longest_first = sorted(rule_file()["spellings"], key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


@functools.cache
def _excluded() -> tuple[re.Pattern[str], ...]:
    return tuple(_whole_words(pattern) for pattern in rule_file()["never"])


def _whole_words(pattern: str) -> re.Pattern[str]:
    for word, meaning in rule_file()["words"].items():
        pattern = pattern.replace(f"{{{word}}}", meaning)
    pattern = pattern.replace(" .*", " (?:.* )?")  # the next word begins as a word, whatever lies between
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")


@functools.cache
def code_groups() -> dict[str, str]:
    """Return the group of each code."""
    return {
        code.upper(): rule.get("same_as", group)
        for group, rule in rule_file()["groups"].items()
        for code in rule.get("codes", ())
    }
