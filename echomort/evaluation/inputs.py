"""Validation of labels and scores, and the log-odds transforms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

SMALLEST_RISK = 1e-12
"""Probability: :func:`logit` takes risks nearer to 0 or 1 as this far from it, so that log odds stay finite. Chosen
here: far below any risk that a model gives."""


def numbers(name: str, values: Any, length: int | None = None) -> Floats:
    """Return ``values`` as a float64 vector without NaN; infinite values are allowed, since they rank.

    Raises :class:`ValueError` that names the argument: not a vector, another length, a missing or non-numeric value.
    """
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds values that are not numbers") from None
    if vector.ndim != 1:
        raise ValueError(f"{name} must be one vector, not an array of {vector.ndim} dimensions")
    if length is not None and len(vector) != length:
        raise ValueError(f"{name} has {len(vector)} values where {length} are needed")
    missing = int(np.isnan(vector).sum())
    if missing:
        raise ValueError(f"{name} holds {missing} missing values (NaN); drop or impute them first")
    return vector


def labels(values: Any, length: int | None = None) -> Booleans:
    """Return 0/1 labels as a boolean vector, True for a death; raises :class:`ValueError` on anything else."""
    vector = numbers("labels", values, length)
    if not np.isin(vector, (0.0, 1.0)).all():
        raise ValueError("labels must be 0 or 1")
    return np.asarray(vector == 1.0, dtype=bool)


def probabilities(name: str, values: Any, length: int | None = None) -> Floats:
    """Return ``values`` as float64 within [0, 1]; raises :class:`ValueError` on anything else."""
    vector = numbers(name, values, length)
    if ((vector < 0) | (vector > 1)).any():
        raise ValueError(f"{name} must lie between 0 and 1")
    return vector


def logit(probability: Floats) -> Floats:
    """Return finite log odds of ``probability``, which is cut to :data:`SMALLEST_RISK` from 0 and 1."""
    bounded = np.clip(probability, SMALLEST_RISK, 1 - SMALLEST_RISK)
    return np.log(bounded) - np.log1p(-bounded)


def expit(log_odds: Floats) -> Floats:
    """Return probabilities of ``log_odds``, without overflow."""
    return np.exp(-np.logaddexp(0.0, -log_odds))
