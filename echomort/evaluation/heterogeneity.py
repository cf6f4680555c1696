"""How much a model's performance differs between clusters of patients: sites, scanner vendors, years.

A random-effects meta-analysis over the clusters (Riley RD et al., BMJ 2016;353:i3140): the mean over clusters with its
interval (Paule-Mandel's variance between clusters; Hartung and Knapp's standard error, no smaller than the usual one),
and the interval in which the figure of a further cluster is expected (Higgins JPT et al., J R Stat Soc A 2009;172:137).
AUCs are pooled as log odds, observed over expected deaths as logarithms (Snell KIE et al., Stat Methods Med Res
2018;27:3505).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from echomort.evaluation.inputs import Floats
from echomort.evaluation.interval import Interval, undefined_interval

FEWEST = 3
"""Clusters that can be pooled, at least: the prediction interval has as many degrees of freedom, less two."""
METHOD = "random effects, Paule-Mandel, Hartung-Knapp"


@dataclass(frozen=True)
class Pooled:
    """``mean`` over clusters with its interval; ``next``: the same value with the interval of a further cluster;
    ``tau`` is the standard deviation between clusters, on the scale of the pooling, ``clusters`` how many are pooled:
    those whose estimate has a variance (an AUC of 1 has none)."""

    mean: Interval
    next: Interval
    tau: float
    clusters: int


def pool_auc(values: Sequence[float], errors: Sequence[float], confidence: float = 0.95) -> Pooled:
    """Pool AUCs (k,) with standard ``errors`` (k,), as log odds."""
    area, error = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    inside = (area > 0) & (area < 1) & (error > 0)
    area, error = area[inside], error[inside]
    return _pool(np.log(area / (1 - area)), error / (area * (1 - area)), _expit, confidence)


def pool_ratio(values: Sequence[float], errors: Sequence[float], confidence: float = 0.95) -> Pooled:
    """Pool ratios (k,), whose logarithms have standard ``errors`` (k,)."""
    ratio, error = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    inside = (ratio > 0) & (error > 0)
    return _pool(np.log(ratio[inside]), error[inside], math.exp, confidence)


def _pool(effect: Floats, error: Floats, back: Callable[[float], float], confidence: float) -> Pooled:
    if len(effect) < FEWEST:
        unknown = undefined_interval(METHOD, f"fewer than {FEWEST} clusters with an estimate")
        return Pooled(unknown, unknown, math.nan, len(effect))
    from scipy.stats import t
    from statsmodels.stats.meta_analysis import combine_effects

    found = combine_effects(effect, error**2, method_re="iterated")
    spread, clusters = max(float(found.tau2), 0.0), len(effect)
    wide = max(float(found.sd_eff_w_re_hksj), float(found.sd_eff_w_re))
    mean, level = float(found.mean_effect_re), 0.5 + confidence / 2
    margin = float(t.ppf(level, clusters - 1)) * wide
    further = float(t.ppf(level, clusters - 2)) * math.hypot(math.sqrt(spread), wide)
    limits = [Interval(back(mean), back(mean - by), back(mean + by), METHOD) for by in (margin, further)]
    return Pooled(limits[0], limits[1], math.sqrt(spread), clusters)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))
