"""The section on subgroups of patients."""

import re
from collections.abc import Sequence
from dataclasses import replace

from echomort.evaluation.gaps import PERMUTATIONS
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.benefit import NET_BENEFIT
from echomort.evaluation.metrics.calibration import ICI, IN_THE_LARGE, OBSERVED_EXPECTED
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.metrics.subgroups import (
    GAP_P,
    GAPS,
    GROUP_THRESHOLD,
    LEAST_FOR_A_CURVE,
    SENSITIVITY_GAP,
    SPECIFICITY_GAP,
)
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import (
    NOTHING,
    count,
    counted,
    group_value,
    is_missing,
    model_words,
    number,
    p_phrase,
    percent,
    readable,
)
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED

SHOWN = (AUC, SENSITIVITY, SPECIFICITY, OBSERVED_EXPECTED)
"""The metrics of a group, in columns."""
RISKS = (OBSERVED_EXPECTED, IN_THE_LARGE, ICI, NET_BENEFIT)
"""The metrics of a group's risks, in columns."""
Groups = Sequence[tuple[str, Figure]]


def subgroup_results(numbers: Numbers) -> list[Section]:
    """Return metrics within groups of patients, small ones suppressed; nothing without groups."""
    best = numbers.best()
    groups = sorted_groups([pair for pair in numbers.subsets(best) if "=" in pair[0]]) if best else []
    if best is None or not groups:
        return []
    gaps = numbers.subsets(best, SENSITIVITY_GAP.name)
    tables = [_subgroup_table(numbers, best, groups), _risk_table(numbers, best, groups)]
    tables += [_gap_table(numbers, best, gaps)] if gaps else []
    return [
        Section("subgroups", "Subgroups", [_areas(numbers, best, groups), *_ratios(numbers, best, groups), *tables])
    ]


def _areas(numbers: Numbers, best: str, groups: Groups) -> Picture:
    rows = [_subgroup_estimate(subset, figure, best) for subset, figure in groups]
    whole, label = numbers.auc(best), model_words(best).label
    references = [figures.Reference(0.5, "chance 0.5"), figures.Reference(whole.value, "all patients", strong=True)]
    svg = inline_svg(
        figures.forest(rows, references, whole.counts_text),
        "fig-subgroups",
        f"AUC of {label} within groups: {_spoken(rows)}",
    )
    caption = f"AUC with {numbers.level} intervals (DeLong). Withheld: groups with few deaths or survivors."
    return Picture(svg, f"{label} within groups of patients", caption)


def _ratios(numbers: Numbers, best: str, groups: Groups) -> list[Picture]:
    """Return observed over expected deaths of every group that is not suppressed; none without risks."""
    found = [(subset, numbers.get(best, OBSERVED_EXPECTED.name, subset, RECALIBRATED)) for subset, _ in groups]
    rows = [_subgroup_estimate(subset, figure, best) for subset, figure in found if figure.is_known]
    if not rows:
        return []
    label, what = model_words(best).label, "Observed / expected deaths"
    drawing = figures.forest(rows, [figures.Reference(1.0, "as predicted", strong=True)], "", what)
    svg = inline_svg(drawing, "fig-subgroups-calibration", f"{what} of {label} within groups: {_spoken(rows)}")
    caption = (
        f"Deaths for each death that the recalibrated risks predict, with {numbers.level} intervals (Poisson). Above "
        "1: the risk of the group is underestimated."
    )
    return [Picture(svg, f"Calibration of {label} within groups of patients", caption)]


def _spoken(rows: Sequence[figures.Estimate]) -> str:
    return ", ".join(
        f"{row.group} {row.label} {row.note if is_missing(row.value) else number(row.value)}" for row in rows
    )


def sorted_groups(groups: Groups) -> list[tuple[str, Figure]]:
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


def _subgroup_estimate(subset: str, figure: Figure, model: str) -> figures.Estimate:
    variable, _, value = subset.partition("=")
    note = "withheld" if figure.is_suppressed else figure.counts_text or counted(figure.n, "patient")
    return figures.Estimate(
        group_value(value), figure.value, figure.low, figure.high, model_words(model).kind, readable(variable), note
    )


