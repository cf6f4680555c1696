"""The section on the watch: whether the latest studies are as those before."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from echomort.report.blocks import Cell, Row, Section, Table, Words
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, count, counted, number, readable

LEAD = (
    "The latest studies, whose outcome can't be known yet, are compared with those before. Where they differ, a model "
    "may not do as well as the figures above say, which are about studies before."
)
NOTE = (
    "Distance: population stability index above what chance gives it; 0.1 is usually called a moderate shift, 0.25 a "
    "large one. An input moved if its distance is large enough (watch.smallest_shift) and chance does not explain it."
)


def watch(found: pd.DataFrame) -> list[Section]:
    """Return the section; nothing where too few patients were examined lately to compare anything."""
    compared = found[found["inputs"] > 0]
    if compared.empty:
        return []
    words = [f"{text[:1].upper()}{text[1:]}." for text in compared["words"] if text]
    rows = [_row(row) for row in compared.to_dict("records")]
    columns = ["Comparison", "#Inputs", "#Moved", "Largest distance", "#Distance"]
    moved = int(compared["moved"].sum())
    said = [Words(words, listed=True)] if words else []
    table = Table("watch", f"{counted(moved, 'input')} moved", columns, rows, note=NOTE)
    return [Section("watch", "Are the latest studies as those before?", [*said, table], LEAD)]


def _row(row: Mapping[Any, Any]) -> Row:
    moved = Cell(count(row["moved"]), style="warn" if row["moved"] else "pass")
    largest = readable(row["largest"]) if row["largest"] else NOTHING
    return [readable(row["check"]), count(row["inputs"]), moved, largest, number(row["distance"], 2)]


REPORT_SECTION = ReportSection(place=112, build=lambda inputs: watch(inputs.data.watch))
