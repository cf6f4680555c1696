"""The published clinical scores, each a file here or an entry point of another package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from echomort.clinical_scores.columns import Column, Table
from echomort.core.registry import Registry
from echomort.settings import ClinicalScores


@dataclass(frozen=True)
class ClinicalScore:
    """One published clinical score.

    ``compute`` takes a table with the ``columns`` (see :func:`echomort.clinical_scores.columns.read_columns`) and
    returns the score's figures and ``reason``, one row for each. ``value`` names the figure that the score is published
    as; ``probability`` returns, from the figures, the probability (n,) of its outcome. ``applies_to`` says whom it was
    made for. ``predicts_one_year_death`` is False for a score of another outcome or time: it ranks, and its calibration
    does not count. ``limits`` bound the value; ``place`` orders the scores in tables and in the report.
    """

    label: str
    columns: Mapping[str, Column]
    compute: Callable[[Table, ClinicalScores], pd.DataFrame]
    value: str
    probability: Callable[[pd.DataFrame], pd.Series]
    predicts_one_year_death: bool
    place: int
    applies_to: Literal["everybody", "heart failure"] = "everybody"
    limits: tuple[float, float] | None = None


CLINICAL_SCORES = Registry("clinical score", "echomort.clinical_scores.scores", ClinicalScore)


def clinical_scores() -> dict[str, ClinicalScore]:
    """Return every clinical score by name, in the order of tables and reports."""
    found = CLINICAL_SCORES.all()
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))
