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
    from echomort.models.rows import TooFewRowsError

    plan = plan_permutations(project, PERMUTED_NULL.how(project))
    entries = []
    for unit in units:
        artifact = f"models/null/{plan[unit]}.json"
        try:
            content = _permutation(project, unit, context, (project.root / artifact).with_suffix(""))
        except TooFewRowsError as error:
            entries.append(Entry(unit, plan[unit], digest("none", str(error)), None, {"reason": str(error)}))
            continue
        write_text(project.root / artifact, content)
        entries.append(Entry(unit, plan[unit], digest(content), artifact))
    return entries


def _permutation(project: Project, unit: str, context: dg.OpExecutionContext, folder: Path) -> str:
    """Return what was found in the permutation ``unit``, as JSON; its video models are trained in ``folder``."""
    from echomort.models import null
    from echomort.models.stacks import cross_fit_of

    keys, rows, features = tabular_samples(project)
    views = trained_views(project)
    shuffled = _permuted(rows, keys, views, project.settings.evaluation.seed, unit)
    labels = pd.Series(shuffled.labels, index=keys["study_key"])
    scores = _train_views(project, context, views, labels, folder)
    cross_fits = {view: cross_fit_of(keys, table) for view, table in scores.items()}
    return null.permuted_null(cross_fits, features, shuffled, project.settings).to_json()


def _permuted(
    rows: "LabelledRows", keys: pd.DataFrame, views: Mapping[str, pd.DataFrame], seed: int, unit: str
) -> "LabelledRows":
    """Return ``rows`` with permuted labels that allow every view to be trained."""
    from echomort.models.null import permute_labels

    studies = [keys["study_key"].isin(samples["study_key"]).to_numpy() for samples in views.values()]
    return permute_labels(rows, studies, (seed, int(unit.rpartition(" ")[2])))


def _train_views(
    project: Project,
    context: dg.OpExecutionContext,
    views: Mapping[str, pd.DataFrame],
    labels: pd.Series,
    folder: Path,
) -> dict[str, pd.DataFrame]:
    """Return view -> scores of its studies, by video models that were trained on ``labels`` (by study)."""
    training = training_of_null(project.settings.training)
    outputs = {view: folder / view for view in views}
    tasks = [
        write_task(
            project, view, samples.assign(label=labels.reindex(samples["study_key"]).to_numpy()), output, training
        )
        for (view, samples), output in zip(views.items(), outputs.values(), strict=True)
    ]
    for error in train_in_child(context, project, tasks).values() if tasks else ():
        raise error
    scores = {view: pd.read_parquet(output / "scores.parquet") for view, output in outputs.items()}
    shutil.rmtree(folder, ignore_errors=True)
    return scores


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
    batch=1,
)

permuted_null = unit_asset(
    PERMUTED_NULL,
    "Everything trained again on permuted labels, the video models as the smallest network: what it finds, leaks.",
    "training",
    "pytorch",
    pool="gpu",
)
