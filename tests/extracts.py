"""Small health-record extracts in the canonical contract, and the tables that they become."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from echomort.keys import Keyring
from warehouse.connection import migrate
from warehouse.sources import contract
from warehouse.staging import StagingReport, stage

KEYRING = Keyring(b"a key that only these tests know....")
HEADERS: dict[str, list[str]] = {}
for _column in contract("canonical"):
    HEADERS.setdefault(_column.table, []).append(_column.name)

Rows = Mapping[str, Iterable[tuple[Any, ...]]]


def write_extract(folder: Path, rows: Rows) -> Path:
    """Write every canonical table as CSV, those that ``rows`` does not name with their header only."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, header in HEADERS.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([["" if cell is None else cell for cell in row] for row in rows.get(table, ())])
    return folder


def empty_warehouse() -> duckdb.DuckDBPyConnection:
    """Return a warehouse in memory with every table and no row."""
    config = {"python_enable_replacements": False, "autoinstall_known_extensions": False, "threads": 1}
    connection = duckdb.connect(config=config)
    migrate(connection)
    return connection


def staged(
    folder: Path, rows: Rows, dates: str = "shifted", keyring: Keyring = KEYRING
) -> tuple[duckdb.DuckDBPyConnection, StagingReport]:
    """Return a warehouse that holds ``rows``, and the report of their staging."""
    connection = empty_warehouse()
    return connection, stage(connection, write_extract(folder, rows), "canonical", keyring, dates)


def person(number: str, birth: str | None = "1950-03-04", sex: str = "F") -> tuple[Any, ...]:
    """Return a row of table patient."""
    return number, birth, sex, "White"


def patient_key(number: str) -> str:
    """Return the pseudonym of a record number."""
    return KEYRING.pseudonym("patient", number)


def study_key(number: str) -> str:
    """Return the pseudonym of a study number."""
    return KEYRING.pseudonym("study", number)


def counted(report: StagingReport) -> dict[tuple[str, str], int]:
    """Return (table, reason) -> count of what staging set aside or noted."""
    return {(conflict.table, conflict.reason): conflict.count for conflict in report.conflicts}


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of ``sql``."""
    return connection.execute(sql).fetchall()
