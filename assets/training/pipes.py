"""The training process that Dagster starts (``python -m assets.training.pipes TASK.json ...``); it streams progress."""

import itertools
import json
import sys
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.training import Progress, Task, train_views


def refusal_of(task: Path) -> Path:
    """Return the file in which the process leaves what a person is to read of its failure: [problem, remedy]."""
    return task.with_suffix(".refused.json")


def main() -> None:
    """Train the views of the tasks named on the command line."""
    tasks = [Task.read(Path(name)) for name in sys.argv[1:]]
    seen = itertools.count(1)
    with open_dagster_pipes() as pipes:
        folds = int(pipes.get_extra("folds"))
        total = sum(folds * task.training.max_epochs for task in tasks)

        def report(progress: Progress) -> None:
            pipes.log.info(f"{next(seen)} of {total} epochs; {progress}")

        try:
            train_views(tasks, report)
        except UserError as error:
            write_text(refusal_of(Path(sys.argv[1])), json.dumps([error.problem, error.remedy]))
            sys.exit(1)


if __name__ == "__main__":
    main()
