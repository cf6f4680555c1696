"""What to do about rows that staging set aside: one line for each reason, in words for the site's data engineer."""

import csv
import functools

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
    with (ROOT / "advice.csv").open(encoding="utf-8", newline="") as file:
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


def line(table: str, reason: str, rows: int, action: str, example: str | None) -> str:
    """Return table, column, how many rows, the pseudonym of one patient concerned, what was done and the remedy."""
    where = f"table {table}" + (f", column {column(table, reason)}" if column(table, reason) else "")
    whose = f", one of patient {example[:12]}" if example else ""
    counted = f"{rows} row" + ("" if rows == 1 else "s")
    return f"{where}: {reason} in {counted} ({action}{whose}); {remedy(reason)}"
