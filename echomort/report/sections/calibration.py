"""The section on whether predicted risks mean what they say."""

from collections.abc import Mapping

from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.scores import ModelScores, drawn, risk_curve
from echomort.report.sections import ReportSection
from echomort.report.words import number, span
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED


def calibration(numbers: Numbers, scores: Mapping[str, ModelScores]) -> Section:
    """Return whether predicted risks mean what they say, before and after recalibration."""
    first = drawn(scores, "fusion", "video", "ehr", "view")[:1]
    pictures = [picture for model, score in first for picture in _reliability_pair(numbers, model, score)]
    lead = "A predicted risk of 20 % should mean that 20 in 100 such patients die."
    return Section("calibration", "Calibration", [*pictures, _calibration_table(numbers)], lead)


def _reliability_pair(numbers: Numbers, model: str, score: ModelScores) -> list[Picture]:
    pairs = [(OUT_OF_FOLD, "as scored", score.probabilities), (RECALIBRATED, "recalibrated", score.recalibrated)]
    curves = [
        (evaluation, name, risk_curve(score, risks, _calibration_note(numbers, model, evaluation)))
        for evaluation, name, risks in pairs
        if risks is not None
    ]
    limit = figures.reliability_limit(*(curve for _, _, curve in curves))
    pictures = []
    for evaluation, name, curve in curves:
        drawing = figures.reliability(curve, score.people, limit)
        alt = f"Reliability of {score.words.label}, {name}: {curve.note.replace(chr(10), ', ')}"
        caption = "Dots: tenths of the patients with Wilson intervals. Curve: lowess. Spikes: every prediction."
        svg = inline_svg(drawing, f"fig-reliability-{evaluation.replace('_', '-')}", alt)
        pictures.append(Picture(svg, f"{score.words.label}, {name}", caption, half=True))
    return pictures


def _calibration_note(numbers: Numbers, model: str, evaluation: str) -> str:
    named = (("slope", "calibration_slope"), ("in the large", "calibration_in_the_large"), ("ICI", "ici"))
    found = [(name, numbers.get(model, metric, evaluation=evaluation)) for name, metric in named]
    return "\n".join(
        f"{name} {number(figure.value, 3 if name == 'ICI' else 2)}" for name, figure in found if figure.known
    )


def _calibration_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score"):
        for evaluation, name in ((OUT_OF_FOLD, "as scored"), (RECALIBRATED, "recalibrated")):
            slope = numbers.get(model, "calibration_slope", evaluation=evaluation)
            if slope.known:
                rows.append(
                    [Cell(words.label, name, f"key-{words.kind}"), *_calibration_cells(numbers, model, evaluation)]
                )
    columns = ["Score", "#Slope", "#In the large", "#Observed / expected", "#Brier", "#ICI", "#E90", "#ECE"]
    caption = (
        "Ideal: slope 1, in the large 0, observed / expected 1, the rest 0. ICI and E90: mean and 90th percentile of "
        "the distance between risk and lowess curve. ECE: ten groups at quantiles. Recalibrated: Platt, fitted on the "
        "other folds."
    )
    return Table("calibration", caption, columns, rows)


def _calibration_cells(numbers: Numbers, model: str, evaluation: str) -> list[Cell]:
    cells = []
    for metric, digits in (("calibration_slope", 2), ("calibration_in_the_large", 2), ("observed_expected", 2)):
        figure = numbers.get(model, metric, evaluation=evaluation)
        cells.append(Cell(number(figure.value, digits), span(figure.low, figure.high, digits)))
    rest = [numbers.get(model, metric, evaluation=evaluation) for metric in ("brier", "ici", "e90", "ece_quantile")]
    return [*cells, *(Cell(number(figure.value)) for figure in rest)]


REPORT_SECTION = ReportSection(place=70, build=lambda given: [calibration(given.numbers, given.scores)])
