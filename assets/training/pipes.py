"""The training process that Dagster starts (``python -m assets.training.pipes TASK.json ...``); it streams progress."""

import contextlib
import itertools
import signal
import sys
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from echomort.core.child import leave_error
from echomort.core.errors import UserError
from echomort.core.supervision import end_with_parent, folder_lock
from echomort.models.cross_fit import left_out_by
from echomort.training import Progress, Task, train_views
from echomort.training.run import partial_folder


def error_file(task: Path) -> Path:
    """Return the file to which the process writes its error."""
    return task.with_suffix(".error.json")


def main() -> None:
    """Train the views of the tasks named on the command line."""
    end_with_parent()
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))  # no traceback: the parent says it
    tasks = [Task.read(Path(name)) for name in sys.argv[1:]]
    epochs = itertools.count(1)
    with open_dagster_pipes() as pipes:
        folds = range(int(pipes.get_extra("folds")))
        total = sum(len(left_out_by(task.models, folds)) * task.training.max_epochs for task in tasks)

        def report(progress: Progress) -> None:
            pipes.log.info(f"{next(epochs)} of {total} epochs; {progress}")

        try:
            with contextlib.ExitStack() as locks:
                for task in tasks:
                    locks.enter_context(folder_lock(partial_folder(task.output)))
                train_views(tasks, report)
        except UserError as error:
            leave_error(error, error_file(Path(sys.argv[1])))
            sys.exit(1)


if __name__ == "__main__":
    main()
