"""What the database files hold of a person, and how it is removed so that no byte of it stays."""

import os
from collections.abc import Iterable
from pathlib import Path

import duckdb

from warehouse.connection import private_files
from warehouse.queries import query, run, scalar

COPY = ".tmp_copy.duckdb"
"""Name of the new file beside the old one while it is written."""


def is_known(connection: duckdb.DuckDBPyConnection, patients: Iterable[str]) -> bool:
    """Return whether the records or a header name one of the pseudonyms ``patients``."""
    return bool(scalar(connection, "erasure/is_known.sql", patients=list(patients)))


def subject_keys(
    connection: duckdb.DuckDBPyConnection, patients: Iterable[str], studies: Iterable[str], instances: Iterable[str]
) -> dict[str, list[str]]:
    """Return domain (patient, study, instance, folder, file) -> the pseudonyms of the person with record numbers
    ``patients``; ``studies`` and ``instances`` are known already."""
    given = {"patients": list(patients), "studies": list(studies), "instances": list(instances)}
    found: dict[str, list[str]] = {}
    for domain, key in run(connection, "erasure/subject.sql", **given).fetchall():
        found.setdefault(domain, []).append(key)
    return found


def may_have_learnt(connection: duckdb.DuckDBPyConnection, studies: Iterable[str]) -> bool:
    """Return whether a model may have learnt from one of ``studies``."""
    return bool(scalar(connection, "erasure/learnt.sql", studies=list(studies)))


def count_rows(connection: duckdb.DuckDBPyConnection, pattern: str) -> dict[str, int]:
    """Return table -> how many of its rows hold what ``pattern`` matches; tables without such rows are left out."""
    text, found = query("erasure/count_rows.sql"), {}
    for (table,) in run(connection, "erasure/tables.sql").fetchall():
        ((rows,),) = connection.execute(text.replace("{table}", table), {"pattern": pattern}).fetchall()
        found[table] = int(rows)
    return {table: rows for table, rows in found.items() if rows}


def delete_rows(connection: duckdb.DuckDBPyConnection, tables: Iterable[str], pattern: str) -> None:
    """Delete the rows of ``tables`` that hold what ``pattern`` matches."""
    for table in tables:
        connection.execute(query("erasure/delete_rows.sql").replace("{table}", table), {"pattern": pattern})


def forget_examples(connection: duckdb.DuckDBPyConnection, pattern: str) -> None:
    """Let the accounts of staging keep their counts, but no example that ``pattern`` matches."""
    run(connection, "erasure/forget_examples.sql", pattern=pattern)


def forget_risks(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete all risks that the champion gives."""
    run(connection, "erasure/forget_risks.sql")


def write_anew(path: Path) -> None:
    """Write the database file ``path`` anew, so that nothing that was deleted stays in it; replace it atomically."""
    copy = path.with_name(COPY)
    copy.unlink(missing_ok=True)
    with private_files():
        connection = duckdb.connect()
        try:
            run(connection, "erasure/copy.sql", old=str(path), new=str(copy))
        finally:
            connection.close()
    with copy.open("rb") as written:
        os.fsync(written.fileno())
    os.chmod(copy, path.stat().st_mode & 0o777)
    os.replace(copy, path)
    for rest in (path, copy):
        rest.with_name(f"{rest.name}.wal").unlink(missing_ok=True)
