"""The section on external scores: what was read, what was set aside, and what nobody here can know."""

from collections.abc import Mapping

from echomort.evaluation.external_scores import IN_OTHER_FOLD, OUT_OF_FOLD, SET_ASIDE, USED
from echomort.evaluation.metrics.coverage import SCORED_SHARE
from echomort.report.blocks import Cell, Row, Section, Table, Words
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, counted, model_words, percent

HEADS = {
    "no_study": "#No study",
    "unknown_study": "#Unknown study",
    "no_score": "#No score",
    "not_finite": "#No finite number",
    "out_of_range": "#Out of range",
    "repeated_study": "#Repeated study",
}
"""Why rows are set aside -> the head of the column of their count."""

LEAD = (
    "Scores that were made elsewhere, judged on the same patients, folds and horizon as the models. They are in no "
    "stack, are never the main model, and are never promoted or served."
)
UNKNOWN = (
    "echomort can't know whether the models behind these scores learned from the same patients. If they did, their "
    "figures are too good, and comparisons with them are not fair."
)
HOW = (
    "Each is judged on the patients it scored, and compared with another model on those whom both scored. Calibration "
    "is given as scored and recalibrated on the other folds, as for the models; in the sets apart as scored only."
)


def external_section(data: ReportData, numbers: Numbers) -> list[Section]:
    """Return the section; none without external scores."""
    if data.external.empty:
        return []
    by_model = {
        str(model): dict(zip(rows["outcome"], rows["rows"].astype(int), strict=True))
        for model, rows in data.external.groupby("model", sort=True)
    }
    claims = [_claim(model, counts) for model, counts in by_model.items()]
    blocks = [Words([UNKNOWN, *claims, HOW], listed=True), _table(by_model, numbers)]
    return [Section("external-scores", "External scores", blocks, LEAD)]


def _claim(model: str, counts: Mapping[str, int]) -> str:
    """Return what the file says of how its scores were made."""
    label, own, other = model_words(model).label, counts.get(OUT_OF_FOLD), counts.get(IN_OTHER_FOLD)
    if own is None or other is None:
        return f"{label}: the file has no column fold, so nothing says that its scores were made out of fold."
    if not own + other:
        return f"{label}: the file has no study of the cross-validation."
    studies = counted(own + other, "study", "studies")
    if not other:
        return (
            f"{label}: by its own word, the file's scores of all {studies} of the cross-validation were made out of "
            "this project's folds; this was not checked."
        )
    return (
        f"{label}: for {count(other)} of {studies} of the cross-validation the file names no fold, or another than "
        "this project's, so its scores can't be called out of fold."
    )


def _table(by_model: Mapping[str, Mapping[str, int]], numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, counts in by_model.items():
        covered = numbers.get(model, SCORED_SHARE.name)
        total = sum(counts[name] for name in (*SET_ASIDE, USED))
        of_all = f"{count(covered.n)}, {percent(covered.value)}" if covered.is_known else NOTHING
        rows.append(
            [
                Cell(model_words(model).label, style="key-external"),
                count(total),
                *(count(counts[name]) for name in SET_ASIDE),
                count(counts[USED]),
                of_all,
            ]
        )
    caption = (
        "Rows of each file: those set aside, by the first reason that applies, and those used; and how many of the "
        "evaluated patients they cover. Out of range: a risk outside 0 to 1, or log odds beyond 100 or below "
        "\N{MINUS SIGN}100. Of a study with several rows none is used."
    )
    columns = ["Score", "#Rows", *(HEADS[name] for name in SET_ASIDE), "#Used", "#Patients evaluated"]
    return Table("external-scores", caption, columns, rows)


REPORT_SECTION = ReportSection(place=68, build=lambda inputs: external_section(inputs.data, inputs.numbers))
