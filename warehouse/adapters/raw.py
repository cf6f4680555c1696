"""Finds the raw tables of an extract and creates the views ``raw_<table>`` that read them.

A table is a CSV, TSV or NDJSON file (also compressed), a Parquet file, a folder of such files (its parts), a table of
the one DuckDB file in the folder, or a table of a PostgreSQL database. Files are found by name in the folder or
in a folder directly below it; names are compared as :func:`plain_name` writes them. Files are read in place
during staging. Tables of PostgreSQL are copied first.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet

from echomort.core.errors import UserError
from echomort.core.files import disk_error
from warehouse.adapters.headers import (
    UNMARKED,
    by_plain_name,
    csv_header,
    is_repeated,
    plain_name,
    quotes_are_text,
    read_through,
)
from warehouse.adapters.packed import JSON, open_packed
from warehouse.adapters.postgresql import Relation, Snapshot
from warehouse.adapters.resources import resource_files
from warehouse.adapters.table_files import (
    UNREAD,
    database_files,
    form_of,
    inside,
    is_visible,
    parts_of,
    suffix_of,
    tables_by_name,
    visible_tables,
)
from warehouse.adapters.vocabulary import vocabulary_files
from warehouse.queries import query, run

MISSING = ("", r"\N", "NULL", "null", "Null", "(null)", "[NULL]", "<NULL>", "<NA>", "NaN", "nan", "NaT", "#N/A")
"""What exports of databases and tools write for a missing value, in a column of any kind; no word of a record."""

FLOATS = frozenset({"DOUBLE", "FLOAT"})
"""DuckDB's types of numbers that hold no whole number of 2^53 or more without a loss."""

KEEP_THEIR_TYPE = frozenset({"patient_id", "study_id", "same_as", "subject_id", "person_id"})
"""Columns of identifiers: extract.py judges the type of those in the canonical tables."""

UNNAMED = re.compile(r"column\d+")
"""The names that DuckDB gives to columns when it takes a CSV file's header for a row."""

NO_TYPES: Mapping[str, str] = {}
"""The types of the columns of a CSV file: DuckDB reads the words for a missing value there as such."""

VARIABLES = {
    "csv": ("path", "columns", "encoding", "separator", "quote"),
    "json": ("path", "columns"),
    "parquet": ("path",),
}
"""Kind of a table of files -> the variables that its SQL file reads, each with the name of the table behind it."""

