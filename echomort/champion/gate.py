"""The gate: whether a candidate may replace the champion, with every reason against it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from echomort.champion.store import NO_CHAMPION
from echomort.evaluation import calibration_figures, delong_test
from echomort.models.platt import sigmoid
from echomort.settings import Promotion
from echomort.vocabulary.model_names import BEST_FIRST, EHR


@dataclass(frozen=True)
class Comparison:
    """Candidate and champion on the same held-out patients; differences are candidate less champion."""

    deaths: int
    difference: float
    """Difference of the AUCs; ``low`` and ``high`` are its 95 % interval (DeLong)."""
    low: float
    high: float
    slope: float
    """Calibration slope of the candidate; 1 is ideal."""
    in_the_large: float
    """Calibration-in-the-large of the candidate, in logits; 0 is ideal."""


@dataclass(frozen=True)
class Decision:
    """Whether a candidate becomes champion, and the reasons."""

    promoted: bool
    reasons: tuple[str, ...]


def compare(candidate: pd.DataFrame, champion: pd.DataFrame) -> Comparison:
    """Compare candidate and champion on the held-out studies that both scored, by the best model of the candidate.

    Both frames have model, study_key, logit and label (0 or 1).
    """
    model = next(name for name in BEST_FIRST if name in set(candidate["model"]) | {EHR})
    by_candidate, by_champion = (scores[scores["model"] == model] for scores in (candidate, champion))
    pair = by_candidate.merge(by_champion, on="study_key", suffixes=("", "_champion"))
    test = delong_test(pair["label"], pair["logit"], pair["logit_champion"])
    figures = calibration_figures(pair["label"], sigmoid(pair["logit"].to_numpy()))
    calibrated = figures.slope.value, figures.in_the_large.value
    return Comparison(int(pair["label"].sum()), test.difference, test.low, test.high, *calibrated)


def decide(comparison: Comparison | None, settings: Promotion, suspicions: Sequence[str] = ()) -> Decision:
    """Return whether the candidate replaces the champion. Without a champion (``comparison`` None) it does.

    A candidate with ``suspicions`` (:mod:`echomort.evaluation.suspicions`) never does: it may know the outcome. A
    rejection lists every reason.
    """
    reasons = list(suspicions)
    if comparison is not None:
        reasons += [*_against_discrimination(comparison, settings), *_against_calibration(comparison, settings)]
    if reasons:
        return Decision(False, tuple(reasons))
    if comparison is None:
        return Decision(True, (NO_CHAMPION,))
    interval = f"{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f})"
    return Decision(True, (f"AUC difference {interval}, calibrated",))


def _against_discrimination(comparison: Comparison, settings: Promotion) -> Iterator[str]:
    if comparison.deaths < settings.minimum_deaths:
        yield f"{comparison.deaths} deaths held out, promotion.minimum_deaths is {settings.minimum_deaths}"
    if not comparison.low >= -settings.margin:
        yield f"AUC may be lower by {-comparison.low:.3f}, promotion.margin is {settings.margin}"


def _against_calibration(comparison: Comparison, settings: Promotion) -> Iterator[str]:
    if not settings.lowest_slope <= comparison.slope <= settings.highest_slope:
        yield f"calibration slope {comparison.slope:.2f} is outside promotion's bounds"
    if not abs(comparison.in_the_large) <= settings.in_the_large:
        yield f"calibration-in-the-large {comparison.in_the_large:+.2f} is outside promotion's bounds"
