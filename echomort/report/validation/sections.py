"""The sections of a validation's page."""

from collections.abc import Iterator, Sequence

import numpy as np

from echomort.evaluation.benefit import decision_curve, decision_statistic, net_benefit_treat_all
from echomort.evaluation.calibration import CalibrationCurve, calibration_curve
from echomort.evaluation.inputs import Floats
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.benefit import NET_BENEFIT, THRESHOLDS, threshold_subset
from echomort.evaluation.metrics.calibration import BRIER, ICI, IN_THE_LARGE, OBSERVED_EXPECTED, SLOPE
from echomort.evaluation.metrics.censoring import DEATH_SHARE, EXPECTED_SHARE, GROUPS, IPCW_AUC, IPCW_IPA, risk_subset
from echomort.evaluation.metrics.comparisons import AUC_DIFFERENCE, DELONG_P
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.metrics.discrimination import AUC, AVERAGE_PRECISION
from echomort.evaluation.recalibration import FOLDS, rung_risks
from echomort.evaluation.resampling import pointwise_band
from echomort.evaluation.validation import (
    AUC_TAU,
    CLUSTERS,
    CLUSTERS_OF,
    CURVE,
    IPA,
    MEAN_AUC,
    MEAN_RATIO,
    NEXT_AUC,
    NEXT_RATIO,
    RATIO_TAU,
)
from echomort.report.blocks import Cell, Picture, Row, Section, Table, Words
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import figures
from echomort.report.drawing.rungs import ladder as draw_ladder
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections.groups import sorted_groups
from echomort.report.validation.data import ValidationData
from echomort.report.words import (
    NARROW,
    NOTHING,
    count,
    counted,
    group_value,
    number,
    p_phrase,
    p_value,
    percent,
    readable,
    signed,
    span,
)
from echomort.vocabulary.metric_table import COMPARISON, OUT_OF_FOLD, RECALIBRATED, SHIFTED, WHOLE
from echomort.vocabulary.model_names import CHAMPION

RUNG_WORDS = {OUT_OF_FOLD: "As served", SHIFTED: "In the large", RECALIBRATED: "Slope"}
"""The rungs of the ladder as the page names them, from the lowest."""
LADDER = (SLOPE, IN_THE_LARGE, OBSERVED_EXPECTED, ICI, BRIER, IPA)
FEW_EVENTS = 100
"""Deaths, and survivors, below which a validation is imprecise (Collins GS et al., Stat Med 2016;35:214)."""


def validation_sections(data: ValidationData, numbers: Numbers) -> list[Section]:
    """Return the sections with content, in their order."""
    sections = [
        _result(data, numbers),
        _discrimination(numbers),
        _ladder(data, numbers),
        _benefit(data, numbers),
        _clusters(numbers),
        _groups(numbers),
        _follow_up(numbers),
    ]
    return [section for section in sections if section.blocks]


def _result(data: ValidationData, numbers: Numbers) -> Section:
    area = numbers.auc(CHAMPION)
    ratio, slope = (numbers.get(CHAMPION, metric.name) for metric in (OBSERVED_EXPECTED, SLOPE))
    lead = (
        f"{area.counts_text}: AUC {_limits(AUC, area)}; observed over expected deaths "
        f"{_limits(OBSERVED_EXPECTED, ratio)}; calibration slope {_limits(SLOPE, slope)}."
    )
    few = f"fewer than {data.suppress_below}"
    rows: list[Row] = [
        [what, *(few if one is None else count(one) for one in counts)] for what, *counts in data.shown_counts
    ]
    caption = (
        "From all studies to the patients who are judged. A patient counts with one study; for the figures that are "
        "weighted for the lost, a later study may be drawn."
    )
    table = Table("participants", caption, ["", "#Studies", "#Patients"], rows)
    return Section("result", "Result", [table, Words(_remarks(area), listed=True)], lead)


def _remarks(area: Figure) -> list[str]:
    fewest = min(area.events or 0, (area.n or 0) - (area.events or 0))
    if fewest >= FEW_EVENTS:
        return []
    return [
        f"Fewer than {FEW_EVENTS} deaths or survivors: the figures are imprecise, those of calibration most of all "
        "(Collins et al., Statistics in Medicine 2016;35:214)."
    ]


