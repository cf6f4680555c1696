"""Cells of the experiment on whole studies: the project's own scores, the joint network, and the study model.

All are judged on the same kind of patients: one study each, drawn among all that are followed, labelled or censored.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from assets.experiments.samples import Refused, Sampler, Samples, table_digest, trained_patients
from assets.experiments.stages import Kind
from assets.experiments.training import MODELS, SCORES, cell_digest, require_finite, train_cells
from assets.incremental import CODE
from assets.project import Project
from assets.training.cost import cost_of, measured
from assets.training.ehr_models import EHR_MODEL
from assets.training.process import remove_task
from assets.training.samples import read
from assets.training.view_models import VIEW_MODELS
from echomort.core.fingerprint import digest
from echomort.experiments.cells import FUSION, MEAN, STACK, STUDY_MODEL, WITHIN, Cell
from echomort.models.cross_fit import CrossFit
from echomort.models.stacks import cross_fit_of
from echomort.networks import NETWORKS
from echomort.settings import Settings
from echomort.study_model.hazards import interval_ends
from echomort.study_model.task import StudyTask, fit_in_child, logit_column
from echomort.vocabulary.model_names import ALL_VIEWS, ANY_VIEW, is_encoder_model, view_model
from warehouse import ledger
from warehouse.ledger import Entry

KEYS = ["study_key", "patient_key", "fold", "days", "event"]
"""Columns of the patients who are judged: one study each, with its follow-up."""
NO_EMBEDDINGS = "run `echomort run --select encoder_models`, which says what the encoder lacks"
"""What to do where the model on an encoder's embeddings has no scores."""
FEWEST_VIEWS = 2
"""Views that a model of whole studies joins: of one there is nothing to join."""


@dataclass(frozen=True)
class ProjectScores:
    """Scores by the project's own models: ``judged`` are the patients (:data:`KEYS`), in whose order ``scores`` are."""

    judged: pd.DataFrame
    scores: CrossFit


@dataclass(frozen=True)
class StudySamples:
    """What the study model is fitted on: ``clips``, a row a clip (:class:`echomort.study_model.task.StudyTask`), and
    view -> the folder of its networks (``models``) and the digest of their scores (``made``). ``judged`` as in
    :class:`ProjectScores`."""

    judged: pd.DataFrame
    clips: pd.DataFrame
    models: Mapping[str, str]
    made: Mapping[str, str]


StudyCell = Samples | ProjectScores | StudySamples
"""What a cell is made from; samples are those of the joint network, whose ``judged`` have :data:`KEYS`."""


def of_studies() -> Kind:
    """Return how the cells of the experiment on whole studies are made."""
    return Kind(study_samples, study_cell_digest, models_of_study_cell, train_joint_networks, judged_study_cell)


def study_samples(sampler: Sampler, cell: Cell) -> StudyCell:
    """Return what ``cell`` is made from. Raises :class:`Refused` where it can have no figure."""
    if cell.view == ANY_VIEW:
        raise sampler.no_view()
    joined = cell.network if cell.view == ALL_VIEWS else None
    fewest = 1 if joined and is_encoder_model(joined) else FEWEST_VIEWS
    models = _models(sampler, fewest) if joined else {}
    names = [view_model(view) for view in models or [str(cell.view)]]
    if joined == STUDY_MODEL:
        found: StudyCell = _study_model(sampler, models)
    elif joined == FUSION:
        rows, branches = sampler.joint(cell)
        found = Samples(rows, _judged(sampler, rows["study_key"]), branches, None)
    elif joined in (None, MEAN):
        found = _project_scores(sampler, names)
    elif joined == WITHIN:
        found = _within(sampler, _project_scores(sampler, names, ALL_VIEWS))
    else:
        found = _project_scores(sampler, names, ALL_VIEWS if joined == STACK else joined)
    _require_outcomes(found.judged, cell.horizon_days, sampler.settings.evaluation.suppress_below_events)
    return found


def _models(sampler: Sampler, fewest: int = FEWEST_VIEWS) -> dict[str, Entry]:
    """Return view -> the ledger's entry of its models, of the views that have models of the chosen network. Raises
    :class:`Refused` where there are fewer than ``fewest``."""
    with sampler.project.reader() as connection:
        entries = ledger.entries(connection, VIEW_MODELS.name)
    network = sampler.settings.training.network
    found = {view: entries.get(f"{network}/{view}") for view in sorted(sampler.views.patients)}
    models = {view: entry for view, entry in found.items() if entry is not None and entry.artifact}
    if len(models) < fewest:
        raise Refused(
            f"{'one view has' if models else 'no view has'} models, so that there are no views to join",
            "lower training.min_clips or training.min_deaths, or add studies with other views",
        )
    return models


