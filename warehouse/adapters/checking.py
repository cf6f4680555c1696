"""Everything that is wrong with an adapter and the extract that it reads, at once: a run stops at the first of it."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from echomort.core.errors import UserError
from warehouse.adapters.extract import (
    CANONICAL,
    OPTIONAL,
    ExtractLocation,
    adapt,
    adapter_folder,
    by_table,
    create,
    define_macros,
    errors_without_values,
    feeds,
    helpers_in_order,
    open_maps,
)
from warehouse.adapters.forms import READ, best_help, unread_forms
from warehouse.adapters.raw import Column, Extract
from warehouse.adapters.scaffold import MOST, NUMBERS
from warehouse.connection import connect_to_nothing
from warehouse.queries import query, run

SHOWN_FORMS = 3
"""Forms of one column that are shown. Our choice: the rest follow from them, mostly."""

TIME_REMEDY = (
    "write YYYY-MM-DD or YYYY-MM-DD HH:MM:SS; sources.time_zone reads times with an offset (docs/data_contract.md)"
)
NUMBER_REMEDY = "write numbers with a decimal point; a word is no value (map it in the SQL)"


@dataclass
class Findings:
    """``problems``: what is wrong and what to do, a line each; ``rows``: canonical table -> rows that the adapter
    yields."""

    problems: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    def attempt(self, step: Callable[[], Any]) -> bool:
        """Run ``step``; return whether it did what it should. A :class:`UserError` becomes a problem."""
        try:
            with errors_without_values():
                step()
        except UserError as error:
            self.problems.append(str(error))
            return False
        return True


def check_adapter(location: ExtractLocation, adapter: str) -> Findings:
    """Return everything that is wrong with ``adapter`` and the folder of ``location``: tables and columns that are
    missing, files that can't be read, SQL that can't be run, times and numbers in forms that staging can't read (as
    forms, never as cells).

    Raises :class:`UserError` where there is no adapter, no contract or no folder to begin with.
    """
    findings = Findings()
    folder, tables, dispensable = adapter_folder(adapter), by_table(adapter), feeds(adapter)
    with connect_to_nothing() as connection:
        extract = Extract(
            connection, location.folder, None, None, {table: said for table, (_, said) in dispensable.items()},
            location.encoding, location.vocabulary,
        )  # fmt: skip
        define_macros(connection, location)
        run(connection, "definitions/partial_date.sql")
        run(connection, "definitions/number.sql")
        for columns in tables.values():
            _open(extract, columns, findings)
        findings.problems += [f"{table} is not used: {problem}" for table, problem in sorted(extract.unused.items())]
        findings.attempt(lambda: open_maps(connection, folder))
        findings.attempt(lambda: _make_helpers(connection, folder, findings))
        for table in (*CANONICAL, *OPTIONAL):
            if findings.attempt(functools.partial(adapt, connection, folder, table)) and table in CANONICAL:
                findings.attempt(functools.partial(_look_at, connection, table, findings))
    return findings


def _open(extract: Extract, columns: Sequence[Column], findings: Findings) -> None:
    """Open a raw table and read all of it; where that fails it is empty, so that the SQL can be checked too."""
    view = f"raw_{columns[0].table}"
    opened = findings.attempt(lambda: extract.open(columns))
    if not opened or not findings.attempt(lambda: _rows(extract.connection, view)):
        extract.leave_empty(columns)


def _rows(connection: duckdb.DuckDBPyConnection, view: str) -> int:
    """Return how many rows ``view`` has; all its cells are read."""
    return int(connection.execute(query("adapters/rows.sql").format(view=view)).fetchall()[0][0])


def _make_helpers(connection: duckdb.DuckDBPyConnection, folder: Path, findings: Findings) -> None:
    for path in helpers_in_order(folder):
        findings.attempt(functools.partial(create, connection, "adapters/made.sql", path, path.stem))


def _look_at(connection: duckdb.DuckDBPyConnection, table: str, findings: Findings) -> None:
    """Count the rows of a canonical table, and find the forms of its times and numbers that staging can't read."""
    findings.rows[table] = _rows(connection, f"source_{table}")
    for column in CANONICAL[table]:
        if column in READ:
            findings.problems += _unread(connection, table, column, findings.rows[table])


def _unread(connection: duckdb.DuckDBPyConnection, table: str, column: str, rows: int) -> Iterator[str]:
    """Yield what is wrong with a column many of whose cells are unread, or most of whose unread cells a macro mends."""
    helps, helped = best_help(connection, table, column)
    found = unread_forms(connection, table, column, helps)
    if helped or sum(count for _, count, _ in found) > (1 - MOST) * rows:
        forms = ", ".join(f"{form} ({count} rows)" for form, count, _ in found[:SHOWN_FORMS])
        more = f" and {len(found) - SHOWN_FORMS} other forms" if len(found) > SHOWN_FORMS else ""
        remedy = NUMBER_REMEDY if column in NUMBERS else TIME_REMEDY
        advice = f"write {helps}(...) around it in {table}.sql" if helped else remedy
        yield f"{table}.{column} can't be read where it is {forms}{more}; {advice}"
