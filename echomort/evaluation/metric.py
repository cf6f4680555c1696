"""The declaration of a metric, and of a family of metrics that are computed together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from echomort.vocabulary.metric_table import MetricRow

if TYPE_CHECKING:
    from echomort.evaluation.bootstraps import Bootstrapped
    from echomort.evaluation.evaluated import EvaluatedModel, EvaluatedModels


@dataclass(frozen=True)
class Metric:
    """A metric of a model: its ``name`` in the metric table, and how the report prints it.

    ``digits`` are decimals, of the percentage where ``as_percent``. ``better`` says whether higher or lower values are
    better, ``ideal`` is the value of a perfect model; both are None where that has no meaning. ``section`` is the
    section of the report whose table of models has a column for the metric; without one it is only in the JSON twin.
    """

    name: str
    label: str
    digits: int = 3
    better: Literal["higher", "lower"] | None = None
    ideal: float | None = None
    section: str = ""
    as_percent: bool = False
    shows_limits: bool = True
    """Whether the report prints the confidence limits, where there are any."""


Figures = Iterable["MetricRow | Bootstrapped"]
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
    of_cohort: Callable[["EvaluatedModels"], Figures] = _no_figures
    of_model: Callable[["EvaluatedModel"], Figures] = _no_figures
    of_models: Callable[["EvaluatedModels"], Figures] = _no_figures
