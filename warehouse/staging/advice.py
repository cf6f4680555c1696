"""What to do about rows that staging set aside: one line for each reason, in words for the site's data engineer."""

import csv
import functools
from collections.abc import Mapping

from warehouse.queries import ROOT

DATES = {
    "patient": "birth_date",
    "death": "death_date",
    "contact": "contact_at",
    "study": "study_at",
    "measurement": "measured_at",
    "diagnosis": "recorded_at",
    "medication": "started_at/ended_at",
}


@functools.cache
def advice() -> dict[str, dict[str, str]]:
    """Return reason -> its row of ``advice.csv``."""
    with (ROOT / "staging" / "advice.csv").open(encoding="utf-8", newline="") as file:
        return {row["reason"]: row for row in csv.DictReader(file)}


def remedy(reason: str) -> str:
    """Return what the site can do about ``reason``; an adapter's own reasons are explained by the adapter."""
    return advice()[reason]["remedy"] if reason in advice() else "see left_out.sql of the adapter"


def column(table: str, reason: str) -> str:
    """Return the column of ``table`` that ``reason`` is about, or nothing where it is the whole row."""
    columns = advice().get(reason, {}).get("columns", "")
    if columns == "@date":
        return DATES.get(table, "")
    named = dict(part.split(":") for part in columns.split())
    return named.get(table, named.get("*", ""))


def where(table: str, reason: str, origins: Mapping[tuple[str, str], str]) -> str:
    """Return the table and the column that ``reason`` is about, and where the adapter takes the column from."""
    named = column(table, reason)
    found = [origins[table, part] for part in named.split("/") if (table, part) in origins]
    return f"table {table}" + (f", column {named}" if named else "") + (f" (from {'; '.join(found)})" if found else "")
