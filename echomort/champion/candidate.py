"""What a run left, gathered for the registry: its models with their calibrations, and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from echomort import __version__
from echomort.champion.store import VIDEO, Facts, Parts
from echomort.models.fusion import FusionModel
from echomort.models.platt import Platt
from echomort.models.tabular import TabularModel
from echomort.models.view_classifier import ViewClassifier
from echomort.settings import Settings
from echomort.vocabulary.model_names import ALL_VIEWS, VIDEO_EHR, ModelName

STACK_OF = {ALL_VIEWS: VIDEO, VIDEO_EHR: VIDEO_EHR}
"""Model in table ``score`` -> its name in the registry."""
NOT_THE_METHOD = ("sources.", "privacy.")
"""Settings that a manifest leaves out: they name places and keys of the site."""


@dataclass(frozen=True)
class Run:
    """What a run left: the folder of every view's model, of the health record's, of the stacks and of the view
    classifier; scores (model, study_key, logit, label, held_out) and the headline metrics (model, value)."""

    views: Mapping[str, Path]
    ehr: Path
    stacks: Path
    classifier: Path
    scores: pd.DataFrame
    metrics: pd.DataFrame

    @property
    def out_of_fold(self) -> pd.DataFrame:
        """The scores of the cross-validation's studies."""
        return self.scores[~self.scores["held_out"]]

    @property
    def held_out(self) -> pd.DataFrame:
        """The scores of the studies that no model learnt from: model, study_key, logit, label."""
        return self.scores[self.scores["held_out"]].drop(columns="held_out")


def parts_of(run: Run) -> Parts:
    """Return the models of ``run``, each with the calibration that its out-of-fold scores give."""
    calibrations = {
        name: Platt.fit(scores["logit"].to_numpy(), scores["label"].to_numpy())
        for model, scores in run.out_of_fold.groupby("model")
        if (name := STACK_OF.get(str(model)) or ModelName.parse(str(model)).view)
    }
    stacks = {
        registered: FusionModel.from_json((run.stacks / f"{model}.json").read_bytes())
        for model, registered in STACK_OF.items()
        if (run.stacks / f"{model}.json").exists()
    }
    return Parts(run.views, calibrations, stacks, TabularModel.load(run.ehr), ViewClassifier.load(run.classifier))


def facts_of(run: Run, settings: Settings) -> Facts:
    """Return what the candidate's manifest says of it: its AUCs, and every setting of the method with its origin."""
    metrics = {row["model"]: row["value"] for row in run.metrics.to_dict("records")}
    method = [row for row in settings.provenance() if not row[0].startswith(NOT_THE_METHOD)]
    provenance = {key: [str(value), source] for key, value, source, _ in method}
    described: dict[str, Any] = {"echomort": __version__, "settings": provenance}
    return Facts(settings.imaging.clip, settings.is_synthetic, {"auc": metrics}, described)
