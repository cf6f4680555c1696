"""Training in a child process, whose progress Dagster shows."""

import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pandas as pd
from dagster._core.errors import DagsterPipesExecutionError  # not exported

from assets.imaging.shapes import clip_shapes
from assets.project import Project
from assets.training.pipes import error_file
from echomort.core.child import raise_left
from echomort.core.errors import Interruption
from echomort.core.supervision import supervised
from echomort.models.cross_fit import Models
from echomort.settings import Training
from echomort.training import Branch, Task

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
        training=training,
        models=models,
        variables=record,
        tabular=None if record is None else project.settings.tabular.model_dump(mode="json", include=IMPUTATION),
    ).write(file)
    return file


def train_in_child(context: dg.OpExecutionContext, project: Project, tasks: Sequence[Path]) -> None:
    """Train ``tasks`` in a child process and wait for it; a :class:`UserError` in it is raised here."""
    left = error_file(tasks[0])
    left.unlink(missing_ok=True)
    try:
        command = [sys.executable, "-P", "-m", "assets.training.pipes", *map(str, tasks)]
        folds = {"folds": project.settings.cohort.folds}
        context.resources.pipes.run(context=context, command=command, extras=folds, env=supervised())
    except DagsterPipesExecutionError:
        raise_left(left)
        raise Interruption(
            "the process that trains ended early",
            "see its last lines above; if it was killed for memory, lower training.fold_processes; then run again, "
            "finished models are kept",
        ) from None
