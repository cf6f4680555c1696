"""Finds the raw tables of an extract and creates the views ``raw_<table>`` that read them.

A table is a CSV file (also compressed), a Parquet file, a table of the one DuckDB file in the folder, or a table of a
PostgreSQL database. Files are found by name in the folder or in a folder directly below it; upper and lower case, and
hyphens and underscores, are the same. Files are read in place during staging. Tables of PostgreSQL are copied first.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import duckdb
import pyarrow
import pyarrow.parquet

from echomort.core.errors import UserError
from echomort.core.files import disk_error, resolve_under
from warehouse.adapters.postgresql import Relation, Snapshot
from warehouse.queries import query, run

SUFFIXES = (".csv", ".csv.gz", ".parquet")
"""File names that a table may end with."""

DATABASE = ".duckdb"
"""Ending of the DuckDB file of an extract."""

UNNAMED = re.compile(r"column\d+")
"""The names that DuckDB gives to columns when it takes a CSV file's header for a row."""

GZIP_CHUNK_BYTES = 2**20
"""Bytes read at a time when a compressed file is checked (1 MiB). Our choice: it bounds memory."""


@dataclass(frozen=True)
class Column:
    """A column of a raw table. ``required``: ``yes``, ``no``, or ``with_table`` (if the optional table exists)."""

    table: str
    name: str
    required: str
    type: str
    meaning: str


@dataclass(frozen=True)
class RawTable:
    """A table found in an extract.

    ``title`` names it in messages; ``kind`` selects the SQL file that reads it (``raw_<kind>.sql``). ``texts`` are the
    columns in which an empty text stands for a missing value, as it does in a CSV file.
    """

    title: str
    kind: str
    columns: frozenset[str]
    texts: frozenset[str] = frozenset()
    relation: Relation | None = None


class Extract:
    """One extract: a folder, a PostgreSQL database, or both. Its tables are opened one by one."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        root: Path | None,
        database: Snapshot | None = None,
        copies: Path | None = None,
    ) -> None:
        """List the tables in ``root``; raises :class:`UserError` if it is missing or holds two databases.

        Tables of ``database`` are copied into the folder ``copies`` when they are opened.
        """
        if root is not None and not root.is_dir():
            raise UserError(f"the folder of the health-record extract does not exist ({root})", "correct sources.ehr")
        self.connection, self.root, self.database, self.copies = connection, root, database, copies
        self.files = _by_name(root) if root else {}
        self.relations = self._attach(root) if root else {}

    def open(self, columns: Sequence[Column]) -> None:
        """Create ``raw_<table>`` with exactly ``columns``, all of one table; missing optional columns are null.

        Raises :class:`UserError` with the table and column if a table is missing, exists twice or lacks a column.
        """
        table = columns[0].table
        found = self._find(table)
        if found is None:
            self._absent(table, columns)
            return
        missing = [column.name for column in columns if column.required != "no" and column.name not in found.columns]
        if missing:
            names = ", ".join(column.name for column in columns)
            commas = "separated by commas, " if found.kind == "csv" else ""
            raise UserError(
                f"table {table} ({found.title}) has no column {', '.join(missing)}",
                f"its columns must be {names}, {commas}in any order",
            )
        present = found.columns if found.kind != "absent" else frozenset()
        if found.relation:
            self._copy(table, found.relation, [column.name for column in columns if column.name in present])
        self._create(found.kind, table, [_column_expression(column.name, present, found.texts) for column in columns])

    def _copy(self, table: str, relation: Relation, names: list[str]) -> None:
        """Copy a table of PostgreSQL to a Parquet file in batches, so that memory does not grow with its size."""
        assert self.database is not None
        assert self.copies is not None
        path = self.copies / f"{table}.parquet"
        schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
        try:
            with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as file:
                for batch in self.database.batches(relation, names):
                    file.write_batch(batch.select(names).cast(schema))
        except OSError as error:
            raise disk_error(error) from error
        _set(self.connection, f"path_{table}", str(path))

    def _absent(self, table: str, columns: Sequence[Column]) -> None:
        if any(column.required == "yes" for column in columns):
            raise UserError(
                f"the extract has no table {table} ({self._searched_places(table)})",
                "add it; a file with only a header is enough if the site has no such rows",
            )
        self._create("absent", table, [_column_expression(column.name, frozenset()) for column in columns])

    def _searched_places(self, table: str) -> str:
        files = f"no {' or '.join(table + suffix for suffix in SUFFIXES)} in {self.root}"
        schemas = ", ".join(self.database.settings.schemas) if self.database else ""
        relations = f"no table or view of that name in schema {schemas}"
        return " and ".join(([files] if self.root else []) + ([relations] if self.database else []))

    def _create(self, kind: str, table: str, columns: list[str]) -> None:
        self.connection.execute(query(f"adapters/raw_{kind}.sql").format(table=table, columns=", ".join(columns)))

    def _find(self, table: str) -> RawTable | None:
        paths, relations = self.files.get(table, []), self.relations.get(table, [])
        in_database = self.database.find(table) if self.database else None
        titles = [path.name for path in paths] + [f"{relation} of the database" for relation in relations]
        titles += [f"{in_database.qualified_name} of PostgreSQL"] if in_database else []
        if len(titles) > 1:
            raise UserError(f"table {table} exists twice ({', '.join(titles)})", "keep one of them")
        if in_database:
            return RawTable(titles[0], "parquet", in_database.names, in_database.names, in_database)
        if paths and self.root:
            return self._file(table, _inside(self.root, paths[0]))
        return self._relation(table, relations[0]) if relations else None

    def _file(self, table: str, path: Path) -> RawTable:
        if path.suffix == ".parquet":
            return RawTable(path.name, "parquet", *_parquet_columns(self.connection, table, path))
        return RawTable(path.name, "csv", _csv_columns(self.connection, table, path))

    def _relation(self, table: str, relation: str) -> RawTable:
        name = f"{table} of the database"
        _set(self.connection, f"relation_{table}", relation)
        columns, texts = _described(run(self.connection, "adapters/relation_columns.sql", relation=relation).fetchall())
        if not all(UNNAMED.fullmatch(column) for column in columns):
            return RawTable(name, "duckdb", columns, texts)
        # DuckDB imported a CSV file without rows: the header became the only row.
        rows = run(self.connection, "adapters/relation_sample.sql", relation=relation).fetchall()
        only = rows[0] if len(rows) == 1 else ()
        return RawTable(name, "absent", frozenset(str(cell).strip().lower() for cell in only))

    def _attach(self, root: Path) -> dict[str, list[str]]:
        databases = sorted(path for path in root.iterdir() if path.suffix == DATABASE and _visible(path))
        if not databases:
            return {}
        if len(databases) > 1:
            raise UserError(
                f"the extract holds two databases ({', '.join(path.name for path in databases)})", "keep one of them"
            )
        try:
            run(self.connection, "adapters/attach.sql", path=str(_inside(root, databases[0])))
        except duckdb.Error:
            raise UserError(
                f"{databases[0].name} is not a DuckDB database that can be read",
                "close it in other programs, or write it again with the DuckDB version that echomort uses",
            ) from None
        relations: dict[str, list[str]] = {}
        for name, relation in run(self.connection, "adapters/relations.sql").fetchall():
            relations.setdefault(name, []).append(relation)
        return relations


def _column_expression(name: str, present: frozenset[str], texts: frozenset[str] = frozenset()) -> str:
    if name in texts:
        return f"nullif({name}, '') AS {name}"
    return name if name in present else f"NULL::VARCHAR AS {name}"


def _described(rows: Sequence[tuple[Any, ...]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all columns in the rows of DESCRIBE, and the names of the text columns."""
    types = {str(name).strip().lower(): kind for name, kind, *_ in rows}
    return frozenset(types), frozenset(name for name, kind in types.items() if kind == "VARCHAR")


