"""The section on patients: attrition, parts, and the definition of the outcome."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from echomort.report.blocks import Cell, Picture, Row, Section, Table, Terms
from echomort.report.data import ReportData
from echomort.report.drawing import flows
from echomort.report.drawing.style import inline_svg
from echomort.report.sections import ReportSection
from echomort.report.words import (
    ROLES,
    count,
    counted,
    percent,
    readable,
    reason_words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def patients(data: ReportData) -> Section:
    """Return the flow diagram, the table of the parts by outcome, and the definition of the outcome."""
    terms = Terms(outcome_terms(data.setting_values))
    return Section("patients", "The patients", [_attrition(data), _cohort_table(data.cohort), terms])


def outcome_terms(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the definition of the outcome and of the split under ``settings``."""
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
            "Patients, never single studies or loops, are assigned to parts and folds by a keyed hash: none is in two "
            "of them, and none moves when data are added.",
        ),
    ]


def attrition_figure(attrition: pd.DataFrame, cohort: pd.DataFrame) -> "Figure":
    """Return the flow diagram from the extract to the parts of the cohort."""
    return flows.attrition_flow(attrition_steps(attrition), _parts(cohort))


def _parts(cohort: pd.DataFrame) -> list[flows.FlowStep]:
    return [flows.FlowStep(ROLES.get(role, readable(role)), _part_counts(rows)) for role, rows in _by_role(cohort)]


def _attrition(data: ReportData) -> Picture:
    alt = "; ".join(
        f"{step.label}: {step.counts}" + "".join(f", less {reason} {left}" for reason, left in step.excluded)
        for step in [*attrition_steps(data.attrition), *_parts(data.cohort)]
    )
    svg = inline_svg(attrition_figure(data.attrition, data.cohort), "fig-attrition", alt)
    return Picture(svg, "From the extract to the analysis", "Every study that is left out is counted under a reason.")


def attrition_steps(attrition: pd.DataFrame) -> list[flows.FlowStep]:
    """Return the boxes of the flow: rows named in :data:`BOXES` are boxes, the others exclusions after the last box."""
    boxes: list[tuple[str, str, list[tuple[str, str]]]] = []
    for row in attrition.sort_values("step", kind="stable").itertuples():
        reason, counts = str(row.reason), _study_counts(row.studies, row.patients)
        if reason.startswith("ROLE_"):
            continue  # the parts come from the cohort, with their deaths
        if reason in BOXES or not boxes:
            boxes.append((BOXES.get(reason, readable(reason)), counts, []))
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
    headline = _headline(rows)
    return f"{counted(len(headline), 'patient')}, {counted(int(headline['label'].sum()), 'death')}"


def _cohort_table(cohort: pd.DataFrame) -> Table:
    rows = [_cohort_row(role, part, label) for role, part in _by_role(cohort) for label in (None, 1, 0)]
    columns = ["Part", "", "#Patients", "#Studies", "#Deaths"]
    return Table("cohort", "The parts by outcome. Patients are counted at their headline study.", columns, rows)


def _cohort_row(role: str, part: pd.DataFrame, label: int | None) -> Row:
    rows = part if label is None else part[part["label"] == label]
    headline = _headline(rows)
    name = Cell(ROLES.get(role, readable(role)), style="strong") if label is None else ""
    outcome = {None: "all", 1: "died within a year", 0: "lived"}[label]
    deaths = percent(headline["label"].mean(), 1) if label is None and len(headline) else ""
    return [
        name,
        Cell(outcome, style="muted"),
        count(len(headline)),
        count(len(rows)),
        Cell(count(int(headline["label"].sum())), deaths),
    ]


REPORT_SECTION = ReportSection(place=40, build=lambda inputs: [patients(inputs.data)])
