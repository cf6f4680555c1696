"""The figure of a cell: the AUC of its scores, one study a patient."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.evaluation import auc, delong_interval


@dataclass(frozen=True)
class Judged:
    """An AUC with DeLong's interval, and the lowest and the highest AUC within a fold (None on a survey set)."""

    auc: float
    auc_low: float | None
    auc_high: float | None
    fold_low: float | None
    fold_high: float | None
    patients: int
    deaths: int


def judge(scored: pd.DataFrame, confidence: float) -> Judged:
    """Return the figure of ``scored``, one row a patient: label 0 or 1 (both occur), logit, and fold (-1: survey set).

    A fold with one label only has no AUC. Raises :class:`ValueError` for a missing logit.
    """
    interval = delong_interval(scored["label"], scored["logit"], confidence)
    within = [auc(part["label"], part["logit"]) for fold, part in scored.groupby("fold") if fold != -1]
    known = [value for value in within if not math.isnan(value)]
    return Judged(
        auc=interval.value,
        auc_low=_number(interval.low),
        auc_high=_number(interval.high),
        fold_low=min(known, default=None),
        fold_high=max(known, default=None),
        patients=len(scored),
        deaths=int(scored["label"].sum()),
    )


def random_scores(rows: int, seed: int) -> np.ndarray:
    """Return a random guess: ``rows`` draws that know nothing, float64 (n,)."""
    return np.random.default_rng(seed).standard_normal(rows)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