def _discrimination(numbers: Numbers) -> Section:
    heads = [
        "Score",
        metric_head(AUC),
        metric_head(AVERAGE_PRECISION),
        "#Champion less this",
        "#p",
        "#Patients",
        "#Deaths",
    ]
    rows: list[Row] = []
    for model, words in numbers.models("fusion", "score"):
        area = numbers.auc(model)
        if area.is_known:
            shown = [metric_cell(metric, numbers.get(model, metric.name)) for metric in (AUC, AVERAGE_PRECISION)]
            style = f"key-{words.kind}"
            rows.append(
                [Cell(words.label, style=style), *shown, *_against(numbers, model), count(area.n), count(area.events)]
            )
        elif area.is_suppressed:
            reason = area.method.partition(": ")[2]
            rows.append([Cell(words.label, style="muted"), Cell("withheld", reason, "muted"), *["" for _ in heads[2:]]])
    caption = (
        "AUC: DeLong's limits. The difference is paired, on the patients whom both scored (DeLong); its p is not "
        "adjusted."
    )
    return Section("discrimination", "Discrimination", [Table("discrimination", caption, heads, rows)])


def _against(numbers: Numbers, model: str) -> list[Cell]:
    pair = f"{CHAMPION} vs {model}"
    gap, p = (numbers.get(pair, metric.name, evaluation=COMPARISON) for metric in (AUC_DIFFERENCE, DELONG_P))
    if not gap.is_known:
        return [Cell(NOTHING), Cell(NOTHING)]
    return [Cell(signed(gap.value), span(gap.low, gap.high)), Cell(p_value(p.value))]


def _ladder(data: ValidationData, numbers: Numbers) -> Section:
    rows: list[Row] = []
    for rung, words in RUNG_WORDS.items():
        cells = [metric_cell(metric, numbers.get(CHAMPION, metric.name, evaluation=rung)) for metric in LADDER]
        rows.append([Cell(words, style="strong" if rung == data.validated.ladder.advised else ""), *cells])
    caption = (
        f"Each rung's map is fitted on {FOLDS - 1} of {FOLDS} parts of the patients and judged on the other. Ideal: "
        "slope 1, in the large 0, observed / expected 1. IPA: the share of the error of one risk for all that is saved."
    )
    table = Table("ladder", caption, ["Rung", *map(metric_head, LADDER)], rows)
    return Section("recalibration", "Recalibration ladder", [_curves(data), table, Words(_advice(data), listed=True)])


def _advice(data: ValidationData) -> list[str]:
    found = data.validated.ladder
    tests = (
        "The slope can't be estimated: deaths and survivors are separated, or all risks are alike."
        if np.isnan(found.p_none)
        else f"As served against slope: {p_phrase(found.p_none)}; in the large against slope: "
        f"{p_phrase(found.p_in_the_large)} (likelihood-ratio tests)."
    )
    asked = {
        OUT_OF_FOLD: "the risks as served: these patients give no reason to change them",
        SHIFTED: "a shift of the log odds",
        RECALIBRATED: "a new intercept and slope of the log odds",
    }[found.advised]
    maps = (
        f"Fitted on all these patients: shift {_interval(found.shift)}; or intercept {number(found.intercept, 2)} and "
        f"slope {_interval(found.slope)}."
    )
    rule = "The lowest rung that the data do not reject (closed test procedure, Vergouwe et al. 2017)"
    return [f"{rule}: {asked}.", tests, maps]


def _interval(interval: object) -> str:
    value, low, high = (getattr(interval, name) for name in ("value", "low", "high"))
    return f"{number(value, 2)} ({span(low, high, 2)})" if span(low, high, 2) else number(value, 2)


def _curves(data: ValidationData) -> Picture:
    died, plan = data.validated.died, data.plan
    curves: dict[str, CalibrationCurve] = {
        RUNG_WORDS[rung]: calibration_curve(died, risk, plan) for rung, risk in _rungs(data)
    }
    note = f"{counted(len(died), 'patient')}, {counted(int(died.sum()), 'death')}"
    svg = inline_svg(draw_ladder(curves, note), "fig-ladder", "Calibration curves of the rungs")
    points = {f"{label}, {name}": values for label, curve in curves.items() for name, values in _drawn(curve)}
    caption = (
        "Loess curves (degree 2, span 0.75) between the 1st and the 99th percentile of the risks. Band: "
        f"{100 * plan.confidence:g}{NARROW}% at each risk, as served, bootstrap over patients."
    )
    return Picture(svg, "Observed deaths by predicted risk, on each rung", caption, half=True, points=points)