def _study_model(sampler: Sampler, models: Mapping[str, Entry]) -> StudySamples:
    clips = sampler.clips[["view", "clip_key", "study_key", "path", "digest"]]
    rows = clips[clips["view"].isin(models)].merge(sampler.followed[KEYS], on="study_key")
    return StudySamples(
        _judged(sampler, rows["study_key"]),
        rows.reset_index(drop=True),
        {view: str(entry.artifact) for view, entry in models.items()},
        {view: entry.digest for view, entry in models.items()},
    )


def _project_scores(sampler: Sampler, views: list[str], joined: str | None = None) -> ProjectScores:
    """Return the scores of the views' models, ``views``, of several their mean; or those of the model ``joined``, of
    the same studies."""
    long = read(sampler.project, "reads/experiments/scores.sql", models=[*views, joined or ""])
    seen = long.loc[long["model"] != joined, "study_key"]
    long = long[(long["model"] == joined) == (joined is not None)]
    if long.empty:
        views_lack = "table untrained_view says why a view has no models; then run again"
        is_encoder = joined is not None and is_encoder_model(joined)
        raise Refused("the project has no scores of it", NO_EMBEDDINGS if is_encoder else views_lack)
    judged = _judged(sampler, seen)
    long = long[long["study_key"].isin(judged["study_key"])]
    return ProjectScores(judged, _mean([cross_fit_of(judged, scores) for _, scores in long.groupby("model")]))


def _within(sampler: Sampler, found: ProjectScores) -> ProjectScores:
    """Return ``found`` of the studies alone of which nothing is beyond what the other folds hold. Raises
    :class:`Refused` where no health-record model says which variables count."""
    from echomort.champion.candidate import looks_of, ranged_variables
    from echomort.champion.ranges import studies_within

    project, cohort = sampler.project, sampler.settings.cohort
    if not (project.root / EHR_MODEL).exists():
        raise Refused("no health-record model says which variables count", "run `echomort run --select ehr_models`")
    features = read(project, "reads/experiments/features.sql").set_index("study_key")
    known = features.reindex(index=sampler.followed["study_key"], columns=ranged_variables(project.root / EHR_MODEL))
    studies = known.reset_index().assign(fold=sampler.followed["fold"])
    clips = sampler.clips[sampler.clips["study_key"].isin(studies["study_key"])].reset_index(drop=True)
    looks = clips[["study_key", "view"]].join(looks_of(clips, project.root))
    within = studies_within(studies, looks, (cohort.minimum_age, cohort.maximum_age))
    kept = found.judged["study_key"].isin(within).to_numpy()
    return ProjectScores(found.judged[kept].reset_index(drop=True), found.scores.subset(kept))


def _mean(parts: list[CrossFit]) -> CrossFit:
    """Return the mean of each row over the models that scored it."""
    return CrossFit(*(_known_mean([getattr(part, name) for part in parts]) for name in ("logits", "without")))


def _known_mean(values: list[np.ndarray]) -> np.ndarray:
    known = np.sum([~np.isnan(one) for one in values], axis=0)
    return np.where(known > 0, np.nansum(values, axis=0) / np.maximum(known, 1), np.nan)


def _judged(sampler: Sampler, studies: Iterable[str]) -> pd.DataFrame:
    """Return the patients whose one study is among ``studies``."""
    followed = sampler.followed
    chosen = followed["followed_headline"] & followed["study_key"].isin(set(studies))
    return followed.loc[chosen, KEYS].reset_index(drop=True)


def _require_outcomes(judged: pd.DataFrame, day: int, least: int) -> None:
    from echomort.experiments.followed import known_at

    known = known_at(judged, day)
    deaths = int(known["label"].sum())
    if min(deaths, len(known) - deaths) < least:
        problem = f"of fewer than {least} patients it is known that they died within {day} days, or that they did not"
        raise Refused(problem, "add studies, or lower evaluation.suppress_below_events")


def study_cell_digest(cell: Cell, samples: StudyCell, settings: Settings) -> str:
    """Return the digest of all that decides the result of ``cell``, but for the cell itself."""
    judged = table_digest(samples.judged)
    if isinstance(samples, ProjectScores):
        return digest(judged, samples.scores.logits.tobytes(), samples.scores.without.tobytes())
    return digest(judged, _models_digest(cell, samples, settings))


