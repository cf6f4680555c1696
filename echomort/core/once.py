"""What a block reads once, however many parts of it ask: a plan compares everything with one look at its inputs."""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import TypeVar, cast

Value = TypeVar("Value")

_read: ContextVar[dict[Hashable, object] | None] = ContextVar("read", default=None)
"""Key -> what the block around read under it; None outside such a block."""


@contextlib.contextmanager
def reading_once() -> Iterator[None]:
    """Let the block read each thing once: the files of a folder, rows of the ledger and the warehouse.

    Only for a block that compares and writes nothing of these, since it would not see what it wrote. What changes
    meanwhile is seen by the next block. One within another reads nothing again.
    """
    if _read.get() is not None:
        yield
        return
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def once(key: Hashable, read: Callable[[], Value]) -> Value:
    """Return what ``read`` returns, in :func:`reading_once` what the first call with ``key`` returned: nobody may
    change it. An error is not kept.

    >>> with reading_once():
    ...     [once("files", lambda: found) for found in ("before", "after")]
    ['before', 'before']
    >>> once("files", lambda: "after")
    'after'
    """
    known = _read.get()
    if known is None:
        return read()
    if key not in known:
        known[key] = read()
    return cast(Value, known[key])
