"""The beginning of a process that does a part of a step's work: a child process of it, or a job on a cluster.

It opens neither the warehouse nor the vault, and needs nothing of Dagster but the channel to the step.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dagster_pipes import PipesContext, open_dagster_pipes

from echomort.core.child import INSTALLATION, as_record
from echomort.core.errors import UserError
from echomort.core.installed import installation_digest
from echomort.core.supervision import end_with_parent


def do_as_child(tasks: Sequence[Path], work: Callable[[PipesContext], None]) -> None:
    """Do the ``work`` on the files of ``tasks``, with the channel to the step that gave them; tell the step a
    :class:`UserError`.

    Nothing is done where this machine lacks the home, or where echomort is not installed as it is for the step.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))  # no traceback: the parent says it
    with open_dagster_pipes() as pipes:
        try:
            _require_home(tasks)
            _require_installation(pipes)
            work(pipes)
        except UserError as error:
            pipes.report_custom_message(as_record(error))


def _require_home(tasks: Sequence[Path]) -> None:
    for task in tasks:
        if not task.is_file():
            raise UserError(
                "a machine of the cluster does not have the project's home",
                f"mount the file system that holds it on all of them, at one place ({task.parent} is missing there)",
            )


def _require_installation(pipes: PipesContext) -> None:
    expected = pipes.extras.get(INSTALLATION)
    if expected is not None and expected != installation_digest():
        raise UserError(
            "a machine of the cluster has another echomort, or other releases of its libraries, than the run",
            "give all of them the same image, or one environment on the shared file system",
        )
