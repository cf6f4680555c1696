"""How well scores of followed patients tell who dies by a day, some of whom are censored before it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from echomort.evaluation import censoring_weights, ipcw_brier, recalibrated_risks
from echomort.experiments.judging import Judged, judge


@dataclass(frozen=True)
class Errors:
    """The Brier score of the risks, and that of one risk for all, Kaplan-Meier's share of deaths; both with weights for
    those who are censored."""

    brier: float
    brier_of_none: float


def known_at(followed: pd.DataFrame, day: int) -> pd.DataFrame:
    """Return the rows of ``followed`` (columns days, event) of whom it is known whether they died within ``day`` days,
    with the column label."""
    died = followed["event"] & (followed["days"] <= day)
    return followed.assign(label=died.astype(int))[died | (followed["days"] >= day)]


def judge_at(followed: pd.DataFrame, day: int, confidence: float, least: int) -> Judged:
    """Return the AUC of ``followed`` (days, event, fold, logit; a row a patient) for death within ``day`` days, as
    :func:`echomort.experiments.judging.judge` does, of those of whom it is known."""
    return judge(known_at(followed, day), confidence, least)


def errors_at(followed: pd.DataFrame, day: int, risk: Any) -> Errors:
    """Return the errors of ``risk`` (n,), probabilities of death within ``day`` days of ``followed`` (days, event)."""
    days, event = followed["days"], followed["event"]
    share = float((censoring_weights(days, event, day) * (event & (days <= day))).mean())
    return Errors(*(ipcw_brier(days, event, each, day) for each in (risk, np.full(len(days), min(share, 1.0)))))


def risks_at(followed: pd.DataFrame, day: int, without: np.ndarray) -> np.ndarray:
    """Return risks of death within ``day`` days from the column logit of ``followed``, by a map for each fold that was
    fitted on the other folds' log odds ``without`` (:attr:`echomort.models.cross_fit.CrossFit.without`)."""
    days, event = followed["days"], followed["event"]
    weights = censoring_weights(days, event, day)
    return recalibrated_risks(event & (days <= day), followed["logit"], followed["fold"], without, weights)
