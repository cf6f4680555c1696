"""Advice to the site's data engineer for every reason why staging did not use a row or value as it was."""

import csv
import functools
from collections.abc import Mapping

from warehouse.queries import ROOT

DATE_COLUMNS = {
    "patient": "birth_date",
    "death": "death_date",
    "contact": "contact_at",
    "study": "study_at",
    "measurement": "measured_at",
    "diagnosis": "recorded_at",
    "medication": "started_at/ended_at",
}
"""Table -> its date columns; advice.csv refers to them as ``@date``."""


NOTHING_TO_DO = "nothing to do"
"""How the remedy begins where a reason is no error."""

FORMS = {"day_first": "DAY_FIRST_DATE", "month_first": "MONTH_FIRST_DATE", "decimal_comma": "DECIMAL_COMMA"}
"""Macro by which an adapter could read most of the dates or numbers that staging can't -> the reason that notes it."""


@functools.cache
def advice() -> dict[str, dict[str, str]]:
    """Return reason -> its row of ``advice.csv``."""
    with (ROOT / "staging" / "advice.csv").open(encoding="utf-8", newline="") as file:
        return {row["reason"]: row for row in csv.DictReader(file)}


def remedy(reason: str) -> str:
    """Return what the site can do about ``reason``; for a reason of an adapter, where to find its explanation."""
    return advice()[reason]["remedy"] if reason in advice() else "see left_out.sql of the adapter"


def is_ordinary(reason: str) -> bool:
    """Return whether ``reason`` is no error: there is nothing to do about it."""
    return remedy(reason).startswith(NOTHING_TO_DO)


def loses(table: str, reason: str) -> bool:
    """Return whether a row of ``table`` with ``reason`` is lost to an error: dropped, or of no more use."""
    tables = advice().get(reason, {}).get("loses", "").split()
    return table in tables or "*" in tables


def column(table: str, reason: str) -> str:
    """Return the column of ``table`` that ``reason`` is about; empty if it is about the whole row."""
    columns = advice().get(reason, {}).get("columns", "")
    if columns == "@date":
        return DATE_COLUMNS.get(table, "")
    named = dict(part.split(":") for part in columns.split())
    return named.get(table, named.get("*", ""))


def where(table: str, reason: str, origins: Mapping[tuple[str, str], str]) -> str:
    """Return a description of the table and column that ``reason`` is about, and of the raw column behind it."""
    named = column(table, reason)
    found = [origins[table, part] for part in named.split("/") if (table, part) in origins]
    return f"table {table}" + (f", column {named}" if named else "") + (f" (from {'; '.join(found)})" if found else "")
