"""The section on groups of patients."""

import re
from collections.abc import Sequence

from echomort.report.blocks import Cell, Picture, Row, Section, Table
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
    percent,
    plain,
    span,
)
from echomort.vocabulary.metric_table import RECALIBRATED


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
    gaps = numbers.subsets(best, "sensitivity_gap")
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
            found, spared = (numbers.get(model, metric, subset) for metric in ("sensitivity", "specificity"))
            ratio = numbers.get(model, "observed_expected", subset, RECALIBRATED)
            cells = [
                Cell(number(area.value), span(area.low, area.high), "strong"),
                Cell(percent(found.value), found.percent_span),
                Cell(percent(spared.value), spared.percent_span),
                Cell(number(ratio.value, 2), span(ratio.low, ratio.high, 2)),
            ]
        rows.append([plain(variable), _value(value), *cells, count(area.n), count(area.events)])
    columns = ["Group", "", "#AUC", "#Sensitivity", "#Specificity", "#Observed / expected", "#Patients", "#Deaths"]
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
        spared = numbers.get(model, "specificity_gap", variable)
        cells = [Cell(percent(figure.value), figure.percent_span) for figure in (found, spared)]
        rows.append([plain(variable), *cells])
    return Table(
        "gaps",
        "How far decisions differ between the groups of each variable",
        ["Groups by", "#Sensitivity, highest less lowest", "#Specificity, highest less lowest"],
        rows,
        note="Between the groups large enough to be shown, with patient-bootstrap limits. A gap is never below 0: with "
        "few deaths chance alone makes a large one.",
    )


REPORT_SECTION = ReportSection(place=100, build=lambda given: subgroup_results(given.numbers))
