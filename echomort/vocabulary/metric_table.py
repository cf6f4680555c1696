"""The metric table: its columns, and the evaluations that its rows belong to."""

COLUMNS = ("evaluation", "model", "subset", "metric", "value", "low", "high", "n", "events", "method")

OUT_OF_FOLD = "out_of_fold"
"""On scores by models that never saw the patient."""
RECALIBRATED = "recalibrated"
"""The same, after a calibration that was fitted on the other folds."""
COMPARISON = "comparison"
"""Two models on the rows that both scored."""
NULL = "null"
"""Refits on permuted labels."""
COVERAGE = "coverage"
"""How often a clinical score could not be computed, and why."""
IMPORTANCE = "importance"
"""Permutation importance of the health-record variables."""
