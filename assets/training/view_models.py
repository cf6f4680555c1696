"""Video models: each pair of network and view is a unit with all folds; training runs in a child process."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from assets.training.process import train_in_child, write_task
from echomort.core.fingerprint import digest
from echomort.models.rows import UNKNOWN, LabelledRows
from echomort.settings import Settings, Training
from echomort.training import NOT_DECIDING
from echomort.vocabulary.model_names import view_model
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.score.scores import replace_scores


def plan_views(project: Project, recipe: str) -> dict[str, str]:
    """Return network/view -> fingerprint (clips, labels, folds, recipe), for views with enough clips and deaths."""
    network = project.settings.training.network
    return {
        f"{network}/{view}": digest(recipe, samples.to_csv(index=False))
        for view, samples in trained_views(project).items()
    }


def trained_views(project: Project) -> dict[str, pd.DataFrame]:
    """Return view -> its samples, one row a clip, for the views that are trained."""
    with project.reader() as connection:
        samples = run(connection, "reads/training/view_samples.sql").df()
    training = project.settings.training
    return {str(view): part for view, part in samples.groupby("view") if too_small(part, training) is None}


def too_small(samples: pd.DataFrame, training: Training) -> str | None:
    """Return the reason why there are not enough clips of one view for training, or None."""
    if training.views is not None and samples["view"].iloc[0] not in training.views:
        return "not among training.views"
    if reason := too_few(samples, training):
        return reason
    folds = LabelledRows(*(samples[name].to_numpy() for name in ("label", "fold", "patient_key")))
    return None if folds.is_trainable else "outside a pair of folds, all clips have the same label"


def too_few(samples: pd.DataFrame, training: Training) -> str | None:
    """Return the reason why there are fewer clips, or deaths, of one view than the settings ask for, or None."""
    training_clips = samples[(samples["fold"] >= 0) & (samples["label"] != UNKNOWN)]
    count, deaths = len(training_clips), int(training_clips["label"].sum())
    if count < training.min_clips:
        return f"{count} clips, training.min_clips is {training.min_clips}"
    if deaths < training.min_deaths or count - deaths < training.min_deaths:
        return f"{deaths} of {count} clips with a death, training.min_deaths is {training.min_deaths}"
    return None


def train_views(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Train the views in one child process; Dagster shows its progress."""
    training = project.settings.training
    plan, samples = plan_views(project, VIEW_MODELS.how(project)), trained_views(project)
    tasks = [
        write_task(project, _view(unit), samples[_view(unit)], project.root / _artifact(plan[unit]), training)
        for unit in units
    ]
    train_in_child(context, project, tasks)
    return [Entry(unit, plan[unit], _scores_digest(project, plan[unit]), _artifact(plan[unit])) for unit in units]


def commit_views(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the out-of-fold scores of the rebuilt views and delete those of removed views."""
    scores = [
        _scores(project, entry.fingerprint).assign(model=view_model(_view(entry.unit)), view=_view(entry.unit))
        for entry in made
    ]
    models = [view_model(_view(unit)) for unit in [*gone, *(entry.unit for entry in made)]]
    replace_scores(connection, models, pd.concat(scores) if scores else pd.DataFrame())


def show_views(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return the views that have too few clips or deaths, with the reason."""
    samples = run(connection, "reads/training/view_samples.sql").df()
    reasons = {view: too_small(part, project.settings.training) for view, part in samples.groupby("view")}
    return {f"skipped {view!s}": reason for view, reason in reasons.items() if reason}


def _decided_by(settings: Settings) -> Mapping[str, Any]:
    training = settings.training.model_dump(mode="json", exclude=NOT_DECIDING)
    return {"training": training, "imaging.clip.shape": settings.imaging.clip.deciding_shape}


def _view(unit: str) -> str:
    """Return the view of the unit ``network/view``."""
    return unit.partition("/")[2]


def _artifact(fingerprint: str) -> str:
    return f"models/{fingerprint}"


def _scores(project: Project, fingerprint: str) -> pd.DataFrame:
    return pd.read_parquet(project.root / _artifact(fingerprint) / "scores.parquet")


def _scores_digest(project: Project, fingerprint: str) -> str:
    scores = _scores(project, fingerprint)
    return digest(scores.drop(columns="without").to_csv(index=False), [list(row) for row in scores["without"]])


VIEW_MODELS = UnitStage(
    "view_models",
    ("clips", "clip_views", "cohort"),
    _decided_by,
    plan=plan_views,
    work=train_views,
    commit=commit_views,
    show=show_views,
    chosen=lambda settings: {"echomort.networks": [settings.training.network]},
    resources=frozenset({"pipes"}),
    batch=64,
)

view_models = unit_asset(
    VIEW_MODELS,
    "The chosen network, in nested cross-validation by view, trained in a child process.",
    "training",
    "pytorch",
    pool="gpu",
)
