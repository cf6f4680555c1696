"""Stages an extract into the canonical tables: pseudonyms, one row for each person, shifted dates, counted rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.ehr.catalogue import Catalogue
from warehouse.adapters.extract import ExtractLocation, open_extract, origins
from warehouse.queries import run, scalar
from warehouse.staging import advice
from warehouse.staging.vocabulary import vocabulary

TABLES = ("patient", "death", "study", "contact", "measurement", "diagnosis", "medication")
"""The canonical tables in the order of staging: the rules of each may use the tables before it."""

LAST_MOVED_DATE = date(2299, 12, 31)
"""The latest date that is accepted if the source has moved its dates; otherwise it is today. Our choice."""


@dataclass(frozen=True)
class Conflict:
    """``count`` rows of ``table`` that staging could not use as they were, for one ``reason``.

    ``action``: dropped, nulled, quarantined or noted. ``example``: the pseudonym of one of the patients. ``where``: the
    table and column, in words.
    """

    table: str
    reason: str
    count: int
    action: str
    example: str | None
    where: str

    def __str__(self) -> str:
        """Return one line with table, column, count, example and remedy: no identifier, no value."""
        whose = f", one of patient {self.example[:12]}" if self.example else ""
        counted = f"{self.count} row" + ("" if self.count == 1 else "s")
        return f"{self.where}: {self.reason} in {counted} ({self.action}{whose}); {advice.remedy(self.reason)}"


@dataclass(frozen=True)
class StagingReport:
    """``rows``: table -> (read, staged, dropped). ``identifiers``: domain ("patient", "study") -> pseudonym ->
    identifier, for the key vault only."""

    rows: Mapping[str, tuple[int, int, int]]
    conflicts: tuple[Conflict, ...]
    identifiers: Mapping[str, Mapping[str, str]]


def stage(  # noqa: PLR0913, PLR0917
    connection: duckdb.DuckDBPyConnection,
    location: Path | ExtractLocation,
    adapter: str,
    keyring: Keyring,
    dates: Literal["shifted", "kept"],
    catalogue: Catalogue | None = None,
) -> StagingReport:
    """Replace the canonical tables with the extract at ``location`` (a path is a folder).

    ``catalogue`` names the variables that are staged (default: the shipped ones). Call it inside one transaction, and
    roll back if it raises. Every row is either staged or counted in ``conflict``. Every identifier becomes a keyed
    pseudonym; all record numbers of a person become the same one. Every date moves by the person's offset unless
    ``dates`` is ``kept``. Raises :class:`UserError` if a table or column is missing, if a file is malformed, or if no
    row of a table can be used.
    """
    bind: dict[str, Any] = {"adapter": Path(adapter).name, "dates": dates, "key_id": keyring.key_id}
    column_origins = origins(adapter)
    location = location if isinstance(location, ExtractLocation) else ExtractLocation(location)
    with open_extract(connection, location, adapter):
        calendar = scalar(connection, "adapters/calendar.sql")
        if calendar not in {"true", "own"}:
            raise UserError("calendar.sql of the adapter must yield 'true' or 'own'", "see docs/adapters.md")
        bind |= {"calendar": calendar, "today": date.today() if calendar == "true" else LAST_MOVED_DATE}
        run(connection, "definitions/unit.sql")
        run(connection, "staging/begin.sql", **bind)
        _write_vocabulary(connection, catalogue)
        identifiers = _write_keys(connection, keyring, dates)
        run(connection, "staging/merged.sql")
        for table in TABLES:
            _stage_table(connection, table, column_origins)
        run(connection, "staging/empty.sql")
        run(connection, "staging/quarantined.sql")
        run(connection, "staging/left_out.sql")
        run(connection, "staging/end.sql")
    return StagingReport(_rows(connection), _conflicts(connection, column_origins), identifiers)


def merge_record_numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return record number -> the smallest number of the same person, for every number in ``pairs``.

    Pairs may form chains and cycles, in any order; every number ends with exactly one person.
    """
    parent: dict[str, str] = {}

    def root(number: str) -> str:
        parent.setdefault(number, number)
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {number: root(number) for number in parent}


def _write_vocabulary(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue | None) -> None:
    words = pd.DataFrame(vocabulary(catalogue), columns=["field", "source_word", "term"], dtype="str")
    connection.append("vocabulary", words, by_name=True)


def _write_keys(
    connection: duckdb.DuckDBPyConnection, keyring: Keyring, dates: Literal["shifted", "kept"]
) -> dict[str, dict[str, str]]:
    merged = merge_record_numbers(run(connection, "staging/same_person.sql").fetchall())
    numbers = {number for (number,) in run(connection, "staging/record_numbers.sql").fetchall()} | set(merged)
    persons = pd.DataFrame({"patient_id": sorted(numbers)}, dtype="str")
    persons["alias_key"] = [keyring.pseudonym("patient", number) for number in persons["patient_id"]]
    persons["patient_key"] = [
        keyring.pseudonym("patient", merged.get(number, number)) for number in persons["patient_id"]
    ]
    persons["person_no"] = pd.factorize(persons["patient_key"], sort=True)[0]
    persons["shift"] = [keyring.shift_days(key) if dates == "shifted" else 0 for key in persons["patient_key"]]
    studies = pd.DataFrame(run(connection, "staging/study_numbers.sql").fetchall(), columns=["study_id"], dtype="str")
    studies["study_key"] = [keyring.pseudonym("study", number) for number in studies["study_id"]]
    connection.append("person", persons, by_name=True)
    connection.append("study_number", studies, by_name=True)
    return {
        "patient": dict(zip(persons["alias_key"], persons["patient_id"], strict=True)),
        "study": dict(zip(studies["study_key"], studies["study_id"], strict=True)),
    }


Origins = Mapping[tuple[str, str], str]
"""(Canonical table, column) -> a description of the raw column that it comes from."""


def _stage_table(connection: duckdb.DuckDBPyConnection, table: str, column_origins: Origins) -> None:
    run(connection, f"staging/{table}.sql")
    run(connection, "staging/account.sql", table=table)
    unusable = run(connection, "staging/unusable.sql", table=table).fetchall()
    if unusable:
        reason, count, example = unusable[0]
        where = advice.where(table, reason, column_origins)
        whose = f" (for one, patient {example[:12]})" if example else ""
        raise UserError(
            f"{where}: no row can be used, {reason} in all {count}{whose}",
            advice.remedy(reason),
        )


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int, int]]:
    counts = run(connection, "staging/counts.sql").fetchall()
    return {table: (read, staged, dropped) for table, read, staged, dropped in counts}


def _conflicts(connection: duckdb.DuckDBPyConnection, column_origins: Origins) -> tuple[Conflict, ...]:
    rows = run(connection, "staging/conflicts.sql").fetchall()
    return tuple(
        Conflict(table, reason, count, action, example, advice.where(table, reason, column_origins))
        for table, reason, count, action, example in rows
    )
