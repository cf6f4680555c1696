"""Survival analysis, which keeps censored patients: Kaplan-Meier, log-rank, Cox, and the AUC and the Brier score by
inverse probability of censoring weights (IPCW).

Days run from the study to death or last evidence of life. The IPCW metrics follow Uno H et al., JASA 2007;102:527 and
Graf E et al., Stat Med 1999;18:2529: a death on day t within ``horizon`` days weighs 1 / G(t-), a patient who lives
longer 1 / G(horizon), where G is the Kaplan-Meier estimate of remaining uncensored, and G(t-) its value just before t:
those who are censored on day t were at risk of dying on it (Gerds TA, Schumacher M, Biom J 2006;48:1029). With it the
weighted share of deaths is 1 - S(horizon) of the Kaplan-Meier estimate, exactly. A patient who is last seen alive on
the day of the horizon counts as a survivor, as in the label.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from echomort.evaluation.inputs import Booleans, Floats, labels, numbers, probabilities
from echomort.evaluation.interval import Interval, normal_quantile, undefined_interval
from echomort.evaluation.resampling import WeightedAuc


@dataclass(frozen=True)
class LogRank:
    """Chi-squared of the log-rank test, its degrees of freedom and p."""

    chi_squared: float
    degrees: int
    p_value: float


@dataclass(frozen=True)
class HazardRatio:
    """Cox hazard ratio of a group against the other, with Wald limits and p."""

    interval: Interval
    p_value: float


def kaplan_meier(days: Any, event: Any, confidence: float = 0.95) -> pd.DataFrame:
    """Return the curve: columns ``day``, ``survival``, ``low``, ``high`` (log-log Greenwood limits), ``at_risk``.

    One row for each day with a death; day 0 with survival 1 comes first where nobody dies on day 0.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    time, died = _follow_up(days, event)
    fit = SurvfuncRight(time, died.astype(int))
    survival = np.asarray(fit.surv_prob, dtype=np.float64)
    low, high = _log_log_limits(survival, np.asarray(fit.surv_prob_se), normal_quantile(confidence))
    curve = pd.DataFrame(
        {"day": fit.surv_times, "survival": survival, "low": low, "high": high, "at_risk": fit.n_risk}, dtype=float
    )
    if len(curve) and curve["day"].iloc[0] == 0:
        return curve
    start = pd.DataFrame({"day": 0.0, "survival": 1.0, "low": 1.0, "high": 1.0, "at_risk": float(len(time))}, index=[0])
    return pd.concat([start, curve], ignore_index=True) if len(curve) else start


def death_share(days: Any, event: Any, horizon: float = 365, confidence: float = 0.95) -> Interval:
    """Return the Kaplan-Meier share of deaths within ``horizon`` days, with log-log limits."""
    curve = kaplan_meier(days, event, confidence)
    last = curve[curve["day"] <= horizon].iloc[-1]
    return Interval(1 - last["survival"], 1 - last["high"], 1 - last["low"], "Kaplan-Meier, log-log limits")


def log_rank(days: Any, event: Any, group: Any) -> LogRank:
    """Return the log-rank test over the values of ``group`` (n,)."""
    time, died = _follow_up(days, event)
    groups = np.asarray(group)
    names = len(np.unique(groups))
    if names < 2 or not died.any():
        return LogRank(0.0, max(names - 1, 0), 1.0)
    from scipy.stats import chi2
    from statsmodels.duration.survfunc import survdiff

    chi_squared = float(survdiff(time, died.astype(int), groups)[0])
    return LogRank(chi_squared, names - 1, float(chi2.sf(chi_squared, names - 1)))


