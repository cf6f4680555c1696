"""How much predicted risks differ between refits, of models that the nested cross-validation refitted."""

from collections.abc import Iterator

import numpy as np

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.evaluated import EvaluatedModel
from echomort.evaluation.instability import refits_of
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.resampling import weighted_mean
from echomort.vocabulary.metric_table import MetricRow

MAPE = Metric("refit_mape", "Mean difference", 1, "lower", 0, "instability", as_percent=True)
LARGE = Metric("refit_difference_p90", "Nine in ten differ by less than", 1, "lower", 0, "instability", as_percent=True)


def instability(model: EvaluatedModel) -> Figures:
    """Yield the mean absolute difference between the risk of a patient and those by refits, and its 90th percentile."""
    scored = model.scored
    refits = refits_of(scored.score, scored.without) if scored.is_log_odds else None
    return _figures(model, refits.differences, refits.each) if refits and model.has_ranking else iter(())


def _figures(model: EvaluatedModel, differences: np.ndarray, each: int) -> Iterator[MetricRow | Bootstrapped]:
    how = f"{each} refits of each patient, without one fold more"
    yield Bootstrapped(model.scored, MAPE, weighted_mean(differences), how=how)
    yield model.scored.row(LARGE, without_limits(float(np.quantile(differences, 0.9)), how))


METRIC_FAMILY = MetricFamily((MAPE, LARGE), 85, of_model=instability)