def _models_digest(cell: Cell, samples: Samples | StudySamples, settings: Settings) -> str:
    """Return the digest of what decides the models of ``cell``: horizons share those of the study model."""
    if isinstance(samples, Samples):
        return cell_digest(cell, samples, settings)
    ends, network = interval_ends(settings.outcome.horizon_days), settings.training.network
    return digest(_code(network), ends, settings.training.seed, table_digest(samples.clips), dict(samples.made))


@functools.cache
def _code(network: str) -> dict[str, str]:
    """Return part -> digest of the code that fits the study model on features of ``network``."""
    reached = CODE.reached([("echomort.study_model.__main__", None)], {NETWORKS.folder: [network]})
    return {**reached.parts, **reached.libraries}


def models_of_study_cell(project: Project, cell: Cell, samples: StudyCell) -> Path:
    """Return the folder of the models of ``cell``; of the project's own scores one that does not exist."""
    if isinstance(samples, ProjectScores):
        return project.root / MODELS / "none"
    return project.root / MODELS / _models_digest(cell, samples, project.settings)


def train_joint_networks(
    context: dg.OpExecutionContext, project: Project, cells: Iterable[tuple[Cell, StudyCell]]
) -> dict[Path, Exception]:
    """Train the joint networks among ``cells`` as :func:`assets.experiments.training.train_cells` does."""
    joint = ((cell, samples) for cell, samples in cells if isinstance(samples, Samples))
    return train_cells(context, project, joint)


def judged_study_cell(
    context: dg.OpExecutionContext, project: Project, cell: Cell, samples: StudyCell
) -> tuple[dict[str, Any], str | None]:
    """Judge ``cell``, whose joint network is trained; fit its study model unless it is there. Return its figure, as
    columns of table experiment_cell, and the path of its models below the home (None for the project's own)."""
    from echomort.evaluation.inputs import expit
    from echomort.experiments.followed import errors_at, judge_at, risks_at

    output, day, artifact = models_of_study_cell(project, cell, samples), cell.horizon_days, None
    if not isinstance(samples, ProjectScores):
        artifact = output.relative_to(project.root).as_posix()
        if isinstance(samples, StudySamples) and not (output / SCORES).exists():
            with measured(output):
                _fit(project, samples, output)
    followed = samples.judged.assign(logit=_logits(cell, samples, output))
    require_finite(followed)
    evaluation = project.settings.evaluation
    figure = asdict(judge_at(followed, day, evaluation.confidence, evaluation.suppress_below_events))
    figure |= {"trained_patients": _trained_patients(cell, samples), "cpu_seconds": cost_of(project.root, artifact)}
    if isinstance(samples, ProjectScores):
        return figure | asdict(errors_at(followed, day, risks_at(followed, day, samples.scores.without))), artifact
    if isinstance(samples, StudySamples):
        return figure | asdict(errors_at(followed, day, expit(followed["logit"].to_numpy()))), artifact
    return figure, artifact


def _fit(project: Project, samples: StudySamples, output: Path) -> None:
    table = output.with_suffix(".samples.parquet")
    table.parent.mkdir(parents=True, exist_ok=True)
    samples.clips.to_parquet(table, index=False)
    settings = project.settings
    models = {view: Path(folder) for view, folder in samples.models.items()}
    ends = interval_ends(settings.outcome.horizon_days)
    fit_in_child(
        StudyTask(home=project.root, models=models, clips=table, ends=ends, seed=settings.training.seed, output=output)
    )
    remove_task(output)


def _logits(cell: Cell, samples: StudyCell, output: Path) -> np.ndarray:
    """Return the log odds of the patients who are judged, in their order, NaN where there are none."""
    if isinstance(samples, ProjectScores):
        return samples.scores.logits
    column = logit_column(cell.horizon_days) if isinstance(samples, StudySamples) else "logit"
    scores = pd.read_parquet(output / SCORES, columns=["study_key", column])
    return samples.judged.merge(scores, "left", "study_key", validate="one_to_one")[column].to_numpy(float)


def _trained_patients(cell: Cell, samples: StudyCell) -> int | None:
    """Return how many patients a model is trained on, the mean over its folds; None where the run trained it."""
    if isinstance(samples, ProjectScores):
        return None
    return trained_patients(cell, samples.rows if isinstance(samples, Samples) else samples.clips.assign(label=0))
