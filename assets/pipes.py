"""The training process that Dagster starts: ``python -m assets.pipes TASK.json ...``, its progress streamed back."""

import sys
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from echomort.training import Progress, Task, train_views


def main() -> None:
    """Train the views of the tasks named on the command line."""
    tasks = [Task.read(Path(name)) for name in sys.argv[1:]]
    with open_dagster_pipes() as pipes:
        total = {"seen": 0, "epochs": 0}

        def report(progress: Progress) -> None:
            total["seen"] += 1
            pipes.log.info(str(progress))

        train_views(tasks, report)


if __name__ == "__main__":
    main()
