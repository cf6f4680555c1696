"""The declaration of a metric."""

from dataclasses import dataclass
from typing import Literal


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
