"""What acting on a probability is worth: net benefit, and the optional reclassification figures beside it.

Net benefit: Vickers AJ, Elkin EB, Med Decis Making 2006;26:565. NRI and IDI: Pencina MJ et al., Stat Med 2008;27:157
and 2011;30:11; the category-free NRI misleads, so it is never shown without net benefit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.evaluation.inputs import Floats, labels, probabilities


def net_benefit(y: Any, probability: Any, threshold: float) -> float:
    """Return net benefit of treating where ``probability`` >= ``threshold``: TP/n - FP/n * odds(threshold)."""
    died = labels(y)
    called = probabilities("probability", probability, len(died)) >= _proper(threshold)
    odds = threshold / (1 - threshold)
    return float(((called & died).sum() - (called & ~died).sum() * odds) / len(died))


def net_benefit_treat_all(y: Any, threshold: float) -> float:
    """Return net benefit of treating everyone (treating no one is worth 0)."""
    died = labels(y)
    return net_benefit(died, np.ones(len(died)), threshold)


def decision_curve(y: Any, probability: Any, thresholds: Any) -> Floats:
    """Return net benefit (t,) at each of ``thresholds`` (t,)."""
    return np.array([net_benefit(y, probability, float(threshold)) for threshold in np.asarray(thresholds)])


@dataclass(frozen=True)
class Reclassification:
    """``events`` and ``non_events``: net share moved the right way among deaths and among survivors; ``total`` is
    their sum."""

    events: float
    non_events: float

    @property
    def total(self) -> float:
        """Net reclassification improvement."""
        return self.events + self.non_events


def net_reclassification(y: Any, old: Any, new: Any, threshold: float | None = None) -> Reclassification:
    """Return the NRI of ``new`` over ``old`` probabilities: category-free, or across one ``threshold``."""
    died = labels(y)
    before, after = (probabilities(name, value, len(died)) for name, value in (("old", old), ("new", new)))
    if threshold is not None:
        before, after = (np.where(chance >= _proper(threshold), 1.0, 0.0) for chance in (before, after))
    moved = np.sign(after - before)
    return Reclassification(events=float(moved[died].mean()), non_events=float(-moved[~died].mean()))


def integrated_discrimination(y: Any, old: Any, new: Any) -> float:
    """Return the IDI: how much further ``new`` sets mean probabilities of deaths and survivors apart than ``old``."""
    died = labels(y)
    gain = probabilities("new", new, len(died)) - probabilities("old", old, len(died))
    return float(gain[died].mean() - gain[~died].mean())


def _proper(threshold: float) -> float:
    if not 0 < threshold < 1:
        raise ValueError("a decision threshold lies between 0 and 1")
    return threshold