SHOWN_FILES = 3
"""Files of one type of resource that a message names at most. Our choice: a line stays readable."""


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

    ``title`` names it in messages; ``kind`` selects the SQL file that reads it (``raw_<kind>.sql``), or is ``empty``.
    ``columns`` are plain name -> name in the source; ``types`` are plain name -> DuckDB's type, of the columns in which
    something stands for a missing value: in texts the words of :data:`MISSING`, as in a CSV file, in floats NaN.
    """

    title: str
    kind: str
    columns: Mapping[str, str]
    types: Mapping[str, str] = field(default_factory=dict)
    relation: Relation | None = None


class Extract:
    """One extract: a folder, a PostgreSQL database, or both. Its tables are opened one by one."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        connection: duckdb.DuckDBPyConnection,
        root: Path | None,
        database: Snapshot | None = None,
        copies: Path | None = None,
        dispensable: Mapping[str, bool] | None = None,
        encoding: str = UNMARKED,
        vocabulary: Path | None = None,
    ) -> None:
        """List the tables in ``root``; raises :class:`UserError` if it is missing or holds two databases.

        ``encoding`` is that of texts without a mark of their own. Tables of a vocabulary that the extract lacks are
        read in the folder ``vocabulary``.

        Tables of ``database`` are copied into the folder ``copies`` when they are opened. ``dispensable`` are the
        tables that stop nothing if they can't be read, and whether their absence is worth a word; ``unused`` has the
        problem of each of them.
        """
        if root is not None and not root.is_dir():
            raise UserError(f"the folder of the health-record extract does not exist ({root})", "correct sources.ehr")
        self.connection, self.root, self.database, self.copies = connection, root, database, copies
        self.dispensable, self.encoding = dispensable or {}, encoding
        self.unused: dict[str, str] = {}
        self.created: dict[str, tuple[str, str]] = {}
        self.files = tables_by_name(root) if root else {}
        self.vocabulary = vocabulary_files(vocabulary)
        self.resources: dict[str, list[Path]] | None = None
        self.database_file = ""
        self.relations = self._attach(root) if root else {}

    def open(self, columns: Sequence[Column]) -> None:
        """Create ``raw_<table>`` with exactly ``columns``, all of one table; missing optional columns are null.

        Raises :class:`UserError` with the table and column if a table is missing, exists twice or lacks a column. A
        dispensable table is empty instead, and ``unused`` says why.
        """
        table = columns[0].table
        if table not in self.dispensable:
            self._open(columns)
            return
        try:
            self._open(columns)
            self._read_rows(table)
        except UserError as error:
            self.unused[table] = error.problem
            self.leave_empty(columns)

    def columns_of_tables(self) -> dict[str, frozenset[str]]:
        """Return every table of the folder with its columns. Raises :class:`UserError` for one that can't be read."""
        found = {table: self._find(table) for table in sorted({*self.files, *self.relations})}
        return {table: frozenset(one.columns) for table, one in found.items() if one is not None}

    def has_any(self, tables: Mapping[str, Sequence[Column]]) -> bool:
        """Whether the folder has a table of one of these names, or a FHIR resource of that type."""
        return any(
            table in self.files or table in self.relations or self._shards(table) or self._resource(table, columns)
            for table, columns in tables.items()
        )

    def leave_empty(self, columns: Sequence[Column]) -> None:
        """Create ``raw_<table>`` without rows."""
        self._create("absent", columns[0].table, [_column_expression(one, {}) for one in columns])

    def _read_rows(self, table: str) -> None:
        """Read a dispensable table of files once: a row that can't be read would stop staging later.

        It is read on a connection of its own, because an error ends the transaction of the connection.
        """
        kind, columns = self.created[table]
        files = self.files.get(table) or self.vocabulary.get(table)
        if kind not in VARIABLES or not files:
            return
        with self.connection.cursor() as cursor:
            for name in VARIABLES[kind]:
                (value,) = run(self.connection, "adapters/variable.sql", variable=f"{name}_{table}").fetchall()[0]
                _set(cursor, f"{name}_{table}", value)
            try:
                cursor.execute(_statement(kind, table, columns))
                cursor.execute(query("adapters/read_through.sql").format(table=table)).fetchall()
            except duckdb.Error:
                raise UserError(f"{files[0].name} holds a row that can't be read", "export it again") from None

    def _open(self, columns: Sequence[Column]) -> None:
        table = columns[0].table
        found = self._resource(table, columns) or self._find(table)
        if found is None:
            self._absent(table, columns)
            return
        if found.kind == "empty":
            self.leave_empty(columns)
            return
        repeated = [column.name for column in columns if any(is_repeated(column.name, name) for name in found.columns)]
        if repeated:
            raise UserError(
                f"the header of {found.title} has a repeated column, {repeated[0]}", "give each column one name"
            )
        missing = [column.name for column in columns if column.required != "no" and column.name not in found.columns]
        if missing:
            names = ", ".join(column.name for column in columns)
            commas = "separated by commas, tabs, semicolons or bars, " if found.kind == "csv" else ""
            raise UserError(
                f"table {table} ({found.title}) has no column {', '.join(missing)}",
                f"its columns must be {names}, {commas}in any order",
            )
        present = found.columns if found.kind != "absent" else {}
        if found.relation:
            self._copy(table, found.relation, [column.name for column in columns if column.name in present])
        self._create(found.kind, table, [_column_expression(column, present, found.types) for column in columns])

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
        if unread := self._unread(table):
            raise UserError(
                f"table {table} is in a file of a kind that is not read ({unread})",
                "write it as CSV or NDJSON (plain, .gz or .zst) or as Parquet",
            )
        if any(column.required == "yes" for column in columns):
            raise UserError(
                f"the extract has no table {table} ({self._searched_places(table)})",
                "add it; a file with only a header is enough if the site has no such rows; if the extract has another "
                "layout, name the adapter that reads it (--adapter, sources.adapter)",
            )
        if self.dispensable.get(table):
            self.unused[table] = "the extract has no such table"
        self.leave_empty(columns)

    def _unread(self, table: str) -> str:
        """Return the name of a file of the table's name whose kind is not read; empty if there is none."""
        below = [path for path in self.root.iterdir() if path.is_dir() and is_visible(path)] if self.root else []
        folders = [self.root, *below] if self.root else []
        names = (path.name for folder in folders for path in sorted(folder.iterdir()) if path.is_file())
        return next(
            (one for one in names if one.lower().endswith(UNREAD) and plain_name(one.partition(".")[0]) == table), ""
        )

    def _searched_places(self, table: str) -> str:
        shown = (".csv", ".csv.gz", ".parquet", ".ndjson", ".tsv")
        files = f"no {' or '.join(table + suffix for suffix in shown)} in {self.root}"
        schemas = ", ".join(self.database.settings.schemas) if self.database else ""
        relations = f"no table or view of that name in schema {schemas}"
        return " and ".join(([files] if self.root else []) + ([relations] if self.database else []))

    def _create(self, kind: str, table: str, columns: list[str]) -> None:
        self.created[table] = kind, ", ".join(columns)
        self.connection.execute(_statement(kind, table, ", ".join(columns)))

    def _resource(self, table: str, columns: Sequence[Column]) -> RawTable | None:
        """Return the NDJSON files of a type of FHIR resource: a table whose contract has a column ``resourcetype``."""
        if self.root is None or all(column.name != "resourcetype" for column in columns):
            return None
        if self.resources is None:
            self.resources = resource_files(self.root)
        paths = [inside(self.root, path) for path in self.resources.get(table, ())]
        title = ", ".join(path.name for path in paths[:SHOWN_FILES]) + (" ..." if len(paths) > SHOWN_FILES else "")
        return RawTable(title, "json", *_json_columns(self.connection, table, paths, title)) if paths else None

    def _find(self, table: str) -> RawTable | None:
        paths, relations = self.files.get(table) or self._shards(table), self.relations.get(table, [])
        in_database = self.database.find(table) if self.database else None
        titles = [path.name for path in paths] + [f"{relation} of the database" for relation in relations]
        titles += [f"{in_database.qualified_name} of PostgreSQL"] if in_database else []
        if len(titles) > 1:
            raise UserError(f"table {table} exists twice ({', '.join(titles)})", "keep one of them")
        if in_database:
            names = {name: name for name in in_database.names}
            return RawTable(titles[0], "parquet", names, dict.fromkeys(names, "VARCHAR"), in_database)
        if paths and self.root:
            return self._file(table, paths[0])
        if relations:
            return self._relation(table, relations[0])
        return self._vocabulary_table(table) if table in self.vocabulary else None

    def _vocabulary_table(self, table: str) -> RawTable:
        """Return a table of ``sources.vocabulary``. Releases of vocabularies are in UTF-8, whatever the extract is."""
        paths = self.vocabulary[table]
        return RawTable(paths[0].name, "csv", _csv_columns(self.connection, table, paths, UNMARKED))

    def _shards(self, table: str) -> list[Path]:
        """Return the folder of the table's name at the root, if all its tables are Parquet: parts of any name."""
        folder = self.root / table if self.root else None
        if folder is None or not folder.is_dir() or table in self.relations:
            return []
        parts = visible_tables(folder)
        return [folder] if parts and all(suffix_of(part) == ".parquet" for part in parts) else []

    def _file(self, table: str, path: Path) -> RawTable:
        assert self.root is not None
        files = (parts_of(path) or visible_tables(path)) if path.is_dir() else [path]
        parts = [inside(self.root, part) for part in files]
        kinds = sorted({form_of(part) for part in parts})
        if len(kinds) > 1:
            raise UserError(
                f"the parts of table {table} ({path.name}) are of several kinds: {' and '.join(kinds)}",
                "keep those of one kind, or write all parts alike",
            )
        if suffix_of(parts[0]) in JSON:
            if all(map(_is_blank, parts)):
                return RawTable(path.name, "empty", {})
            return RawTable(path.name, "json", *_json_columns(self.connection, table, parts, path.name))
        if suffix_of(parts[0]) == ".parquet":
            return RawTable(path.name, "parquet", *_parquet_columns(self.connection, table, parts, path.name))
        return RawTable(path.name, "csv", _csv_columns(self.connection, table, parts, self.encoding))

    def _relation(self, table: str, relation: str) -> RawTable:
        name = f"{table} of the database"
        _set(self.connection, f"relation_{table}", relation)
        try:
            described = run(self.connection, "adapters/relation_columns.sql", relation=relation).fetchall()
            columns, types = _described(described)
            if not all(UNNAMED.fullmatch(column) for column in columns):
                return RawTable(name, "duckdb", columns, types)
            # DuckDB imported a CSV file without rows: the header became the only row.
            rows = run(self.connection, "adapters/relation_sample.sql", relation=relation).fetchall()
        except duckdb.Error:
            raise UserError(
                f"{table} of {self.database_file} can't be read: a table or file that it reads is gone or changed",
                "correct the view, or write its rows into a table",
            ) from None
        only = rows[0] if len(rows) == 1 else ()
        return RawTable(name, "absent", by_plain_name([str(cell) for cell in only]))

    def _attach(self, root: Path) -> dict[str, list[str]]:
        databases = database_files(root)
        if not databases:
            return {}
        self.database_file = databases[0].name
        if len(databases) > 1:
            raise UserError(
                f"the extract holds two databases ({', '.join(path.name for path in databases)})", "keep one of them"
            )
        try:
            run(self.connection, "adapters/attach.sql", path=str(inside(root, databases[0])))
        except duckdb.Error:
            raise UserError(
                f"{databases[0].name} is not a DuckDB database that can be read",
                "close it in other programs, or write it again with the DuckDB version that echomort uses",
            ) from None
        relations: dict[str, list[str]] = {}
        for name, relation in run(self.connection, "adapters/relations.sql").fetchall():
            relations.setdefault(name, []).append(relation)
        return relations


