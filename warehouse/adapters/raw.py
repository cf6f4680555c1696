"""Raw tables: where they lie, and the views ``raw_<table>`` that read them.

A table is a CSV file (also compressed), a Parquet file, a table of the one DuckDB file in the folder, or one of a
PostgreSQL database. Files are found by name, in capitals or not and with hyphens or underscores, in the folder or in a
folder directly below it. Files are not copied: the views read when staging does. PostgreSQL's tables are.
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
DATABASE = ".duckdb"
UNNAMED = re.compile(r"column\d+")


@dataclass(frozen=True)
class Column:
    """A column of a raw table. ``required``: ``yes``, ``no``, or ``with_table`` (where the optional table is there)."""

    table: str
    name: str
    required: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Found:
    """A raw table: what to call it in a message, how it is read, the columns that it has, and which of them may hold
    empty text where a CSV file has nothing."""

    title: str
    kind: str
    columns: frozenset[str]
    texts: frozenset[str] = frozenset()
    relation: Relation | None = None


class Extract:
    """One extract, a folder or a PostgreSQL database or both, its tables opened one by one."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        root: Path | None,
        database: Snapshot | None = None,
        copies: Path | None = None,
    ) -> None:
        """Look through ``root``; raises :class:`UserError` where it is missing or holds two databases.

        What is read of ``database`` is copied into the folder ``copies``.
        """
        if root is not None and not root.is_dir():
            raise UserError(f"the folder of the health-record extract does not exist ({root})", "correct sources.ehr")
        self.connection, self.root, self.database, self.copies = connection, root, database, copies
        self.files = _by_name(root) if root else {}
        self.relations = self._attach(root) if root else {}

    def open(self, columns: Sequence[Column]) -> None:
        """Create ``raw_<table>`` with exactly ``columns``, those of one table; absent optional ones are null.

        Raises :class:`UserError` naming the table and column where a file is missing, is there twice, or lacks a
        column.
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
        self._create(found.kind, table, [_selected(column.name, present, found.texts) for column in columns])

    def _copy(self, table: str, relation: Relation, names: list[str]) -> None:
        """Bring a table of PostgreSQL over, so much at a time that memory does not grow with it."""
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
                f"the extract has no table {table} ({self._looked_for(table)})",
                "add it; one that holds only its header says that there is nothing to tell",
            )
        self._create("absent", table, [_selected(column.name, frozenset()) for column in columns])

    def _looked_for(self, table: str) -> str:
        files = f"no {' or '.join(table + suffix for suffix in SUFFIXES)} in {self.root}"
        schemas = ", ".join(self.database.settings.schemas) if self.database else ""
        relations = f"no table or view of the name in schema {schemas}"
        return " and ".join(([files] if self.root else []) + ([relations] if self.database else []))

    def _create(self, kind: str, table: str, columns: list[str]) -> None:
        self.connection.execute(query(f"adapters/raw_{kind}.sql").format(table=table, columns=", ".join(columns)))

    def _find(self, table: str) -> Found | None:
        paths, relations = self.files.get(table, []), self.relations.get(table, [])
        elsewhere = self.database.find(table) if self.database else None
        titles = [path.name for path in paths] + [f"{relation} of the database" for relation in relations]
        titles += [f"{elsewhere.place} of PostgreSQL"] if elsewhere else []
        if len(titles) > 1:
            raise UserError(f"table {table} is there twice ({', '.join(titles)})", "keep one of them")
        if elsewhere:
            return Found(titles[0], "parquet", elsewhere.names, elsewhere.names, elsewhere)
        if paths and self.root:
            return self._file(table, _inside(self.root, paths[0]))
        return self._relation(table, relations[0]) if relations else None

    def _file(self, table: str, path: Path) -> Found:
        if path.suffix == ".parquet":
            return Found(path.name, "parquet", *_parquet_columns(self.connection, table, path))
        return Found(path.name, "csv", _csv_columns(self.connection, table, path))

    def _relation(self, table: str, relation: str) -> Found:
        name = f"{table} of the database"
        _set(self.connection, f"relation_{table}", relation)
        columns, texts = _described(run(self.connection, "adapters/relation_columns.sql", relation=relation).fetchall())
        if not all(UNNAMED.fullmatch(column) for column in columns):
            return Found(name, "duckdb", columns, texts)
        # An empty CSV file that was imported by guess: its header became its only row.
        rows = run(self.connection, "adapters/relation_sample.sql", relation=relation).fetchall()
        only = rows[0] if len(rows) == 1 else ()
        return Found(name, "absent", frozenset(str(cell).strip().lower() for cell in only))

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
                "close what else has it open, or write it again with the DuckDB version that echomort uses",
            ) from None
        relations: dict[str, list[str]] = {}
        for name, relation in run(self.connection, "adapters/relations.sql").fetchall():
            relations.setdefault(name, []).append(relation)
        return relations


def _selected(name: str, present: frozenset[str], texts: frozenset[str] = frozenset()) -> str:
    if name in texts:
        return f"nullif({name}, '') AS {name}"
    return name if name in present else f"NULL::VARCHAR AS {name}"


def _described(rows: Sequence[tuple[Any, ...]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the columns that DESCRIBE tells of, and of those that are text."""
    types = {str(name).strip().lower(): kind for name, kind, *_ in rows}
    return frozenset(types), frozenset(name for name, kind in types.items() if kind == "VARCHAR")


def _by_name(root: Path) -> dict[str, list[Path]]:
    """Return table name -> files, those of the folder itself before those one folder below."""
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
    """Read a compressed file to its end: DuckDB does not look at the checksum."""
    with _open(path) as file:
        while path.suffix.lower() == ".gz" and file.read(2**20):
            pass


def _encoding(path: Path) -> str:
    with _open(path) as file:
        start = file.read(4)
    if start.startswith(b"\xfe\xff"):
        raise UserError(f"{path.name} is big-endian UTF-16", "save it as UTF-8")
    return "utf-16" if start.startswith(b"\xff\xfe") else "utf-8"


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Return what separates the columns, a comma or (as in the files of OHDSI's Athena) a tab, and their names."""
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
