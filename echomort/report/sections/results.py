"""The first section: the result as a sentence, a figure and a table."""

from typing import TYPE_CHECKING

from echomort.evaluation.discrimination import chance_error
from echomort.evaluation.metrics.censoring import DEATH_SHARE
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.blocks import Cell, Picture, Section, Table, Words
from echomort.report.cells import metric_head
from echomort.report.data import ReportData
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import (
    NOTHING,
    count,
    counted,
    model_words,
    number,
    p_phrase,
    percent,
    signed,
    span,
)
from echomort.vocabulary.metric_table import COMPARISON
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

GROUPS = {
    "view": "One view",
    "video": "Combined",
    "ehr": "Combined",
    "fusion": "Combined",
    "baseline": "Health records, other learners",
    "score": "Clinical scores",
    "null": "Without signal",
}

LEAK = "which chance does not explain: something of the outcome leaks into the models"
"""The verdict on a permuted null that is not chance."""


def at_a_glance(data: ReportData, numbers: Numbers) -> Section:
    """Return the result: the headline, its points, the forest plot and the table of AUCs."""
    blocks = [Words(_points(data, numbers), listed=True), _forest(numbers), headline_table(numbers)]
    return Section("result", "The result", blocks, headline(numbers))


def headline(numbers: Numbers) -> str:
    """Return the main result in one sentence."""
    best = numbers.best()
    if best is None:
        return "No model has an AUC: there were too few patients, or only one outcome."
    area, words = numbers.auc(best), model_words(best)
    who = {
        "fusion": "video and health records together rank",
        "video": "the echo loops rank",
        "ehr": "the health records rank",
    }
    ranked = who.get(words.kind, f"{words.label} ranks")
    return (
        f"Of two patients, one of whom died within a year, {ranked} the one who died higher "
        f"{round(100 * area.value)} times in 100."
    )


def _points(data: ReportData, numbers: Numbers) -> list[str]:
    points = [
        _best_point(numbers),
        _follow_up_point(numbers),
        _gain_point(numbers),
        _null_point(numbers),
    ]
    return [*(point for point in points if point), *_check_point(data)]


def _best_point(numbers: Numbers) -> str:
    best = numbers.best()
    if best is None:
        return ""
    area = numbers.auc(best)
    interval = f", {numbers.level} interval {span(area.low, area.high)}" if span(area.low, area.high) else ""
    result = f"{model_words(best).label}: AUC {number(area.value)}{interval}, on {area.counts_text}"
    return f"{result}, each scored by a model that never saw the patient."


def _follow_up_point(numbers: Numbers) -> str:
    """Return a warning where the labelled patients die more, or less, often than Kaplan-Meier's share of all."""
    labelled, share = numbers.get("cohort", "prevalence"), numbers.get("cohort", DEATH_SHARE.name)
    if not share.is_known or not labelled.is_known or share.low <= labelled.value <= share.high:
        return ""
    by_kaplan_meier = f"{percent(share.value, 1)} do ({span(100 * share.low, 100 * share.high, 1)})"
    return (
        f"Of the labelled patients {percent(labelled.value, 1)} died; by Kaplan-Meier, which counts the lost as long "
        f"as they are followed, {by_kaplan_meier}. Patients who live and do not come back have no label, so absolute "
        "risks and thresholds here do not hold for all patients: see Follow-up."
    )


def _gain_point(numbers: Numbers) -> str:
    gains = []
    for name, against in ((ALL_VIEWS, "the loops alone"), (EHR, "the records alone")):
        pair = f"{VIDEO_EHR} vs {name}"
        gap = numbers.get(pair, "auc_difference", evaluation=COMPARISON)
        p_value = numbers.get(pair, "delong_p_holm", evaluation=COMPARISON)
        if gap.is_known:
            gains.append(
                f"{signed(gap.value)} against {against} ({span(gap.low, gap.high)}; {p_phrase(p_value.value)})"
            )
    return f"AUC of video and records together: {', '.join(gains)}." if gains else ""


def _null_point(numbers: Numbers) -> str:
    for model, _ in numbers.models("null"):
        null = numbers.auc(model)
        if null.is_known:
            margin = 2 * chance_error(null.n or 0, null.events or 0)
            is_chance = null.low - margin <= 0.5 <= null.high + margin
            verdict = f"as chance does ({number(0.5)} give or take {number(margin)})" if is_chance else LEAK
            return (
                "Trained again from the start on permuted outcomes, video and records reach an AUC of "
                f"{number(null.value)} (permutations: {span(null.low, null.high)}), {verdict}."
            )
    return ""


def _check_point(data: ReportData) -> list[str]:
    if not len(data.checks):
        return []
    passed = data.checks["passed"].astype(bool)
    warned = 0 if "severity" not in data.checks else int((~passed & (data.checks["severity"] == "WARN")).sum())
    passed_text = (
        f"{count(int(passed.sum()))} of {counted(len(data.checks), 'check')} on the data and the method passed"
    )
    return [f"{passed_text}; {count(warned)} warned only." if warned else f"{passed_text}."]


def forest_figure(numbers: Numbers) -> "Drawing":
    """Return the forest plot of AUCs, with a line for chance."""
    rows = [_estimate(numbers, model) for model, _ in numbers.models(*GROUPS)]
    references = [figures.Reference(0.5, "chance 0.5")]
    best = numbers.best()
    note = numbers.auc(best).counts_text if best else ""
    return figures.forest(rows, references, f"{note}; small marks: the folds" if note else "")


def _forest(numbers: Numbers) -> Picture:
    areas = [(words.label, numbers.auc(model)) for model, words in numbers.models(*GROUPS)]
    known = ", ".join(f"{label} {number(area.value)}" for label, area in areas if area.is_known)
    return Picture(
        inline_svg(forest_figure(numbers), "fig-forest", f"AUC of each model with its interval: {known}"),
        "How well each score ranks patients by who dies within a year",
        "AUC: the share of pairs (one who died, one who lived) that the score puts in the right order. Bars: "
        f"{numbers.level} intervals (DeLong). All scores are out of fold: no patient is scored by a model "
        "that was trained on them.",
    )


def _estimate(numbers: Numbers, model: str) -> figures.Estimate:
    area, words = numbers.auc(model), model_words(model)
    folds = tuple(figure.value for figure in numbers.folds(model).values() if figure.is_known)
    group = GROUPS.get(words.kind, "")
    return figures.Estimate(words.label, area.value, area.low, area.high, words.kind, group, "", folds)


def headline_table(numbers: Numbers) -> Table:
    """Return the table of AUCs."""
    rows = [_headline_row(numbers, model) for model, _ in numbers.models(*GROUPS)]
    columns = ["Score", metric_head(AUC), f"#{numbers.level} interval", "#Patients", "#Deaths"]
    return Table("headline", "AUC on the headline patients, one study each.", columns, rows)


def _headline_row(numbers: Numbers, model: str) -> list[Cell | str]:
    area, words = numbers.auc(model), model_words(model)
    strong = "strong" if words.kind == "fusion" else "muted" if words.kind == "null" else ""
    return [
        Cell(words.label, words.sees, f"{strong} key-{words.kind}"),
        Cell(number(area.value), style="strong"),
        span(area.low, area.high) or NOTHING,
        count(area.n),
        count(area.events),
    ]


REPORT_SECTION = ReportSection(place=10, build=lambda inputs: [at_a_glance(inputs.data, inputs.numbers)])