def _by_name(root: Path) -> dict[str, list[Path]]:
    """Return table name -> files; files in ``root`` itself win over files one folder below."""
    found: dict[str, list[Path]] = {}
    for folders in ([root], sorted(path for path in root.iterdir() if path.is_dir() and _visible(path))):
        level: dict[str, list[Path]] = {}
        for path in sorted(path for folder in folders for path in folder.iterdir() if _visible(path)):
            suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
            if suffix and not path.is_dir():
                name = path.name[: -len(suffix)].lower().replace("-", "_")
                level.setdefault(name, []).append(path)
        found = level | found
    return found


def _visible(path: Path) -> bool:
    return not path.name.startswith(".")


def _inside(root: Path, path: Path) -> Path:
    try:
        return resolve_under(root, str(path.relative_to(root)))
    except ValueError:
        raise UserError(f"{path.name} is a link that leaves the folder of the extract", "copy the file") from None


def _parquet_columns(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path
) -> tuple[frozenset[str], frozenset[str]]:
    _set(connection, f"path_{table}", str(path))
    try:
        rows = run(connection, "adapters/parquet_columns.sql", path=str(path)).fetchall()
    except duckdb.Error:
        raise UserError(f"table {table} ({path.name}) is not a readable Parquet file", "write it again") from None
    return _described(rows)


def _csv_columns(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> frozenset[str]:
    try:
        _read_through(path)
        encoding = _encoding(path)
        separator, header = _header(path, encoding)
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path.name} can't be read", "make it readable, or export the table again") from None
    if len(set(header)) != len(header) or "" in header:
        raise UserError(
            f"the header of {path.name} has an empty or a repeated column name", "give each column one name"
        )
    _set(connection, f"path_{table}", str(path))
    _set(connection, f"columns_{table}", dict.fromkeys(header, "VARCHAR"))
    _set(connection, f"encoding_{table}", encoding)
    _set(connection, f"separator_{table}", separator)
    _set(connection, f"quote_{table}", '"' if separator == "," else "")
    return frozenset(header)


def _set(connection: duckdb.DuckDBPyConnection, variable: str, value: object) -> None:
    connection.execute(f"SET VARIABLE {variable} = $value", {"value": value})


def _read_through(path: Path) -> None:
    """Read a compressed file to its end, which verifies its checksum: DuckDB does not."""
    with _open(path) as file:
        while path.suffix.lower() == ".gz" and file.read(GZIP_CHUNK_BYTES):
            pass


def _encoding(path: Path) -> str:
    with _open(path) as file:
        start = file.read(4)
    if start.startswith(b"\xfe\xff"):
        raise UserError(f"{path.name} is big-endian UTF-16", "save it as UTF-8")
    return "utf-16" if start.startswith(b"\xff\xfe") else "utf-8"


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Return the separator of the columns (a comma, or a tab as in the files of OHDSI's Athena) and their names."""
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        try:
            names = next(csv.reader(file), [])
        except (UnicodeDecodeError, csv.Error):
            raise UserError(f"the header of {path.name} can't be read", "save the file as CSV in UTF-8") from None
    separator = "\t" if len(names) == 1 and "\t" in names[0] else ","
    names = names[0].split("\t") if separator == "\t" else names
    return separator, [name.strip().lower() for name in names]


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")
