"""What a person should know about the health records: what staging and the features could not use, in one line each."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from assets.sources.ehr_extract import newest_change
from echomort.settings import Settings
from warehouse.queries import run
from warehouse.staging import advice
from warehouse.staging.staging import Conflict, conflicts, row_counts

SHOWN_WORDS = 6
"""Words on no list that one warning names at most. Our choice: a warning is a line or two."""

SHOWN_VARIABLES = 6
"""Variables that one warning names at most. Our choice, as for words."""

OLD_DAY = (
    "renew sources.extracted_on, or leave it out: the extract's files are newer than that day, and rows after it are "
    "set aside; correct dates that lie after the extract itself"
)
"""What to do about rows after the day of the extract where that is set, and older than the files."""

FEWEST_ROWS = 10
"""Rows from which a table can have lost too many, as in staging/unusable.sql. Our choice: fewer may be a trial."""


def records_warnings(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[tuple[str, str]]:
    """Return (asset, warning) of what staging and the features could not use, the most rows first.

    What needs no action, such as a second copy of a row, is no warning.
    """
    found = sorted(conflicts(connection, settings.sources.adapter), key=lambda one: (-one.lost, -one.count))
    own = {"FUTURE_DATE": OLD_DAY} if _has_old_day(settings) else {}
    lines = [(_asset(one), one.in_short(SHOWN_WORDS, own.get(one.reason))) for one in found if not one.is_ordinary]
    return lines + [("clinical_features", line) for line in refusal_lines(connection)]


def _has_old_day(settings: Settings) -> bool:
    """Return whether the day of the extract that is set is older than the extract's files."""
    stated, changed = settings.sources.extracted_on, newest_change(settings)
    return stated is not None and changed is not None and stated < changed


def _asset(conflict: Conflict) -> str:
    return conflict.table if conflict.table in advice.DATE_COLUMNS else "patient"


def refusal_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return one line for each reason why features could not use values, with the variables."""
    by_reason: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for variable, reason, count in run(connection, "reads/records/refusals.sql").fetchall():
        by_reason[reason].append((variable, count))
    return [_refused(reason, found) for reason, found in by_reason.items() if not advice.is_ordinary(reason)]


def _refused(reason: str, found: Sequence[tuple[str, int]]) -> str:
    values = sum(count for _, count in found)
    named = ", ".join(f"{variable} {count}" for variable, count in found[:SHOWN_VARIABLES])
    more = f" and {len(found) - SHOWN_VARIABLES} more" if len(found) > SHOWN_VARIABLES else ""
    return f"variables: {reason} in {_counted(values, 'value')} [{named}{more}]; {advice.remedy(reason)}"


def late_line(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """Return how many records lie after the end of the data, and the line that says so; empty if none does."""
    rows = run(connection, "reads/counts/late_records.sql").fetchall()
    if not rows:
        return 0, ""
    records, days, lone_days = rows[0]
    advised = "set sources.extracted_on if that is an error"
    if lone_days:
        return (
            records or 1,
            f"one record alone, {lone_days} days after all others, decides where the data end; {advised}",
        )
    late = f"{_counted(records, 'record')}, the last {_counted(days, 'day')} after the end of the data; {advised}"
    return records, late if records else ""


def _counted(number: int, noun: str) -> str:
    """Return a count with its noun; the report's own words would bring all that decides a report."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True)
class Lost:
    """The rows that ``table`` lost to errors, of ``rows`` that were read, by reason, the most frequent first; and the
    ``forms`` of dates and numbers among them that an adapter can read (reasons of ``advice.FORMS``)."""

    table: str
    rows: int
    reasons: tuple[tuple[str, int], ...]
    forms: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many were lost; a row may be counted for two reasons."""
        return min(self.rows, sum(count for _, count in self.reasons))

    def line(self, most: float) -> str:
        """Return the line that says that more than the share ``most`` was lost; empty if not, or of too few rows."""
        if self.rows < FEWEST_ROWS or self.count <= most * self.rows:
            return ""
        named = ", ".join(f"{reason} {count}" for reason, count in self.reasons)
        remedies = "; ".join(advice.remedy(reason) for reason in (self.reasons[0][0], *self.forms))
        share = min(1.0, math.ceil(100 * self.count / self.rows) / 100)
        return (
            f"{self.count} of {self.rows} rows of table {self.table} were lost to errors ({named}); "
            f"{remedies}; or accept the loss with --set sources.most_lost={share:g}"
        )


def lost_rows(connection: duckdb.DuckDBPyConnection, table: str) -> Lost:
    """Return the rows that ``table`` lost to errors."""
    found = run(connection, "staging/conflicts.sql").fetchall()
    lost = [
        (reason, count)
        for name, reason, count, action, _ in found
        if name == table and action in {"dropped", "nulled"} and advice.loses(table, reason)
    ]
    forms = tuple(reason for name, reason, *_ in found if name == table and reason in advice.FORMS.values())
    rows = row_counts(connection).get(table, (0, 0, 0))[0]
    return Lost(table, rows, tuple(sorted(lost, key=lambda one: -one[1])), forms)
