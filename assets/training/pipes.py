"""The training process that Dagster starts (``python -m assets.training.pipes TASK.json ...``); it streams progress."""

import contextlib
import itertools
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from dagster_pipes import PipesContext

from assets.child import do_as_child
from assets.training.cost import measured
from echomort.core.fingerprint import digest
from echomort.core.supervision import folder_lock
from echomort.models.cross_fit import left_out_by, left_out_name
from echomort.training import Progress, Task, forked_pool, partial_folder, train_files
from echomort.training.events import add_event

EVENTS = "tensorboard"
"""Folder of the home for the curves as event files: ``tensorboard --logdir`` shows them while models are trained."""


def events_folder(task: Task) -> Path:
    """Return the folder for the curves of ``task``: below the home's, by network, view and what decides the models."""
    training = digest(str(task.output.relative_to(task.clips)))[:8]
    return task.clips / EVENTS / task.training.network / f"{task.view}-{training}"


def train(files: Sequence[Path], pipes: PipesContext) -> None:
    """Train the views of the task ``files``, and tell the step each epoch. Errors of single views are left beside the
    tasks."""
    tasks = {file: Task.read(file) for file in files}
    epochs = itertools.count(1)
    folds = range(int(pipes.get_extra("folds")))
    total = sum(len(left_out_by(task.models, folds)) * task.training.max_epochs for task in tasks.values())

    def report(by_view: Mapping[str, Task], progress: Progress) -> None:
        task = by_view[progress.view]
        add_event(events_folder(task) / left_out_name(progress.left_out), progress.epoch, progress.curves)
        pipes.log.info(f"{next(epochs)} of {total} epochs; {progress}")

    if pipes.get_extra("one_by_one"):
        for file, task in tasks.items():
            with folder_lock(partial_folder(task.output)), measured(task.output), forked_pool([task]) as pool:
                train_files([file], partial(report, {task.view: task}), pool)
        return
    with contextlib.ExitStack() as held:
        for task in tasks.values():
            held.enter_context(folder_lock(partial_folder(task.output)))
        pool = held.enter_context(forked_pool(tasks.values()))  # its processes hold the locks too
        for part in _parts(tasks):
            by_view = {tasks[file].view: tasks[file] for file in part}
            train_files(part, partial(report, by_view), pool)


def _parts(tasks: Mapping[Path, Task]) -> list[list[Path]]:
    """Return the files of ``tasks`` in parts, each of which has a view once: these are trained side by side."""
    by_view: dict[str, list[Path]] = {}
    for file, task in tasks.items():
        by_view.setdefault(task.view, []).append(file)
    return [[file for file in part if file] for part in itertools.zip_longest(*by_view.values())]


def main() -> None:
    """Do the tasks named on the command line."""
    files = [Path(name) for name in sys.argv[1:]]
    do_as_child(files, partial(train, files))


if __name__ == "__main__":
    main()