def _drawn(curve: CalibrationCurve) -> Iterator[tuple[str, Floats]]:
    yield "risk", curve.grid
    yield "observed", curve.smooth
    yield "low", curve.smooth_low
    yield "high", curve.smooth_high


def _rungs(data: ValidationData) -> Iterator[tuple[str, Floats]]:
    found = data.validated
    return rung_risks(found.died, found.log_odds, found.fold)


def _benefit(data: ValidationData, numbers: Numbers) -> Section:
    rows: list[Row] = []
    for threshold in THRESHOLDS:
        subset = threshold_subset(threshold)
        gains = [numbers.get(CHAMPION, NET_BENEFIT.name, subset, rung) for rung in RUNG_WORDS]
        shares = [metric_cell(one, numbers.get(CHAMPION, one.name, subset)) for one in (SENSITIVITY, SPECIFICITY)]
        everybody = net_benefit_treat_all(data.validated.died, threshold)
        rows.append([percent(threshold), *shares, *(metric_cell(NET_BENEFIT, one) for one in gains), number(everybody)])
    heads = ["Act from", metric_head(SENSITIVITY), metric_head(SPECIFICITY)]
    heads += [f"#{words}" for words in RUNG_WORDS.values()] + ["#Act on all"]
    caption = (
        "Acting where the risk is at least this: sensitivity and specificity as served (Wilson), and net benefit per "
        "patient on each rung and of acting on all; acting on nobody is worth 0."
    )
    table = Table("benefit", caption, heads, rows)
    return Section("benefit", "Decisions", [*_decision_curves(data), table])


def _decision_curves(data: ValidationData) -> list[Picture]:
    found, risk = data.validated, dict(_rungs(data))[OUT_OF_FOLD]
    grid = np.array(sorted(float(one) for one in CURVE if (OUT_OF_FOLD, float(one)) in found.released))
    if len(grid) < 2:
        return []
    band = pointwise_band(range(len(found.died)), decision_statistic(found.died, risk, grid), data.plan)
    served = figures.BenefitLine("As served", "fusion", decision_curve(found.died, risk, grid), *band)
    everybody = np.array([net_benefit_treat_all(found.died, threshold) for threshold in grid])
    drawn = [served, figures.BenefitLine("Act on all", "null", everybody)]
    note = f"{counted(len(found.died), 'patient')}, {counted(int(found.died.sum()), 'death')}"
    svg = inline_svg(figures.net_benefit(grid, drawn, note), "fig-benefit", "Net benefit against the threshold")
    caption = (
        f"Zero: act on nobody. Band: {100 * data.plan.confidence:g}{NARROW}% at each threshold, bootstrap over "
        f"patients. Two points differ by no patient, or by at least {data.suppress_below} deaths or survivors."
    )
    points = {"threshold": grid} | {line.label: line.values for line in drawn}
    return [Picture(svg, "Net benefit of acting on the risk", caption, half=True, points=points)]


def _clusters(numbers: Numbers) -> Section:
    groups = [pair for pair in numbers.subsets(CHAMPION) if pair[0].partition("=")[0] in CLUSTERS and "=" in pair[0]]
    blocks: list[Picture | Table] = [
        *_forest(numbers, sorted_groups(groups)),
        *_group_table(numbers, groups, "clusters"),
    ]
    pooled = _pooled_table(numbers)
    blocks += [pooled] if pooled.rows else []
    lead = "How performance differs between sites, scanner vendors and calendar years, as served."
    return Section("heterogeneity", "Sites, vendors and years", blocks, lead)


def _forest(numbers: Numbers, groups: Sequence[tuple[str, Figure]]) -> list[Picture]:
    shown = [(subset, figure) for subset, figure in groups if figure.is_known]
    if not shown:
        return []
    rows = [
        figures.Estimate(
            _value(subset), figure.value, figure.low, figure.high, "fusion", _variable(subset), figure.counts_text
        )
        for subset, figure in shown
    ]
    whole = numbers.auc(CHAMPION)
    references = [figures.Reference(whole.value, "all patients", strong=True)]
    alt = "; ".join(f"{_variable(subset)} {_value(subset)} {number(figure.value)}" for subset, figure in shown)
    svg = inline_svg(figures.forest(rows, references, ""), "fig-clusters", f"AUC by cluster: {alt}")
    return [Picture(svg, "AUC by site, vendor and year", "DeLong's limits; groups with few deaths are withheld.")]


