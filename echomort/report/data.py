"""What a report is made of: frames of the warehouse and a few words, no identifier among what is printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

ARCHIVE_COLUMNS = ("status", "reason", "view", "view_source", "transfer_syntax", "fps_source", "instances")


def _without_rows(*columns: str) -> Callable[[], pd.DataFrame]:
    return partial(pd.DataFrame, columns=list(columns))


@dataclass(frozen=True)
class Example:
    """One loop to show: ``pixels`` uint8 (frames, height, width) at ``fps``; ``caption`` must not tell the outcome."""

    caption: str
    view: str
    pixels: np.ndarray
    fps: float


@dataclass(frozen=True)
class ReportData:
    """Everything a report prints. Frames may have further columns; keys and dates in them are never read.

    ``title``, ``stamp``: what the report is called, and one line on the data it stands on.
    ``metrics``: long table of the evaluation (:data:`echomort.vocabulary.metric_table.COLUMNS`).
    ``scores``: a row for a headline study and model: model, view (None but for one view), logit, label 0/1.
    ``cohort``: a row a study: role, fold, label, headline; optional age (years), sex ('F', 'M'), days, event.
    ``attrition``: step, reason, studies, patients, in the order of the warehouse.
    ``instances``: counts of DICOM objects (:data:`ARCHIVE_COLUMNS`).
    ``checks``: table, check, passed; optional severity, checked and failed (rows).
    ``settings``: (key, value, provenance, meaning), as :meth:`echomort.settings.sections.Settings.provenance` yields.
    ``lineage``: names to versions, digests, counts: what made this report.
    ``missingness``: variable, missing (share 0 to 1); optional unit.
    ``reader_study``: what :func:`echomort.reader_study.summary.summarise` returned, where readers have read.
    """

    title: str
    stamp: str
    synthetic: bool
    metrics: pd.DataFrame
    cohort: pd.DataFrame
    attrition: pd.DataFrame
    settings: Sequence[tuple[str, Any, str, str]]
    lineage: Mapping[str, Any]
    scores: pd.DataFrame = field(default_factory=_without_rows("model", "view", "logit", "label"))
    instances: pd.DataFrame = field(default_factory=_without_rows(*ARCHIVE_COLUMNS))
    checks: pd.DataFrame = field(default_factory=_without_rows("table", "check", "passed"))
    missingness: pd.DataFrame = field(default_factory=_without_rows("variable", "missing"))
    examples: Sequence[Example] = ()
    reader_study: Mapping[str, Any] | None = None
    suppress_below_events: int = 10
