"""From a run's models to a candidate, and from a candidate to the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from echomort import __version__
from echomort.champion.store import VIDEO, Comparison, Decision, Facts, Parts, champion_name, promote, write_candidate
from echomort.core.files import atomic_path
from echomort.evaluation import calibration_figures, delong_test
from echomort.models.fusion import FusionModel
from echomort.models.platt import Platt, sigmoid
from echomort.models.stacks import ALL_VIEWS, VIDEO_EHR, VIEW_PREFIX
from echomort.models.tabular import TabularModel
from echomort.models.view_classifier import ViewClassifier
from echomort.settings import Settings

STACK_OF = {ALL_VIEWS: VIDEO, VIDEO_EHR: VIDEO_EHR}
"""Model in table ``score`` -> its name in the registry."""


@dataclass(frozen=True)
class Run:
    """What a run left: the folder of every view's model, of the health record's, of the stacks and of what names views;
    scores (model, study_key, logit, label, held_out) and the headline metrics."""

    views: Mapping[str, Path]
    ehr: Path
    stacks: Path
    classifier: Path
    scores: pd.DataFrame
    metrics: pd.DataFrame


@dataclass(frozen=True)
class Considered:
    """The candidate that was written, the champion that now stands, and the decision."""

    candidate: str
    champion: str
    decision: Decision


def consider(run: Run, settings: Settings) -> Considered:
    """Write the candidate of ``run`` to the registry and make it champion if the gate lets it pass."""
    root = settings.home / "registry"
    candidate = write_candidate(root, parts_of(run), facts_of(run, settings))
    held_out = run.scores[run.scores["held_out"]]
    with atomic_path(root / "held_out" / f"{candidate}.parquet") as file:
        held_out.drop(columns="held_out").to_parquet(file, index=False)
    current = champion_name(root)
    comparison = _compare(root, candidate, current) if current not in (None, candidate) else None
    decision = promote(root, candidate, comparison, settings.promotion)
    return Considered(candidate, str(champion_name(root)), decision)


def parts_of(run: Run) -> Parts:
    """Return the models of ``run``, each with the calibration that its out-of-fold scores give."""
    own = run.scores[~run.scores["held_out"]]
    calibrations = {
        STACK_OF.get(str(model), str(model).removeprefix(VIEW_PREFIX)): Platt.fit(
            part["logit"].to_numpy(), part["label"].to_numpy()
        )
        for model, part in own.groupby("model")
        if model in STACK_OF or str(model).startswith(VIEW_PREFIX)
    }
    stacks = {
        registered: FusionModel.from_json((run.stacks / f"{model}.json").read_bytes())
        for model, registered in STACK_OF.items()
        if (run.stacks / f"{model}.json").exists()
    }
    return Parts(run.views, calibrations, stacks, TabularModel.load(run.ehr), ViewClassifier.load(run.classifier))


def facts_of(run: Run, settings: Settings) -> Facts:
    """Return what the candidate's manifest says of itself."""
    metrics = {row["model"]: row["value"] for row in run.metrics.to_dict("records")}
    method = [row for row in settings.provenance() if not row[0].startswith(("sources.", "privacy."))]
    provenance = {key: [str(value), source] for key, value, source, _ in method}
    described: dict[str, Any] = {"echomort": __version__, "settings": provenance}
    return Facts(settings.imaging.clip, settings.is_synthetic, {"auc": metrics}, described)


def _compare(root: Path, candidate: str, champion: str | None) -> Comparison:
    """Return candidate against champion on the held-out studies that both scored with their best model."""
    new = pd.read_parquet(root / "held_out" / f"{candidate}.parquet")
    old = pd.read_parquet(root / "held_out" / f"{champion}.parquet")
    model = next(name for name in (VIDEO_EHR, ALL_VIEWS, "ehr") if name in set(new["model"]) | {"ehr"})
    pair = new[new["model"] == model].merge(old[old["model"] == model], on="study_key", suffixes=("", "_champion"))
    test = delong_test(pair["label"], pair["logit"], pair["logit_champion"])
    figures = calibration_figures(pair["label"], sigmoid(pair["logit"].to_numpy()))
    calibrated = figures.slope.value, figures.in_the_large.value
    return Comparison(int(pair["label"].sum()), test.difference, test.low, test.high, *calibrated)
