"""The training process that Dagster starts: ``python -m assets.pipes TASK.json ...``, its progress streamed back."""

import itertools
import sys
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from echomort.training import Progress, Task, train_views


def main() -> None:
    """Train the views of the tasks named on the command line."""
    tasks = [Task.read(Path(name)) for name in sys.argv[1:]]
    seen = itertools.count(1)
    with open_dagster_pipes() as pipes:
        folds = int(pipes.get_extra("folds"))
        total = sum(folds * task.training.max_epochs for task in tasks)

        def report(progress: Progress) -> None:
            pipes.log.info(f"{next(seen)} of {total} epochs; {progress}")

        train_views(tasks, report)


if __name__ == "__main__":
    main()
