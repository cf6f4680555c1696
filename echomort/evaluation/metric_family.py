"""The declaration of a family of metrics that are computed together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from echomort.evaluation.bootstraps import Bootstrapped
from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels
from echomort.evaluation.metric import Metric
from echomort.vocabulary.metric_table import MetricRow

Figures = Iterable[MetricRow | Bootstrapped]
"""Rows of the metric table, and metrics whose rows the bootstrap computes later."""


def _no_figures(_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class MetricFamily:
    """Metrics that are computed together: of the cohort, of each model, and of all models together.

    The metric table has the rows of ``of_cohort`` first, then for each model those of ``of_model``, then those of
    ``of_models``; within each the families follow their ``order``. Bootstrapped metrics come last.
    """

    metrics: tuple[Metric, ...]
    order: int
    of_cohort: Callable[[EvaluatedModels], Figures] = _no_figures
    of_model: Callable[[EvaluatedModel], Figures] = _no_figures
    of_models: Callable[[EvaluatedModels], Figures] = _no_figures
