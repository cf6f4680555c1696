"""The card of the model that predicts, as HTML and Markdown. Mitchell et al., Model Cards for Model Reporting, 2019."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from echomort.champion.ranges import Ranges
from echomort.core.files import write_text
from echomort.evaluation.metrics.calibration import ICI, IN_THE_LARGE, SLOPE
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.report import intended_use
from echomort.report.blocks import Table
from echomort.report.cells import metric_words
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections import provenance
from echomort.report.templating import template
from echomort.report.words import (
    TIMES,
    VIEWS,
    counted,
    group_value,
    in_sentence,
    model_words,
    number,
    percent,
    readable,
    span,
    view_words,
)
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR, view_model

TEMPLATES = {"model_card.html": "model_card.html.j2", "model_card.md": "model_card.md.j2"}
"""File of the card -> its template."""
NO_CHAMPION = "There is no champion: no model predicts, and none has a card."
OTHER_RUN = (
    "The last run made other models, which were not promoted: its figures are not this model's, and none but the AUC "
    "at its own promotion is given."
)
TOO_FEW = "The run that made it had too few deaths or survivors for any figure to be a result."
STACKS = {"video_ehr": VIDEO_EHR, "video": ALL_VIEWS}
"""Name of a stack in the registry -> its model in the metric table; the one with more inputs first."""


@dataclass(frozen=True)
class CardData:
    """The data of a card: the champion's ``name`` and ``manifest`` (None: there is no champion) and the figures of the
    last run. Groups with fewer deaths or survivors than ``suppress_below`` are withheld."""

    name: str
    manifest: Mapping[str, Any] | None
    metrics: pd.DataFrame
    suppress_below: int = 10
    confidence: float = 0.95


@dataclass(frozen=True)
class CardSection:
    """A part of the card: its title, sentences, and a table where there is one."""

    title: str
    points: Sequence[str]
    table: Table | None = None


@dataclass(frozen=True)
class Champion:
    """The champion as its manifest describes it, with the figures of the last run."""

    name: str
    manifest: Mapping[str, Any]
    numbers: Numbers

    @property
    def settings(self) -> Mapping[str, str]:
        """Setting key -> its value as text, of the run that made it."""
        return {key: str(value[0]) for key, value in self.manifest["provenance"].get("settings", {}).items()}

    @property
    def areas(self) -> Mapping[str, float]:
        """Model -> AUC of the run that made it."""
        found = self.manifest["metrics"].get("auc")
        return found if isinstance(found, Mapping) else {}

    @property
    def model(self) -> str:
        """The model of the metric table that a study with every input is scored by."""
        stacks = [STACKS[name] for name in STACKS if name in self.manifest["stacks"]]
        views = [view_model(view) for view in self.manifest["views"]]
        return [*stacks, *views, EHR][0]

    @property
    def is_of_last_run(self) -> bool:
        """Whether the figures of the last run are those of this model: every AUC is the one in its manifest."""
        areas = {model: area for model, area in self.areas.items() if model_words(model).kind != "null"}
        return bool(areas) and all(
            math.isclose(self.numbers.auc(model).value, area, rel_tol=1e-12) for model, area in areas.items()
        )

    def figure(self, metric: str, subset: str = "all", evaluation: str = OUT_OF_FOLD) -> Figure:
        """Return a figure of the model; NaN where the last run's figures are not its own."""
        return self.numbers.get(self.model, metric, subset, evaluation) if self.is_of_last_run else Figure()


def write_card(data: CardData, folder: Path) -> list[Path]:
    """Write ``model_card.html`` and ``model_card.md`` into ``folder``, each atomically; equal data give equal bytes."""
    title, sections = "Model card", card(data)
    synthetic = bool(data.manifest and data.manifest["synthetic"])
    values = {"title": title, "sections": sections, "synthetic": synthetic, "note": intended_use.SYNTHETIC_NOTE}
    for name, source in TEMPLATES.items():
        write_text(folder / name, template(source).render(values))
    return [folder / name for name in TEMPLATES]


