"""Figures as cells of a table, set as their metric asks."""

from echomort.evaluation.metric import Metric
from echomort.report.blocks import Cell
from echomort.report.numbers import Figure
from echomort.report.words import number, percent, span


def metric_head(metric: Metric) -> str:
    """Return the head of a column of ``metric``."""
    return f"#{metric.label}"


def metric_words(metric: Metric) -> str:
    """Return the label of ``metric`` inside a sentence: ``slope``, but ``ICI``."""
    return metric.label if metric.label.isupper() else metric.label[:1].lower() + metric.label[1:]


def metric_cell(metric: Metric, figure: Figure, style: str = "") -> Cell:
    """Return ``figure`` with its limits beside it, in per cent or with as many digits as ``metric`` asks for."""
    if metric.as_percent:
        text, limits = percent(figure.value, metric.digits), span(100 * figure.low, 100 * figure.high, metric.digits)
    else:
        text, limits = number(figure.value, metric.digits), span(figure.low, figure.high, metric.digits)
    return Cell(text, limits if metric.shows_limits else "", style)
