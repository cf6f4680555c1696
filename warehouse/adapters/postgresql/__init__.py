"""Reads tables of a PostgreSQL database in one snapshot: finds them by name and copies them as text, in batches.

The connection string comes from the environment or from a file that only its owner can read. It is never stored and
never quoted. The server's messages may hold names, addresses and values, so they never leave this module.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from echomort.core.errors import UserError
from echomort.core.files import read_secret
from echomort.core.fingerprint import digest
from echomort.settings import Postgresql
from warehouse.adapters.postgresql.errors import connection_refused, read_failed
from warehouse.queries import query

if TYPE_CHECKING:
    import pyarrow as pa

CONNECTION_VARIABLE = "ECHOMORT_POSTGRESQL"
"""Environment variable with the connection string: ``postgresql://...``, or libpq keywords."""

BATCH_BYTES = 2**22
"""Approximate bytes of a table in one batch (4 MiB). Our choice: it bounds memory."""


@dataclass(frozen=True)
class RelationColumn:
    """A column under its name in a contract; ``expression``: the SQL by which the server returns it as text."""

    name: str
    is_readable: bool
    is_timestamptz: bool
    expression: str


@dataclass(frozen=True)
class Relation:
    """A table or view; ``qualified_name``: its schema and name as the server quotes them."""

    qualified_name: str
    columns: tuple[RelationColumn, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of its columns."""
        return frozenset(column.name for column in self.columns)


class Snapshot:
    """A read-only snapshot of the database."""

    def __init__(self, cursor: Any, settings: Postgresql) -> None:
        self.cursor, self.settings = cursor, settings
        self.relations = self._relations()

    def find(self, table: str) -> Relation | None:
        """Return the table or view for ``table`` of a contract, from the first schema that has it.

        Raises :class:`UserError` if that schema has two of that name.
        """
        found = self.relations.get(table)
        if not found:
            return None
        schema = found[0][0]
        matches = [(relation, name) for owner, relation, name in found if owner == schema]
        if len(matches) > 1:
            names = ", ".join(name for _, name in matches)
            raise UserError(f"table {table} exists twice ({names})", "give one of them another name or schema")
        relation, name = matches[0]
        return Relation(name, self._columns(name, relation))

    def batches(self, relation: Relation, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the columns ``names`` of all rows as text (null for a missing value), about 4 MiB in each batch.

        Raises :class:`UserError` with the table and column if the role may not read them, if a column is a timestamp
        with time zone and no time zone is set, and if the server ends the read.
        """
        self._check(relation, names)
        statement = self._statement("read", relation, names)
        with _user_errors(relation.qualified_name):
            self.cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            self.cursor.execute(statement)
            yield from (batch.rename_columns(_ordered(relation, names)) for batch in self.cursor.fetch_record_batch())

    def digest(self, relation: Relation, names: Sequence[str]) -> str:
        """Return a digest of the rows that :meth:`batches` would yield; the server computes it and sends no row."""
        self._check(relation, names)
        with _user_errors(relation.qualified_name):
            (content,) = _rows(self.cursor, self._statement("digest", relation, names))
        return digest(_ordered(relation, names), content)

    def _relations(self) -> dict[str, list[tuple[str, int, str]]]:
        found: dict[str, list[tuple[str, int, str]]] = {}
        with _user_errors("its catalogue"):
            rows = _rows(self.cursor, query("adapters/postgresql/relations.sql"), json.dumps(self.settings.schemas))
        for schema, schema_exists, is_usable, relation, name, qualified_name in rows:
            if not schema_exists:
                raise UserError(f"the database has no schema {schema}", "correct sources.postgresql.schemas")
            if not is_usable:
                raise UserError(f"no permission to use schema {schema}", f"GRANT USAGE ON SCHEMA {schema} to the role")
            if relation is not None:
                found.setdefault(name, []).append((schema, relation, qualified_name))
        return found

    def _columns(self, qualified_name: str, relation: int) -> tuple[RelationColumn, ...]:
        with _user_errors(qualified_name):
            rows = _rows(self.cursor, query("adapters/postgresql/columns.sql"), relation)
        columns = tuple(RelationColumn(*row) for row in rows)
        names = [column.name for column in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(
                f"table {qualified_name} has two columns {twice[0]} that differ only in case", "read it through a view"
            )
        return columns

    def _check(self, relation: Relation, names: Sequence[str]) -> None:
        wanted = [column for column in relation.columns if column.name in names]
        unreadable = [column.name for column in wanted if not column.is_readable]
        if unreadable:
            raise UserError(
                f"no permission to read column {', '.join(unreadable)} of table {relation.qualified_name}",
                f"GRANT SELECT ON {relation.qualified_name} to the role",
            )
        zoned = [column.name for column in wanted if column.is_timestamptz]
        if zoned and self.settings.time_zone is None:
            raise UserError(
                f"column {', '.join(zoned)} of table {relation.qualified_name} is a timestamp with time zone",
                "set sources.time_zone to the hospital's, for example Europe/Berlin",
            )

    @staticmethod
    def _statement(kind: str, relation: Relation, names: Sequence[str]) -> str:
        values = ", ".join(column.expression for column in relation.columns if column.name in names)
        return query(f"adapters/postgresql/{kind}.sql").format(values=values, relation=relation.qualified_name)


@contextlib.contextmanager
def snapshot(settings: Postgresql) -> Iterator[Snapshot]:
    """Yield a snapshot of the database (repeatable read, read only); the connection is closed after the block.

    Raises :class:`UserError` if there is no connection string, if the database can't be reached, and if a schema is
    missing or the role may not use it.
    """
    connection = _connect(_connection_string(settings))
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        with _user_errors("its settings"):
            cursor.execute(query("adapters/postgresql/begin.sql"))
            _rows(cursor, query("adapters/postgresql/session.sql"), settings.time_zone)
        yield Snapshot(cursor, settings)


def _connection_string(settings: Postgresql) -> str:
    if text := os.environ.get(CONNECTION_VARIABLE, "").strip():
        return text
    if settings.connection_file is None:
        raise UserError(
            "sources.postgresql is set, but there is no connection string",
            f"set {CONNECTION_VARIABLE}, or sources.postgresql.connection_file to a file of mode 0600 that holds it",
        )
    content = read_secret(settings.connection_file, "the connection file", "sources.postgresql.connection_file")
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise UserError("the connection file is not text in UTF-8", "write the connection string into it") from None


def _connect(connection_string: str) -> Any:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise UserError("the driver for PostgreSQL is not installed", "pip install 'echomort[postgres]'") from None
    try:
        return dbapi.connect(connection_string, autocommit=True)
    except dbapi.Error as error:
        refusal = connection_refused(str(error))
    raise refusal  # outside the handler, so that the server's message is not attached as its cause


@contextlib.contextmanager
def _user_errors(what: str) -> Iterator[None]:
    """Replace the server's messages, which may quote values, with ours."""
    from adbc_driver_postgresql import dbapi

    try:
        yield
        return
    except (dbapi.Error, OSError) as error:
        user_error = read_failed(what, str(error), getattr(error, "sqlstate", None))
    raise user_error from None


def _ordered(relation: Relation, names: Sequence[str]) -> list[str]:
    return [column.name for column in relation.columns if column.name in names]


def _rows(cursor: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    cursor.execute(statement, values or None)
    return list(cursor.fetchall())
