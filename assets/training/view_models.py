"""Video models: each pair of network and view is a unit with all folds; training runs in a child process.

Every view that has clips is a unit of the chosen network. It ends with its models, or with the reason why it has none.
The last models of a former network are kept until the clips, labels or folds of their view change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import UnitStage, missing_files, picture, unit_asset
from assets.project import Project
from assets.training.process import fingerprint_of, forget_training, train_in_child, write_task
from assets.training.view_samples import ViewSamples, sample_rows, view_of, views_of
from echomort.core.errors import Interruption
from echomort.core.fingerprint import digest
from echomort.settings import Settings
from echomort.training import NOT_DECIDING
from echomort.vocabulary.model_names import view_model
from warehouse import ledger
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.score.scores import replace_scores
from warehouse.tables.untrained_view.untrained_views import replace_untrained_views


def plan_views(project: Project, recipe: str) -> dict[str, str]:
    """Return network/view -> fingerprint: of the chosen network every view that has clips (by clips, labels, folds and
    recipe, or by the reason why they are too few), and the kept models of other networks."""
    network = project.settings.training.network
    with project.reader() as connection:
        views = views_of(connection, project.settings.training)
        recorded = ledger.entries(connection, VIEW_MODELS.name)
    planned = {f"{network}/{view}": digest(recipe, one.reason or one.digest) for view, one in views.items()}
    others = [entry for unit, entry in recorded.items() if not is_of(network, unit)]
    return planned | {
        entry.unit: _fingerprint_of_former(entry) for entry in others if _is_kept(project.root, entry, views)
    }


def _is_kept(root: Path, entry: Entry, views: Mapping[str, ViewSamples]) -> bool:
    """Return whether the models of a former network are kept: until the samples of their view change."""
    view = views.get(view_of(entry.unit))
    if view is None or entry.artifact is None or missing_files(root, entry):
        return False
    return bool(entry.details.get("samples") == view.digest)


def _fingerprint_of_former(entry: Entry) -> str:
    """Return the fingerprint of models of a former network. It differs from that with which they were trained, so that
    they become stale, and their scores are committed again, where their network is chosen again."""
    return digest("of a former network", entry.artifact)


def train_views(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Train the views in one child process; Dagster shows its progress. A view that has no models gets the reason."""
    training = project.settings.training
    plan = plan_views(project, VIEW_MODELS.how(project))
    with project.reader() as connection:
        views, recorded = views_of(connection, training), ledger.entries(connection, VIEW_MODELS.name)
    chosen = {unit: views[view_of(unit)] for unit in units if is_of(training.network, unit)}
    enough = {unit: view for unit, view in chosen.items() if view.reason is None}
    rows = sample_rows(project, map(view_of, enough))
    tasks = {
        unit: write_task(project, view_of(unit), rows[view_of(unit)], project.root / _artifact(plan[unit]), training)
        for unit in enough
    }
    errors = train_in_child(context, project, list(tasks.values())) if tasks else {}
    failed = {unit: errors[task] for unit, task in tasks.items() if task in errors}
    for unit, error in failed.items():
        if not isinstance(error, Interruption):
            forget_training(project.root / _artifact(plan[unit]))
    made = [_trained(project, unit, plan[unit], view) for unit, view in enough.items() if unit not in failed]
    made += [_untrained(unit, fingerprint_of(plan[unit], error), str(error)) for unit, error in failed.items()]
    made += [_untrained(unit, plan[unit], view.reason) for unit, view in chosen.items() if view.reason]
    return made + [_former(recorded[unit]) for unit in units if unit not in chosen]


def _trained(project: Project, unit: str, fingerprint: str, view: ViewSamples) -> Entry:
    artifact = _artifact(fingerprint)
    return Entry(unit, fingerprint, _scores_digest(project, artifact), artifact, {"samples": view.digest})


def _untrained(unit: str, fingerprint: str, reason: str) -> Entry:
    return Entry(unit, fingerprint, digest("no models", reason), None, {"reason": reason})


def _former(entry: Entry) -> Entry:
    """Return the entry of models whose network is no longer chosen; it counts as other content."""
    fingerprint = _fingerprint_of_former(entry)
    return replace(entry, fingerprint=fingerprint, digest=fingerprint)


def is_of(network: str, unit: str) -> bool:
    """Return whether ``unit`` (network/view) is of ``network``."""
    return unit.partition("/")[0] == network


