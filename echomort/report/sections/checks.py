"""The section on the checks of the data and the method."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.data import ReportData
from echomort.report.sections import ReportSection
from echomort.report.words import count, counted, in_sentence, readable


def checks(data: ReportData) -> list[Section]:
    """Return every check with its verdict; nothing where no check was recorded."""
    if not len(data.checks):
        return []
    rows = [_check_row(row) for row in data.checks.to_dict("records")]
    failed, warned = (_named(rows, verdict) for verdict in ("failed", "warning"))
    summary = [
        f"{counted(len(names), 'check')} {what}: {', '.join(names)}."
        for what, names in (("failed", failed), ("warned", warned))
        if names
    ]
    lead = " ".join(summary) or "All passed."
    columns = ["Table", "Check", "Verdict", "#Looked at", "#Failing"]
    caption = f"All {counted(len(rows), 'check')}"
    table = Table("checks", caption, columns, rows, not failed, "Counts only: no check shows a value of a patient.")
    return [Section("checks", "Checks", [table], lead)]


def _named(rows: Sequence[Row], verdict: str) -> list[str]:
    """Return the names of the checks with a ``verdict``, as inside a sentence."""
    return [in_sentence(str(row[1])) for row in rows if isinstance(row[2], Cell) and row[2].text == verdict]


def _check_row(row: Mapping[Any, Any]) -> Row:
    passed = bool(row["passed"])
    warn = str(row.get("severity", "")).upper() == "WARN"
    verdict = (
        Cell("passed", style="pass")
        if passed
        else Cell("warning" if warn else "failed", style="warn" if warn else "fail")
    )
    return [
        readable(row["table"]),
        readable(row["check"]),
        verdict,
        count(_none_if_missing(row.get("checked"))),
        count(_none_if_missing(row.get("failed"))),
    ]


def _none_if_missing(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value


REPORT_SECTION = ReportSection(place=110, build=lambda inputs: checks(inputs.data))
