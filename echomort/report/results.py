"""The sections that answer: how well, how sure, and for whom."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from echomort.report import figures
from echomort.report.blocks import Cell, Picture, Row, Section, Table, Words
from echomort.report.data import ReportData
from echomort.report.numbers import COMPARISON, OUT_OF_FOLD, RECALIBRATED, Figure, Numbers
from echomort.report.scores import ModelScores
from echomort.report.words import (
    ALL_VIEWS,
    GROUP_VALUES,
    NOTHING,
    RECORDS,
    TOGETHER,
    count,
    counted,
    missing,
    model_words,
    number,
    percent,
    plain,
    span,
)

GROUPS = {
    "view": "One view",
    "video": "Combined",
    "ehr": "Combined",
    "fusion": "Combined",
    "score": "Clinical scores",
    "oracle": "Bounds",
    "null": "Bounds",
}
GRID = np.linspace(0.01, 0.5, 50)
FIXED = "_at_fixed_sensitivity"


def people(figure: Figure) -> str:
    """Return ``410 patients, 103 deaths``, or nothing where the counts are not known."""
    if figure.n is None or figure.events is None:
        return ""
    return f"{counted(figure.n, 'patient')}, {counted(figure.events, 'death')}"


def at_a_glance(data: ReportData, numbers: Numbers) -> Section:
    """Return the first section: what came out, in a sentence, a figure and a table."""
    blocks = [Words(_in_plain_words(data, numbers), listed=True), _forest(numbers), headline_table(numbers)]
    return Section("result", "The result", blocks, headline(numbers))


def headline(numbers: Numbers) -> str:
    """Return the sentence that the whole report comes down to."""
    best = numbers.best()
    if best is None:
        return "No model has an AUC: there were too few patients, or only one outcome."
    area, words = numbers.area(best), model_words(best)
    who = {"fusion": "Video and health records together", "video": "The echo loops", "ehr": "The health records"}
    given = who.get(words.kind, words.label)
    ranked = "rank" if words.kind in ("video", "ehr", "fusion") else "ranks"
    return (
        f"Of two patients, one of whom died within a year, {given[0].lower() + given[1:]} {ranked} the one who died "
        f"higher {round(100 * area.value)} times in 100."
    )


def _in_plain_words(data: ReportData, numbers: Numbers) -> list[str]:
    points = [_best_point(numbers), _oracle_point(numbers), _gain_point(numbers), _null_point(numbers)]
    return [*(point for point in points if point), *_check_point(data)]


def _best_point(numbers: Numbers) -> str:
    best = numbers.best()
    if best is None:
        return ""
    area = numbers.area(best)
    interval = f", 95 % interval {span(area.low, area.high)}" if span(area.low, area.high) else ""
    found = f"{model_words(best).label}: AUC {number(area.value)}{interval}, on {people(area)}"
    return f"{found}, each scored by a model that never saw the patient."


def _oracle_point(numbers: Numbers) -> str:
    recovered = numbers.get(ALL_VIEWS, "headroom_heart")
    best_possible = numbers.area("oracle_heart")
    if not recovered.known or not best_possible.known:
        return ""
    share = f"{percent(recovered.value)} ({span(100 * recovered.low, 100 * recovered.high, 0)})"
    return (
        f"The generator knows every heart. A score that knew it too would reach {number(best_possible.value)}; the "
        f"loops recover {share} of that headroom above chance, measured against true risks, free of chance in who died."
    )


def _gain_point(numbers: Numbers) -> str:
    gains = []
    for name, against in ((ALL_VIEWS, "the loops alone"), (RECORDS, "the records alone")):
        pair = f"{TOGETHER} vs {name}"
        gap = numbers.get(pair, "auc_difference", evaluation=COMPARISON)
        p_value = numbers.get(pair, "delong_p_holm", evaluation=COMPARISON)
        if gap.known:
            gains.append(f"{_signed(gap.value)} over {against} ({span(gap.low, gap.high)}; {p_text(p_value.value)})")
    return f"Together, video and records gain in AUC: {', '.join(gains)}." if gains else ""


def _null_point(numbers: Numbers) -> str:
    for model, _ in numbers.models("null"):
        null = numbers.area(model)
        if null.known:
            verdict = "as it must" if null.low <= 0.5 <= null.high else "which is not chance: something leaks"
            return (
                f"With the outcomes shuffled, the same machinery scores {number(null.value)} "
                f"({span(null.low, null.high)}), {verdict}."
            )
    return ""


def _check_point(data: ReportData) -> list[str]:
    if not len(data.checks):
        return []
    passed = int(data.checks["passed"].astype(bool).sum())
    return [f"{count(passed)} of {counted(len(data.checks), 'check')} on the data and the method passed."]


def _signed(value: float, digits: int = 3) -> str:
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def p_text(value: float) -> str:
    """Return ``p = 0.012``, or ``p < 0.001``."""
    if missing(value):
        return "p not defined"
    return "p < 0.001" if value < 0.001 else f"p = {number(value)}"


def _p_cell(value: float) -> str:
    return "< 0.001" if not missing(value) and value < 0.001 else number(value)


def _forest(numbers: Numbers) -> Picture:
    rows = [_estimate(numbers, model) for model, _ in numbers.models()]
    references = [figures.Reference(0.5, "chance 0.5")]
    heart = numbers.area("oracle_heart")
    if heart.known:
        references.append(figures.Reference(heart.value, f"oracle: the heart {number(heart.value)}", strong=True))
    best = numbers.best()
    note = people(numbers.area(best)) if best else ""
    figure = figures.forest(rows, references, f"{note}; small marks: the folds" if note else "")
    known = ", ".join(f"{row.label} {row.value:.3f}" for row in rows if not missing(row.value))
    return Picture(
        figures.svg(figure, "fig-forest", f"AUC of each model with its interval: {known}"),
        "How well each score ranks patients by who dies within a year",
        "AUC: the share of pairs (one who died, one who lived) that the score puts in the right order. Bars: 95 % "
        "intervals (DeLong). Out of fold throughout: no patient is scored by a model that was trained on them.",
    )


def _estimate(numbers: Numbers, model: str) -> figures.Estimate:
    area, words = numbers.area(model), model_words(model)
    folds = tuple(figure.value for figure in numbers.folds(model).values() if figure.known)
    group = GROUPS.get(words.kind, "")
    return figures.Estimate(words.label, area.value, area.low, area.high, words.kind, group, "", folds)


def headline_table(numbers: Numbers) -> Table:
    """Return the table that the result stands on."""
    models = numbers.models()
    truth = any(numbers.get(model, "headroom_heart").known for model, _ in models)
    columns = ["Score", "What it is given", "#AUC", "#95 % interval"]
    columns += ["#Of the heart's headroom", "#Of all headroom"] if truth else []
    rows = [_headline_row(numbers, model, truth) for model, _ in models]
    return Table(
        "headline",
        "AUC on the headline patients, one study each. Headroom: the share of what the true risk allows above 0.5 "
        "that a score recovers, free of label noise."
        if truth
        else "AUC on the headline patients, one study each.",
        [*columns, "#Patients", "#Deaths"],
        rows,
    )


def _headline_row(numbers: Numbers, model: str, truth: bool) -> list[Cell | str]:
    area, words = numbers.area(model), model_words(model)
    strong = "strong" if words.kind == "fusion" else "muted" if words.kind in ("oracle", "null") else ""
    cells: list[Cell | str] = [
        Cell(words.label, style=f"{strong} key-{words.kind}"),
        Cell(words.sees, style="muted"),
        Cell(number(area.value), style="strong"),
        span(area.low, area.high) or NOTHING,
    ]
    if truth:
        cells += [_recovered(numbers.get(model, f"headroom_{part}")) for part in ("heart", "all")]
    return [*cells, count(area.n), count(area.events)]


def _recovered(figure: Figure) -> Cell:
    aside = span(100 * figure.low, 100 * figure.high, 0) if figure.known else ""
    return Cell(percent(figure.value), aside)


def discrimination(numbers: Numbers, scores: Mapping[str, ModelScores]) -> Section:
    """Return ROC curves, the folds and the paired comparisons."""
    blocks = [*_roc(numbers, scores), *_distributions(scores), _fold_table(numbers), *_comparison_table(numbers)]
    return Section("discrimination", "Telling who will die", blocks)


def _drawn(scores: Mapping[str, ModelScores], *kinds: str) -> list[tuple[str, ModelScores]]:
    found = [(model, score) for kind in kinds for model, score in scores.items() if score.words.kind == kind]
    return [(model, score) for model, score in found if score.has_both_classes]


def _roc(numbers: Numbers, scores: Mapping[str, ModelScores]) -> list[Picture]:
    shown = _drawn(scores, "fusion", "video", "ehr", "oracle")[:5] or _drawn(scores, "view")[:4]
    if not shown:
        return []
    curves = [
        figures.Curve(
            score.words.label, score.words.kind, score.labels, score.probabilities, number(numbers.area(model).value)
        )
        for model, score in shown
    ]
    patients, deaths = shown[0][1].counts
    note = f"{counted(patients, 'patient')}, {counted(deaths, 'death')}"
    alt = "ROC curves: " + ", ".join(f"{curve.label} AUC {curve.note}" for curve in curves)
    pictures = [
        Picture(
            figures.svg(figures.roc(curves, note), "fig-roc", alt),
            "Deaths found against false alarms, at every threshold",
            "The diagonal is chance. Figures beside the names are AUCs.",
            half=True,
        )
    ]
    return [*pictures, *_survival_picture(scores)]


def _survival_picture(scores: Mapping[str, ModelScores]) -> list[Picture]:
    """Follow-up of those called high and low risk, thresholds from the other folds."""
    from echomort.evaluation.thresholds import out_of_fold_decisions

    for _, score in _drawn(scores, "fusion", "video", "view", "ehr"):
        if score.days is None or score.event is None or score.recalibrated is None:
            continue
        try:
            called = out_of_fold_decisions(score.labels, score.logits, score.fold)
        except ValueError:  # a fold's complement holds one outcome only
            continue
        drawn = figures.survival(score.days, score.event.astype(bool), called)
        text = f"Survival of those whom {score.words.label} calls high and low risk, to the end of follow-up"
        caption = (
            "Kaplan-Meier with 95 % bands; thresholds by Youden's index on the other folds. Numbers: still at risk."
        )
        return [Picture(figures.svg(drawn, "fig-survival", text), text, caption, half=True)]
    return []


def _distributions(scores: Mapping[str, ModelScores]) -> list[Picture]:
    shown = _drawn(scores, "fusion", "video", "ehr") or _drawn(scores, "view")
    if not shown:
        return []
    curves = [_recalibrated_curve(score) for _, score in shown]
    patients, deaths = shown[0][1].counts
    alt = "Distribution of predicted risks of those who died and those who lived, for " + ", ".join(
        curve.label for curve in curves
    )
    return [
        Picture(
            figures.svg(figures.score_distributions(curves), "fig-distributions", alt),
            "Where the predicted risks of the dead and of the living lie",
            f"Each side is scaled to its own group: {counted(deaths, 'death')} up, "
            f"{counted(patients - deaths, 'survivor')} down. Risks are recalibrated on the other folds.",
        )
    ]


def _recalibrated_curve(score: ModelScores) -> figures.Curve:
    risks = score.recalibrated
    return _risk_curve(score, score.probabilities if risks is None else risks)


def _risk_curve(score: ModelScores, risks: np.ndarray, note: str = "") -> figures.Curve:
    return figures.Curve(score.words.label, score.words.kind, score.labels, risks, note)


def _fold_table(numbers: Numbers) -> Table:
    models = [(model, words) for model, words in numbers.models("view", "video", "ehr", "fusion", "score")]
    names = sorted({fold for model, _ in models for fold in numbers.folds(model)}, key=lambda name: (len(name), name))
    rows: list[Row] = []
    for model, words in models:
        folds = numbers.folds(model)
        mean = numbers.get(model, "auc_fold_mean")
        cells = [number(folds.get(name, Figure()).value) for name in names]
        rows.append(
            [
                Cell(words.label, style=f"key-{words.kind}"),
                *cells,
                Cell(number(mean.value), style="strong"),
                span(mean.low, mean.high) or NOTHING,
            ]
        )
    columns = ["AUC", *(f"#Fold {name}" for name in names), "#Mean", "#95 % interval"]
    caption = (
        "AUC of each fold's patients, their mean and its t interval; the pooled AUC mixes the scales of the folds."
    )
    return Table("folds", caption, columns, rows)


def _comparison_table(numbers: Numbers) -> list[Table]:
    rows: list[Row] = []
    for pair in numbers.comparisons():
        first, _, second = pair.partition(" vs ")
        gap = numbers.get(pair, "auc_difference", evaluation=COMPARISON)
        bootstrap = numbers.get(pair, "auc_difference_bootstrap", evaluation=COMPARISON)
        p_value = numbers.get(pair, "delong_p", evaluation=COMPARISON)
        adjusted = numbers.get(pair, "delong_p_holm", evaluation=COMPARISON)
        if gap.known:
            rows.append(
                [
                    f"{model_words(first).label} against {model_words(second).label}",
                    Cell(_signed(gap.value), style="strong"),
                    span(gap.low, gap.high),
                    span(bootstrap.low, bootstrap.high) or NOTHING,
                    _p_cell(p_value.value),
                    _p_cell(adjusted.value),
                    count(gap.n),
                ]
            )
    columns = ["AUC difference", "#Difference", "#95 % (DeLong)", "#95 % (bootstrap)", "#p", "#p, Holm", "#Patients"]
    caption = "Paired, on the patients whom both scores could judge: DeLong's test, and patients resampled."
    return [Table("comparisons", caption, columns, rows)] if rows else []


def calibration(numbers: Numbers, scores: Mapping[str, ModelScores]) -> Section:
    """Return whether predicted risks mean what they say, before and after recalibration."""
    pictures = []
    for model, score in (_drawn(scores, "fusion", "video", "ehr", "view") or [])[:1]:
        pictures = _reliability_pair(numbers, model, score)
    lead = "A predicted risk of 20 % should mean that 20 in 100 such patients die."
    return Section("calibration", "Meaning what it says", [*pictures, _calibration_table(numbers)], lead)


def _reliability_pair(numbers: Numbers, model: str, score: ModelScores) -> list[Picture]:
    pairs = [(OUT_OF_FOLD, "as scored", score.probabilities), (RECALIBRATED, "recalibrated", score.recalibrated)]
    patients, deaths = score.counts
    curves = [
        (evaluation, name, _risk_curve(score, risks, _calibration_note(numbers, model, evaluation)))
        for evaluation, name, risks in pairs
        if risks is not None
    ]
    limit = figures.reliability_limit(*(curve for _, _, curve in curves))
    pictures = []
    for evaluation, name, curve in curves:
        drawn = figures.reliability(curve, f"{counted(patients, 'patient')}, {counted(deaths, 'death')}", limit)
        alt = f"Reliability of {score.words.label}, {name}: {curve.note.replace(chr(10), ', ')}"
        caption = "Dots: tenths of the patients with Wilson intervals. Curve: lowess. Spikes: every prediction."
        svg = figures.svg(drawn, f"fig-reliability-{evaluation.replace('_', '-')}", alt)
        pictures.append(Picture(svg, f"{score.words.label}, {name}", caption, half=True))
    return pictures


def _calibration_note(numbers: Numbers, model: str, evaluation: str) -> str:
    named = (("slope", "calibration_slope"), ("in the large", "calibration_in_the_large"), ("ICI", "ici"))
    found = [(name, numbers.get(model, metric, evaluation=evaluation)) for name, metric in named]
    return "\n".join(
        f"{name} {number(figure.value, 3 if name == 'ICI' else 2)}" for name, figure in found if figure.known
    )


def _calibration_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score"):
        for evaluation, name in ((OUT_OF_FOLD, "as scored"), (RECALIBRATED, "recalibrated")):
            slope = numbers.get(model, "calibration_slope", evaluation=evaluation)
            if slope.known:
                rows.append(
                    [Cell(words.label, name, f"key-{words.kind}"), *_calibration_cells(numbers, model, evaluation)]
                )
    columns = ["Score", "#Slope", "#In the large", "#Observed / expected", "#Brier", "#ICI", "#E90", "#ECE"]
    caption = (
        "Ideal: slope 1, in the large 0, observed / expected 1, the rest 0. ICI and E90: mean and 90th percentile of "
        "the distance between risk and lowess curve. ECE: ten groups at quantiles. Recalibrated: Platt, fitted on the "
        "other folds."
    )
    return Table("calibration", caption, columns, rows)


def _calibration_cells(numbers: Numbers, model: str, evaluation: str) -> list[Cell]:
    cells = []
    for metric, digits in (("calibration_slope", 2), ("calibration_in_the_large", 2), ("observed_expected", 2)):
        figure = numbers.get(model, metric, evaluation=evaluation)
        cells.append(Cell(number(figure.value, digits), span(figure.low, figure.high, digits)))
    rest = [numbers.get(model, metric, evaluation=evaluation) for metric in ("brier", "ici", "e90", "ece_quantile")]
    return [*cells, *(Cell(number(figure.value)) for figure in rest)]


def decisions(numbers: Numbers, scores: Mapping[str, ModelScores]) -> Section:
    """Return what acting on the score would mean: operating points, a hundred patients, net benefit."""
    blocks = [*_hundred(numbers), *_net_benefit(scores), _operating_table(numbers)]
    lead = "Thresholds are chosen on the other folds, never on the patients they judge."
    return Section("decisions", "Acting on it", blocks, lead)


def _hundred(numbers: Numbers) -> list[Picture]:
    best = numbers.best()
    if best is None:
        return []
    found, spared = numbers.get(best, "sensitivity"), numbers.get(best, "specificity")
    if not found.known or not spared.known or not found.n or found.events is None:
        return []
    die = round(100 * found.events / found.n)
    hits, quiet = round(die * found.value), round((100 - die) * spared.value)
    counts = [
        ("die, and were flagged", hits, "vermillion"),
        ("die, and were missed", die - hits, "orange"),
        ("live, but were flagged", 100 - die - quiet, "sky"),
        ("live, and were not flagged", quiet, "rule"),
    ]
    alt = "Of a hundred patients: " + "; ".join(f"{amount} {what}" for what, amount, _ in counts)
    title = f"Of a hundred patients like these, {model_words(best).label} flags {hits + 100 - die - quiet}"
    svg = figures.svg(figures.hundred_patients(counts), "fig-hundred", alt)
    return [Picture(svg, title, f"From {people(found)}; threshold by Youden's index.", half=True)]


def _net_benefit(scores: Mapping[str, ModelScores]) -> list[Picture]:
    from echomort.evaluation.benefit import decision_curve, net_benefit_treat_all

    shown = _drawn(scores, "fusion", "video", "ehr") or _drawn(scores, "view")
    if not shown:
        return []
    lines = []
    for curve in (_recalibrated_curve(score) for _, score in shown):
        lines.append((curve.label, curve.kind, decision_curve(curve.labels, curve.probabilities, GRID)))
    first = shown[0][1]
    everyone = np.array([net_benefit_treat_all(first.labels, threshold) for threshold in GRID])
    lines.append(("Act on all", "null", everyone))
    note = f"{counted(first.counts[0], 'patient')}, {counted(first.counts[1], 'death')}"
    alt = "Net benefit against the threshold for " + ", ".join(line[0] for line in lines)
    caption = (
        "Net benefit: deaths found less false alarms at the threshold's exchange rate, a patient. Zero: act on nobody."
    )
    svg = figures.svg(figures.net_benefit(GRID, lines, note), "fig-net-benefit", alt)
    return [
        Picture(
            svg, "Whether acting on the score would do more good than acting on all, or on none", caption, half=True
        )
    ]


def _operating_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score"):
        for suffix in ("", FIXED):
            found = [numbers.get(model, f"{metric}{suffix}") for metric in ("sensitivity", "specificity", "ppv", "npv")]
            if any(figure.known for figure in found):
                shares = [Cell(percent(figure.value), _percent_span(figure)) for figure in found]
                rows.append(
                    [
                        Cell(words.label, style=f"key-{words.kind}"),
                        _rule(found[0]),
                        *shares,
                        count(found[0].n),
                        count(found[0].events),
                    ]
                )
    columns = ["Score", "Threshold", "#Sensitivity", "#Specificity", "#PPV", "#NPV", "#Patients", "#Deaths"]
    prevalence = numbers.get("cohort", "prevalence")
    caption = f"Wilson intervals. PPV and NPV hold at this set's share of deaths only ({percent(prevalence.value, 1)})."
    return Table("operating", caption, columns, rows)


def _rule(figure: Figure) -> str:
    return figure.method.partition(" on the other folds")[0].removeprefix("threshold ") or NOTHING


def _percent_span(figure: Figure) -> str:
    return span(100 * figure.low, 100 * figure.high, 0)


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
    svg = figures.svg(figures.forest(rows, references, people(whole)), "fig-subgroups", alt)
    title = f"{model_words(best).label} within groups of patients"
    picture = Picture(svg, title, "AUC with 95 % intervals (DeLong). Groups too small to say anything are not shown.")
    return [Section("subgroups", "For whom", [picture, _subgroup_table(numbers, best, groups)])]


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
    note = "suppressed: too few deaths" if figure.suppressed else people(figure) or counted(figure.n, "patient")
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
            found, spared, ratio = (
                numbers.get(model, metric, subset) for metric in ("sensitivity", "specificity", "observed_expected")
            )
            cells = [
                Cell(number(area.value), span(area.low, area.high), "strong"),
                Cell(percent(found.value), _percent_span(found)),
                Cell(percent(spared.value), _percent_span(spared)),
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
