"""``python -m echomort.training TASK.json ...``: train without any scheduler; progress lines on standard output."""

import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from echomort.core.errors import UserError
from echomort.training import Progress, Task, forked_pool, train_files

USAGE = "usage: python -m echomort.training TASK.json [TASK.json ...]"


def main(arguments: Sequence[str], forks: bool = False) -> int:
    """Train the views of the task files; return the exit status: 2 if one of them has no models. ``forks``: this
    process does nothing else, and may be forked."""
    if not arguments or arguments[0] in ("-h", "--help"):
        _say(f"{USAGE}\n\nEach task is one view; the layout is that of echomort.training.Task.")
        return 0 if arguments else 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    files = [Path(argument) for argument in arguments]
    try:
        with forked_pool(map(Task.read, files)) if forks else contextlib.nullcontext() as pool:
            outcomes = train_files(files, _show, pool)
    except UserError as error:
        outcomes = [error]
    for outcome in outcomes:
        if isinstance(outcome, UserError):
            sys.stderr.write(f"error: {outcome}\n")
        else:
            models, trained = len(outcome.models), len(outcome.trained)
            _say(f"{outcome.view}: {models} models, {trained} trained now, in {outcome.folder}")
    return 2 if any(isinstance(outcome, UserError) for outcome in outcomes) else 0


def _show(progress: Progress) -> None:
    _say(str(progress))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], forks=True))
