"""Which kinds of contact prove that the person was present and alive. What is not on the list proves nothing.

``contact_kinds.csv`` holds words and phrases. ``place`` is ``alone`` for one that must be the whole kind (the codes of
a closed vocabulary), ``any`` for one that may be a part of it. ``proves`` is ``yes`` (presence), ``no`` (whatever
stands beside it: letters, calls, orders, words of death), ``if_completed`` (an appointment: only its status tells),
``planned`` (a plan, also of what was done since: the same), or ``word`` (nothing by itself: a specialty, "follow up").
``contact_statuses.csv`` holds what a status says.

A site's own file (``sources.kinds``: kind, proves_life, and perhaps status) decides before both. Its rows with a
status say whether contacts of that status took place; the others say whether a kind proves life.
"""

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest

Proves = Literal["yes", "no", "if_completed", "unknown"]
"""What a kind says about the presence of the person."""

LONGEST = 6
"""Words of the longest phrase of the list that is looked for; a test compares it with the list."""

MINUTES = re.compile(r"\d{1,3}")
"""A number in a kind, such as the minutes of a visit: it decides nothing."""

OTHER = "other"
"""The term of a kind that only the site's file knows."""


@dataclass(frozen=True)
class Kind:
    """What a kind proves, its word in the warehouse (if it proves presence), and whether all its words are listed."""

    proves: Proves
    term: str = ""
    is_listed: bool = False


def plain_kind(text: str) -> str:
    """Return ``text`` in lower case, its words separated by one blank, without other signs."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def read_kind(text: str, site_kinds: Mapping[str, bool] | None = None) -> Kind:
    """Return what the kind ``text`` proves; ``site_kinds`` (plain kind -> proves life) decides first.

    A kind that has a word which is not listed proves nothing (``unknown``), and neither does one of such words alone
    that decide nothing. One word that denies presence is enough for ``no``.
    """
    plain = plain_kind(text)
    whole, parts = _list()
    found = _phrases(plain.split(), parts)
    is_listed = plain in whole or (bool(found) and all(phrase is not None for phrase in found))
    if site_kinds is not None and plain in site_kinds:
        term = _term(whole, plain, found)
        return Kind("yes" if site_kinds[plain] else "no", term if site_kinds[plain] else "", is_listed)
    if plain in whole:
        proves, term = whole[plain]
        return Kind(proves, term, True)
    meanings = {phrase[0] for phrase in found if phrase is not None}
    if "no" in meanings:
        return Kind("no", "", is_listed)
    if not is_listed:
        return Kind("unknown")
    if meanings & {"if_completed", "planned"}:
        return Kind("if_completed", _term(whole, plain, found), True)
    return Kind("yes", _term(whole, plain, found), True) if "yes" in meanings else Kind("unknown", "", True)


def denials() -> str:
    """Return the regular expression of the words that deny presence, for lower-case text."""
    return _expression("no")


def plans() -> str:
    """Return the regular expression of the words of a plan, which needs a status, for lower-case text."""
    return _expression("planned")


def _expression(meaning: str) -> str:
    _, parts = _list()
    words = sorted(word.replace(" ", "[^a-z0-9]+") for word, (proves, _) in parts.items() if proves == meaning)
    return f"(^|[^a-z0-9])({'|'.join(words)})([^a-z0-9]|$)"


def kind_terms() -> tuple[str, ...]:
    """Return the words that a kind may have in the warehouse; the last is ``other``."""
    return (*dict.fromkeys(row["term"] for row in _rows() if row["term"]), OTHER)


def read_status(text: str, site_statuses: Mapping[str, bool] | None = None) -> Proves:
    """Return what the status ``text`` of a contact says: ``yes`` (it took place), ``no``, or ``unknown``.

    ``site_statuses`` (plain status -> the contact took place) decides first.
    """
    plain = plain_kind(text)
    if site_statuses is not None and plain in site_statuses:
        return "yes" if site_statuses[plain] else "no"
    return _statuses().get(plain, "unknown")


def site_kinds(path: Path | None) -> dict[str, bool]:
    """Return plain kind -> whether it proves life, of the site's file; empty if there is none.

    An empty kind stands for contacts without one. Raises :class:`UserError` with the row.
    """
    return _site_words(path)["kind"]


def site_statuses(path: Path | None) -> dict[str, bool]:
    """Return plain status -> whether contacts of that status took place, of the site's file.

    Empty if there is none. Raises :class:`UserError` with the row.
    """
    return _site_words(path)["status"]


def site_kinds_digest(path: Path) -> str:
    """Return the digest of what the site's file says."""
    kinds, statuses = sorted(site_kinds(path).items()), sorted(site_statuses(path).items())
    return digest(kinds, statuses) if statuses else digest(kinds)


