"""The extract as a hospital gives it: files opened as raw views, adapters that turn them into canonical tables.

An adapter is a folder here: ``contract.csv`` names the raw tables and columns it needs, and one SELECT a canonical
table (``<table>.sql``) reads them as ``raw_<table>``. What it may hold besides: ``calendar.sql`` where the source moved
the dates of each patient, ``left_out.sql`` that counts what it does not read, and CSV files, which its SQL reads as
``map_<file>``.
"""

import contextlib
import csv
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from echomort.errors import UserError
from warehouse.queries import ROOT, query
from warehouse.sources.raw import Column, Extract

CANONICAL = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", "identity")
NAME = re.compile(r"[a-z][a-z0-9_]*")
PLAIN = {"calendar": "true_dates.sql", "left_out": "nothing_left_out.sql"}
"""What stands for the files that an adapter need not have."""


@functools.cache
def contract(adapter: str) -> tuple[Column, ...]:
    """Return the raw columns that ``adapter`` reads."""
    path = ROOT / "sources" / adapter / "contract.csv"
    if not NAME.fullmatch(adapter) or not path.is_file():
        raise UserError("unknown adapter in sources.adapter", f"known: {', '.join(adapters())}")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = tuple(
        Column(row["table"], row["column"], *(row[key] for key in ("required", "type", "meaning"))) for row in rows
    )
    if not all(NAME.fullmatch(column.table) and NAME.fullmatch(column.name) for column in columns):
        raise ValueError(f"a name in the contract of {adapter} is not a plain identifier")
    return columns


def adapters() -> list[str]:
    """Return the names of the adapters that are shipped."""
    return sorted(path.parent.name for path in (ROOT / "sources").glob("*/contract.csv"))


def open_extract(connection: duckdb.DuckDBPyConnection, root: Path, adapter: str) -> None:
    """Create the temporary views ``source_<table>`` of every canonical table over the files under ``root``.

    Raises :class:`UserError` naming the table and column where a file is missing, is there twice, or lacks a column.
    """
    columns = contract(adapter)
    extract = Extract(connection, root)
    for table in dict.fromkeys(column.table for column in columns):
        extract.open([column for column in columns if column.table == table])
    for path in sorted((ROOT / "sources" / adapter).glob("*.csv")):
        if path.stem != "contract":
            connection.execute(f"SET VARIABLE map_{path.stem} = $path", {"path": str(path)})
            connection.execute(query("sources/raw_map.sql").format(table=path.stem))
    for table in (*CANONICAL, *PLAIN):
        file = f"{adapter}/{table}.sql"
        if table in PLAIN and not (ROOT / "sources" / file).is_file():
            file = PLAIN[table]
        connection.execute(query("sources/adapted.sql").format(table=table, adapter=query(f"sources/{file}")))


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn DuckDB's message about a malformed file, which quotes the line, into one that names file and line only."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        explained = _explained(str(error))
        if explained is None:
            raise
        raise explained from None


def _explained(message: str) -> UserError | None:
    line = re.search(r"Line: (\d+)", message)
    named = re.search(r"([^\s/\"']+\.(?:csv\.gz|csv|parquet))\b", message.rpartition("file = ")[2])
    name = named[1] if named else "a file of the extract"
    if "utf-8" in message and "mismatch" in message:
        return UserError(f"{name} is not UTF-8" + (f" (line {line[1]})" if line else ""), "save it as CSV in UTF-8")
    if "CSV Error" in message and line:
        problem = f"{name} is malformed at line {line[1]}: {_malformation(message)}"
        return UserError(problem, "mend the line, or export the table again")
    if "CSV" in message:
        return UserError(f"{name} is no regular CSV", "export it again, with one kind of line ending and in UTF-8")
    if named:
        return UserError(f"{name} is damaged", "export the table again")
    return None


def _malformation(message: str) -> str:
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        return f"{counts[2]} columns instead of {counts[1]}"
    if "unterminated quote" in message:
        return "a quotation mark that is not closed"
    return "a line that can't be read"
