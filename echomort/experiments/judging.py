"""The AUC of a cell's scores, one study a patient."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.evaluation import auc, delong_interval_within
from echomort.models.rows import HELD_OUT


@dataclass(frozen=True)
class Judged:
    """The AUC over pairs of patients of the same fold with DeLong's interval, and the lowest and the highest AUC of a
    fold (None on a survey set). The limits are None where no variance is known."""

    auc: float
    auc_low: float | None
    auc_high: float | None
    fold_low: float | None
    fold_high: float | None
    patients: int
    deaths: int


def judge(scored: pd.DataFrame, confidence: float, least: int) -> Judged:
    """Return the AUC of ``scored``, one row a patient: label 0 or 1 (both occur), logit, and fold (-1: survey set).

    Each fold has a model of its own, on a scale of its own: only patients of the same fold are compared. A fold with
    fewer than ``least`` deaths or survivors has no AUC of its own. Raises :class:`ValueError` for a missing logit.
    """
    interval = delong_interval_within(scored["label"], scored["logit"], scored["fold"], confidence)
    has_limits = interval.note is None
    within = [
        auc(part["label"], part["logit"]) for fold, part in scored.groupby("fold") if _is_judged(fold, part, least)
    ]
    return Judged(
        auc=interval.value,
        auc_low=interval.low if has_limits else None,
        auc_high=interval.high if has_limits else None,
        fold_low=min(within, default=None),
        fold_high=max(within, default=None),
        patients=len(scored),
        deaths=int(scored["label"].sum()),
    )


def _is_judged(fold: object, part: pd.DataFrame, least: int) -> bool:
    deaths = int(part["label"].sum())
    return fold != HELD_OUT and min(deaths, len(part) - deaths) >= max(least, 1)


def random_scores(rows: int, seed: int) -> np.ndarray:
    """Return a random guess: ``rows`` draws that know nothing, float64 (n,)."""
    return np.random.default_rng(seed).standard_normal(rows)
