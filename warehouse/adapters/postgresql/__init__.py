"""Tables of a PostgreSQL database, read as they are at one moment: found by name, copied as text, in batches.

The connection string comes from the environment or from a file that its owner alone can read. It is kept nowhere and
quoted nowhere; the server's own words, which may hold names, addresses and values, never leave this module.
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
from warehouse.adapters.postgresql.errors import broken_off, connection_refused
from warehouse.queries import query

if TYPE_CHECKING:
    import pyarrow as pa

CONNECTION_VARIABLE = "ECHOMORT_POSTGRESQL"
"""Environment variable with the connection string: ``postgresql://...``, or libpq's keywords."""

BATCH_BYTES = 2**22
"""About how much of a table is on its way at a time."""


@dataclass(frozen=True)
class RelationColumn:
    """A column as a contract calls it; ``value``: how the server is asked for it, as text."""

    name: str
    is_readable: bool
    is_moment: bool
    value: str


@dataclass(frozen=True)
class Relation:
    """A table or view; ``place``: its schema and name as the server quotes them."""

    place: str
    columns: tuple[RelationColumn, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of its columns."""
        return frozenset(column.name for column in self.columns)


class Snapshot:
    """The database at one moment, for reading only."""

    def __init__(self, cursor: Any, settings: Postgresql) -> None:
        self.cursor, self.settings = cursor, settings
        self.relations = self._relations()

    def find(self, table: str) -> Relation | None:
        """Return the table or view that a contract calls ``table``, of the first schema that has it.

        Raises :class:`UserError` where that schema has two of the name.
        """
        found = self.relations.get(table)
        if not found:
            return None
        schema = found[0][0]
        places = [(relation, place) for owner, relation, place in found if owner == schema]
        if len(places) > 1:
            names = ", ".join(place for _, place in places)
            raise UserError(f"table {table} is there twice ({names})", "give one of them another name or schema")
        relation, place = places[0]
        return Relation(place, self._columns(place, relation))

    def batches(self, relation: Relation, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the columns ``names`` of every row as text, about 4 MiB at a time; null where there is no value.

        Raises :class:`UserError` naming table and column where the role may not read them, where a column holds
        moments and no time zone is set, and where the server breaks off.
        """
        self._check(relation, names)
        statement = self._statement("read", relation, names)
        with _explained(relation.place):
            self.cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            self.cursor.execute(statement)
            yield from (batch.rename_columns(_ordered(relation, names)) for batch in self.cursor.fetch_record_batch())

    def digest(self, relation: Relation, names: Sequence[str]) -> str:
        """Return a digest of what :meth:`batches` would yield; the server reads the table, nothing is sent."""
        self._check(relation, names)
        with _explained(relation.place):
            (content,) = _rows(self.cursor, self._statement("digest", relation, names))
        return digest(_ordered(relation, names), content)

    def _relations(self) -> dict[str, list[tuple[str, int, str]]]:
        found: dict[str, list[tuple[str, int, str]]] = {}
        with _explained("its catalogue"):
            rows = _rows(self.cursor, query("adapters/postgresql/relations.sql"), json.dumps(self.settings.schemas))
        for schema, is_there, is_usable, relation, name, place in rows:
            if not is_there:
                raise UserError(f"the database has no schema {schema}", "correct sources.postgresql.schemas")
            if not is_usable:
                raise UserError(f"no permission to use schema {schema}", f"GRANT USAGE ON SCHEMA {schema} to the role")
            if relation is not None:
                found.setdefault(name, []).append((schema, relation, place))
        return found

    def _columns(self, place: str, relation: int) -> tuple[RelationColumn, ...]:
        with _explained(place):
            rows = _rows(self.cursor, query("adapters/postgresql/columns.sql"), relation)
        columns = tuple(RelationColumn(*row) for row in rows)
        names = [column.name for column in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(
                f"table {place} has two columns {twice[0]} that differ in capitals only", "read it through a view"
            )
        return columns

    def _check(self, relation: Relation, names: Sequence[str]) -> None:
        wanted = [column for column in relation.columns if column.name in names]
        closed = [column.name for column in wanted if not column.is_readable]
        if closed:
            raise UserError(
                f"no permission to read column {', '.join(closed)} of table {relation.place}",
                f"GRANT SELECT ON {relation.place} to the role",
            )
        moments = [column.name for column in wanted if column.is_moment]
        if moments and self.settings.time_zone is None:
            raise UserError(
                f"column {', '.join(moments)} of table {relation.place} is a timestamp with time zone",
                "set sources.postgresql.time_zone to the hospital's, for example Europe/Berlin",
            )

    @staticmethod
    def _statement(kind: str, relation: Relation, names: Sequence[str]) -> str:
        values = ", ".join(column.value for column in relation.columns if column.name in names)
        return query(f"adapters/postgresql/{kind}.sql").format(values=values, place=relation.place)


@contextlib.contextmanager
def snapshot(settings: Postgresql) -> Iterator[Snapshot]:
    """Yield the database at one moment (repeatable read, read only); it is let go when the block ends.

    Raises :class:`UserError` where there is no connection string, where the database can't be reached, and where a
    schema is missing or closed.
    """
    connection = _connect(_connection_string(settings))
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        with _explained("its settings"):
            cursor.execute(query("adapters/postgresql/begin.sql"))
            _rows(cursor, query("adapters/postgresql/session.sql"), settings.time_zone)
        yield Snapshot(cursor, settings)


def _connection_string(settings: Postgresql) -> str:
    if text := os.environ.get(CONNECTION_VARIABLE, "").strip():
        return text
    if settings.connection_file is None:
        raise UserError(
            "sources.postgresql is set, and there is no connection string",
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
    raise refusal  # outside: the server's words are not to be its cause


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn the server's words, which may quote values, into ours."""
    from adbc_driver_postgresql import dbapi

    try:
        yield
        return
    except (dbapi.Error, OSError) as error:
        explained = broken_off(what, str(error), getattr(error, "sqlstate", None))
    raise explained from None


def _ordered(relation: Relation, names: Sequence[str]) -> list[str]:
    return [column.name for column in relation.columns if column.name in names]


def _rows(cursor: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    cursor.execute(statement, values or None)
    return list(cursor.fetchall())
