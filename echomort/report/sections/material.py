"""The sections on what went in: files, patients, loops, variables, and the checks on them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from echomort.ehr.variables import catalogue
from echomort.report.blocks import Cell, Loop, Loops, Picture, Row, Section, Table, Terms, Words
from echomort.report.data import Example, ReportData
from echomort.report.drawing import flows
from echomort.report.drawing.loops import animation, still
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.words import (
    NOTHING,
    ROLES,
    TIMES,
    count,
    counted,
    number,
    percent,
    plain,
    reason_words,
    span,
    view_words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_REASONS = 12

MOST_IMPORTANT = 15


def archive(data: ReportData) -> Section:
    """Return what became of every file."""
    instances = data.instances
    if not len(instances) or not instances["instances"].sum():
        return Section("archive", "The archive", [Words(["No count of the archive's files was given to this report."])])
    tables = [_reason_table(instances), *(_share_table(instances, name, title) for name, title in _SHARES)]
    return Section("archive", "The archive", [_waterfall(instances), *(table for table in tables if table.rows)])


_SHARES = (
    ("view_source", "Where the view was read"),
    ("fps_source", "Where the frame rate was read"),
    ("transfer_syntax", "Transfer syntax"),
)


def _accepted(instances: pd.DataFrame) -> pd.DataFrame:
    return instances[instances["status"] == "accepted"]


def _totals(frame: pd.DataFrame, column: str) -> list[tuple[str, int]]:
    if column not in frame.columns or not len(frame):
        return []
    sums = frame.assign(**{column: frame[column].fillna("unknown").astype(str)}).groupby(column)["instances"].sum()
    return sorted(
        ((str(name), int(total)) for name, total in sums.items() if total), key=lambda pair: (-pair[1], pair[0])
    )


def archive_figure(instances: pd.DataFrame) -> "Figure":
    """Return what became of every file, as a waterfall."""
    return flows.archive_flow(int(instances["instances"].sum()), _rejected(instances), _views(instances))


def _rejected(instances: pd.DataFrame) -> list[tuple[str, int]]:
    reasons = _totals(instances[instances["status"] != "accepted"], "reason")
    shown = [(reason_words(reason), amount) for reason, amount in reasons[:SHOWN_REASONS]]
    rest = sum(amount for _, amount in reasons[SHOWN_REASONS:])
    return [*shown, ("Other reasons", rest)] if rest else shown


def _views(instances: pd.DataFrame) -> list[tuple[str, int]]:
    return [(view_words(view), amount) for view, amount in _totals(_accepted(instances), "view")]


def _waterfall(instances: pd.DataFrame) -> Picture:
    kept = sum(amount for _, amount in _views(instances))
    counts = f"{counted(int(instances['instances'].sum()), 'file')}, {counted(kept, 'clip')}"
    lost = ", ".join(f"{amount} {reason}" for reason, amount in _rejected(instances)) or "none"
    caption = "A file that gives no clip is left out with a reason, never dropped in silence; the bars add up."
    return Picture(inline_svg(archive_figure(instances), "fig-archive", f"{counts}; left out: {lost}"), counts, caption)


def _reason_table(instances: pd.DataFrame) -> Table:
    total = int(instances["instances"].sum())
    rows: list[Row] = [
        [reason_words(reason), Cell(_meaning(reason), style="muted"), count(amount), percent(amount / total, 1)]
        for reason, amount in _totals(instances[instances["status"] != "accepted"], "reason")
    ]
    return Table("rejects", "Files left out", ["Reason", "What it means", "#Files", "#Share"], rows, folded=True)


def _meaning(reason: str) -> str:
    from echomort.dicom.reasons import Reason

    return Reason(reason).meaning if reason in set(Reason) else ""


def _share_table(instances: pd.DataFrame, column: str, title: str) -> Table:
    pairs = _totals(_accepted(instances), column)
    total = sum(amount for _, amount in pairs)
    rows: list[Row] = [[_code(name), count(amount), percent(amount / total, 1)] for name, amount in pairs]
    return Table(column, f"{title} (accepted files)", [title, "#Files", "#Share"], rows, folded=True)


def _code(name: str) -> Cell:
    if name.startswith("1.2."):
        from pydicom.uid import UID

        return Cell(UID(name).name, name)
    return Cell(name if any(letter.isupper() for letter in name) else plain(name))


def patients(data: ReportData) -> Section:
    """Return who is in, who is not and why, and what the parts look like."""
    terms = Terms(outcome_terms(dict((key, value) for key, value, _, _ in data.settings)))
    return Section(
        "patients", "The patients", [_attrition(data), _cohort_table(data.cohort, data.suppress_below_events), terms]
    )


def outcome_terms(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the definition of the outcome and of the split, as the settings make them."""
    days = settings.get("outcome.horizon_days", 365)
    life = (
        "evidence of life" if settings.get("outcome.follow_up", "encounter") == "encounter" else "no registered death"
    )
    window = (
        "needs the full window before the end of the data"
        if settings.get("outcome.require_full_window")
        else "does not need the full window"
    )
    return [
        ("Outcome", f"Death from any cause on day 0 to {days} after the study, in whole days."),
        ("Survivor", f"Death later than that, or {life} on day {days} or later. A study {window}."),
        ("Left out", "Studies with neither, each counted above under its reason."),
        (
            "Split",
            "Patients, never studies or loops, are dealt to parts and folds by a keyed hash, so that none is in two "
            "and none moves as data grow.",
        ),
    ]


