"""The section on instability: how much a patient's predicted risk depends on which patients the model learnt from."""

from collections.abc import Mapping

from echomort.evaluation.instability import BAND, BINS, refits_of
from echomort.evaluation.metrics import metrics_in
from echomort.evaluation.metrics.instability import MAPE
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import refits as drawing
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.scores import ModelScores, with_both_outcomes
from echomort.report.sections import ReportSection
from echomort.report.words import counted, percent

LEAD = (
    "How much a patient's predicted risk depends on which patients the model learnt from. The refits are models of the "
    "nested cross-validation: each left out one fold more than the model that scores the patient. They share most of "
    "their patients with it: refits on new samples of patients would differ more, so that these figures are least "
    "values."
)


def instability(numbers: Numbers, scores: Mapping[str, ModelScores]) -> list[Section]:
    """Return the instability plot of the main model, and the differences of each; none without refits."""
    table = _table(numbers)
    return [Section("instability", "Instability", [*_pictures(scores), table], LEAD)] if table.rows else []


def _pictures(scores: Mapping[str, ModelScores]) -> list[Picture]:
    for _, score in with_both_outcomes(scores, "fusion", "video", "ehr", "view"):
        refits = refits_of(score.logits, score.scores_to_learn_from)
        if refits is None:
            continue
        bands, label = refits.bands(), score.words.label
        mean = percent(refits.differences.mean(), 1)
        note = f"{counted(len(refits.risk), 'patient')}, {refits.each} refits each"
        alt = f"Risks by refits of {label} against risks as scored; mean absolute difference {mean}"
        svg = inline_svg(drawing.instability(bands, score.words.kind, note), "fig-instability", alt)
        caption = (
            f"{label}, as scored. Line: median of the refits' risks in {BINS} groups of patients of like risk; band: "
            f"{percent(BAND)} of them. Grey: no difference."
        )
        points = dict(zip(("risk", "refits, low", "refits, median", "refits, high"), bands, strict=True))
        return [Picture(svg, "The risk by refits against the risk as scored", caption, half=True, points=points)]
    return []


def _table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    metrics = metrics_in("instability")
    for model, words in numbers.models("view", "video", "ehr", "fusion"):
        if numbers.get(model, MAPE.name).is_known:
            cells = [metric_cell(metric, numbers.get(model, metric.name)) for metric in metrics]
            rows.append([Cell(words.label, style=f"key-{words.kind}"), *cells])
    caption = (
        "Absolute difference between the risk of a patient as scored and by each refit, in percentage points: the mean "
        "over patients and refits (mean absolute prediction error, Riley and Collins 2023) with its bootstrap "
        "interval, and the 90th percentile over patients."
    )
    return Table("instability", caption, ["Score", *map(metric_head, metrics)], rows)


REPORT_SECTION = ReportSection(place=77, build=lambda inputs: instability(inputs.numbers, inputs.scores))