def card(data: CardData) -> list[CardSection]:
    """Return the sections of the card; one that says so where there is no champion."""
    if data.manifest is None:
        return [CardSection("Model details", [NO_CHAMPION])]
    champion = Champion(data.name, data.manifest, Numbers(data.metrics, data.suppress_below, data.confidence))
    return [
        _details(champion),
        CardSection("Intended use", [intended_use.INTENDED_USE, f"Users: {intended_use.USERS}"]),
        CardSection("Not intended", [intended_use.OUT_OF_SCOPE]),
        _factors(champion),
        _metrics(champion),
        _evaluation_data(champion),
        _training_data(champion),
        _ethics(champion),
        _caveats(champion),
    ]


def _details(champion: Champion) -> CardSection:
    manifest, settings = champion.manifest, champion.settings
    views = ", ".join(view_words(view) if view in VIEWS else readable(view) for view in manifest["views"]) or "none"
    clip = manifest["clip"]
    shape = f"{clip['frames']} frames of {clip['height']} {TIMES} {clip['width']} pixels at {clip['fps']:g} a second"
    stacks = " and ".join(model_words(STACKS[name]).label for name in STACKS if name in manifest["stacks"])
    points = [
        f"Champion {champion.name}, made by echomort {manifest['provenance'].get('echomort', '')}.",
        f"Predicts the probability of death from any cause within {settings.get('outcome.horizon_days', '365')} days "
        f"of an echo, by {model_words(champion.model).label} where a study has every input.",
        f"Networks ({settings.get('training.network', 'unknown')}) of these views: {views}.",
        f"Input: loops of {shape}, grey.",
        "Boosted trees on the health record." if manifest.get("tabular") else "No model of the health record.",
        f"Scores are combined in {stacks}." if stacks else "Scores are not combined.",
        f"Risks are calibrated (slope and intercept) for {counted(len(manifest['calibrations']), 'model')}.",
        "Code: Apache-2.0. " + provenance.CITATION,
    ]
    return CardSection("Model details", points)


def _factors(champion: Champion) -> CardSection:
    groups = [(subset, figure) for subset, figure in champion.numbers.subsets(champion.model) if "=" in subset]
    if not champion.is_of_last_run or not groups:
        return CardSection("Factors", ["Performance within groups of patients is not known."])
    rows = [_group_row(champion, subset, figure) for subset, figure in groups]
    limit = "Groups with too few deaths or survivors are withheld, with those that would reveal them."
    names = dict.fromkeys(readable(subset.partition("=")[0]) for subset, _ in groups)
    columns = ["Group", "", "#AUC", "#Sensitivity", "#Specificity"]
    table = Table("groups", "Performance within groups", columns, rows)
    return CardSection("Factors", [f"Evaluated by {', '.join(map(in_sentence, names))}. {limit}"], table)


def _group_row(champion: Champion, subset: str, area: Figure) -> list[str]:
    name, _, value = subset.partition("=")
    if not area.is_known:
        return [readable(name), group_value(value), "withheld", "", ""]
    shares = [percent(champion.figure(metric.name, subset).value) for metric in (SENSITIVITY, SPECIFICITY)]
    return [readable(name), group_value(value), _with_limits(area), *shares]


