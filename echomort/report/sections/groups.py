"""The section on subgroups of patients."""

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
    is_missing,
    model_words,
    number,
    readable,
)
from echomort.vocabulary.metric_table import RECALIBRATED

SHOWN = (AUC, SENSITIVITY, SPECIFICITY, OBSERVED_EXPECTED)
"""The metrics of a group, in columns."""


def subgroup_results(numbers: Numbers) -> list[Section]:
    """Return metrics within groups of patients, small ones suppressed; nothing without groups."""
    best = numbers.best()
    groups = sorted_groups([pair for pair in numbers.subsets(best) if "=" in pair[0]]) if best else []
    if best is None or not groups:
        return []
    rows = [_subgroup_estimate(subset, figure, model_words(best).kind) for subset, figure in groups]
    whole = numbers.auc(best)
    references = [figures.Reference(0.5, "chance 0.5"), figures.Reference(whole.value, "all patients", strong=True)]
    alt = f"AUC of {model_words(best).label} within groups: " + ", ".join(
        f"{row.group} {row.label} {row.note if is_missing(row.value) else number(row.value)}" for row in rows
    )
    svg = inline_svg(figures.forest(rows, references, whole.counts_text), "fig-subgroups", alt)
    title = f"{model_words(best).label} within groups of patients"
    picture = Picture(
        svg,
        title,
        f"AUC with {numbers.level} intervals (DeLong). Groups with too few deaths or survivors are not shown.",
    )
    gaps = numbers.subsets(best, SENSITIVITY_GAP.name)
    tables = [_subgroup_table(numbers, best, groups), *([_gap_table(numbers, best, gaps)] if gaps else [])]
    return [Section("subgroups", "Subgroups", [picture, *tables])]


def sorted_groups(groups: Sequence[tuple[str, Figure]]) -> list[tuple[str, Figure]]:
    """Return ``groups`` by variable, in the order of their first group; bands from low to high, missing values last."""
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
    note = "suppressed: too few deaths" if figure.is_suppressed else figure.counts_text or counted(figure.n, "patient")
    return figures.Estimate(_value(value), figure.value, figure.low, figure.high, kind, readable(variable), note)


def _value(value: str) -> str:
    return GROUP_VALUES.get(value) or value.replace("_", " ")


def _subgroup_table(numbers: Numbers, model: str, groups: Sequence[tuple[str, Figure]]) -> Table:
    rows: list[Row] = []
    for subset, area in groups:
        variable, _, value = subset.partition("=")
        if area.is_suppressed:
            cells = [Cell("suppressed", style="muted"), *(Cell(NOTHING, style="muted") for _ in range(3))]
        else:
            ratio = numbers.get(model, OBSERVED_EXPECTED.name, subset, RECALIBRATED)
            shares = (
                metric_cell(metric, numbers.get(model, metric.name, subset)) for metric in (SENSITIVITY, SPECIFICITY)
            )
            cells = [metric_cell(AUC, area, "strong"), *shares, metric_cell(OBSERVED_EXPECTED, ratio)]
        rows.append([readable(variable), _value(value), *cells, count(area.n), count(area.events)])
    columns = ["Group", "Value", *map(metric_head, SHOWN), "#Patients", "#Deaths"]
    return Table(
        "subgroups",
        "Every group",
        columns,
        rows,
        folded=True,
        note="Deaths are withheld where subtraction would reveal those of a suppressed group.",
    )


def _gap_table(numbers: Numbers, model: str, gaps: Sequence[tuple[str, Figure]]) -> Table:
    """Return the largest gaps of sensitivity and specificity between the groups of each variable."""
    rows: list[Row] = []
    for variable, found in gaps:
        spared = numbers.get(model, SPECIFICITY_GAP.name, variable)
        rows.append([readable(variable), metric_cell(SENSITIVITY_GAP, found), metric_cell(SPECIFICITY_GAP, spared)])
    return Table(
        "gaps",
        "Gaps between the groups of each variable",
        ["Groups by", metric_head(SENSITIVITY_GAP), metric_head(SPECIFICITY_GAP)],
        rows,
        note="Between the groups that are not suppressed, with limits by bootstrap over patients. A gap is never below "
        "0: with few deaths, chance alone makes a large one.",
    )


REPORT_SECTION = ReportSection(place=100, build=lambda inputs: subgroup_results(inputs.numbers))