def _subgroup_table(numbers: Numbers, model: str, groups: Groups) -> Table:
    rows: list[Row] = []
    for subset, area in groups:
        variable, _, value = subset.partition("=")
        if area.is_suppressed:
            cells = [Cell("withheld", style="muted"), *(Cell(NOTHING, style="muted") for _ in range(3))]
        else:
            ratio = numbers.get(model, OBSERVED_EXPECTED.name, subset, RECALIBRATED)
            shares = (
                metric_cell(metric, numbers.get(model, metric.name, subset)) for metric in (SENSITIVITY, SPECIFICITY)
            )
            cells = [metric_cell(AUC, area, "strong"), *shares, metric_cell(OBSERVED_EXPECTED, ratio)]
        rows.append([readable(variable), group_value(value), *cells, count(area.n), count(area.events)])
    columns = ["Group", "Value", *map(metric_head, SHOWN), "#Patients", "#Deaths"]
    return Table(
        "subgroups",
        "Every group",
        columns,
        rows,
        folded=True,
        note="Groups with few deaths or survivors are withheld, with the smallest others that would reveal them by "
        "subtraction.",
    )


def _risk_table(numbers: Numbers, model: str, groups: Groups) -> Table:
    """Return calibration and net benefit of every group that is not suppressed."""
    rows: list[Row] = []
    for subset, area in groups:
        variable, _, value = subset.partition("=")
        found = [(metric, numbers.get(model, metric.name, subset, RECALIBRATED)) for metric in RISKS]
        if not area.is_suppressed and found[0][1].is_known:
            cells = [metric_cell(metric, figure) for metric, figure in found]
            rows.append([readable(variable), group_value(value), *cells, count(area.n)])
    columns = ["Group", "Value", *map(metric_head, RISKS), "#Patients"]
    note = (
        f"Of recalibrated risks. ICI by loess, of groups with at least {LEAST_FOR_A_CURVE} deaths and survivors. Net "
        f"benefit of acting at a risk of {percent(GROUP_THRESHOLD)}; it also depends on how many of a group die."
    )
    return Table("subgroup_risks", "Calibration and net benefit of every group", columns, rows, folded=True, note=note)


def _gap_table(numbers: Numbers, model: str, gaps: Groups) -> Table:
    """Return the largest gaps between the groups of each variable, with the p values of their permutation tests."""
    rows: list[Row] = [
        [readable(variable), *(_gap_cell(numbers, model, metric, variable) for metric in GAPS)] for variable, _ in gaps
    ]
    note = (
        "Between the groups that are not suppressed. Limits: bootstrap over patients of the difference between the "
        "highest and the lowest group; they do not allow for the choice of these two among more. With few deaths, "
        "chance alone makes a large gap. The p value allows for both: it is the share of "
        f"{count(PERMUTATIONS)} random assignments of the same patients to groups that have a gap as large: those who "
        "died change groups with each other (sensitivity), those who lived (specificity), patients of like predicted "
        "risk (observed / expected), or all (net benefit, whose gap therefore also is one if more of a group die). The "
        f"p values are not corrected for the {count(len(GAPS) * len(rows))} gaps of this table: about "
        f"{number(0.05 * len(GAPS) * len(rows), 1)} would be below 0.05 by chance alone."
    )
    columns = ["Groups by", *map(metric_head, GAPS)]
    return Table("gaps", "Gaps between the groups of each variable", columns, rows, note=note)


def _gap_cell(numbers: Numbers, model: str, metric: Metric, variable: str) -> Cell:
    evaluation = OUT_OF_FOLD if metric in (SENSITIVITY_GAP, SPECIFICITY_GAP) else RECALIBRATED
    gap = numbers.get(model, metric.name, variable, evaluation)
    p_value = numbers.get(model, GAP_P[metric.name].name, variable, evaluation)
    cell = metric_cell(metric, gap)
    return replace(cell, aside=f"{cell.aside}; {p_phrase(p_value.value)}") if p_value.is_known else cell


REPORT_SECTION = ReportSection(place=100, build=lambda inputs: subgroup_results(inputs.numbers))
