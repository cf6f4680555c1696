"""The section on the archive: files accepted and rejected, by view and reason."""

from typing import TYPE_CHECKING

import pandas as pd

from echomort.report.blocks import Cell, Picture, Row, Section, Table, Words
from echomort.report.data import ReportData
from echomort.report.drawing import flows
from echomort.report.drawing.style import inline_svg
from echomort.report.sections import ReportSection
from echomort.report.words import (
    count,
    counted,
    percent,
    readable,
    reason_words,
    view_words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCEPTED = "accepted"
"""``status`` of a file that gave a clip."""
SHOWN_REASONS = 12
"""Reasons in the waterfall; rarer ones are added up as other reasons. Chosen here, to fit on a screen."""


def archive(data: ReportData) -> Section:
    """Return the waterfall of files, and tables of the rejected, of the accepted ones, and of views without models."""
    instances = data.instances
    if not len(instances) or not instances["instances"].sum():
        return Section("archive", "The archive", [Words(["This report has no counts of the archive's files."])])
    tables = [_reason_table(instances), *(_share_table(instances, name, title) for name, title in _SHARES)]
    tables = [_untrained_table(data.untrained), *tables]
    return Section("archive", "The archive", [_waterfall(instances), *(table for table in tables if table.rows)])


_SHARES = (
    ("view_source", "Where the view was read"),
    ("fps_source", "Where the frame rate was read"),
    ("transfer_syntax", "Transfer syntax"),
)


def _accepted(instances: pd.DataFrame) -> pd.DataFrame:
    return instances[instances["status"] == ACCEPTED]


def _totals(frame: pd.DataFrame, column: str) -> list[tuple[str, int]]:
    if column not in frame.columns or not len(frame):
        return []
    sums = frame.assign(**{column: frame[column].fillna("unknown").astype(str)}).groupby(column)["instances"].sum()
    return sorted(
        ((str(name), int(total)) for name, total in sums.items() if total), key=lambda pair: (-pair[1], pair[0])
    )


def archive_figure(instances: pd.DataFrame) -> "Figure":
    """Return the waterfall of files."""
    return flows.archive_flow(int(instances["instances"].sum()), _rejected(instances), _views(instances))


def _rejected(instances: pd.DataFrame) -> list[tuple[str, int]]:
    reasons = _totals(instances[instances["status"] != ACCEPTED], "reason")
    shown = [(reason_words(reason), amount) for reason, amount in reasons[:SHOWN_REASONS]]
    rest = sum(amount for _, amount in reasons[SHOWN_REASONS:])
    return [*shown, ("Other reasons", rest)] if rest else shown


def _views(instances: pd.DataFrame) -> list[tuple[str, int]]:
    return [(view_words(view), amount) for view, amount in _totals(_accepted(instances), "view")]


def _waterfall(instances: pd.DataFrame) -> Picture:
    kept = sum(amount for _, amount in _views(instances))
    counts = f"{counted(int(instances['instances'].sum()), 'file')}, {counted(kept, 'clip')}"
    lost = ", ".join(f"{amount} {reason}" for reason, amount in _rejected(instances)) or "none"
    caption = "Every file without a clip is counted under a reason; the bars add up to all files."
    return Picture(inline_svg(archive_figure(instances), "fig-archive", f"{counts}; rejected: {lost}"), counts, caption)


def _reason_table(instances: pd.DataFrame) -> Table:
    total = int(instances["instances"].sum())
    rows: list[Row] = [
        [reason_words(reason), Cell(_meaning(reason), style="muted"), count(amount), percent(amount / total, 1)]
        for reason, amount in _totals(instances[instances["status"] != ACCEPTED], "reason")
    ]
    return Table("rejects", "Rejected files", ["Reason", "What it means", "#Files", "#Share"], rows, folded=True)


def _untrained_table(untrained: pd.DataFrame) -> Table:
    rows: list[Row] = [[view_words(view), str(reason)] for view, reason in untrained[["view", "reason"]].to_numpy()]
    return Table("untrained", "Views without a model of their own", ["View", "Reason"], rows)


def _meaning(reason: str) -> str:
    from echomort.dicom.reasons import Reason
    from echomort.linkage.reasons import reasons

    return Reason(reason).meaning if reason in set(Reason) else reasons().get(reason, {}).get("meaning", "")


def _share_table(instances: pd.DataFrame, column: str, title: str) -> Table:
    pairs = _totals(_accepted(instances), column)
    total = sum(amount for _, amount in pairs)
    rows: list[Row] = [[_code(name), count(amount), percent(amount / total, 1)] for name, amount in pairs]
    return Table(column, f"{title} (accepted files)", [title, "#Files", "#Share"], rows, folded=True)


def _code(name: str) -> Cell:
    if name.startswith("1.2."):
        from pydicom.uid import UID

        return Cell(UID(name).name, name)
    return Cell(name if any(letter.isupper() for letter in name) else readable(name))


REPORT_SECTION = ReportSection(place=30, build=lambda inputs: [archive(inputs.data)])
