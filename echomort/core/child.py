"""How a child process passes on to its parent the error that a person is meant to read.

A child that talks with its parent sends :func:`as_record`; one that leaves files leaves it in a file of its own.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from echomort.core.errors import DiskError, HomeError, Interruption, UserError
from echomort.core.files import write_text
from echomort.core.supervision import end_with_parent

KINDS = {kind.__name__: kind for kind in (Interruption, DiskError, HomeError, UserError)}
"""The kinds of error that a parent tells apart, the special ones first."""


INSTALLATION = "installation"
"""Name of what tells a job on a cluster how echomort is installed where its run is; it refuses to work with another
installation."""


def as_record(error: UserError) -> dict[str, Any]:
    """Return ``error`` as JSON values: ``problem``, ``remedy``, and which of :data:`KINDS` it is."""
    kind = next(name for name, kind in KINDS.items() if isinstance(error, kind))
    return {"problem": error.problem, "remedy": error.remedy, "kind": kind}


def raise_record(record: Mapping[str, Any]) -> None:
    """Raise the :class:`UserError` that ``record`` holds; do nothing where it holds another message."""
    if "problem" in record:
        raise error_of(record)


def error_of(record: Mapping[str, Any]) -> UserError:
    """Return the error that :func:`as_record` made ``record`` of."""
    return KINDS[record["kind"]](str(record["problem"]), str(record["remedy"]))


def leave_error(error: UserError, file: Path) -> None:
    """Write ``error`` to ``file``, for the parent to find."""
    write_text(file, json.dumps(as_record(error)))


def do_task(work: Callable[[Path], None]) -> None:
    """Do the ``work`` on the file of a task that the command line names first; leave a :class:`UserError` in the file
    that it names second. This process ends with its parent."""
    end_with_parent()
    task, error = map(Path, sys.argv[1:3])
    try:
        work(task)
    except UserError as refused:
        leave_error(refused, error)


def left_error(file: Path) -> UserError | None:
    """Return the error that a child left in ``file``, if there is one."""
    return error_of(json.loads(file.read_text())) if file.exists() else None


def raise_left(file: Path) -> None:
    """Raise the error that a child left in ``file``; do nothing where there is none."""
    if error := left_error(file):
        raise error
