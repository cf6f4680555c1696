"""The candidate of a run: its models with their calibrations, and the facts in its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from echomort.champion.ranges import AGE, Ranges
from echomort.champion.sealed import SealedSet
from echomort.champion.store import VIDEO, Facts, Parts
from echomort.clips.store import read_study
from echomort.evaluation.too_few import has_too_few
from echomort.models.fusion import FusionModel
from echomort.models.platt import Platt
from echomort.models.tabular import TabularModel
from echomort.models.view_classifier import ViewClassifier
from echomort.settings import Cohort, Settings
from echomort.version import __version__
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR, ModelName
from echomort.watch.appearance import appearance

STACK_OF = {ALL_VIEWS: VIDEO, VIDEO_EHR: VIDEO_EHR}
"""Stack in table ``score`` -> its name in the registry."""
CALIBRATED = STACK_OF | {EHR: EHR}
"""Model in table ``score`` -> the name of its calibration; that of one view has the view's name."""
NOT_THE_METHOD = ("sources.", "privacy.", "evaluation.", "promotion.", "scoring.", "watch.", "execution.")
"""Prefixes of settings that a manifest omits: they name folders and keys of the site, or decide no model, so that a run
that changes nothing else makes the same candidate."""


@dataclass(frozen=True)
class Run:
    """The results of a run: the folders of the view models (by view), of the health-record model, of the stacks and of
    the view classifier; the out-of-fold scores (model, study_key, logit, label) and the headline AUCs (model, value, n,
    events); the sealed set; the keys of the ``patients`` that were trained on; ``suspicions``: what of the run is too
    good to be true, in words; the ``ranges`` of the development cohort."""

    views: Mapping[str, Path]
    ehr: Path
    stacks: Path
    classifier: Path
    scores: pd.DataFrame
    metrics: pd.DataFrame
    sealed: SealedSet
    patients: Sequence[str] = ()
    suspicions: tuple[str, ...] = ()
    ranges: Ranges = field(default_factory=Ranges)


def cohort_ranges(features: pd.DataFrame, clips: pd.DataFrame, ehr: Path, cohort: Cohort, home: Path) -> Ranges:
    """Return what the development cohort holds, of the variables of the model in folder ``ehr`` and of its loops.

    ``features``: a row a study; ``clips``: some loops of each view (view, clip_key, path below ``home``).
    """
    looks = {str(view): looks_of(part, home) for view, part in clips.groupby("view")}
    known = features.reindex(columns=ranged_variables(ehr))
    return Ranges.learnt(known, looks, (cohort.minimum_age, cohort.maximum_age))


def ranged_variables(ehr: Path) -> list[str]:
    """Return the variables that have a range: the age, and those of the model in folder ``ehr``."""
    return list(dict.fromkeys((AGE, *TabularModel.load(ehr).features)))


def looks_of(clips: pd.DataFrame, home: Path) -> pd.DataFrame:
    """Return how each of ``clips`` (clip_key, path below ``home``) looks: a row a loop, a column a measure."""
    read = (read_study(home / path, [key])[key] for path, key in zip(clips["path"], clips["clip_key"], strict=True))
    return pd.DataFrame([appearance(pixels) for pixels in read])


def candidate_parts(run: Run) -> Parts:
    """Return the models of ``run``, with calibrations fitted on their out-of-fold scores."""
    calibrations = {
        name: Platt.fit(scores["logit"].to_numpy(), scores["label"].to_numpy())
        for model, scores in run.scores.groupby("model")
        if (name := CALIBRATED.get(str(model)) or ModelName.parse(str(model)).view)
    }
    stacks = {
        registered: FusionModel.from_json((run.stacks / f"{model}.json").read_bytes())
        for model, registered in STACK_OF.items()
        if (run.stacks / f"{model}.json").exists()
    }
    return Parts(run.views, calibrations, stacks, TabularModel.load(run.ehr), ViewClassifier.load(run.classifier))


def candidate_facts(run: Run, settings: Settings) -> Facts:
    """Return the facts for the manifest: AUCs that are results, and every setting of the method with its provenance."""
    least = settings.evaluation.suppress_below_events
    rows = run.metrics.dropna(subset="value").to_dict("records")
    metrics = {row["model"]: row["value"] for row in rows if not has_too_few(row["n"], row["events"], least)}
    method_settings = [row for row in settings.provenance() if not row[0].startswith(NOT_THE_METHOD)]
    provenance = {key: [str(value), source] for key, value, source, _ in method_settings}
    origin: dict[str, Any] = {"echomort": __version__, "settings": provenance}
    clip = run.sealed.clip or settings.imaging.clip
    ranges = run.ranges.as_record()
    return Facts(clip, settings.is_synthetic, {"auc": metrics}, origin, settings.cohort.role_digest, ranges)
