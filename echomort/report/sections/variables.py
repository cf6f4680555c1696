"""The section on the health record's variables."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from echomort.ehr.variables import catalogue
from echomort.report.blocks import Picture, Section, Table
from echomort.report.data import ReportData
from echomort.report.drawing import flows
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import (
    counted,
    number,
    percent,
    plain,
    span,
)

if TYPE_CHECKING:
    pass


MOST_IMPORTANT = 15


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


REPORT_SECTION = ReportSection(place=50, build=lambda given: variables(given.data, given.numbers))