def hazard_ratio(days: Any, event: Any, group: Any, confidence: float = 0.95) -> HazardRatio:
    """Return the Cox hazard ratio (Efron's ties) of ``group`` (n,) 0/1: 1 against 0.

    NaN with a note where a group has no death: the ratio then has no finite estimate.
    """
    time, died = _follow_up(days, event)
    member = labels(group, len(time))
    method = "Cox, Efron, Wald"
    if not (died & member).any() or not (died & ~member).any():
        return HazardRatio(undefined_interval(method, "a group without a death"), float("nan"))
    from statsmodels.duration.hazard_regression import PHReg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = PHReg(time, member.astype(float)[:, None], status=died.astype(int), ties="efron").fit()
    beta, error = float(fit.params[0]), float(fit.bse[0])
    margin = normal_quantile(confidence) * error
    ratio, low, high = (float(np.exp(value)) for value in (beta, beta - margin, beta + margin))
    return HazardRatio(Interval(ratio, low, high, method), float(fit.pvalues[0]))


def ipcw_auc(days: Any, event: Any, score: Any, horizon: float = 365) -> float:
    """Return the AUC of death within ``horizon`` days with IPCW, which keep censored patients.

    NaN where nobody dies within the horizon, or nobody outlives it.
    """
    time, died = _follow_up(days, event)
    values = numbers("score", score, len(time))
    weight = censoring_weights(time, died, horizon)
    return float(WeightedAuc((died & (time <= horizon)).astype(float), values)(weight[None, :])[0])


def ipcw_brier(days: Any, event: Any, probability: Any, horizon: float = 365) -> float:
    """Return the Brier score of ``probability`` of death within ``horizon`` days, with IPCW."""
    time, died = _follow_up(days, event)
    risk = probabilities("probability", probability, len(time))
    outcome = (died & (time <= horizon)).astype(float)
    return float((censoring_weights(time, died, horizon) * np.square(outcome - risk)).mean())


def censoring_weights(days: Any, event: Any, horizon: float = 365) -> Floats:
    """Return IPCW weights (n,): 0 for those censored before ``horizon``, else 1 / G just before death or at the
    horizon."""
    time, died = _follow_up(days, event)
    time = np.where(~died & (time == horizon), horizon + 0.5, time)
    died_within = died & (time <= horizon)
    times, uncensored = _censoring_curve(time, died)
    before, until = (np.searchsorted(times, np.minimum(time, horizon), side=side) for side in ("left", "right"))
    position = np.where(died_within, before, until) - 1
    remaining = np.where(position >= 0, uncensored[np.maximum(position, 0)], 1.0)
    return np.divide(1.0, remaining, out=np.zeros(len(time)), where=(died | (time > horizon)) & (remaining > 0))


def _censoring_curve(time: Floats, died: Booleans) -> tuple[Floats, Floats]:
    """Return the Kaplan-Meier curve of censoring (days, share uncensored). A death on the same day comes first: the
    dead are no longer at risk of censoring."""
    at_risk, deaths, times = _risk_table(time, died)
    still_at_risk = at_risk - deaths
    censored = at_risk - deaths - np.append(at_risk[1:], 0)
    none = np.zeros(len(still_at_risk))
    uncensored_share = 1 - np.divide(censored, still_at_risk, out=none, where=still_at_risk > 0)
    return times, np.cumprod(uncensored_share)


def _risk_table(time: Floats, died: Booleans) -> tuple[Floats, Floats, Floats]:
    times, position_of_row = np.unique(time, return_inverse=True)
    ending = np.bincount(position_of_row, minlength=len(times)).astype(float)
    deaths = np.bincount(position_of_row, weights=died.astype(float), minlength=len(times)).astype(float)
    return np.cumsum(ending[::-1])[::-1], deaths, times


def _log_log_limits(survival: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    inside = (survival > 0) & (survival < 1)
    bounded = np.where(inside, survival, 0.5)
    factor = np.exp(z * np.where(inside, error, 0) / (bounded * -np.log(bounded)))
    return np.where(inside, bounded**factor, survival), np.where(inside, bounded ** (1 / factor), survival)


def _follow_up(days: Any, event: Any) -> tuple[Floats, Booleans]:
    time = numbers("days", days)
    if (time < 0).any():
        raise ValueError("days of follow-up must not be negative")
    return time, labels(event, len(time))
