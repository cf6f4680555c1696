"""The section on the risks that were kept before outcomes were known."""

import pandas as pd

from echomort.evaluation.interval import Interval
from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.data import ReportData
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, group_value, is_missing, number, readable, span
from echomort.watch.record import ALL, JudgedRisks, judged_risks

LEAD = (
    "These risks were kept, and sealed, while the records did not say the outcome. A patient counts once, by the first "
    "risk, whichever model was champion then. No model can have fitted them."
)


def kept_risks(kept: pd.DataFrame, least: int, confidence: float) -> list[Section]:
    """Return how kept risks did, among all and within groups; nothing until enough outcomes are known."""
    found = judged_risks(kept, least, confidence)
    if not found:
        return []
    columns = ["Patients", "#Judged", "#Deaths", "#Observed / expected", "#Calibration-in-the-large", "#AUC"]
    caption = f"Risks made before the outcome, with {round(100 * confidence)} % intervals"
    note = "Groups with too few deaths or survivors are not shown. Deaths that arrive late are not among them yet."
    table = Table("kept-risks", caption, columns, [_row(one) for one in found], note=note)
    return [Section("kept-risks", "Risks before outcomes", [table], LEAD)]


def _row(one: JudgedRisks) -> Row:
    name, _, value = one.group.partition("=")
    label = Cell("All patients") if one.group == ALL else Cell(readable(name), group_value(value))
    figures = [_figure(one.observed_expected, 2), _figure(one.in_the_large, 2), _figure(one.auc, 3)]
    return [label, count(one.patients), count(one.deaths), *figures]


def _figure(interval: Interval, digits: int) -> Cell:
    if is_missing(interval.value):
        return Cell(NOTHING)
    return Cell(number(interval.value, digits), span(interval.low, interval.high, digits))


def _of(data: ReportData) -> list[Section]:
    confidence = data.setting_values.get("evaluation.confidence", 0.95)
    return kept_risks(data.kept, data.suppress_below_events, confidence)


REPORT_SECTION = ReportSection(place=114, build=lambda inputs: _of(inputs.data))