def _metrics(champion: Champion) -> CardSection:
    points = [f"AUC at promotion, {model_words(model).label}: {number(area)}." for model, area in _own(champion)]
    if not champion.areas:
        return CardSection("Metrics", [TOO_FEW])
    if not champion.is_of_last_run:
        return CardSection("Metrics", [*points, OTHER_RUN])
    area = champion.figure("auc")
    points = [f"{model_words(champion.model).label}: AUC {_with_limits(area)}, {area.counts_text}, out of fold."]
    for evaluation, words in ((OUT_OF_FOLD, "as scored"), (RECALIBRATED, "recalibrated")):
        found = [(metric, champion.figure(metric.name, evaluation=evaluation)) for metric in (SLOPE, IN_THE_LARGE, ICI)]
        known = [
            f"{metric_words(metric)} {number(figure.value, metric.digits)}"
            for metric, figure in found
            if figure.is_known
        ]
        points += [f"Calibration, {words}: {', '.join(known)}."] if known else []
    shares = [(metric.label.lower(), champion.figure(metric.name)) for metric in (SENSITIVITY, SPECIFICITY)]
    known = [f"{label} {percent(figure.value)}" for label, figure in shares if figure.is_known]
    points += [f"By a threshold ({shares[0][1].method.partition(';')[0]}): {', '.join(known)}."] if known else []
    return CardSection("Metrics", points)


def _own(champion: Champion) -> list[tuple[str, float]]:
    parts = {champion.model, EHR, *STACKS.values(), *(view_model(view) for view in champion.manifest["views"])}
    return sorted(
        ((model, area) for model, area in champion.areas.items() if model in parts),
        key=lambda pair: model_words(pair[0]).place,
    )


def _evaluation_data(champion: Champion) -> CardSection:
    folds = champion.settings.get("cohort.folds", "several")
    points = [
        f"The development part of one archive, in {folds} folds by patient: every patient is scored by models that "
        "never saw the outcome. Before promotion a model is judged on sealed patients, whom no model has seen.",
        "No other site's patients; docs/validation.md: how to judge this model there."
        if not champion.manifest["synthetic"]
        else "Generated patients only.",
    ]
    return CardSection("Evaluation data", points)


def _training_data(champion: Champion) -> CardSection:
    settings = champion.settings
    whose = (
        "The embedded archive: every patient is generated." if champion.manifest["synthetic"] else "A site's archive."
    )
    ages = [settings.get(f"cohort.{end}_age", "").removesuffix(".0") for end in ("minimum", "maximum")]
    points = [
        whose,
        f"Echo studies at {ages[0]} to {ages[1]} years of age with a known outcome." if all(ages) else "",
        "Survivors are those seen alive later on."
        if settings.get("outcome.follow_up") == "encounter"
        else "Survivors are those without a death in the registry.",
        f"Development part: {champion.figure('auc').counts_text}, one study each for evaluation; all their studies "
        "train."
        if champion.figure("auc").counts_text
        else "",
    ]
    return CardSection("Training data", [*(point for point in points if point), *_ranges(champion)])


def _ranges(champion: Champion) -> list[str]:
    """Return what is known of the ranges of the development part."""
    ranges = Ranges.of_record(champion.manifest.get("ranges", {}))
    if not ranges.variables:
        return []
    known = [counted(len(ranges.variables), "variable"), *_of_loops(ranges)]
    return [f"Its ranges are known of {' and '.join(known)}: a study beyond them is told by name, beside its risk."]


def _of_loops(ranges: Ranges) -> list[str]:
    views = counted(len(ranges.loops), "view")
    return [f"of how loops of {views} look (brightness, contrast, noise)"] if ranges.loops else []


def _ethics(champion: Champion) -> CardSection:
    points = [
        "Approval, consent or its waiver, and the lawful use of the archive are for the site: the software can't know.",
        "Keyed pseudonyms; no identifier, date or free text of a patient is in the model, its manifest or this card.",
        "No step of training aims at fairness. A risk of death can lead to giving up as well as to caring more.",
    ]
    return CardSection("Ethical considerations", points)


def _caveats(champion: Champion) -> CardSection:
    own = [intended_use.SYNTHETIC_NOTE] if champion.manifest["synthetic"] else []
    return CardSection("Caveats and recommendations", [*own, *provenance.LIMITS, provenance.PATENTS])


def _with_limits(figure: Figure) -> str:
    limits = span(figure.low, figure.high)
    return f"{number(figure.value)} ({limits})" if limits else number(figure.value)
