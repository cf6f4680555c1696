"""Prints the account of the health records on the terminal: warnings first, plain words, aligned, a page or two."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assets.records.workbench import Coverage, RecordsAccount
from echomort.ehr.variables import METHOD
from echomort.report.blocks import Table
from echomort.report.words import REASONS

WIDTH = 110
"""Characters of a line. Our choice: a terminal of a laptop shows it whole."""

SHOWN_WORDS = 12
"""Words on no list that are shown of one reason; --json has more, --words all. Our choice: a line or two."""

STEPS = {"STUDIES": "Studies", "LABELLED": "Labelled", "COHORT": "Cohort"}
"""Steps of the attrition that are no exclusions, in words."""

SET_WORDS = {"clinical": "clinical", "echo": "echo", "diagnosis": "diagnoses"}
"""The sets of the method's variables, in words."""


def record_lines(account: RecordsAccount) -> Iterator[str]:
    """Yield the lines of ``echomort records``."""
    day = f"extract of {account.day}" if account.day else "no day of the extract: what lies after today is set aside"
    yield f"health records through adapter {account.adapter}; {day}"
    yield from _part("WARNINGS", _bullets(account.warnings) if account.warnings else ["  none"])
    yield from _part(
        "ROWS", _aligned(("table", "read", "used", "set aside"), [tuple(row.values()) for row in account.tables])
    )
    yield from _part("SET ASIDE, NOTHING TO DO", _bullets(_ordinary(account)))
    yield from _part("CONTACTS THAT PROVE PRESENCE", _listed((row["kind"], row["rows"]) for row in account.kinds))
    yield from _part(
        "WORDS ON NO LIST, WITH ROWS (#: the hash of a text, and its length; records --words FILE writes it)",
        _bullets(_unlisted(account)),
    )
    yield from _part("DIAGNOSIS CODES OF NO GROUP, BY CATEGORY", _categories(account))
    yield from _part("FROM STUDIES TO THE COHORT", _attrition(account))
    yield from _part("COVERAGE OF THE METHOD'S VARIABLES", _coverage(account.coverage))
    if account.table_one is not None:
        yield from _part(f"TABLE 1. {account.table_one.caption}", _table_one(account.table_one))


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a heading and its lines; nothing if there are no lines."""
    found = list(lines)
    if found:
        yield from ("", title, *found)


def _bullets(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _listed(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    text = ", ".join(f"{name} {value}" for name, value in pairs)
    return list(_bullets([text])) if text else []


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return lines of columns: the first aligned left, the others right."""
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    return ["  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in cells]


def _ordinary(account: RecordsAccount) -> Iterator[str]:
    tables = dict.fromkeys(one.table for one in account.set_aside)
    for table in tables:
        found = [one for one in account.set_aside if one.table == table and one.is_ordinary]
        if found:
            yield f"{table}: " + ", ".join(f"{one.reason} {one.count}" for one in found)


def _unlisted(account: RecordsAccount) -> Iterator[str]:
    for one in account.set_aside:
        named = ", ".join(f"{word} {rows}" for word, rows in one.words[:SHOWN_WORDS])
        more = f" and {len(one.words) - SHOWN_WORDS} more" if len(one.words) > SHOWN_WORDS else ""
        if named:
            yield f"{one.table}, {one.reason}: {named}{more}"


def _categories(account: RecordsAccount) -> list[str]:
    found = account.ungrouped
    if not found:
        return []
    rows = sum(row["rows"] for row in found)
    lines = _listed((row["category"], row["rows"]) for row in found[:SHOWN_WORDS])
    return [f"  {rows} rows of {len(found)} ICD-10 categories; the most frequent:", *lines]


def _attrition(account: RecordsAccount) -> list[str]:
    rows = [
        (STEPS.get(row["reason"]) or f"- {REASONS.get(row['reason'], row['reason'])}", row["studies"], row["patients"])
        for row in account.attrition
        if row["studies"] or row["reason"] in STEPS
    ]
    lines = _aligned(("", "studies", "patients"), rows)
    if not account.has_own_key:
        lines += _bullets(
            ["The site's key draws the sets apart: with heart-failure patients among them, the cohort may differ."]
        )
    return lines


def _coverage(coverage: Coverage) -> Iterator[str]:
    method = [row for row in coverage.variables if row["set"] in METHOD]
    heads = ("year", "studies", "labelled", "deaths", *SET_WORDS.values())
    rows = [
        (
            "unknown" if year["year"] is None else year["year"],
            *(year[name] for name in ("studies", "labelled", "deaths")),
            *(_percent(_mean(method, name, str(year["year"]))) for name in SET_WORDS),
        )
        for year in coverage.years
    ]
    yield from _aligned(heads, rows)
    yield "  The last three: mean share of the studies that have a value (a diagnosis group: on record)."
    for name in ("clinical", "echo"):
        of_set = sorted((row for row in method if row["set"] == name), key=lambda row: -row["share"])
        yield from _bullets(
            [f"{name}: " + ", ".join(f"{row['variable']} {_percent(row['share'])}" for row in of_set if row["share"])]
        )
    for name, words in SET_WORDS.items():
        absent = [row["variable"] for row in method if row["set"] == name and not row["share"]]
        if absent:
            short = [one.removeprefix("dx_").upper() if name == "diagnosis" else one for one in absent]
            yield from _bullets([f"{words} of no study ({len(absent)}): {', '.join(short)}"])


def _mean(rows: Sequence[Mapping[str, Any]], name: str, year: str) -> float:
    shares: list[float] = [row["by_year"].get(year, 0.0) for row in rows if row["set"] == name]
    return sum(shares) / len(shares)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _table_one(table: Table) -> list[str]:
    heads = [label for label, _ in table.heads]
    return _aligned(heads, [[f"{cell.text} {cell.aside}".strip() for cell in row] for row in table.cells])
