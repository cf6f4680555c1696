"""The DuckDB files: one writer at a time, short connections, migrations before anything is read or written."""

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from echomort.core.errors import Interruption, UserError
from echomort.core.files import disk_error

LOCK_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Seconds between attempts to open a locked file, 12.7 in all. Our choice: other steps hold it for a shorter time."""

STORAGE_ERRORS = (
    *(duckdb.IOException, duckdb.OutOfRangeException, duckdb.TransactionException),
    *(duckdb.SerializationException, duckdb.InternalException, duckdb.FatalException),
)
"""What DuckDB raises where a file can't be read or written: locked, damaged, a full or a read-only disk."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""Folder of the migrations, whose names begin with their number."""


@contextlib.contextmanager
def connect(path: Path, read_only: bool = False, memory_limit_gib: float = 4) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the warehouse at ``path``; a writer's block is one transaction.

    A writer creates the file if needed. Missing migrations are applied first, also for a reader: a home of an earlier
    release lacks tables that this one reads. A writer commits after the block and rolls back if the block raises.
    Raises :class:`UserError` if another process holds the file, if it is damaged, or if the disk is full.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with private_files(), _as_user_errors(path):
        yield from _connected(path, read_only, memory_limit_gib)


def _connected(path: Path, read_only: bool, memory_limit_gib: float) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = _open(path, read_only, memory_limit_gib)
    try:
        if read_only:
            if _missing_migrations(connection):
                connection.close()
                with connect(path, False, memory_limit_gib):
                    pass
                connection = _open(path, read_only, memory_limit_gib)
            yield connection
        else:
            migrate(connection)
            with transaction(connection):
                yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Let what the block writes be readable by its owner alone: DuckDB makes its log (``.wal``) and its spilled rows
    beside a file whenever it needs them, with the mode that the process gives to new files."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def connect_in_memory(memory_limit_gib: float = 4) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty warehouse in memory, in one transaction; nothing of it is ever on a disk.

    Raises :class:`UserError` if the memory does not suffice.
    """
    connection = duckdb.connect(config=_options(memory_limit_gib, None))
    try:
        migrate(connection)
        with transaction(connection):
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise UserError(
            f"the records do not fit into {memory_limit_gib:g} GiB of memory",
            f"allow more with --set execution.memory_limit_gib={2 * memory_limit_gib:g}, or name a part of them",
        ) from error
    finally:
        connection.close()


@contextlib.contextmanager
def connect_to_nothing() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection without tables and outside any transaction: a statement that fails leaves it usable."""
    with duckdb.connect(config=_options(1, None)) as connection:
        yield connection


@contextlib.contextmanager
def connect_plain(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection for writing another DuckDB file of the project, in one transaction and without migrations."""
    with private_files(), _as_user_errors(path):
        connection = _open(path, read_only=False, memory_limit_gib=1)
        try:
            with transaction(connection):
                yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit after the block; roll back if it raises."""
    connection.begin()
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        raise
    connection.commit()


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply the migrations that this database lacks, in order and each in its own transaction; in a new database all in
    one, which takes less than half the time."""
    connection.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name VARCHAR)")
    is_new = connection.execute("SELECT 1 FROM migration LIMIT 1").fetchone() is None
    missing = _missing_migrations(connection)
    for files in [missing] if is_new else [[file] for file in missing]:
        applied = {"numbers": [int(file.name[:4]) for file in files], "names": [file.stem for file in files]}
        with transaction(connection):
            connection.execute("\n;".join(file.read_text() for file in files))
            connection.execute("INSERT INTO migration SELECT unnest($numbers), unnest($names)", applied)


def _missing_migrations(connection: duckdb.DuckDBPyConnection) -> list[Path]:
    """Return the files of the migrations that this database lacks, in order. Raises :class:`UserError` for a database
    of a later release, whose tables this one does not know."""
    try:
        applied = {number for (number,) in connection.execute("SELECT number FROM migration").fetchall()}
    except duckdb.CatalogException:
        applied = set()
    files = {int(file.name[:4]): file for file in sorted(MIGRATIONS.glob("[0-9]*.sql"))}
    if applied - files.keys():
        raise UserError(
            "the warehouse was written by a later release of echomort",
            "use that release, or name another home: this one would not understand its tables",
        )
    return [file for number, file in files.items() if number not in applied]


def _open(path: Path, read_only: bool, memory_limit_gib: float) -> duckdb.DuckDBPyConnection:
    options = _options(memory_limit_gib, path.with_suffix(".tmp"))
    for pause in LOCK_PAUSES:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=options)
        except duckdb.IOException as error:
            if not _is_locked(str(error)):
                break
            time.sleep(pause)
    try:
        return duckdb.connect(str(path), read_only=read_only, config=options)
    except duckdb.Error as error:
        raise _as_user_error(error, path) from error


def _options(memory_limit_gib: float, spill: Path | None) -> dict[str, str | bool | int | float | list[str]]:
    """Return the options of a connection; what does not fit into memory goes to ``spill`` (None: nowhere)."""
    return {
        "memory_limit": f"{memory_limit_gib:g}GiB",
        "temp_directory": str(spill) if spill else "",
        "autoinstall_known_extensions": False,
        "python_enable_replacements": False,
        "TimeZone": "UTC",
    }


@contextlib.contextmanager
def _as_user_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, STORAGE_ERRORS) or type(error) is duckdb.Error or "Corrupt" in str(error):
            raise _as_user_error(error, path) from error
        raise


def _is_locked(text: str) -> bool:
    return "Could not set lock" in text or "Conflicting lock" in text


def _as_user_error(error: Exception, path: Path) -> Exception:
    """Return ``error`` of a file at ``path`` as a line with its remedy."""
    text, name = str(error), _name(path)
    if _is_locked(text):
        holder = re.search(r"PID (\d+)", text)
        who = f" (process {holder[1]})" if holder else ""
        return Interruption(f"another process holds {name}{who}", "wait until it ends, or stop it, and run again")
    if "No space left" in text or "disk" in text.lower():
        return disk_error(OSError(errno.ENOSPC, text))
    if str(path.parent) in text and ("Permission denied" in text or "Read-only file system" in text):
        return disk_error(OSError(errno.EACCES, text))
    if "does not exist" in text and "database" in text:
        return UserError("there is no warehouse yet", "run `echomort run` first")
    if isinstance(error, duckdb.TransactionException) and path.exists():
        return error
    return UserError(
        f"{name} can't be read (damaged, or not a DuckDB database)",
        f"restore {path.name} from a backup, or delete it and run again: all of it is rebuilt from the inputs",
    )


def _name(path: Path) -> str:
    return "the warehouse" if path.stem == "warehouse" else f"the {path.stem}" if path.stem == "vault" else path.name