def commit_views(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the out-of-fold scores and the reasons of the rebuilt views and delete those of removed views. Models of
    a former network have neither."""
    network = project.settings.training.network
    chosen = [entry for entry in made if is_of(network, entry.unit)]
    scores = [
        _scores(project, entry.artifact).assign(model=view_model(view_of(entry.unit)), view=view_of(entry.unit))
        for entry in chosen
        if entry.artifact
    ]
    left = {*ledger.fingerprints(connection, VIEW_MODELS.name), *(entry.unit for entry in made)}.difference(gone)
    views = {view_of(entry.unit) for entry in chosen}
    views |= {view_of(unit) for unit in gone if f"{network}/{view_of(unit)}" not in left}
    replace_scores(connection, sorted(map(view_model, views)), pd.concat(scores) if scores else pd.DataFrame())
    reasons = {entry.unit: str(entry.details["reason"]) for entry in chosen if not entry.artifact}
    replace_untrained_views(connection, [*gone, *(entry.unit for entry in made)], reasons)


def show_views(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return the views that have no models, with the reason, and how many models of former networks are kept."""
    network = project.settings.training.network
    rows = run(connection, "reads/training/untrained_views.sql", network=network).fetchall()
    former = sum(not is_of(network, unit) for unit in ledger.fingerprints(connection, VIEW_MODELS.name))
    return {"of former networks": former} | {f"no models of {view}": reason for view, reason in rows}


def draw_views(project: Project, entries: Mapping[str, Entry]) -> Mapping[str, Any]:
    """Return of each view's models of the chosen network the AUC out of fold, and the curves: loss and AUC by epoch."""
    from echomort.report.drawing.curves import training_curves
    from echomort.report.drawing.style import png

    network, curves = project.settings.training.network, {}
    for unit, entry in entries.items():
        if entry.artifact and is_of(network, unit):
            card = json.loads((project.root / entry.artifact / "model.json").read_bytes())
            name = f"curves of {view_of(unit)}"
            curves[name] = picture(name, png(training_curves(card["history"]), DPI))
    return {f"AUC of {view}": area for view, area in view_aucs(project).items()} | curves


def view_aucs(project: Project) -> dict[str, float]:
    """Return view -> AUC of its models out of fold, as the report has it: one study a patient, all folds together. A
    view with fewer deaths or survivors than ``evaluation.suppress_below_events`` has none."""
    from echomort.evaluation.discrimination import auc
    from echomort.evaluation.too_few import has_too_few_outcomes

    with project.reader() as connection:
        scored = run(connection, "reads/training/view_scores.sql").df()
    least = project.settings.evaluation.suppress_below_events
    return {
        str(view): auc(rows["label"], rows["logit"])
        for view, rows in scored.groupby("view")
        if not has_too_few_outcomes(rows["label"].to_numpy() == 1, least)
    }


DPI = 80
"""Of the curves, in dots an inch. Chosen here: readable beside each other, 20 KB each."""


def _decided_by(settings: Settings) -> Mapping[str, Any]:
    training = settings.training.model_dump(mode="json", exclude=NOT_DECIDING)
    return {"training": training, "imaging.clip.shape": settings.imaging.clip.deciding_shape}


def _artifact(fingerprint: str) -> str:
    return f"models/{fingerprint}"


def _scores(project: Project, artifact: str) -> pd.DataFrame:
    return pd.read_parquet(project.root / artifact / "scores.parquet")


def _scores_digest(project: Project, artifact: str) -> str:
    scores = _scores(project, artifact)
    return digest(scores.drop(columns="without").to_csv(index=False), [list(row) for row in scores["without"]])


VIEW_MODELS = UnitStage(
    "view_models",
    ("clips", "clip_views", "cohort"),
    _decided_by,
    plan=plan_views,
    work=train_views,
    commit=commit_views,
    show=show_views,
    draw=draw_views,
    chosen=lambda settings: {"echomort.networks": [settings.training.network]},
    resources=frozenset({"pipes"}),
    batch=64,
    cluster_batch=lambda cluster: 1,
)

view_models = unit_asset(
    VIEW_MODELS,
    "The chosen network, in nested cross-validation by view, trained in a child process.",
    "training",
    "pytorch",
    pool="gpu",
)
