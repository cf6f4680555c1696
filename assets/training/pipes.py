"""The training process that Dagster starts (``python -m assets.training.pipes TASK.json ...``); it streams progress."""

import itertools
import sys
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from echomort.core.errors import UserError
from echomort.models.cross_fit import left_out_by
from echomort.training import Progress, Task, train_files


def main() -> None:
    """Train the views of the tasks named on the command line. Errors are left beside the tasks."""
    files = [Path(name) for name in sys.argv[1:]]
    tasks = [Task.read(file) for file in files]
    epochs = itertools.count(1)
    with open_dagster_pipes() as pipes:
        folds = range(int(pipes.get_extra("folds")))
        total = sum(len(left_out_by(task.models, folds)) * task.training.max_epochs for task in tasks)

        def report(progress: Progress) -> None:
            pipes.log.info(f"{next(epochs)} of {total} epochs; {progress}")

        try:
            train_files(files, report)
        except UserError:
            sys.exit(1)


if __name__ == "__main__":
    main()
