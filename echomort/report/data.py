"""The data of a report: frames of the warehouse, settings and lineage. No identifier in them is printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from echomort.evaluation.resampling import Resampling

ARCHIVE_COLUMNS = ("status", "reason", "view", "view_source", "transfer_syntax", "fps_source", "instances")
WATCH_COLUMNS = ("check", "inputs", "moved", "largest", "distance", "words")


def _without_rows(*columns: str) -> Callable[[], pd.DataFrame]:
    return partial(pd.DataFrame, columns=list(columns))


@dataclass(frozen=True)
class Example:
    """One loop to show: ``pixels`` uint8 (frames, height, width) at ``fps``; ``caption`` must not reveal the outcome;
    ``maps``: what its risk rests on, (rows, columns) of the picture and of the movement, where that was explained."""

    caption: str
    view: str
    pixels: np.ndarray
    fps: float
    maps: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class ReportData:
    """All data of a report. Frames may have further columns; keys and dates in them are never read.

    ``title``, ``stamp``: the title of the report, and one line on its data.
    ``metrics``: long table of the evaluation (:data:`echomort.vocabulary.metric_table.COLUMNS`).
    ``scores``: a row for a headline study and model: model, view (None but for one view), logit, label 0/1.
    ``cohort``: a row a study: role, fold, label, headline; optional age (years), sex ('F', 'M'), days, event.
    ``characteristics``: a row a patient: role, label (missing where the outcome is unknown), then the variables of
    Table 1; values 0 or 1 of those that are yes or no.
    ``attrition``: step, reason, studies, patients, in the order of the warehouse.
    ``instances``: counts of DICOM objects (:data:`ARCHIVE_COLUMNS`).
    ``checks``: table, check, passed; optional severity, checked and failed (rows).
    ``watch``: check, inputs (how many were compared), moved, largest (the input that moved most; optional), distance,
    words (what moved; empty if nothing did).
    ``kept``: a row a patient whose risk was kept before the outcome was known: risk, label, vendor, site, year.
    ``external``: rows of the table ``external_score_count``: what became of the rows of each file of external scores.
    ``settings``: (key, value, provenance, meaning), as :meth:`echomort.settings.sections.Settings.provenance` yields.
    ``lineage``: name to version, digest or count of what the report was made from.
    ``missingness``: variable, missing (share 0 to 1); optional unit.
    ``variables``: variable, studies: how many of the studies that models learn from or score have a value of it.
    ``refusals``: reason, count: values and codes that features could not use.
    ``untrained``: view, reason: views that have clips but no models.
    ``skipped``: what else was left out because there was too little to train on, and why, a sentence each.
    ``experiments``: rows of the table ``experiment_cell``; none where no experiment was run.
    ``reader_study``: the result of :func:`echomort.reader_study.summary.summarise`, if there is a reader study.
    """

    title: str
    stamp: str
    synthetic: bool
    metrics: pd.DataFrame
    cohort: pd.DataFrame
    attrition: pd.DataFrame
    settings: Sequence[tuple[str, Any, str, str]]
    lineage: Mapping[str, Any]
    characteristics: pd.DataFrame = field(default_factory=_without_rows("role", "label"))
    scores: pd.DataFrame = field(default_factory=_without_rows("model", "view", "logit", "label"))
    instances: pd.DataFrame = field(default_factory=_without_rows(*ARCHIVE_COLUMNS))
    checks: pd.DataFrame = field(default_factory=_without_rows("table", "check", "passed"))
    watch: pd.DataFrame = field(default_factory=_without_rows(*WATCH_COLUMNS))
    kept: pd.DataFrame = field(default_factory=_without_rows("risk", "label", "vendor", "site", "year"))
    external: pd.DataFrame = field(default_factory=_without_rows("model", "outcome", "rows"))
    missingness: pd.DataFrame = field(default_factory=_without_rows("variable", "missing"))
    variables: pd.DataFrame = field(default_factory=_without_rows("variable", "studies"))
    refusals: pd.DataFrame = field(default_factory=_without_rows("reason", "count"))
    experiments: pd.DataFrame = field(default_factory=_without_rows("experiment"))
    skipped: Sequence[str] = ()
    untrained: pd.DataFrame = field(default_factory=_without_rows("view", "reason"))
    examples: Sequence[Example] = ()
    reader_study: Mapping[str, Any] | None = None
    suppress_below_events: int = 10

    @property
    def setting_values(self) -> dict[str, Any]:
        """Setting key -> value."""
        return {key: value for key, value, _, _ in self.settings}

    @property
    def resampling(self) -> Resampling:
        """How the evaluation resampled, for the bands of curves."""
        known, usual = self.setting_values, Resampling()
        return Resampling(
            known.get("evaluation.bootstrap", usual.resamples),
            known.get("evaluation.confidence", usual.confidence),
            known.get("evaluation.seed", usual.seed),
        )
