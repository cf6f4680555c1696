"""Runs the SQL files of this package. Values are passed as bound parameters, never written into the text."""

import contextlib
import functools
from collections.abc import Iterator, Set
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).parent

_declared: ContextVar[Set[str] | None] = ContextVar("declared", default=None)


class UndeclaredQuery(Exception):
    """A stage ran an SQL file that its code does not name, so that its fingerprint would miss a change of that file."""


@contextlib.contextmanager
def only(names: Set[str]) -> Iterator[None]:
    """Allow the block to run only the SQL files ``names``; another file raises :class:`UndeclaredQuery`."""
    token = _declared.set(names)
    try:
        yield
    finally:
        _declared.reset(token)


def query(name: str) -> str:
    """Return the text of the SQL file ``name``, a path inside the package such as ``tables/outcome/outcome.sql``."""
    declared = _declared.get()
    if declared is not None and name not in declared:
        raise UndeclaredQuery(f"{name} is not named in the code that the stage reaches: write its path there")
    return _text(name)


@functools.cache
def _text(name: str) -> str:
    path = (ROOT / name).resolve()
    if path.suffix != ".sql" or not path.is_relative_to(ROOT):
        raise ValueError("not an SQL file of the warehouse")
    return path.read_text(encoding="utf-8-sig")


@functools.cache
def _statements(text: str) -> list[duckdb.Statement]:
    return duckdb.extract_statements(text)


def run(connection: duckdb.DuckDBPyConnection, name: str, **bind: Any) -> duckdb.DuckDBPyConnection:
    """Run every statement of the SQL file ``name`` and return the connection, ready to fetch the last one's rows.

    Each statement gets its ``$parameters`` from ``bind``. A parameter that no statement uses raises ValueError.
    """
    statements = _statements(query(name))
    unknown = set(bind).difference(*(statement.named_parameters for statement in statements))
    if unknown:
        raise ValueError(f"{name} has no parameter {', '.join(sorted(unknown))}")
    for statement in statements:
        connection.execute(statement, {key: bind[key] for key in statement.named_parameters})
    return connection


def scalar(connection: duckdb.DuckDBPyConnection, name: str, **bind: Any) -> Any:
    """Return the first column of the first row of ``name`` (None if there is no row)."""
    rows = run(connection, name, **bind).fetchall()
    return rows[0][0] if rows else None
