"""Training: one video model a view, the health-record model, and their stacking, all out of fold."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from dagster._core.errors import DagsterPipesExecutionError  # not exported

from assets.incremental import Build, Built, Stage, UnitStage, rebuild_after, unit_asset, whole_asset
from assets.pipes import refusal_of
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.settings import Settings, Training
from echomort.training import UNDECIDING
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.score.scores import replace_scores

KEYS = ["study_key", "patient_key", "fold", "label"]
EHR_MODEL, BASELINES, STACKS = "models/ehr", "models/ehr_baselines", "models/stacks"
IMPORTANCE = "models/ehr_importance.json"
SHOWN_VARIABLES = 10
"""Of the permutation importance, the variables that are told."""

# --- view_models: one unit a (network, view), all folds ----------------------------------------------------------


def plan_views(project: Project, recipe: str) -> dict[str, str]:
    """Return network/view -> digest of its clips, labels, folds and settings, for every view that has enough."""
    training = project.settings.training
    with project.reader() as connection:
        samples = run(connection, "reads/training/view_samples.sql").df()
    return {
        f"{training.network}/{view!s}": digest(recipe, part.to_csv(index=False))
        for view, part in samples.groupby("view")
        if too_small(part, training) is None
    }


def too_small(samples: pd.DataFrame, training: Training) -> str | None:
    """Return why the clips of one view are not enough to train on, or None."""
    own = samples[samples["fold"] >= 0]
    view, deaths = samples["view"].iloc[0], int(own["label"].sum())
    if training.views is not None and view not in training.views:
        return "not among training.views"
    if len(own) < training.min_clips:
        return f"{len(own)} clips, training.min_clips is {training.min_clips}"
    if deaths < training.min_deaths or len(own) - deaths < training.min_deaths:
        return f"{deaths} of {len(own)} clips with a death, training.min_deaths is {training.min_deaths}"
    return None


def train_views(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Train the views in one process of their own, whose progress Dagster shows."""
    from echomort.training import Task

    plan = plan_views(project, VIEW_MODELS.how(project))
    with project.reader() as connection:
        samples = run(connection, "reads/training/view_samples.sql").df()
    tasks = []
    for unit in units:
        view, folder = unit.partition("/")[2], project.root / _artifact(plan[unit])
        table = folder.with_suffix(".samples.parquet")
        table.parent.mkdir(parents=True, exist_ok=True)
        samples[samples["view"] == view].to_parquet(table, index=False)
        settings = project.settings
        shape, training = settings.imaging.clip.shape, settings.training
        task = Task(view=view, shape=shape, samples=table, clips=project.root, output=folder, training=training)
        task.write(folder.with_suffix(".task.json"))
        tasks.append(str(folder.with_suffix(".task.json")))
    _train(context, tasks, project.settings.cohort.folds)
    return [Entry(unit, plan[unit], _scores_digest(project, plan[unit]), _artifact(plan[unit])) for unit in units]


def _train(context: dg.OpExecutionContext, tasks: list[str], folds: int) -> None:
    """Start the training process and wait for it; its own word to a person is this step's."""
    refusal = refusal_of(Path(tasks[0]))
    refusal.unlink(missing_ok=True)
    try:
        command = [sys.executable, "-P", "-m", "assets.pipes", *tasks]
        context.resources.pipes.run(context=context, command=command, extras={"folds": folds})
    except DagsterPipesExecutionError:
        if not refusal.exists():
            raise
        problem, remedy = json.loads(refusal.read_text())
        raise UserError(problem, remedy) from None


