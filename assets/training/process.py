"""Training in a child process, whose progress Dagster shows."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pandas as pd

from assets.imaging.shapes import clip_shapes
from assets.incremental import ChildEnded, run_child
from assets.project import Project
from echomort.core.child import left_error
from echomort.core.errors import Interruption, UserError
from echomort.core.fingerprint import digest
from echomort.models.cross_fit import Models
from echomort.settings import Execution, Training
from echomort.training import Branch, Task, error_file, partial_folder

IMPUTATION = {"imputation_scope", "imputation_rounds", "max_missing", "outliers"}
"""Settings of section ``tabular`` that decide the columns that a network gets of the record."""


TASK_FILES = (".samples.parquet", ".variables.parquet", ".task.json", ".task.error.json")
"""Endings of the files of a task, after the name of its output: what it is trained on, the task, and its error."""


def write_task(  # noqa: PLR0913
    project: Project,
    view: str,
    samples: pd.DataFrame,
    output: Path,
    training: Training,
    *,
    branches: Sequence[Branch] | None = None,
    models: Models = "nested",
    variables: pd.DataFrame | None = None,
) -> Path:
    """Write the task to train ``view`` on ``samples`` into the folder ``output``; return its file.

    ``branches`` are those of the network (default: one, the project's clips of the view). ``variables`` has a row a
    study: study_key, then numbers, NaN where missing. The layout is that of :class:`echomort.training.Task`.
    """
    table, file = output.with_suffix(".samples.parquet"), output.with_suffix(".task.json")
    record = None if variables is None else output.with_suffix(".variables.parquet")
    table.parent.mkdir(parents=True, exist_ok=True)
    samples.to_parquet(table, index=False)
    if record is not None and variables is not None:
        variables.to_parquet(record, index=False)
    Task(
        view=view,
        branches=tuple(branches or (Branch(name=view, shape=clip_shapes(project)[view]),)),
        samples=table,
        clips=project.root,
        output=output,
        training=_side_by_side(training, project.settings.execution),
        models=models,
        variables=record,
        tabular=None if record is None else project.settings.tabular.model_dump(mode="json", include=IMPUTATION),
    ).write(file)
    return file


def _side_by_side(training: Training, execution: Execution) -> Training:
    """Return ``training`` with so many processes as a job on a cluster has cores; a GPU each is what a job sees."""
    if not execution.on_cluster or training.fold_processes or execution.cluster.gpus:
        return training
    return training.model_copy(update={"fold_processes": execution.cluster.cpus})


def train_in_child(
    context: dg.OpExecutionContext, project: Project, tasks: Sequence[Path], *, one_by_one: bool = False
) -> dict[Path, UserError]:
    """Train ``tasks`` in a process of its own, here or on a cluster, and wait for it; return the errors of those that
    have no models. An error that all would meet (:class:`HomeError`) is raised, and so is the :class:`Interruption` of
    the process itself. ``one_by_one``: in turn, and with the cost of each beside its models; else side by side."""
    for task in tasks:
        error_file(task).unlink(missing_ok=True)
    command = ["-P", "-m", "assets.training.pipes", *map(str, tasks)]
    try:
        run_child(context, command, {"folds": project.settings.cohort.folds, "one_by_one": one_by_one}, trains=True)
    except ChildEnded:
        raise Interruption(
            "the process that trains ended early",
            "its last lines are in the log of the run (`echomort ui`); if it was killed for memory, lower "
            "training.fold_processes; then run again, finished models and epochs are kept",
        ) from None
    errors = {task: left_error(error_file(task)) for task in tasks}
    return {task: error for task, error in errors.items() if error}


def fingerprint_of(fingerprint: str, error: UserError) -> str:
    """Return the fingerprint of a unit that ended with ``error``: its own, so that it is not tried again until
    something changes; or, where another try may not meet the error, one that is always stale."""
    return digest(fingerprint, "interrupted") if isinstance(error, Interruption) else fingerprint


def forget_training(output: Path) -> None:
    """Delete what a training into ``output`` that won't go on left behind: finished models and its task."""
    shutil.rmtree(partial_folder(output), ignore_errors=True)
    remove_task(output)


def remove_task(output: Path) -> None:
    """Delete the files of the task of ``output``."""
    for suffix in TASK_FILES:
        output.with_suffix(suffix).unlink(missing_ok=True)
