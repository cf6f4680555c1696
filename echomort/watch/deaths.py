"""Deaths against the risks that were given before them, looked at again and again: a sequential test.

Each patient multiplies a likelihood ratio: how likely the outcome is if the odds of death are another multiple of those
that the risk says (the ratios of Steiner et al.'s risk-adjusted CUSUM, Biostatistics 2000;1:441). The change may begin
at any block of patients and be any of :data:`ODDS_RATIOS`; the average over these, with weights that sum to 1, is a
martingale of mean 1 if the risks are right. So it ever reaches 1/a with a probability of at most a, however often one
looks (Ville 1939; Shin, Ramdas and Rinaldo, NEJSDS 2024;2:229): a plain CUSUM has no such limit on false alarms.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.evaluation.inputs import SMALLEST_RISK, labels, probabilities

ODDS_RATIOS = (0.5, 1 / 1.5, 1.5, 2.0)
"""Multiples of the odds of death that are looked for. Steiner et al. look for 2 and 0.5; 1.5 finds smaller changes."""
BLOCK = 50
"""Patients a block: a change is looked for from the start of each. Our choice: a small site sees as many in months."""


@dataclass(frozen=True)
class Deaths:
    """``observed`` deaths of ``patients`` against those ``expected``; ``path`` (patients,): the evidence against the
    risks after each patient, 1 where there is none; ``reached``: whether it ever passed the limit."""

    patients: int
    observed: int
    expected: float
    path: tuple[float, ...]
    reached: bool


def observed_deaths(died: Any, risk: Any, false_alarms: float) -> Deaths:
    """Return the deaths of patients ``died`` (n,) 0/1, in the order in which outcomes became known, against their
    ``risk`` (n,) in [0, 1]. ``false_alarms``: the probability that right risks are ever called wrong."""
    events = labels(died)
    risks = np.clip(probabilities("risk", risk, len(events)), SMALLEST_RISK, 1 - SMALLEST_RISK)
    path = tuple(_evidence(events, risks))
    return Deaths(
        len(events), int(events.sum()), float(risks.sum()), path, bool(path) and max(path) >= 1 / false_alarms
    )


def _evidence(events: Any, risks: Any) -> list[float]:
    """Return the martingale after each patient."""
    ratios = np.array(ODDS_RATIOS)
    sums, unused, path = np.zeros(len(ratios)), 1.0, []
    for place, (died, risk) in enumerate(zip(events, risks, strict=True)):
        if place % BLOCK == 0:
            block = place // BLOCK + 1
            weight = 1 / (block * (block + 1))
            sums, unused = sums + weight / len(ratios), unused - weight
        factors = (ratios if died else 1.0) / (1 - risk + ratios * risk)
        sums = np.minimum(sums * factors, 1e300)
        path.append(float(sums.sum() + max(unused, 0.0)))
    return path


def sentence(found: Deaths, least: int) -> str:
    """Return that more or fewer died than the risks said; empty if chance explains it. Fewer than ``least`` deaths or
    survivors are not counted out."""
    if not found.reached:
        return ""
    side = "more" if found.observed > found.expected else "fewer"
    if min(found.observed, found.patients - found.observed) < least:
        return f"{side} patients died than their risks said"
    expected = math.ceil(found.expected - 0.5)
    counted = f"{found.observed} of {found.patients} patients died, by their risks {expected} would have"
    return f"{counted}: {side} than chance explains"
