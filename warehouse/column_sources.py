"""Which columns of the assets above it a table's column is made from."""

import csv
import functools
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).with_name("column_sources.csv")
"""Columns ``asset``, ``column`` and ``made_from``: words ``asset:column``. A column of the extract is ``table.column``
of the contract; one of the archive is the keyword of a DICOM attribute."""

Sources = Mapping[str, tuple[tuple[str, str], ...]]
"""Column -> the (asset, column) that it is made from."""

BY_KIND: Mapping[str, tuple[tuple[str, str], ...]] = {
    "age": (("patient", "birth_date"), ("study", "study_at")),
    "sex": (("patient", "sex"),),
    "measurement": tuple(("measurement", name) for name in ("variable", "value", "unit", "study_key", "measured_at")),
    "diagnosis": tuple(("diagnosis", name) for name in ("vocabulary", "code", "recorded_at")),
}
"""A variable's name, or the table that the catalogue names for it -> the columns that its values are made from."""


def column_sources(asset: str) -> Sources:
    """Return what the columns of the table of ``asset`` are made from, for the columns of which it is known."""
    return _declared().get(asset, {})


def variable_sources(tables: Mapping[str, str]) -> Sources:
    """Return what variables are made from; ``tables`` is variable -> its table in the catalogue."""
    study = {"study_key": (("study", "study_key"),)}
    known = {name: BY_KIND.get(name) or BY_KIND.get(table, ()) for name, table in tables.items()}
    return study | {name: sources for name, sources in known.items() if sources}


@functools.cache
def _declared() -> Mapping[str, Sources]:
    found: dict[str, dict[str, tuple[tuple[str, str], ...]]] = defaultdict(dict)
    with FILE.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            pairs = (word.partition(":") for word in row["made_from"].split())
            found[row["asset"]][row["column"]] = tuple((asset, column) for asset, _, column in pairs)
    return found
