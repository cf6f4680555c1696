"""The extract as a hospital gives it: files opened as raw views, adapters that turn them into canonical tables.

An adapter is a folder here: ``contract.csv`` names the raw tables and columns it needs, and one SELECT a canonical
table (``<table>.sql``) reads them as ``raw_<table>``. Nothing is copied: the views read the files when staging does.
"""

import contextlib
import csv
import functools
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import duckdb

from echomort.errors import UserError
from echomort.files import resolve_under
from warehouse.queries import ROOT, query

CANONICAL = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", "identity")
SUFFIXES = (".csv", ".csv.gz", ".parquet")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """A column of a raw table. ``required``: ``yes``, ``no``, or ``with_table`` (where the optional table is there)."""

    table: str
    name: str
    required: str
    type: str
    meaning: str


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
    if not root.is_dir():
        raise UserError(f"the folder of the health-record extract does not exist ({root})", "correct sources.ehr")
    for table in dict.fromkeys(column.table for column in columns):
        _open_table(connection, root, [column for column in columns if column.table == table])
    for table in CANONICAL:
        connection.execute(
            query("sources/adapted.sql").format(table=table, adapter=query(f"sources/{adapter}/{table}.sql"))
        )


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


def _open_table(connection: duckdb.DuckDBPyConnection, root: Path, columns: list[Column]) -> None:
    table = columns[0].table
    path = _find(root, table)
    if path is None:
        if any(column.required == "yes" for column in columns):
            raise UserError(
                f"the extract has no table {table} (no {' or '.join(table + suffix for suffix in SUFFIXES)} in {root})",
                "add it; a file that holds only the header says that there is nothing to tell",
            )
        _create(connection, "absent", table, [f"NULL::VARCHAR AS {column.name}" for column in columns])
        return
    kind = "parquet" if path.suffix == ".parquet" else "csv"
    present = (_parquet_columns if kind == "parquet" else _csv_columns)(connection, table, path)
    missing = [column.name for column in columns if column.required != "no" and column.name not in present]
    if missing:
        raise UserError(
            f"table {table} ({path.name}) has no column {', '.join(missing)}",
            f"its columns must be {', '.join(column.name for column in columns)}, separated by commas, in any order",
        )
    selected = [column.name if column.name in present else f"NULL::VARCHAR AS {column.name}" for column in columns]
    _create(connection, kind, table, selected)


def _create(connection: duckdb.DuckDBPyConnection, kind: str, table: str, columns: list[str]) -> None:
    connection.execute(query(f"sources/raw_{kind}.sql").format(table=table, columns=", ".join(columns)))


def _find(root: Path, table: str) -> Path | None:
    found = [root / f"{table}{suffix}" for suffix in SUFFIXES if (root / f"{table}{suffix}").exists()]
    if len(found) > 1:
        raise UserError(f"table {table} is there twice ({', '.join(path.name for path in found)})", "keep one of them")
    if not found:
        return None
    try:
        return resolve_under(root, found[0].name)
    except ValueError:
        raise UserError(f"{found[0].name} is a link that leaves the folder of the extract", "copy the file") from None


def _parquet_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> set[str]:
    _set(connection, f"path_{table}", str(path))
    try:
        rows = connection.execute("DESCRIBE FROM read_parquet($path)", {"path": str(path)}).fetchall()
    except duckdb.Error:
        raise UserError(f"table {table} ({path.name}) is not a readable Parquet file", "write it again") from None
    return {str(row[0]).strip().lower() for row in rows}


def _csv_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> set[str]:
    try:
        _read_through(path)
        encoding = _encoding(path)
        header = [name.strip().lower() for name in _header(path, encoding)]
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path.name} can't be read", "make it readable, or export the table again") from None
    if len(set(header)) != len(header) or "" in header:
        raise UserError(
            f"the header of {path.name} has an empty or a repeated column name", "give each column one name"
        )
    _set(connection, f"path_{table}", str(path))
    _set(connection, f"columns_{table}", dict.fromkeys(header, "VARCHAR"))
    _set(connection, f"encoding_{table}", encoding)
    return set(header)


def _set(connection: duckdb.DuckDBPyConnection, variable: str, value: object) -> None:
    connection.execute(f"SET VARIABLE {variable} = $value", {"value": value})


def _read_through(path: Path) -> None:
    """Read a compressed file to its end: DuckDB does not look at the checksum."""
    with _open(path) as file:
        while path.suffix == ".gz" and file.read(2**20):
            pass


def _encoding(path: Path) -> str:
    with _open(path) as file:
        start = file.read(4)
    if start.startswith(b"\xfe\xff"):
        raise UserError(f"{path.name} is big-endian UTF-16", "save it as UTF-8")
    return "utf-16" if start.startswith(b"\xff\xfe") else "utf-8"


def _header(path: Path, encoding: str) -> list[str]:
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        try:
            return next(csv.reader(file), [])
        except (UnicodeDecodeError, csv.Error):
            raise UserError(f"the header of {path.name} can't be read", "save the file as CSV in UTF-8") from None


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


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
