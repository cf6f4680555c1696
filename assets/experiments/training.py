"""Trains and judges one cell. Models of the same samples that any experiment trained before are used again."""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from assets.experiments.samples import Samples, trained_patients
from assets.incremental import CODE
from assets.project import Project
from assets.training.ehr_models import TREES
from assets.training.process import IMPUTATION, remove_task, train_in_child, write_task
from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, write_text
from echomort.core.fingerprint import digest
from echomort.core.registry import code_of_packages
from echomort.experiments.cells import Cell
from echomort.networks import NETWORKS
from echomort.settings import Settings, Training
from echomort.training import NOT_DECIDING

MODELS = "models/experiments"
"""Path below the home of the folders of models, each named by all that decides them."""
COST = "cost.json"
"""Seconds of processor time that the training took, in the folder of the models: the one file that two trainings do not
have in common."""
SCORES = "scores.parquet"
"""Scores of every study, in the folder of the models: study_key, logit, and what else they have."""


def cell_digest(cell: Cell, samples: Samples, settings: Settings) -> str:
    """Return the digest of all that decides the models of ``cell``, but for its name and its experiment."""
    kind = [cell.network, cell.variables, cell.evaluated]
    return digest(kind, _settings_of(cell, settings), _code_of(cell.network), samples.digest)


def training_of(cell: Cell, settings: Settings) -> Training:
    """Return the settings that the network of ``cell`` is trained with: the site's, but for the network, which is one
    alone as in the method, and, if the experiments have a number of their own, the epochs."""
    training, epochs = settings.training, settings.experiments.max_epochs
    own = training.network_settings if cell.network == training.network else {}
    changed = {"network": cell.network, "network_settings": own, "networks": 1}
    return training.model_copy(update={**changed, "max_epochs": epochs or training.max_epochs})


def _settings_of(cell: Cell, settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if cell.network is not None:
        found["training"] = training_of(cell, settings).model_dump(mode="json", exclude=NOT_DECIDING)
    if cell.variables != "none":
        deciding = TREES - {"variables"} if cell.network is None else IMPUTATION
        found["tabular"] = settings.tabular.model_dump(mode="json", include=deciding)
    return found or {"seed": settings.evaluation.seed}


@functools.cache
def _code_of(network: str | None) -> dict[str, str]:
    """Return part -> digest of the code that trains ``network``, without that of others; None: the trees."""
    if network is None:
        reached = CODE.reached([("echomort.experiments.trees", None)])
        return {**reached.parts, **reached.libraries}
    reached = CODE.reached([("echomort.training.run", None)], {NETWORKS.folder: [network]})
    return {**reached.parts, **reached.libraries, **code_of_packages(NETWORKS.folder, [network])}


def judged_cell(
    context: dg.OpExecutionContext, project: Project, cell: Cell, samples: Samples
) -> tuple[dict[str, Any], str | None]:
    """Train ``cell`` unless its models are there; return its figure, as columns of table experiment_cell, and the path
    of its models below the home (None for a random guess)."""
    from echomort.experiments.judging import judge, random_scores

    artifact = None
    if cell.network is None and cell.variables == "none":
        scored = samples.judged.assign(logit=random_scores(len(samples.judged), project.settings.evaluation.seed))
    else:
        artifact = f"{MODELS}/{cell_digest(cell, samples, project.settings)}"
        if not (project.root / artifact / SCORES).exists():
            with measured(context, project.root / artifact):
                train(context, project, cell, samples, project.root / artifact)
        scores = pd.read_parquet(project.root / artifact / SCORES, columns=["study_key", "logit"])
        scored = samples.judged.merge(scores, "left", "study_key", validate="one_to_one")
        require_finite(scored)
    evaluation = project.settings.evaluation
    judged = judge(scored, evaluation.confidence, evaluation.suppress_below_events)
    more = {"trained_patients": trained_patients(cell, samples.rows), "cpu_seconds": cost_of(project, artifact)}
    return asdict(judged) | more, artifact


@contextlib.contextmanager
def measured(context: dg.OpExecutionContext, output: Path) -> Iterator[None]:
    """Measure the processor time of the block, which writes the folder ``output``, and of its child processes; of a
    training that goes on after a kill, that of its last part. What other machines compute is not measured."""
    before = sum(os.times()[:4])
    yield
    if context.resources.pipes.on_cluster:
        return
    write_text(output / COST, json.dumps({"cpu_seconds": round(sum(os.times()[:4]) - before, 1)}) + "\n")


def cost_of(project: Project, artifact: str | None) -> float | None:
    """Return the seconds of processor time that the models in ``artifact`` cost; None where that was not measured."""
    file = project.root / (artifact or "") / COST
    return float(json.loads(file.read_text())["cpu_seconds"]) if artifact and file.exists() else None


def require_finite(scored: pd.DataFrame) -> None:
    """Raise :class:`UserError` where a study that is judged has no score (column logit), or one that is no number."""
    if not np.isfinite(scored["logit"].to_numpy(float)).all():
        raise UserError(
            "the models gave scores that are not finite numbers",
            "the training did not converge: lower training.learning_rate, or change training.network",
        )


def models_folder(project: Project, cell: Cell, samples: Samples) -> Path:
    """Return the folder of the models of ``cell``."""
    return project.root / MODELS / cell_digest(cell, samples, project.settings)


def train(context: dg.OpExecutionContext, project: Project, cell: Cell, samples: Samples, output: Path) -> None:
    """Train the models of ``cell`` into the folder ``output``."""
    if cell.network is None:
        _fit_trees(cell, samples, project.settings, output)
        return
    task = write_task(
        project,
        cell.view or cell.name,
        samples.rows,
        output,
        training_of(cell, project.settings),
        branches=samples.branches,
        models="whole" if cell.evaluated == "survey" else "folds",
        variables=samples.variables,
    )
    for error in train_in_child(context, project, [task]).values():
        raise error
    remove_task(output)


def _fit_trees(cell: Cell, samples: Samples, settings: Settings, output: Path) -> None:
    from echomort.experiments.trees import tree_scores
    from echomort.models.rows import LabelledRows

    assert samples.variables is not None
    rows = samples.rows
    labelled = LabelledRows(*(rows[name].to_numpy() for name in ("label", "fold", "patient_key")))
    variables = rows[["study_key"]].merge(samples.variables, "left", "study_key").drop(columns="study_key")
    logits = tree_scores(variables, labelled, settings.tabular, cell.evaluated == "survey")
    with atomic_folder(output) as folder:
        rows[["study_key", "patient_key", "fold"]].assign(logit=logits).to_parquet(folder / SCORES, index=False)
