"""The section on groups of patients."""

import re
from collections.abc import Sequence

from echomort.evaluation.metrics.calibration import OBSERVED_EXPECTED
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.metrics.subgroups import SENSITIVITY_GAP, SPECIFICITY_GAP
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import (
    GROUP_VALUES,
    NOTHING,
    count,
    counted,
    missing,
    model_words,
    number,
    plain,
)
from echomort.vocabulary.metric_table import RECALIBRATED

SHOWN = (AUC, SENSITIVITY, SPECIFICITY, OBSERVED_EXPECTED)
"""The figures of a group, in columns."""


def subgroup_results(numbers: Numbers) -> list[Section]:
    """Return the same within groups of patients; small ones suppressed; nothing where none were made."""
    best = numbers.best()
    groups = sorted_groups([pair for pair in numbers.subsets(best) if "=" in pair[0]]) if best else []
    if best is None or not groups:
        return []
    rows = [_subgroup_estimate(subset, figure, model_words(best).kind) for subset, figure in groups]
    whole = numbers.area(best)
    references = [figures.Reference(0.5, "chance 0.5"), figures.Reference(whole.value, "all patients", strong=True)]
    alt = f"AUC of {model_words(best).label} within groups: " + ", ".join(
        f"{row.group} {row.label} {row.note if missing(row.value) else number(row.value)}" for row in rows
    )
    svg = inline_svg(figures.forest(rows, references, whole.people), "fig-subgroups", alt)
    title = f"{model_words(best).label} within groups of patients"
    picture = Picture(
        svg, title, f"AUC with {numbers.level} intervals (DeLong). Groups too small to say anything are not shown."
    )
    gaps = numbers.subsets(best, SENSITIVITY_GAP.name)
    tables = [_subgroup_table(numbers, best, groups), *([_gap_table(numbers, best, gaps)] if gaps else [])]
    return [Section("subgroups", "Subgroups", [picture, *tables])]


def sorted_groups(groups: Sequence[tuple[str, Figure]]) -> list[tuple[str, Figure]]:
    """Return groups by variable in the order given, bands from low to high, what is missing last."""
    variables = list(dict.fromkeys(subset.partition("=")[0] for subset, _ in groups))
    return sorted(groups, key=lambda pair: (variables.index(pair[0].partition("=")[0]), _band(pair[0])))


def _band(subset: str) -> tuple[int, float, str]:
    value = subset.partition("=")[2]
    if value in ("missing", "<NA>", "nan", "None"):
        return 2, 0.0, value
    start = re.search(r"\d+", value)
    lowest = 0.5 if value.startswith(("<", "under")) else 0.0
    return (0, float(start[0]) - lowest, value) if start else (1, 0.0, value)


def _subgroup_estimate(subset: str, figure: Figure, kind: str) -> figures.Estimate:
    variable, _, value = subset.partition("=")
    note = "suppressed: too few deaths" if figure.suppressed else figure.people or counted(figure.n, "patient")
    return figures.Estimate(_value(value), figure.value, figure.low, figure.high, kind, plain(variable), note)


def _value(value: str) -> str:
    return GROUP_VALUES.get(value) or value.replace("_", " ")


def _subgroup_table(numbers: Numbers, model: str, groups: Sequence[tuple[str, Figure]]) -> Table:
    rows: list[Row] = []
    for subset, area in groups:
        variable, _, value = subset.partition("=")
        if area.suppressed:
            cells = [Cell("suppressed", style="muted"), *(Cell(NOTHING, style="muted") for _ in range(3))]
        else:
            ratio = numbers.get(model, OBSERVED_EXPECTED.name, subset, RECALIBRATED)
            shares = (
                metric_cell(metric, numbers.get(model, metric.name, subset)) for metric in (SENSITIVITY, SPECIFICITY)
            )
            cells = [metric_cell(AUC, area, "strong"), *shares, metric_cell(OBSERVED_EXPECTED, ratio)]
        rows.append([plain(variable), _value(value), *cells, count(area.n), count(area.events)])
    columns = ["Group", "", *map(metric_head, SHOWN), "#Patients", "#Deaths"]
    return Table(
        "subgroups",
        "Every group's figures",
        columns,
        rows,
        folded=True,
        note="Deaths are withheld where subtraction would tell those of a suppressed group.",
    )


def _gap_table(numbers: Numbers, model: str, gaps: Sequence[tuple[str, Figure]]) -> Table:
    """How far the decisions differ between the groups of each variable."""
    rows: list[Row] = []
    for variable, found in gaps:
        spared = numbers.get(model, SPECIFICITY_GAP.name, variable)
        rows.append([plain(variable), metric_cell(SENSITIVITY_GAP, found), metric_cell(SPECIFICITY_GAP, spared)])
    return Table(
        "gaps",
        "How far decisions differ between the groups of each variable",
        ["Groups by", metric_head(SENSITIVITY_GAP), metric_head(SPECIFICITY_GAP)],
        rows,
        note="Between the groups large enough to be shown, with patient-bootstrap limits. A gap is never below 0: with "
        "few deaths chance alone makes a large one.",
    )


REPORT_SECTION = ReportSection(place=100, build=lambda given: subgroup_results(given.numbers))
