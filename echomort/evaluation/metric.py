"""What a metric is, and what a family of metrics has to offer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from echomort.vocabulary.metric_table import MetricRow

if TYPE_CHECKING:
    from echomort.evaluation.bootstraps import Bootstrapped
    from echomort.evaluation.judged import JudgedModel, JudgedModels


@dataclass(frozen=True)
class Metric:
    """A figure of a model: its ``name`` in the metric table, and how the report prints it.

    ``digits`` stand behind the point, of a share ``as_percent`` those of the per cent. ``better`` is the side on which
    a better model lies, ``ideal`` the value of a perfect one, each None where there is no such thing. ``section`` names
    the section of the report whose table of models has a column for it; without one it is in the JSON twin alone.
    """

    name: str
    label: str
    digits: int = 3
    better: Literal["higher", "lower"] | None = None
    ideal: float | None = None
    section: str = ""
    as_percent: bool = False
    shows_limits: bool = True
    """Whether the report prints its limits beside it, where it has any."""


Figures = Iterable["MetricRow | Bootstrapped"]
"""Rows of the metric table, and figures whose rows the bootstrap is to make."""


def _none(_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class MetricFamily:
    """Metrics that are computed together: rows of the whole cohort, of each model, and of all models together.

    Figures come out in this order: ``of_cohort`` of every family, then model by model ``of_model`` of every family,
    then ``of_models`` of every family, families by their ``order``; bootstrapped figures follow.
    """

    metrics: tuple[Metric, ...]
    order: int
    of_cohort: Callable[["JudgedModels"], Figures] = _none
    of_model: Callable[["JudgedModel"], Figures] = _none
    of_models: Callable[["JudgedModels"], Figures] = _none
