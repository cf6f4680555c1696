"""Metrics as cells and heads of a table, printed as the metric declares."""

from echomort.evaluation.metric import Metric
from echomort.report.blocks import Cell
from echomort.report.numbers import Figure
from echomort.report.words import number, percent, span


def metric_head(metric: Metric) -> str:
    """Return the column head of ``metric``."""
    return f"#{metric.label}"


def metric_words(metric: Metric) -> str:
    """Return the label of ``metric`` inside a sentence: ``slope``, but ``ICI``."""
    return metric.label if metric.label.isupper() else metric.label[:1].lower() + metric.label[1:]


def metric_cell(metric: Metric, figure: Figure, style: str = "") -> Cell:
    """Return the cell of ``figure`` with its limits, in per cent or with the digits that ``metric`` declares."""
    if metric.as_percent:
        text, limits = percent(figure.value, metric.digits), span(100 * figure.low, 100 * figure.high, metric.digits)
    else:
        text, limits = number(figure.value, metric.digits), span(figure.low, figure.high, metric.digits)
    return Cell(text, limits if metric.shows_limits else "", style)
