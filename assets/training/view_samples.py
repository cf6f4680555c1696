"""What the models of each view are trained on, and the reason why there are too few clips for it.

A plan compares digests, which the database works out: the rows come to Python for training alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from assets.project import Project
from echomort.core.fingerprint import digest
from echomort.core.once import once
from echomort.models.rows import UNKNOWN, LabelledRows
from echomort.settings import Training
from warehouse.queries import run


@dataclass(frozen=True)
class ViewSamples:
    """The samples of a view: how many ``clips``, the ``digest`` of clips, labels and folds, and the ``reason`` why they
    are too few for training, or None."""

    clips: int
    digest: str
    reason: str | None


def view_of(unit: str) -> str:
    """Return the view of a unit ``network/view`` or ``control/view``."""
    return unit.partition("/")[2]


def views_of(connection: duckdb.DuckDBPyConnection, training: Training) -> dict[str, ViewSamples]:
    """Return view -> its samples, for the views that have clips, of those in training.views if it names any."""
    counted = once("view_samples", lambda: _counted(connection))
    by_view = {view: [row[1:] for row in rows] for view, rows in groupby(counted, key=itemgetter(0))}
    return {
        view: ViewSamples(sum(row[2] for row in rows), digest(rows), _too_small(rows, training))
        for view, rows in by_view.items()
        if training.views is None or view in training.views
    }


def _counted(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Return the rows of view_sample_digests.sql, by view."""
    run(connection, "definitions/view_sample.sql")
    return run(connection, "reads/training/view_sample_digests.sql").fetchall()


def trainable_views(project: Project) -> dict[str, ViewSamples]:
    """Return view -> its samples, for the views that have enough."""
    with project.reader() as connection:
        views = views_of(connection, project.settings.training)
    return {view: one for view, one in views.items() if one.reason is None}


def sample_rows(project: Project, views: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return view -> its samples, one row a clip."""
    with project.reader() as connection:
        run(connection, "definitions/view_sample.sql")
        samples = run(connection, "reads/training/view_samples.sql", views=list(views)).df()
    return {str(view): rows for view, rows in samples.groupby("view")}


def trained_views(project: Project) -> dict[str, pd.DataFrame]:
    """Return view -> its samples, one row a clip, for the views that have enough."""
    return sample_rows(project, trainable_views(project))


def _too_small(counted: Sequence[tuple[Any, ...]], training: Training) -> str | None:
    """Return the reason why there are not enough clips of one view for training, or None; ``counted``: its fold, label
    and how many, of each kind of clip."""
    folds, labels, clips = (np.array([kind[part] for kind in counted]) for part in range(3))
    trained = (folds >= 0) & (labels != UNKNOWN)
    if reason := _fewer(int(clips[trained].sum()), int(clips[trained & (labels == 1)].sum()), training):
        return reason
    is_trainable = LabelledRows(labels, folds, np.arange(len(folds))).is_trainable  # one row of each kind suffices
    return None if is_trainable else "outside a pair of folds, all clips have the same label"


def too_few(samples: pd.DataFrame, training: Training) -> str | None:
    """Return the reason why there are fewer clips, or deaths, of one view than the settings ask for, or None."""
    training_clips = samples[(samples["fold"] >= 0) & (samples["label"] != UNKNOWN)]
    return _fewer(len(training_clips), int(training_clips["label"].sum()), training)


def _fewer(clips: int, deaths: int, training: Training) -> str | None:
    if clips < training.min_clips:
        return f"{clips} clips, training.min_clips is {training.min_clips}"
    if deaths < training.min_deaths or clips - deaths < training.min_deaths:
        return f"{deaths} of {clips} clips with a death, training.min_deaths is {training.min_deaths}"
    return None
