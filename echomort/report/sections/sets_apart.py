"""The section on the sets apart: the served risks on patients whom no model has seen."""

from echomort.evaluation.metrics.calibration import BRIER, IN_THE_LARGE, OBSERVED_EXPECTED, SLOPE
from echomort.evaluation.metrics.comparisons import AUC_DIFFERENCE, DELONG_P
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.blocks import Cell, Row, Section, Table, Words
from echomort.report.cells import metric_cell, metric_head
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import ROLES, count, counted, model_words, p_value, signed, span
from echomort.vocabulary.metric_table import HELD_OUT, role_subset
from echomort.vocabulary.roles import EVALUATED_APART, HEART_FAILURE, LATER_YEARS

SHOWN = AUC, SLOPE, IN_THE_LARGE, OBSERVED_EXPECTED, BRIER
WHO = {
    HEART_FAILURE: "a share (cohort.heart_failure_fraction) of those with heart failure on record at their first echo",
    LATER_YEARS: "patients whose first echo is in the year cohort.later_from or later",
}


def sets_apart(data: ReportData, numbers: Numbers) -> Section:
    """Return a table of each set with its models and scores, and one of its comparisons; a set without figures is
    named with the reason."""
    remarks = [_nyha(data)]
    tables: list[Table] = []
    for role in EVALUATED_APART:
        found = _tables(numbers, role)
        tables += found
        if not found:
            remarks.append(f"{ROLES[role]}: {WHO[role]}. {_why_none(data, numbers, role)}")
    lead = (
        "Patients whom no model has seen, scored as a new patient would be: the mean over the models of all folds, "
        "with the calibration of the cross-validation. No choice was made on them."
    )
    return Section("sets-apart", "Patients kept apart", [*tables, Words(remarks, listed=True)], lead)


def _nyha(data: ReportData) -> str:
    """Return the policy for Seattle and MAGGIC where the NYHA class is missing."""
    assumed = data.setting_values.get("clinical_scores.assumed_nyha")
    policy = "not computed" if assumed is None else f"computed with class {assumed} assumed"
    return f"Seattle and MAGGIC of patients without a NYHA class on record: {policy} (clinical_scores.assumed_nyha)."


def _tables(numbers: Numbers, role: str) -> list[Table]:
    rows: list[Row] = []
    for model, area in numbers.of_subset(HELD_OUT, role_subset(role), AUC.name):
        if area.is_known:
            words = model_words(model)
            figures = [numbers.get(model, metric.name, role_subset(role), HELD_OUT) for metric in SHOWN]
            cells = [metric_cell(metric, figure) for metric, figure in zip(SHOWN, figures, strict=True)]
            rows.append([Cell(words.label, style=f"key-{words.kind}"), *cells, count(area.n), count(area.events)])
    if not rows:
        return []
    caption = f"{ROLES[role]}: {WHO[role]}."
    heads = ["Score", *map(metric_head, SHOWN), "#Patients", "#Deaths"]
    return [Table(f"apart-{role.replace('_', '-')}", caption, heads, rows), *_comparisons(numbers, role)]


def _comparisons(numbers: Numbers, role: str) -> list[Table]:
    rows: list[Row] = []
    for pair, gap in numbers.of_subset(HELD_OUT, role_subset(role), AUC_DIFFERENCE.name):
        if gap.is_known:
            first, _, second = pair.partition(" vs ")
            p = numbers.get(pair, DELONG_P.name, role_subset(role), HELD_OUT)
            name = f"{model_words(first).label} against {model_words(second).label}"
            rows.append([name, signed(gap.value), span(gap.low, gap.high), p_value(p.value), count(gap.n)])
    if not rows:
        return []
    heads = [
        "AUC difference",
        metric_head(AUC_DIFFERENCE),
        f"#{numbers.level} (DeLong)",
        metric_head(DELONG_P),
        "#Patients",
    ]
    caption = f"{ROLES[role]}: paired, on the patients whom both scored. The p values are not adjusted."
    return [Table(f"apart-{role.replace('_', '-')}-pairs", caption, heads, rows, folded=True)]


def _why_none(data: ReportData, numbers: Numbers, role: str) -> str:
    if role == LATER_YEARS and data.setting_values.get("cohort.later_from") is None:
        return "None: cohort.later_from is not set."
    if numbers.of_subset(HELD_OUT, role_subset(role), AUC.name):
        return f"Not shown: fewer than {counted(data.suppress_below_events, 'death')} or survivors."
    return "None has a known outcome."


REPORT_SECTION = ReportSection(place=65, build=lambda inputs: [sets_apart(inputs.data, inputs.numbers)])
