"""The metric table: its rows, and the evaluations that they belong to."""

from typing import NamedTuple

OUT_OF_FOLD = "out_of_fold"
"""On scores by models that never saw the patient."""
RECALIBRATED = "recalibrated"
"""The same, after a calibration that was fitted on the other folds."""
SHIFTED = "recalibrated_in_the_large"
"""The same, after a shift of the log odds that was fitted on the other folds."""
COMPARISON = "comparison"
"""Two models on the rows that both scored."""
HELD_OUT = "held_out"
"""The served risks on a set apart, whose role the subset names."""
NULL = "null"
"""Refits on permuted labels."""
CONTROL = "control"
"""A model that is kept from the motion, which the subset names, beside the model of its view."""
COVERAGE = "coverage"
"""How often a clinical score could not be computed, and why."""
IMPORTANCE = "importance"
"""Permutation importance of the health-record variables."""
TOO_GOOD = "too_good"
"""Models and single variables that are too good to be true."""

OF_STUDIES = frozenset({NULL, IMPORTANCE})
"""Evaluations whose rows count studies; those of all others count patients, with one study each."""

ONE_VARIABLE = "one_variable"
"""In the place of a model's name: one variable of the health record alone, which the subset names."""

WHOLE = "all"
"""The subset that is all rows of a model."""


def role_subset(role: str) -> str:
    """Return the subset that is the patients with ``role``.

    >>> role_subset("later_years")
    'role=later_years'
    """
    return f"role={role}"


class MetricRow(NamedTuple):
    """One figure: a ``metric`` of a ``model`` on a ``subset`` of its rows, with its limits (NaN where it has none), the
    patients (or studies, :data:`OF_STUDIES`) and deaths that it is of, and how it was found."""

    evaluation: str
    model: str
    subset: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    events: int
    method: str


COLUMNS = MetricRow._fields