def _column_expression(column: Column, present: Mapping[str, str], types: Mapping[str, str] = NO_TYPES) -> str:
    """Return the expression of a column of the contract.

    A column of text is one, whatever type a tool gave it that saw no value or numbers alone; identifiers keep theirs,
    which tells whether digits were lost.
    """
    name = column.name
    if name not in present:
        return f'NULL::VARCHAR AS "{name}"'
    value = '"' + present[name].replace('"', '""') + '"'
    kind = types.get(name, "")
    if kind.startswith("ENUM"):
        value, kind = f"CAST({value} AS VARCHAR)", "VARCHAR"
    if kind == "VARCHAR":
        value = f"CASE WHEN {value} IN ({_missing()}) THEN NULL ELSE {value} END"
    if kind in FLOATS:
        value = f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"
    if column.type == "text" and name not in KEEP_THEIR_TYPE and kind != "VARCHAR":
        value = f"CAST({value} AS VARCHAR)"
    return f'{value} AS "{name}"'


def _statement(kind: str, table: str, columns: str) -> str:
    """Return the statement that creates ``raw_<table>`` with ``columns`` from files or a database."""
    return query(f"adapters/raw_{kind}.sql").format(table=table, columns=columns, missing=_missing())


def _missing() -> str:
    """Return the words for a missing value as SQL."""
    return ", ".join(f"'{word}'" for word in MISSING)


