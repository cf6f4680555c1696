"""The first section: the result as a sentence, a figure and a table."""

from typing import TYPE_CHECKING, Any

from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.readiness import readiness
from echomort.report.blocks import Cell, Picture, Section, Table, Words
from echomort.report.cells import metric_head
from echomort.report.data import ReportData
from echomort.report.differences import RULE
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.points import points
from echomort.report.sections import ReportSection
from echomort.report.sections.variables import given
from echomort.report.words import NOTHING, count, model_words, number, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

GROUPS = {
    "view": "One view",
    "video": "Combined",
    "ehr": "Combined",
    "fusion": "Combined",
    "baseline": "Health records, baselines",
    "score": "Clinical scores",
    "encoder": "On embeddings",
    "external": "Made elsewhere",
    "null": "Without signal",
}

CHANCE = 0.5
"""AUC of a score that knows nothing."""


def at_a_glance(data: ReportData, numbers: Numbers) -> Section:
    """Return the result: the headline, its points, the forest plot and the table of AUCs."""
    rule = RULE.format(level=number(numbers.significance, 2))
    blocks: list[Any] = [Words(points(data, numbers), listed=True)]
    if numbers.estimable(*GROUPS):
        blocks += [Words([rule]), _forest(numbers)]
    blocks.append(headline_table(data, numbers))
    return Section("result", "The result", blocks, headline(numbers))


def headline(numbers: Numbers) -> str:
    """Return the main result in a sentence: the AUC over all pairs, as in every table; of a trained model also that of
    pairs whom one model scored, where it differs; and whether the interval holds what chance alone gives."""
    best = numbers.best()
    if best is None:
        few = numbers.without_result()
        if few is not None:
            return f"{readiness(few.n or 0, few.events or 0, numbers.least)}."
        return "No model has an AUC: there were too few patients, or only one outcome."
    area, words = numbers.auc(best), model_words(best)
    who = {
        "fusion": "video and health records together rank",
        "video": "the echo loops rank",
        "ehr": "the health records rank",
    }
    ranked = who.get(words.kind, f"{words.label} ranks")
    within, pooled = numbers.auc_within_folds(best), round(100 * area.value)
    also = ""
    if words.kind != "score" and within.is_known and round(100 * within.value) != pooled:
        also = f" ({round(100 * within.value)} where the same model scored both)"
    result = f"Of two patients, one of whom died within a year, {ranked} the one who died higher {pooled} times in 100"
    is_chance = area.low <= CHANCE <= area.high
    return f"{result}{also}.{' Chance gives 50, and the interval holds it.' if is_chance else ''}"


def forest_figure(numbers: Numbers) -> "Drawing":
    """Return the forest plot of AUCs, with a line for chance."""
    rows = [_estimate(numbers, model) for model, _ in numbers.estimable(*GROUPS)]
    references = [figures.Reference(CHANCE, "chance 0.5")]
    best = numbers.best()
    note = numbers.auc(best).counts_text if best else ""
    return figures.forest(rows, references, f"{note}; small marks: the folds" if note else "")


def _forest(numbers: Numbers) -> Picture:
    known = ", ".join(
        f"{words.label} {number(numbers.auc(model).value)}" for model, words in numbers.estimable(*GROUPS)
    )
    permuted = "".join(
        f", of {words.label.lower()} {numbers.auc(model).method.partition(' on ')[0]}"
        for model, words in numbers.estimable("null")
    )
    return Picture(
        inline_svg(forest_figure(numbers), "fig-forest", f"AUC of each model with its interval: {known}"),
        "How well each score ranks patients by who dies within a year",
        "AUC: the share of pairs (one who died, one who lived; all folds pooled) that the score puts in the right "
        f"order. Bars: {numbers.level} intervals (DeLong){permuted}. All scores are out of fold: no patient is scored "
        "by a model that was trained on them.",
    )


def _estimate(numbers: Numbers, model: str) -> figures.Estimate:
    area, words = numbers.auc(model), model_words(model)
    folds = tuple(figure.value for figure in numbers.folds(model).values() if figure.is_known)
    group = GROUPS.get(words.kind, "")
    return figures.Estimate(words.label, area.value, area.low, area.high, words.kind, group, "", folds)


def headline_table(data: ReportData, numbers: Numbers) -> Table:
    """Return the table of AUCs, with the models whose deaths or survivors are too few for one."""
    shown = [model for model, _ in numbers.models(*GROUPS) if numbers.auc(model).is_known or numbers.too_few(model)]
    rows = [_headline_row(data, numbers, model) for model in shown]
    columns = ["Score", metric_head(AUC), f"#{numbers.level} interval", "#Patients", "#Deaths"]
    caption = "AUC on the headline patients, one study each, all folds pooled. Within folds: see Discrimination."
    return Table("headline", caption, columns, rows)


def _headline_row(data: ReportData, numbers: Numbers, model: str) -> list[Cell | str]:
    area, words = numbers.auc(model), model_words(model)
    strong = "strong" if words.kind == "fusion" else "muted" if words.kind == "null" else ""
    return [
        Cell(words.label, given(model, data), f"{strong} key-{words.kind}"),
        Cell(area.few_words, style="muted") if area.is_no_result else Cell(number(area.value), style="strong"),
        span(area.low, area.high) or NOTHING,
        Cell(count(area.n), "studies" if area.of_studies else ""),
        count(area.events),
    ]


REPORT_SECTION = ReportSection(place=10, build=lambda inputs: [at_a_glance(inputs.data, inputs.numbers)])
