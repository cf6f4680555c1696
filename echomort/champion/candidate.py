"""The candidate of a run: its models with their calibrations, and the facts in its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from echomort.champion.sealed import SealedSet
from echomort.champion.store import VIDEO, Facts, Parts
from echomort.models.fusion import FusionModel
from echomort.models.platt import Platt
from echomort.models.tabular import TabularModel
from echomort.models.view_classifier import ViewClassifier
from echomort.settings import Settings
from echomort.version import __version__
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR, ModelName

STACK_OF = {ALL_VIEWS: VIDEO, VIDEO_EHR: VIDEO_EHR}
"""Stack in table ``score`` -> its name in the registry."""
CALIBRATED = STACK_OF | {EHR: EHR}
"""Model in table ``score`` -> the name of its calibration; that of one view has the view's name."""
NOT_THE_METHOD = ("sources.", "privacy.", "evaluation.", "promotion.", "watch.", "execution.")
"""Prefixes of settings that a manifest omits: they name folders and keys of the site, or decide no model, so that a run
that changes nothing else makes the same candidate."""


@dataclass(frozen=True)
class Run:
    """The results of a run: the folders of the view models (by view), of the health-record model, of the stacks and of
    the view classifier; the out-of-fold scores (model, study_key, logit, label) and the headline AUCs (model, value);
    the sealed set; the keys of the ``patients`` that were trained on; ``suspicions``: what of the run is too good to be
    true, in words."""

    views: Mapping[str, Path]
    ehr: Path
    stacks: Path
    classifier: Path
    scores: pd.DataFrame
    metrics: pd.DataFrame
    sealed: SealedSet
    patients: Sequence[str] = ()
    suspicions: tuple[str, ...] = ()


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
    """Return the facts for the manifest: AUCs, and every setting of the method with its provenance."""
    metrics = {row["model"]: row["value"] for row in run.metrics.dropna(subset="value").to_dict("records")}
    method_settings = [row for row in settings.provenance() if not row[0].startswith(NOT_THE_METHOD)]
    provenance = {key: [str(value), source] for key, value, source, _ in method_settings}
    origin: dict[str, Any] = {"echomort": __version__, "settings": provenance}
    clip = run.sealed.clip or settings.imaging.clip
    return Facts(clip, settings.is_synthetic, {"auc": metrics}, origin, settings.cohort.role_digest)
