"""The section on the checks of the run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.data import ReportData
from echomort.report.sections import ReportSection
from echomort.report.words import (
    count,
    counted,
    plain,
)

if TYPE_CHECKING:
    pass


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


REPORT_SECTION = ReportSection(place=110, build=lambda given: checks(given.data))