def commit_views(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Put the out-of-fold scores of the views made in place of the former ones."""
    scores = [
        _scores(project, entry.fingerprint).assign(
            model=f"view:{entry.unit.partition('/')[2]}", view=entry.unit.partition("/")[2]
        )
        for entry in made
    ]
    models = [f"view:{unit.partition('/')[2]}" for unit in [*gone, *(entry.unit for entry in made)]]
    replace_scores(connection, models, pd.concat(scores) if scores else pd.DataFrame())


def show_views(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return the views that have too few clips or deaths, with the reason."""
    samples = run(connection, "reads/training/view_samples.sql").df()
    reasons = {view: too_small(part, project.settings.training) for view, part in samples.groupby("view")}
    return {f"skipped {view!s}": reason for view, reason in reasons.items() if reason}


def _decided_by(settings: Settings) -> Mapping[str, Any]:
    training = settings.training.model_dump(mode="json", exclude=UNDECIDING)
    return {"training": training, "imaging.clip.shape": settings.imaging.clip.shape}


def _artifact(fingerprint: str) -> str:
    return f"models/{fingerprint}"


def _scores(project: Project, fingerprint: str) -> pd.DataFrame:
    return pd.read_parquet(project.root / _artifact(fingerprint) / "scores.parquet")


def _scores_digest(project: Project, fingerprint: str) -> str:
    scores = _scores(project, fingerprint)
    return digest(scores.to_csv(index=False))


VIEW_MODELS = UnitStage(
    "view_models",
    ("clips", "clip_views", "cohort"),
    _decided_by,
    plan=plan_views,
    work=train_views,
    commit=commit_views,
    show=show_views,
    resources=frozenset({"pipes"}),
    batch=64,
)
view_models = unit_asset(
    VIEW_MODELS,
    "The published 3-D CNN, one model a view and fold, trained in a process of its own.",
    "training",
    "pytorch",
    pool="gpu",
)


# --- ehr_models: trees on the health-record features -------------------------------------------------------------

TREES = {"variables", "depth", "rounds", "learning_rate", "early_stopping", "seed"}
"""Settings of section ``tabular`` that decide the trees on all variables."""

EHR_MODELS = Stage(
    "ehr_models",
    ("clinical_features", "cohort"),
    lambda settings: {"tabular": settings.tabular.model_dump(mode="json", include={*TREES, "importance_repeats"})},
)


@whole_asset(EHR_MODELS, "training", "xgboost")
def ehr_models(project: Project) -> dg.MaterializeResult:
    """XGBoost on the health-record features, one model a fold, every study scored by a model that never saw it."""
    from echomort.core.files import write_text
    from echomort.models.tabular import encode, fit_rows, permutation_importance

    def work() -> Build:
        keys, rows, features = _tabular(project)
        tabular = project.settings.tabular
        result = fit_rows(encode(features), tuple(features.columns), rows, tabular)
        result.model.save(project.root / EHR_MODEL)
        importance = permutation_importance(result.model, features, rows, tabular.importance_repeats, tabular.seed)
        write_text(project.root / IMPORTANCE, importance.to_json(orient="records", indent=1) + "\n")
        first = importance.head(SHOWN_VARIABLES)
        shown = {
            f"importance of {name}": float(drop) for name, drop in zip(first["feature"], first["drop"], strict=True)
        }
        return lambda connection: _commit_scores(connection, {"ehr": result.scores}, keys, EHR_MODEL, shown)

    return rebuild_after(project, EHR_MODELS, work)


# --- ehr_baselines: other learners, and parts of the variables ---------------------------------------------------

EHR_BASELINES = Stage(
    "ehr_baselines",
    ("clinical_features", "cohort"),
    lambda settings: {"tabular": settings.tabular.model_dump(mode="json", exclude={"importance_repeats"})},
)


@whole_asset(EHR_BASELINES, "training", "sklearn")
def ehr_baselines(project: Project) -> dg.MaterializeResult:
    """Logistic regression, random forest and XGBoost on the clinical, the echo and all variables, as the trees are."""
    from echomort.models.baselines import fit_baselines, model_names

    def work() -> Build:
        keys, rows, features = _tabular(project)
        fitted = fit_baselines(features, rows, project.settings.tabular)
        fitted.save(project.root / BASELINES)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            replace_scores(connection, model_names(), pd.DataFrame())
            return _commit_scores(connection, fitted.scores, keys, BASELINES)

        return commit

    return rebuild_after(project, EHR_BASELINES, work)


# --- fusion: view scores and the health record's, stacked --------------------------------------------------------

FUSION = Stage(
    "fusion",
    ("view_models", "ehr_models", "clinical_features", "cohort"),
    lambda settings: {
        "fusion": settings.fusion,
        "tabular": settings.tabular.model_dump(mode="json", include=TREES),
        "evaluation.permutations": settings.evaluation.permutations,
        "evaluation.seed": settings.evaluation.seed,
    },
)


@whole_asset(FUSION, "training", "xgboost")
def fusion(project: Project) -> dg.MaterializeResult:
    """All views together, and with the health record, stacked on out-of-fold scores; and the planted null."""
    from echomort.models.stacks import ALL_VIEWS, VIDEO_EHR, StudyScores, stack_all

    def work() -> Build:
        studies = StudyScores.of(_read(project, "reads/training/stack_samples.sql"))
        stacked = stack_all(studies, _tabular(project)[2], project.settings)
        stacked.save(project.root / STACKS)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            replace_scores(connection, [ALL_VIEWS, VIDEO_EHR], pd.DataFrame())
            return _commit_scores(connection, stacked.scores, studies.keys, STACKS)

        return commit

    return rebuild_after(project, FUSION, work)


def _read(project: Project, query: str) -> pd.DataFrame:
    with project.reader() as connection:
        return run(connection, query).df()


def _tabular(project: Project) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """The labelled studies' keys, their :class:`Rows`, and the features that the trees are given."""
    from echomort.models.rows import Rows
    from echomort.models.tabular import inputs

    samples = _read(project, "reads/training/tabular_samples.sql")
    rows = Rows.of(*(samples[name].tolist() for name in ("label", "fold", "patient_key")))
    return samples[KEYS], rows, samples[list(inputs(project.settings.tabular))]


def _commit_scores(
    connection: duckdb.DuckDBPyConnection,
    scores: Mapping[str, Any],
    keys: pd.DataFrame,
    artifact: str,
    shown: Mapping[str, Any] | None = None,
) -> Built:
    rows = [
        keys[["study_key", "fold"]].assign(model=model, view=None, logit=logits) for model, logits in scores.items()
    ]
    table = pd.concat(rows) if rows else pd.DataFrame()
    replace_scores(connection, list(scores), table)
    counts = {f"{model} scores": len(keys) for model in scores}
    return Built(digest(table.to_csv(index=False)), counts | dict(shown or {}), artifact)
