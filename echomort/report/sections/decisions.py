"""The section on decisions: operating points, a hundred patients, net benefit."""

from collections.abc import Mapping, Sequence

import numpy as np

from echomort.evaluation.metrics import metrics_in
from echomort.evaluation.metrics.decisions import FIXED
from echomort.evaluation.resampling import Resampling, pointwise_band
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import figures, flows
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.scores import ModelScores, recalibrated_curve, with_both_outcomes
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, model_words, percent

GRID = np.linspace(0.01, 0.5, 50)
"""Thresholds (risks) of the decision curves: 1 to 50 %. Chosen here: higher ones have few patients."""


def decisions(numbers: Numbers, scores: Mapping[str, ModelScores], plan: Resampling) -> Section:
    """Return the consequences of acting on the score: a hundred patients, net benefit, operating points."""
    blocks = [*_hundred(numbers), *_net_benefit(scores, plan), _operating_table(numbers)]
    lead = (
        "The consequences of acting on the score. Thresholds are chosen on the other folds, never on the patients they "
        "are applied to."
    )
    return Section("decisions", "Decisions", blocks, lead)


def _hundred(numbers: Numbers) -> list[Picture]:
    best = numbers.best()
    if best is None:
        return []
    found, spared = numbers.get(best, "sensitivity"), numbers.get(best, "specificity")
    if not found.is_known or not spared.is_known or not found.n or found.events is None:
        return []
    deaths = round(100 * found.events / found.n)
    hits, not_flagged = round(deaths * found.value), round((100 - deaths) * spared.value)
    counts = [
        ("die, and were flagged", hits, "vermillion"),
        ("die, and were missed", deaths - hits, "orange"),
        ("live, but were flagged", 100 - deaths - not_flagged, "sky"),
        ("live, and were not flagged", not_flagged, "rule"),
    ]
    alt = "Of a hundred patients: " + "; ".join(f"{amount} {what}" for what, amount, _ in counts)
    title = f"Of a hundred patients like these, {model_words(best).label} flags {hits + 100 - deaths - not_flagged}"
    svg = inline_svg(flows.hundred_patients(counts), "fig-hundred", alt)
    return [Picture(svg, title, f"From {found.counts_text}; threshold by Youden's index.", half=True)]


def _net_benefit(scores: Mapping[str, ModelScores], plan: Resampling) -> list[Picture]:
    from echomort.evaluation.benefit import net_benefit_treat_all

    shown = with_both_outcomes(scores, "fusion", "video", "ehr") or with_both_outcomes(scores, "view")
    if not shown:
        return []
    lines = [_benefit_line(recalibrated_curve(score), plan) for _, score in shown]
    first = shown[0][1]
    everyone = np.array([net_benefit_treat_all(first.labels, threshold) for threshold in GRID])
    lines.append(figures.BenefitLine("Act on all", "null", everyone))
    alt = "Net benefit against the threshold for " + ", ".join(line.label for line in lines)
    caption = (
        "Net benefit per patient: deaths found, less false alarms weighted by the odds of the threshold. Zero: act on "
        f"nobody. Bands: {100 * plan.confidence:g} % at each threshold, bootstrap over patients."
    )
    svg = inline_svg(figures.net_benefit(GRID, lines, first.counts_text), "fig-net-benefit", alt)
    title = "Net benefit of acting on the score, against acting on all patients or on none"
    return [Picture(svg, title, caption, half=True, points=_benefit_points(lines))]


def _benefit_line(curve: figures.Curve, plan: Resampling) -> figures.BenefitLine:
    from echomort.evaluation.benefit import decision_curve, decision_statistic

    statistic = decision_statistic(curve.labels, curve.probabilities, GRID)
    band = pointwise_band(range(len(curve.labels)), statistic, plan)
    values = decision_curve(curve.labels, curve.probabilities, GRID)
    return figures.BenefitLine(curve.label, curve.kind, values, *band)


def _benefit_points(lines: Sequence[figures.BenefitLine]) -> dict[str, np.ndarray]:
    points: dict[str, np.ndarray] = {"threshold": GRID}
    for line in lines:
        points[line.label] = line.values
        if line.low is not None and line.high is not None:
            points |= {f"{line.label}, low": line.low, f"{line.label}, high": line.high}
    return points


def _operating_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    metrics = metrics_in("decisions")
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score", "encoder", "external"):
        for suffix in ("", FIXED):
            found = [numbers.get(model, f"{metric.name}{suffix}") for metric in metrics]
            if any(figure.is_known for figure in found):
                shares = [metric_cell(metric, figure) for metric, figure in zip(metrics, found, strict=True)]
                rows.append(
                    [
                        Cell(words.label, style=f"key-{words.kind}"),
                        _rule(found[0]),
                        *shares,
                        count(found[0].n),
                        count(found[0].events),
                    ]
                )
    columns = ["Score", "Threshold", *map(metric_head, metrics), "#Patients", "#Deaths"]
    prevalence = numbers.get("cohort", "prevalence")
    caption = f"Wilson intervals. PPV and NPV hold at this set's share of deaths only ({percent(prevalence.value, 1)})."
    return Table("operating", caption, columns, rows)


def _rule(figure: Figure) -> str:
    return figure.method.partition(" on the other folds")[0].removeprefix("threshold ") or NOTHING


REPORT_SECTION = ReportSection(
    place=80, build=lambda inputs: [decisions(inputs.numbers, inputs.scores, inputs.data.resampling)]
)
