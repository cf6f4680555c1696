"""The permuted null: everything trained again on labels that mean nothing. What it finds is what leaks.

Labels are permuted by patient before anything is fitted; then the product's own training, trees and stacks run, in the
same folds. The video models are the smallest network, so that it costs little beside the real training. Each
permutation is a unit, kept until its inputs or the code change.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from assets.records.own_variables import variable_files
from assets.training.ehr_models import TREES
from assets.training.process import train_in_child, write_task
from assets.training.samples import tabular_samples
from assets.training.view_samples import trainable_views, trained_views
from echomort.core.files import write_text
from echomort.core.fingerprint import digest
from echomort.settings import Training
from echomort.training import NOT_DECIDING
from warehouse import ledger
from warehouse.ledger import Entry

if TYPE_CHECKING:
    from echomort.models.null import PermutedNull
    from echomort.models.rows import LabelledRows

NETWORK = "linear"
QUICK = {
    "network": NETWORK,
    "network_settings": {},
    "networks": 1,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "schedule": "constant",
}
"""Settings of the null's video models, in place of the site's: the smallest network, and a rate at which it fits its
training labels in :data:`EPOCHS`. Chosen here."""
EPOCHS = 3
"""Epochs of the null's video models: enough for them to fit their training labels. Chosen here."""


def training_of_null(training: Training) -> Training:
    """Return the settings to train the null's video models with: those of the site, with the smallest network."""
    return training.model_copy(update={**QUICK, "max_epochs": EPOCHS, "stopping": "fixed"})


def plan_permutations(project: Project, recipe: str) -> dict[str, str]:
    """Return permutation -> fingerprint: labels, folds, clips and features, and the number of the permutation."""
    with project.reader() as connection:
        features = ledger.asset_digest(connection, "clinical_features"), ledger.asset_digest(connection, "cohort")
    clips = {view: samples.digest for view, samples in trainable_views(project).items()}
    made_from = digest(recipe, features, clips)
    count = project.settings.evaluation.permutations
    return {f"permutation {number}": digest(made_from, number) for number in range(1, count + 1)}


def fit_permutations(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Fit everything on the permuted labels of each unit; write its AUCs, by model, to one JSON file. A unit whose
    labels can't be permuted, or that are too few to train anything, has the reason."""
    from echomort.models import null
    from echomort.models.rows import TooFewRowsError
    from echomort.models.stacks import cross_fit_of

    plan = plan_permutations(project, PERMUTED_NULL.how(project))
    folders = {unit: project.root / "models" / "null" / plan[unit] for unit in units}
    try:
        keys, rows, features = tabular_samples(project)
    except TooFewRowsError as error:
        return _without_result(plan, dict.fromkeys(units, str(error)))
    views = trained_views(project)
    permuted, reasons = _permuted(rows, keys, views, project.settings.evaluation.seed, units)
    labels = {folders[unit]: pd.Series(shuffled.labels, index=keys["study_key"]) for unit, shuffled in permuted.items()}
    scores = _train_views(project, context, views, labels)
    entries = []
    for unit, shuffled in permuted.items():
        cross_fits = {view: cross_fit_of(keys, table) for view, table in scores[folders[unit]].items()}
        try:
            content = null.permuted_null(cross_fits, features, shuffled, project.settings).to_json()
        except TooFewRowsError as error:
            reasons[unit] = str(error)
            continue
        artifact = f"models/null/{plan[unit]}.json"
        write_text(project.root / artifact, content)
        entries.append(Entry(unit, plan[unit], digest(content), artifact))
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
    return entries + _without_result(plan, reasons)


def _without_result(plan: Mapping[str, str], reasons: Mapping[str, str]) -> list[Entry]:
    """Return the entries of the units that have no result, each with its reason."""
    return [Entry(unit, plan[unit], digest("none", why), None, {"reason": why}) for unit, why in reasons.items()]


def _permuted(
    rows: "LabelledRows", keys: pd.DataFrame, views: Mapping[str, pd.DataFrame], seed: int, units: Sequence[str]
) -> tuple[dict[str, "LabelledRows"], dict[str, str]]:
    """Return unit -> ``rows`` with permuted labels that allow every view to be trained; and unit -> the reason, of
    those for which there are none."""
    from echomort.models.null import permute_labels
    from echomort.models.rows import TooFewRowsError

    studies = [keys["study_key"].isin(samples["study_key"]).to_numpy() for samples in views.values()]
    permuted, reasons = dict[str, "LabelledRows"](), dict[str, str]()
    for unit in units:
        try:
            permuted[unit] = permute_labels(rows, studies, (seed, int(unit.rpartition(" ")[2])))
        except TooFewRowsError as error:
            reasons[unit] = str(error)
    return permuted, reasons


def _train_views(
    project: Project,
    context: dg.OpExecutionContext,
    views: Mapping[str, pd.DataFrame],
    labels: Mapping[Path, pd.Series],
) -> dict[Path, dict[str, pd.DataFrame]]:
    """Return folder -> view -> scores of its studies, by video models that one process trained on the ``labels`` of
    each folder (by study). What is trained stays in the folder, so that a training that was killed goes on."""
    training = training_of_null(project.settings.training)
    tasks = [
        write_task(
            project, view, samples.assign(label=label.reindex(samples["study_key"]).to_numpy()), folder / view, training
        )
        for folder, label in labels.items()
        for view, samples in views.items()
    ]
    for error in train_in_child(context, project, tasks).values() if tasks else ():
        raise error
    return {folder: {view: pd.read_parquet(folder / view / "scores.parquet") for view in views} for folder in labels}


def commit_permutations(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Write nothing: the files are the result, and the ledger names them."""


def permutations(project: Project) -> "list[PermutedNull]":
    """Return what was found in each permutation."""
    from echomort.models.null import PermutedNull

    with project.reader() as connection:
        entries = ledger.entries(connection, PERMUTED_NULL.name).values()
    return [PermutedNull.from_json((project.root / entry.artifact).read_text()) for entry in entries if entry.artifact]


PERMUTED_NULL = UnitStage(
    "permuted_null",
    ("clips", "clip_views", "clinical_features", "cohort"),
    lambda settings: {
        "training": training_of_null(settings.training).model_dump(mode="json", exclude=NOT_DECIDING),
        "imaging.clip.shape": settings.imaging.clip.deciding_shape,
        "fusion": settings.fusion,
        "tabular": settings.tabular.model_dump(mode="json", include=TREES),
        "evaluation.seed": settings.evaluation.seed,
    },
    files=variable_files,
    plan=plan_permutations,
    work=fit_permutations,
    commit=commit_permutations,
    chosen=lambda settings: {"echomort.networks": [NETWORK]},
    resources=frozenset({"pipes"}),
    cluster_batch=lambda cluster: 1,
)

permuted_null = unit_asset(
    PERMUTED_NULL,
    "Everything trained again on permuted labels, the video models as the smallest network: what it finds, leaks.",
    "training",
    "pytorch",
    pool="gpu",
)