def attrition_figure(attrition: pd.DataFrame, cohort: pd.DataFrame) -> "Figure":
    """Return the way from the extract to the parts of the cohort, as a flow diagram."""
    return flows.attrition_flow(attrition_steps(attrition), _parts(cohort))


def _parts(cohort: pd.DataFrame) -> list[flows.FlowStep]:
    return [flows.FlowStep(ROLES.get(role, plain(role)), _part_counts(rows)) for role, rows in _by_role(cohort)]


def _attrition(data: ReportData) -> Picture:
    alt = "; ".join(
        f"{step.label}: {step.counts}" + "".join(f", less {reason} {gone}" for reason, gone in step.excluded)
        for step in [*attrition_steps(data.attrition), *_parts(data.cohort)]
    )
    svg = inline_svg(attrition_figure(data.attrition, data.cohort), "fig-attrition", alt)
    return Picture(svg, "From the extract to the analysis", "Every study that leaves does so under a reason.")


def attrition_steps(attrition: pd.DataFrame) -> list[flows.FlowStep]:
    """Return the boxes of the flow: rows named in :data:`BOXES` are what stands, the others what leaves after it."""
    boxes: list[tuple[str, str, list[tuple[str, str]]]] = []
    for row in attrition.sort_values("step", kind="stable").itertuples():
        reason, counts = str(row.reason), _study_counts(row.studies, row.patients)
        if reason.startswith("ROLE_"):
            continue  # the parts are drawn from the cohort, with their deaths
        if reason in BOXES or not boxes:
            boxes.append((BOXES.get(reason, plain(reason)), counts, []))
        elif row.studies:
            boxes[-1][2].append((reason_words(reason), counted(row.studies, "study", "studies")))
    return [flows.FlowStep(label, counts, tuple(excluded)) for label, counts, excluded in boxes]


BOXES = {
    "STUDIES": "Studies in the extract",
    "LABELLED": "With a known one-year outcome",
    "COHORT": "In the analysis",
}


def _study_counts(studies: Any, patients: Any) -> str:
    return f"{counted(int(studies), 'study', 'studies')}, {counted(int(patients), 'patient')}"


