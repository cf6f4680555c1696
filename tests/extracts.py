"""Small health-record extracts in the canonical contract, and the tables that they become."""

import csv
import functools
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from echomort.core.keys import Keyring
from warehouse.adapters.extract import contract
from warehouse.connection import migrate, transaction
from warehouse.staging.staging import StagingReport, stage

KEYRING = Keyring(b"a key that only these tests know....")
HEADERS: dict[str, list[str]] = {}
for _column in contract("canonical"):
    HEADERS.setdefault(_column.table, []).append(_column.name)

CONFIG = {"python_enable_replacements": False, "autoinstall_known_extensions": False, "threads": 1}

Rows = Mapping[str, Iterable[tuple[Any, ...]]]

START = date(2012, 1, 1)
MEASURED = (("lvef", 35, "%"), ("sbp", 110, "mm[Hg]"), ("rdw", 13, "%"), ("smoking", 1, ""))


def clean_records(seed: int, patients: int = 60) -> dict[str, list[tuple[Any, ...]]]:
    """Return the extract of a small, clean hospital: every check passes on it."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[tuple[Any, ...]]] = {
        table: [] for table in ("patient", "death", "study", "contact", "measurement", "diagnosis", "medication")
    }
    for number in range(patients):
        name = f"{seed}-{number}"
        at = datetime.combine(START + timedelta(days=int(random.integers(0, 1500))), datetime.min.time())
        birth = START - timedelta(days=int(random.integers(8000, 30000)))
        rows["patient"].append((name, birth, "FM"[number % 2], "White"))
        rows["study"].append((f"S{name}", name, at + timedelta(hours=9), "outpatient"))
        rows["contact"] += [(name, at + timedelta(days=int(day)), "visit") for day in (5, 400, 2500)]
        if number % 6 == 0:
            rows["contact"] = rows["contact"][:-2]
            rows["death"].append((name, (at + timedelta(days=60)).date(), "registry"))
        rows["measurement"] += [
            (
                name,
                f"S{name}" if variable == "lvef" else "",
                variable,
                low + int(random.integers(0, 20)) * (variable != "smoking"),
                unit,
                at + timedelta(hours=8),
            )
            for variable, low, unit in MEASURED
        ]
        rows["diagnosis"].append((name, "ICD10CM", "I50.9", at + timedelta(hours=8)))
        rows["medication"].append((name, "statin", 20, "mg/d", at + timedelta(hours=8), at + timedelta(days=90)))
    rows["contact"] += [(f"{seed}-1", START + timedelta(days=day), "visit") for day in (4400, 4700, 5000)]
    return rows


def write_extract(folder: Path, rows: Rows) -> Path:
    """Write every canonical table as CSV, those that ``rows`` does not name with their header only."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, header in HEADERS.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            empty = [""] * len(header)
            for row in rows.get(table, ()):
                writer.writerow([*("" if cell is None else cell for cell in row), *empty[len(row) :]])
    return folder


def empty_warehouse() -> duckdb.DuckDBPyConnection:
    """Return a warehouse in memory with every table and no row, as the migrations leave it."""
    connection = duckdb.connect(config=CONFIG)
    with transaction(connection):
        connection.execute(_definitions())
    return connection


@functools.cache
def _definitions() -> str:
    """Return the statements that define what the migrations made: to run these takes a third of their time."""
    with duckdb.connect(config=CONFIG) as connection:
        migrate(connection)
        rows = fetch(connection, "SELECT sql FROM duckdb_sequences()")
        rows += fetch(connection, "SELECT sql FROM duckdb_tables()")
        rows += fetch(connection, "SELECT sql FROM duckdb_indexes()")
        rows += fetch(connection, "SELECT sql FROM duckdb_views() WHERE NOT internal")
        done = fetch(connection, "SELECT number, name FROM migration")
    applied = ", ".join(str(one) for one in done)
    return ";".join([*(text for (text,) in rows), f"INSERT INTO migration VALUES {applied}"])


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
