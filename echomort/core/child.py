"""How a child process passes on to its parent the error that a person is meant to read.

A child that talks with its parent sends :func:`as_record`; one that leaves files leaves it in a file of its own.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echomort.core.errors import Interruption, UserError
from echomort.core.files import write_text


def as_record(error: UserError) -> dict[str, Any]:
    """Return ``error`` as JSON values: ``problem``, ``remedy``, and whether another try may not meet it."""
    return {"problem": error.problem, "remedy": error.remedy, "interrupted": isinstance(error, Interruption)}


def raise_record(record: Mapping[str, Any]) -> None:
    """Raise the :class:`UserError` that ``record`` holds; do nothing where it holds another message."""
    if "problem" in record:
        kind = Interruption if record["interrupted"] else UserError
        raise kind(str(record["problem"]), str(record["remedy"]))


def leave_error(error: UserError, file: Path) -> None:
    """Write ``error`` to ``file``, for the parent to find."""
    write_text(file, json.dumps(as_record(error)))


def raise_left(file: Path) -> None:
    """Raise the error that a child left in ``file``; do nothing where there is none."""
    if file.exists():
        raise_record(json.loads(file.read_text()))