def _group_table(numbers: Numbers, groups: Sequence[tuple[str, Figure]], name: str) -> list[Table]:
    metrics = (AUC, OBSERVED_EXPECTED, IN_THE_LARGE)
    rows: list[Row] = []
    for subset, area in sorted_groups(groups):
        found = [numbers.get(CHAMPION, metric.name, subset) for metric in metrics]
        cells = (
            [Cell("withheld", style="muted"), Cell(NOTHING), Cell(NOTHING)]
            if area.is_suppressed
            else [metric_cell(metric, figure) for metric, figure in zip(metrics, found, strict=True)]
        )
        rows.append([_variable(subset), _value(subset), *cells, count(area.n), count(area.events)])
    if not rows:
        return []
    heads = ["Group", "", *map(metric_head, metrics), "#Patients", "#Deaths"]
    caption = (
        "As served. Groups with few deaths or survivors are withheld, with the smallest others that would reveal them "
        "by subtraction."
    )
    return [Table(name, caption, heads, rows)]


def _pooled_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    kinds: tuple[tuple[str, Metric, Metric, Metric], ...] = (
        ("AUC", MEAN_AUC, NEXT_AUC, AUC_TAU),
        ("Observed / expected", MEAN_RATIO, NEXT_RATIO, RATIO_TAU),
    )
    for variable in CLUSTERS:
        for label, mean, further, tau in kinds:
            found = [numbers.get(CHAMPION, metric.name, variable) for metric in (mean, further, tau)]
            if found[0].is_known:
                expected = span(found[1].low, found[1].high, further.digits)
                clusters = count(numbers.get(CHAMPION, CLUSTERS_OF[mean].name, variable).value)
                cells: Row = [metric_cell(mean, found[0]), expected, number(found[2].value, 2), clusters]
                rows.append([readable(variable), label, *cells])
    caption = (
        "Over clusters with enough deaths (random effects; at least three clusters): their mean, the interval in which "
        "a further one is expected, and the standard deviation between them (AUC as log odds, the ratio as logarithm). "
        "A cluster whose AUC is 1 has no variance, and is left out."
    )
    return Table(
        "pooled", caption, ["Over", "", "#Mean", f"#A further one, {numbers.level}", "#S.d. between", "#Clusters"], rows
    )


def _groups(numbers: Numbers) -> Section:
    groups = [
        pair for pair in numbers.subsets(CHAMPION) if "=" in pair[0] and pair[0].partition("=")[0] not in CLUSTERS
    ]
    return Section("groups", "Groups of patients", _group_table(numbers, groups, "groups"))


def _follow_up(numbers: Numbers) -> Section:
    whole = [numbers.get(CHAMPION, metric.name) for metric in (DEATH_SHARE, EXPECTED_SHARE)]
    if not whole[0].is_known:
        return Section("follow-up", "Follow-up", [])
    rows: list[Row] = []
    for subset, label in [(WHOLE, "All"), *((risk_subset(one), str(one)) for one in range(1, GROUPS + 1))]:
        shares = [numbers.get(CHAMPION, metric.name, subset) for metric in (DEATH_SHARE, EXPECTED_SHARE)]
        if shares[0].is_known:
            cells = [Cell(percent(one.value, 1), span(100 * one.low, 100 * one.high, 1)) for one in shares]
            rows.append([label, *cells, count(shares[0].n)])
    heads = ["Patients by predicted risk", "#Died, Kaplan-Meier", "#Expected", "#Patients"]
    caption = (
        "With the patients who are lost before the horizon. Groups by predicted risk, from the lowest; neighbours are "
        "joined where few died."
    )
    table = Table("follow_up", caption, heads, rows)
    figures_ = [(metric, numbers.get(CHAMPION, metric.name)) for metric in (IPCW_AUC, IPCW_IPA)]
    known = [f"{metric.label} {_limits(metric, figure)}" for metric, figure in figures_ if figure.is_known]
    lead = f"Weighted for the patients who are lost: {', '.join(known)}." if known else ""
    return Section("follow-up", "Follow-up", [table], lead)


def _limits(metric: Metric, figure: Figure) -> str:
    limits = span(figure.low, figure.high, metric.digits)
    return f"{number(figure.value, metric.digits)} ({limits})" if limits else number(figure.value, metric.digits)


def _variable(subset: str) -> str:
    return readable(subset.partition("=")[0])


def _value(subset: str) -> str:
    value = subset.partition("=")[2]
    return group_value(value)
