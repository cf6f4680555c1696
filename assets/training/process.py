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
from echomort.models.cross_fit import folds_left_out
from echomort.settings import Training
from echomort.training import Task


def write_task(project: Project, view: str, samples: pd.DataFrame, output: Path, training: Training) -> Path:
    """Write the task to train ``view`` on ``samples`` into the folder ``output``; return its file."""
    table, file = output.with_suffix(".samples.parquet"), output.with_suffix(".task.json")
    table.parent.mkdir(parents=True, exist_ok=True)
    samples.to_parquet(table, index=False)
    shape = clip_shapes(project)[view]
    Task(view=view, shape=shape, samples=table, clips=project.root, output=output, training=training).write(file)
    return file


def train_in_child(context: dg.OpExecutionContext, project: Project, tasks: Sequence[Path]) -> None:
    """Train ``tasks`` in a child process and wait for it; a :class:`UserError` in it is raised here."""
    left = error_file(tasks[0])
    left.unlink(missing_ok=True)
    models = len(folds_left_out(range(project.settings.cohort.folds)))
    try:
        command = [sys.executable, "-P", "-m", "assets.training.pipes", *map(str, tasks)]
        context.resources.pipes.run(context=context, command=command, extras={"models": models})
    except DagsterPipesExecutionError:
        raise_left(left)
        raise
