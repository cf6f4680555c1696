"""Dagster's event log, each of whose databases a run opens once.

Dagster opens a database anew for each event, works out its statements anew, and writes its log back when it closes it:
four times the processor time of writing the event. What is written, and when it is committed, is the same.

Dagster also waits after each of a run's thousands of events until the disk has it. Here the disk may get them later: a
power failure can take the last seconds of the log, which says what was done; the ledger, by which a run goes on, is in
the warehouse.
"""

import contextlib
import sqlite3
from collections.abc import Iterator

import sqlalchemy
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

BUSY_SECONDS = 30
"""Longest wait for a database that another process writes to: Dagster's own."""


@contextlib.contextmanager
def kept_open() -> Iterator[None]:
    """Keep the databases of event logs that the block opens open until it ends."""
    engines: dict[str, sqlalchemy.Engine] = {}

    @contextlib.contextmanager
    def connect(log: SqliteEventLogStorage, shard: str) -> Iterator[sqlalchemy.Connection]:
        with log._db_lock, _engine(log, shard, engines).begin() as connection:
            yield connection

    before = SqliteEventLogStorage._connect
    setattr(SqliteEventLogStorage, "_connect", connect)  # noqa: B010  mypy refuses a plain one
    try:
        yield
    finally:
        setattr(SqliteEventLogStorage, "_connect", before)  # noqa: B010
        for engine in engines.values():
            engine.dispose()


def _engine(log: SqliteEventLogStorage, shard: str, engines: dict[str, sqlalchemy.Engine]) -> sqlalchemy.Engine:
    """Return what opens ``shard`` (the index of all runs, or a run) of ``log``; made, with its database, if needed."""
    path = log.path_for_shard(shard)
    if path not in engines:
        url = log.conn_string_for_shard(shard)
        engines[path] = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        sqlalchemy.event.listen(engines[path], "connect", _without_waiting)
        log._initdb(engines[path])
    return engines[path]


def _without_waiting(connection: sqlite3.Connection, _: object) -> None:
    """Let a commit not wait for the disk; the log ahead of the database, which Dagster chose, keeps it whole."""
    connection.execute("PRAGMA synchronous = NORMAL")
