"""The section on calibration."""

from collections.abc import Iterable, Mapping, Sequence

from echomort.evaluation.calibration import CalibrationCurve, calibration_curve
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics import metrics_in
from echomort.evaluation.metrics.calibration import ICI, IN_THE_LARGE, SLOPE
from echomort.evaluation.readiness import FEW_DEATHS
from echomort.evaluation.resampling import Resampling
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head, metric_words
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.scores import ModelScores, risk_curve, with_both_outcomes
from echomort.report.sections import ReportSection
from echomort.report.words import counted, number
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED

MOST_NAMED = 3
"""Models that a sentence names at most. Chosen here, so that it can be read."""


def calibration(numbers: Numbers, scores: Mapping[str, ModelScores], plan: Resampling) -> Section:
    """Return calibration plots and the table of calibration metrics, as scored and recalibrated."""
    shown = with_both_outcomes(scores, "fusion", "video", "ehr", "view")[:1]
    pictures = [picture for model, score in shown for picture in _reliability_pair(numbers, model, score, plan)]
    lead = f"A predicted risk of 20 % should mean that 20 in 100 such patients die.{_harm(numbers)}"
    return Section("calibration", "Calibration", [*pictures, _calibration_table(numbers)], lead)


def _harm(numbers: Numbers) -> str:
    """Return of which models the slope is further from 1 after recalibration than as scored; nothing without any."""
    worse, deaths = [], 0
    for model, words in numbers.models("fusion", "video", "ehr", "view"):
        before, after = (numbers.get(model, SLOPE.name, evaluation=one) for one in (OUT_OF_FOLD, RECALIBRATED))
        if after.is_known and abs(after.value - 1) > abs(before.value - 1):
            worse.append(f"{words.label} ({number(before.value, 2)} as scored, {number(after.value, 2)} recalibrated)")
            deaths = max(deaths, after.events or 0)
    if not worse:
        return ""
    few = f" The maps were fitted on fewer than {counted(deaths, 'death')}, too few to be exact."
    others = f" and of {counted(len(worse) - MOST_NAMED, 'other')}" if worse[MOST_NAMED:] else ""
    named = ", ".join(worse[:MOST_NAMED])
    said = f" Recalibration made the slope worse, further from 1, of {named}{others}."
    return said + (few if deaths < FEW_DEATHS else "")


def _reliability_pair(numbers: Numbers, model: str, score: ModelScores, plan: Resampling) -> list[Picture]:
    pairs = [(OUT_OF_FOLD, "as scored", score.probabilities), (RECALIBRATED, "recalibrated", score.recalibrated)]
    found = [
        (evaluation, name, risks, calibration_curve(score.labels, risks, plan))
        for evaluation, name, risks in pairs
        if risks is not None
    ]
    limit = figures.reliability_limit(*(points for *_, points in found))
    pictures = []
    for evaluation, name, risks, points in found:
        curve = risk_curve(score, risks, _calibration_note(numbers, model, evaluation))
        drawing = figures.reliability(curve, points, score.counts_text, limit)
        alt = f"Reliability of {score.words.label}, {name}: {curve.note.replace(chr(10), ', ')}"
        caption = (
            f"Dots: tenths of the patients with Wilson intervals. Curve: loess, with its {numbers.level} band at each "
            "risk (bootstrap over patients). Bars below: all predictions."
        )
        svg = inline_svg(drawing, f"fig-reliability-{evaluation.replace('_', '-')}", alt)
        pictures.append(Picture(svg, f"{score.words.label}, {name}", caption, half=True, points=_drawn(points)))
    return pictures


def _drawn(points: CalibrationCurve) -> dict[str, Iterable[float]]:
    return {
        "curve, risk": points.grid,
        "curve, observed": points.smooth,
        "curve, low": points.smooth_low,
        "curve, high": points.smooth_high,
        "tenths, risk": points.predicted,
        "tenths, observed": points.observed,
        "tenths, low": points.low,
        "tenths, high": points.high,
    }


def _calibration_note(numbers: Numbers, model: str, evaluation: str) -> str:
    found = [(metric, numbers.get(model, metric.name, evaluation=evaluation)) for metric in (SLOPE, IN_THE_LARGE, ICI)]
    return "\n".join(
        f"{metric_words(metric)} {number(figure.value, metric.digits)}" for metric, figure in found if figure.is_known
    )


def _calibration_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    metrics = metrics_in("calibration")
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score", "encoder", "external"):
        for evaluation, name in ((OUT_OF_FOLD, "as scored"), (RECALIBRATED, "recalibrated")):
            slope = numbers.get(model, SLOPE.name, evaluation=evaluation)
            if slope.is_known:
                rows.append(
                    [
                        Cell(words.label, name, f"key-{words.kind}"),
                        *_calibration_cells(numbers, metrics, model, evaluation),
                    ]
                )
    columns = ["Score", *map(metric_head, metrics)]
    caption = (
        f"Ideal: {_ideals(metrics)}. ICI and E90: mean and 90th percentile of "
        "the distance between risk and loess curve (degree 2, span 0.75, as Austin and Steyerberg define them); limits "
        "of the ICI by bootstrap over patients, on either side the wider of the basic and the percentile limit, since "
        "resampling makes a distance larger than it is. ECE: ten groups at quantiles. Recalibrated: Platt, fitted on "
        "the other folds."
    )
    return Table("calibration", caption, columns, rows)


def _ideals(metrics: Sequence[Metric]) -> str:
    """Return for example ``slope 1, in the large 0, the rest 0``: names up to the last ideal that is not 0."""
    named = max((place for place, metric in enumerate(metrics) if metric.ideal), default=-1) + 1
    words = [f"{metric_words(one)} {one.ideal:g}" for one in metrics[:named] if one.ideal is not None]
    return ", ".join([*words, "the rest 0"] if metrics[named:] else words)


def _calibration_cells(numbers: Numbers, metrics: Sequence[Metric], model: str, evaluation: str) -> list[Cell]:
    return [metric_cell(metric, numbers.get(model, metric.name, evaluation=evaluation)) for metric in metrics]


REPORT_SECTION = ReportSection(
    place=70, build=lambda inputs: [calibration(inputs.numbers, inputs.scores, inputs.data.resampling)]
)
