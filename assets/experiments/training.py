"""Trains and judges cells. Models of the same samples that any experiment trained before are used again."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd

from assets.experiments.samples import Samples, trained_patients
from assets.incremental import CODE
from assets.project import Project
from assets.training.cost import cost_of, measured
from assets.training.ehr_models import TREES
from assets.training.process import IMPUTATION, remove_task, train_in_child, write_task
from echomort.core.child import left_error
from echomort.core.errors import HomeError, UserError
from echomort.core.files import atomic_folder
from echomort.core.fingerprint import digest
from echomort.core.registry import code_of_packages
from echomort.experiments.cells import Cell
from echomort.networks import NETWORKS
from echomort.settings import Settings, Training
from echomort.training import NOT_DECIDING, error_file

MODELS = "models/experiments"
"""Path below the home of the folders of models, each named by all that decides them."""
SCORES = "scores.parquet"
"""Scores of every study, in the folder of the models: study_key, logit, and what else they have."""
OF_ALL_CELLS = (HomeError, OSError, MemoryError, ImportError, duckdb.Error, dg.Failure, dg.RetryRequested)
"""Errors that are not a cell's own: of the home, the disk, the memory, the installation, the warehouse and the run."""


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
    """Judge ``cell``, whose networks are trained; fit its trees unless they are there. Return its figure, as columns of
    table experiment_cell, and the path of its models below the home (None for a random guess)."""
    from echomort.experiments.judging import judge, random_scores

    artifact = None
    if cell.network is None and cell.variables == "none":
        scored = samples.judged.assign(logit=random_scores(len(samples.judged), project.settings.evaluation.seed))
    else:
        artifact = f"{MODELS}/{cell_digest(cell, samples, project.settings)}"
        if not (project.root / artifact / SCORES).exists():
            with measured(project.root / artifact):
                _fit_trees(cell, samples, project.settings, project.root / artifact)
        scores = pd.read_parquet(project.root / artifact / SCORES, columns=["study_key", "logit"])
        scored = samples.judged.merge(scores, "left", "study_key", validate="one_to_one")
        require_finite(scored)
    evaluation = project.settings.evaluation
    judged = judge(scored, evaluation.confidence, evaluation.suppress_below_events)
    more = {"trained_patients": trained_patients(cell, samples.rows), "cpu_seconds": cost_of(project.root, artifact)}
    return asdict(judged) | more, artifact


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


def train_cells(
    context: dg.OpExecutionContext, project: Project, cells: Iterable[tuple[Cell, Samples]]
) -> dict[Path, Exception]:
    """Train the networks of ``cells`` that have no models yet, one cell after the other in one process, which reads its
    libraries once. Return folder of the models -> error of those that have none; one of :data:`OF_ALL_CELLS` is
    raised."""
    tasks: dict[Path, Path] = {}
    for cell, samples in cells:
        output = models_folder(project, cell, samples)
        if _is_made(output):
            remove_task(output)  # a run that was killed in a later cell left it
        elif cell.network is not None and output not in tasks:
            tasks[output] = _task_of(project, cell, samples, output)
    errors: dict[Path, Exception] = {}
    while left := {output: task for output, task in tasks.items() if output not in errors and not _is_made(output)}:
        try:
            found = train_in_child(context, project, list(left.values()), one_by_one=True)
            errors |= {output: found[task] for output, task in left.items() if task in found}
            break
        except Exception as error:
            if isinstance(error, OF_ALL_CELLS):
                raise
            errors |= _errors_of_ended(left, error)
    for output in tasks.keys() - errors.keys():
        remove_task(output)
    return errors


def _is_made(output: Path) -> bool:
    return (output / SCORES).exists()


def _errors_of_ended(tasks: Mapping[Path, Path], error: Exception) -> dict[Path, Exception]:
    """Return the errors of a process that did ``tasks`` in turn and ended with ``error``: those that it left beside
    tasks, and its own for the task that it was at, the first without models and without an error."""
    errors: dict[Path, Exception] = {}
    for output, task in tasks.items():
        if not _is_made(output):
            left = left_error(error_file(task))
            errors[output] = left or error
            if left is None:
                break
    return errors


def _task_of(project: Project, cell: Cell, samples: Samples, output: Path) -> Path:
    return write_task(
        project,
        cell.view or cell.name,
        samples.rows,
        output,
        training_of(cell, project.settings),
        branches=samples.branches,
        models="whole" if cell.evaluated == "survey" else "folds",
        variables=samples.variables,
    )


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