def _by_role(cohort: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    order = list(ROLES)
    groups = [(str(role), rows) for role, rows in cohort.groupby("role")]
    return sorted(groups, key=lambda pair: (order.index(pair[0]) if pair[0] in order else len(order), pair[0]))


def _headline(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["headline"].astype(bool)] if "headline" in rows.columns else rows


def _part_counts(rows: pd.DataFrame) -> str:
    one = _headline(rows)
    return f"{counted(len(one), 'patient')}, {counted(int(one['label'].sum()), 'death')}"


def _cohort_table(cohort: pd.DataFrame, fewest: int) -> Table:
    rows = [_cohort_row(role, part, label, fewest) for role, part in _by_role(cohort) for label in (None, 1, 0)]
    columns = ["Part", "", "#Patients", "#Studies", "#Deaths", "#Age, median (IQR)", "#Women"]
    return Table(
        "cohort",
        "The parts by outcome. Patients, age and sex at the one study a patient that the headline figures use.",
        columns,
        rows,
    )


def _cohort_row(role: str, part: pd.DataFrame, label: int | None, fewest: int) -> Row:
    rows = part if label is None else part[part["label"] == label]
    one = _headline(rows)
    name = Cell(ROLES.get(role, plain(role)), style="strong") if label is None else ""
    outcome = {None: "all", 1: "died within a year", 0: "lived"}[label]
    deaths = percent(one["label"].mean(), 1) if label is None and len(one) else ""
    return [
        name,
        Cell(outcome, style="muted"),
        count(len(one)),
        count(len(rows)),
        Cell(count(int(one["label"].sum())), deaths),
        *((_ages(one), _women(one)) if len(one) >= fewest else (NOTHING, NOTHING)),
    ]


def _ages(rows: pd.DataFrame) -> str:
    ages = rows["age"].dropna().to_numpy(dtype=float) if "age" in rows.columns else np.empty(0)
    if not len(ages):
        return NOTHING
    low, middle, high = np.quantile(ages, (0.25, 0.5, 0.75))
    return f"{number(middle, 0)} ({span(low, high, 0)})"


def _women(rows: pd.DataFrame) -> str:
    known = rows["sex"].dropna() if "sex" in rows.columns else rows.iloc[:0]
    return percent((known == "F").mean()) if len(known) else NOTHING


def loops(data: ReportData) -> list[Section]:
    """Return the example clips, exactly as the networks see them; nothing where none were given."""
    if not data.examples:
        return []
    views = dict.fromkeys(example.view for example in data.examples)
    groups = [
        (view_words(view), [_loop(example) for example in data.examples if example.view == view]) for view in views
    ]
    caption = (
        "Exactly what the networks see, enlarged: grey, cut to the sector, nothing burnt in. Who died is not shown."
    )
    return [Section("loops", "What the networks see", [Loops(groups, caption)])]


def _loop(example: Example) -> Loop:
    frames, height, width = example.pixels.shape
    detail = f"{frames} frames of {height} {TIMES} {width}, {example.fps:g} a second"
    return Loop(
        animation(example.pixels, example.fps),
        still(example.pixels),
        view_words(example.view),
        example.caption[:1].upper() + example.caption[1:],
        detail,
    )


def variables(data: ReportData, numbers: Numbers) -> list[Section]:
    """Return how much of each health-record variable is missing, and what each is worth to the trees on all of them;
    nothing where it was not counted."""
    rows = missing_shares(data.missingness)
    if not rows:
        return []
    gaps = [(name, share) for name, share in rows if share > 0]
    note = f"{counted(len(gaps), 'variable')} with gaps; {counted(len(rows) - len(gaps), 'other')} complete"
    alt = "Share missing: " + ", ".join(f"{name} {percent(share)}" for name, share in gaps[: flows.MAX_BARS])
    shown = gaps or rows
    title = "What the health records lack"
    most = f"The {flows.MAX_BARS} with most gaps. " if len(shown) > flows.MAX_BARS else ""
    caption = f"{most}{_filled_from(data)}"
    picture = Picture(inline_svg(flows.missing_values(shown, note), "fig-missing", alt), title, caption)
    table = Table(
        "missingness",
        "Every variable",
        ["Variable", "#Missing"],
        [[name, percent(share, 1)] for name, share in rows],
        folded=True,
    )
    return [Section("variables", "The health-record variables", [picture, table, *_importance(numbers)])]


def _filled_from(data: ReportData) -> str:
    if {key: value for key, value, _, _ in data.settings}.get("tabular.imputation_scope") == "global":
        return "Gaps are filled by what all patients show, those judged among them, as the method did."
    return "Nothing that fills a gap is learnt from the patients judged."


def _importance(numbers: Numbers) -> list[Table]:
    named = {variable.name: variable.label for variable in catalogue()}
    found = sorted(numbers.importance(), key=lambda pair: -pair[1].value)[:MOST_IMPORTANT]
    rows = [[named.get(name, plain(name)), number(fall.value), span(fall.low, fall.high)] for name, fall in found]
    caption = (
        f"The {MOST_IMPORTANT} variables that the health-record trees miss most: by how much the AUC falls when a "
        "variable is shuffled among the patients of a fold, none of whom the trees had seen."
    )
    columns = ["Variable", "#Fall of the AUC", "#One standard deviation"]
    return [Table("importance", caption, columns, rows, folded=True)] if rows else []


def missing_shares(frame: pd.DataFrame) -> list[tuple[str, float]]:
    """Return (variable for readers, share missing), most missing first."""
    if not len(frame):
        return []
    share = frame["missing"].astype(float)
    if "present" in frame.columns:
        share = share / (share + frame["present"].astype(float)).where(lambda total: total > 0)
    named = {variable.name: variable.label for variable in catalogue()}
    label = [named.get(name, plain(name)) for name in frame["variable"]]
    pairs = [(str(name), float(value)) for name, value in zip(label, share, strict=True) if np.isfinite(value)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def checks(data: ReportData) -> list[Section]:
    """Return every check with its verdict; nothing where none were recorded."""
    if not len(data.checks):
        return []
    rows = [_check_row(row) for row in data.checks.to_dict("records")]
    verdicts = [str(row[2].text) for row in rows if isinstance(row[2], Cell)]
    failed, warned = verdicts.count("failed"), verdicts.count("warning")
    told = [
        f"{counted(failed, 'check')} failed." if failed else "",
        f"{counted(warned, 'check')} warned." if warned else "",
    ]
    lead = " ".join(filter(None, told)) or "All passed."
    columns = ["Table", "Check", "Verdict", "#Looked at", "#Failing"]
    caption = f"All {counted(len(rows), 'check')}"
    table = Table(
        "checks", caption, columns, rows, not failed, "Counts only: a check never shows a value of a patient."
    )
    return [Section("checks", "Checks", [table], lead)]


def _check_row(row: Mapping[Any, Any]) -> Row:
    passed = bool(row["passed"])
    warn = str(row.get("severity", "")).upper() == "WARN"
    verdict = (
        Cell("passed", style="pass")
        if passed
        else Cell("warning" if warn else "failed", style="warn" if warn else "fail")
    )
    return [
        plain(row["table"]),
        plain(row["check"]),
        verdict,
        count(_or_none(row.get("checked"))),
        count(_or_none(row.get("failed"))),
    ]


def _or_none(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value