def _described(rows: Sequence[tuple[Any, ...]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return all columns in the rows of DESCRIBE: plain name -> name, and plain name -> DuckDB's type."""
    types = {str(name): kind for name, kind, *_ in rows}
    names = by_plain_name(list(types))
    return names, {plain: types[name] for plain, name in names.items()}


def _parquet_columns(
    connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], title: str
) -> tuple[dict[str, str], dict[str, str]]:
    names = [str(path) for path in paths]
    _set(connection, f"path_{table}", names)
    try:
        rows = run(connection, "adapters/parquet_columns.sql", path=names).fetchall()
    except duckdb.Error:
        raise UserError(f"table {table} ({title}) is not a readable Parquet file", "write it again") from None
    return _described(rows)


def _is_blank(path: Path) -> bool:
    """Return whether a file holds no sign: NDJSON without an object is a table without rows."""
    try:
        with open_packed(path) as file:
            return not any(line.strip() for line in file)
    except (OSError, EOFError, zlib.error):
        return False  # reading its columns says why


def _json_columns(
    connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], title: str
) -> tuple[dict[str, str], dict[str, str]]:
    names = [str(path) for path in paths]
    try:
        for path in paths:
            read_through(path)
        rows = run(connection, "adapters/json_columns.sql", path=names).fetchall()
    except (duckdb.Error, OSError, EOFError, zlib.error) as error:
        line = re.search(r"line (\d+)", str(error))
        where = f", line {line[1]}" if line else ""
        raise UserError(f"table {table} ({title}{where}) is not one JSON object a line", "export it again") from None
    columns = {str(name): "VARCHAR" for name, *_ in rows}
    if len({name.strip().lower() for name in columns}) != len(columns):
        raise UserError(f"{title} has two keys that differ only in case", "give each column one name")
    _set(connection, f"path_{table}", names)
    _set(connection, f"columns_{table}", columns)
    # A key keeps its signs: FHIR's _birthDate is no birthDate.
    found = {name.strip().lower(): name for name in columns}
    return found, dict.fromkeys(found, "VARCHAR")


def _csv_columns(
    connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], unmarked: str
) -> dict[str, str]:
    read = [csv_header(path, unmarked) for path in paths]
    for path, one in zip(paths, read, strict=True):
        if one != read[0]:
            raise UserError(
                f"the header of {path.name} differs from that of {paths[0].name}", "write all parts of a table alike"
            )
    encoding, separator, header = read[0]
    _set(connection, f"path_{table}", [str(path) for path in paths])
    _set(connection, f"columns_{table}", dict.fromkeys(header, "VARCHAR"))
    _set(connection, f"encoding_{table}", encoding)
    _set(connection, f"separator_{table}", separator)
    _set(connection, f"quote_{table}", "" if quotes_are_text(paths[0], encoding, separator) else '"')
    return {name: name for name in header}


def _set(connection: duckdb.DuckDBPyConnection, variable: str, value: object) -> None:
    connection.execute(f"SET VARIABLE {variable} = $value", {"value": value})
