"""The section on the controls: what is found without motion, and what the loop adds."""

from echomort.evaluation.controls import HEADROOM_HEART, LOOP
from echomort.evaluation.metrics.comparisons import AUC_DIFFERENCE
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, model_words, number, signed, span
from echomort.vocabulary.controls import CONTROLS, Control
from echomort.vocabulary.metric_table import CONTROL

LEAD = (
    "What models find that see less of the motion than the loop, in the same folds and on the same patients. What the "
    "loop adds to the best of those that see none, motion adds."
)
LEARNERS = {"linear": "linear model", "network": "the view's own network"}


def motion(numbers: Numbers) -> list[Section]:
    """Return the controls of every view with the view's own model; none where there are no controls."""
    views = [model for model, _ in numbers.models("view") if numbers.get(model, AUC.name, LOOP, CONTROL).is_known]
    rows = [row for model in views for row in _view_rows(numbers, model)]
    if not rows:
        return []
    columns = ["View", "Given", metric_head(AUC), "#AUC that the loop adds", "#Patients", "#Deaths"]
    shares = any(numbers.get(model, HEADROOM_HEART.name, LOOP, CONTROL).is_known for model in views)
    if shares:
        columns.insert(4, metric_head(HEADROOM_HEART))
        rows = [[*row[:4], share, *row[4:]] for row, share in zip(rows, _shares(numbers, views), strict=True)]
    caption = f"AUC and paired difference with {numbers.level} intervals (DeLong)."
    note = "Headroom: the share of the lead over chance of a score that knows the heart, against true risks."
    table = Table("motion", caption, columns, rows, note=note if shares else "")
    return [Section("motion", "What motion adds", [table], LEAD)]


def _names(numbers: Numbers, model: str) -> list[str]:
    known = [name for name in CONTROLS if numbers.get(model, AUC.name, name, CONTROL).is_known]
    return [*known, LOOP]


def _view_rows(numbers: Numbers, model: str) -> list[Row]:
    return [_row(numbers, model, name) for name in _names(numbers, model)]


def _row(numbers: Numbers, model: str, name: str) -> list[Cell | str]:
    area, added = (numbers.get(model, metric.name, name, CONTROL) for metric in (AUC, AUC_DIFFERENCE))
    return [
        Cell(model_words(model).label, style="key-view"),
        _given(CONTROLS.get(name)),
        Cell(number(area.value), span(area.low, area.high), "strong" if name == LOOP else ""),
        Cell(signed(added.value), span(added.low, added.high)) if added.is_known else NOTHING,
        count(area.n),
        count(area.events),
    ]


def _given(control: Control | None) -> Cell:
    if control is None:
        return Cell("The loop", "the view's own network", "strong")
    return Cell(control.label, f"{control.sees}; {LEARNERS[control.learner]}")


def _shares(numbers: Numbers, views: list[str]) -> list[Cell]:
    return [
        metric_cell(HEADROOM_HEART, numbers.get(model, HEADROOM_HEART.name, name, CONTROL))
        for model in views
        for name in _names(numbers, model)
    ]


REPORT_SECTION = ReportSection(place=119, build=lambda inputs: motion(inputs.numbers))
