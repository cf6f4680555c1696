"""Hazards of death by intervals of follow-up, by which censored patients are learnt from.

Time is cut into intervals; the hazard of one is the probability of dying in it for those who live at its start. A
patient who died counts in the intervals before that as a survivor, and in that of the death; one who is censored counts
in the intervals that were survived whole, and in no other (Gensheimer MF, Narasimhan B, PeerJ 2019;7:e6257).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

HORIZONS = (30, 90, 180, 365, 3 * 365, 5 * 365)
"""Days at which intervals end: one, three and six months, one, three and five years. Chosen here."""


def interval_ends(horizon_days: int) -> tuple[int, ...]:
    """Return the days at which intervals end: :data:`HORIZONS`, and the horizon of the other models.

    >>> interval_ends(270)
    (30, 90, 180, 270, 365, 1095, 1825)
    """
    return tuple(sorted({*HORIZONS, horizon_days}))


def fates(days: Any, event: Any, ends: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return who died in which interval, and who survived which whole, both bool (n, intervals).

    ``days`` (n,) run to the death (``event`` (n,) true) or to the last evidence of life. As everywhere here, a death on
    the last day of an interval is in it, and who is seen alive on that day has survived it.

    >>> died, survived = fates([40, 40, 90], [True, False, False], (30, 90, 180))
    >>> died.astype(int).tolist(), survived.astype(int).tolist()
    ([[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[1, 0, 0], [1, 0, 0], [1, 1, 0]])
    """
    time, is_death = np.asarray(days, dtype=float)[:, None], np.asarray(event, dtype=bool)[:, None]
    last = np.asarray(ends, dtype=float)
    first = np.concatenate([[-np.inf], last[:-1]])
    died = is_death & (first < time) & (time <= last)
    survived = np.where(is_death, time > last, time >= last)
    return died, survived


def base_log_odds(died: np.ndarray, survived: np.ndarray) -> np.ndarray:
    """Return the log odds (intervals,) of the hazard of all patients together; half a death and half a survivor are
    added, so that all are finite."""
    return np.asarray(np.log((died.sum(0) + 0.5) / (survived.sum(0) + 0.5)))


def log_odds_of_death(log_odds: np.ndarray) -> np.ndarray:
    """Return the log odds of having died by the end of each interval, float64 (n, intervals), from those of the hazards
    (n, intervals)."""
    log_alive = -np.cumsum(np.logaddexp(0, np.asarray(log_odds, dtype=float)), axis=1)
    return np.asarray(np.log(-np.expm1(log_alive)) - log_alive)