NAMED = "the file of sources.kinds"
"""What messages call the site's file."""


def _site_words(path: Path | None) -> dict[str, dict[str, bool]]:
    """Return ``kind`` and ``status`` -> plain word -> yes or no, of the rows of the site's file."""
    found: dict[str, dict[str, bool]] = {"kind": {}, "status": {}}
    for number, cells in read_rows(path, NAMED, ("kind", "proves_life")) if path else ():
        answer = cells["proves_life"].strip().lower()
        where = f"{NAMED}, row {number}"
        if answer not in {"yes", "no"}:
            raise UserError(f"{where}: proves_life is neither yes nor no", "write yes or no")
        words = {"kind": plain_kind(cells["kind"]), "status": plain_kind(cells.get("status", ""))}
        if all(words.values()):
            raise UserError(f"{where}: both a kind and a status", "write one of them in a row of its own")
        column = "status" if words["status"] else "kind"
        if found[column].setdefault(words[column], answer == "yes") != (answer == "yes"):
            raise UserError(f"{where}: this {column} is there twice, with yes and no", "delete one row")
    return found


def _term(whole: Mapping[str, tuple[Proves, str]], plain: str, found: list[tuple[Proves, str] | None]) -> str:
    if plain in whole and whole[plain][1]:
        return whole[plain][1]
    return next((phrase[1] for phrase in found if phrase is not None and phrase[1]), OTHER)


def _phrases(words: list[str], parts: Mapping[str, tuple[Proves, str]]) -> list[tuple[Proves, str] | None]:
    """Return the meaning of each phrase of ``words``, the longest first at each place; None for an unlisted word."""
    found: list[tuple[Proves, str] | None] = []
    start = 0
    while start < len(words):
        for length in range(min(LONGEST, len(words) - start), 0, -1):
            phrase = " ".join(words[start : start + length])
            if phrase in parts:
                found.append(parts[phrase])
                break
        else:
            length = 1
            found.append(("word", "") if MINUTES.fullmatch(words[start]) else None)  # type: ignore[arg-type]
        start += length
    return found


@functools.cache
def _list() -> tuple[dict[str, tuple[Proves, str]], dict[str, tuple[Proves, str]]]:
    """Return (kinds that stand alone, phrases that may be a part) -> what they prove and their term."""
    rows = [(row["word"], row["place"], row["proves"], row["term"]) for row in _rows()]
    alone = {word: (proves, term) for word, place, proves, term in rows if place == "alone"}
    parts = {word: (proves, term) for word, place, proves, term in rows if place == "any"}
    return alone, parts  # type: ignore[return-value]


@functools.cache
def _rows() -> tuple[dict[str, str], ...]:
    with resources.files("echomort.ehr").joinpath("contact_kinds.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


@functools.cache
def _statuses() -> dict[str, Proves]:
    with resources.files("echomort.ehr").joinpath("contact_statuses.csv").open(encoding="utf-8") as file:
        return {row["word"]: row["proves"] for row in csv.DictReader(file)}  # type: ignore[misc]
