"""The synthetic extract in the shapes that other adapters read: the same patients as OMOP or MIMIC-IV would hold them.

Neither shape holds all of the canonical contract. :class:`Shape` therefore gives, beside the shape's tables, ``kept``:
the canonical rows that say exactly as much as the shape does. Whatever differs between them and the rows that went in
is counted in ``lost``, so that a comparison of the two is restricted in the open.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echomort.synth.records import TABLES, Rows


@dataclass(frozen=True)
class Table:
    """Columns and rows of one table of a shape."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, **cells: Any) -> None:
        """Add one row; columns that are not named stay empty."""
        self.rows.append(tuple(cells.get(column, "") for column in self.columns))


@dataclass(frozen=True)
class Shape:
    """``tables``: name -> table. ``kept``: what the shape can say of the rows that went in, in the canonical contract.
    ``lost``: (table, what) -> rows that it can't say, or not exactly. ``patients`` and ``studies``: identifiers that
    went in -> identifiers of the shape."""

    tables: Mapping[str, Table]
    kept: Rows
    lost: Counter[tuple[str, str]]
    patients: Mapping[str, str]
    studies: Mapping[str, str]


def write_shape(folder: Path, shape: Shape, file_names: Mapping[str, str] | None = None) -> None:
    """Write every table of ``shape`` as CSV to ``folder``; ``file_names`` (table -> path without suffix) renames."""
    for name, table in shape.tables.items():
        path = folder / f"{(file_names or {}).get(name, name)}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)


def tables_of(columns: Mapping[str, str]) -> dict[str, Table]:
    """Return empty tables: name -> columns, written with blanks between them."""
    return {name: Table(tuple(text.split())) for name, text in columns.items()}


def once(rows: Rows) -> Rows:
    """Return ``rows`` without exact repeats, every table of the canonical contract in it."""
    return {table: list(dict.fromkeys(rows.get(table, []))) for table in TABLES}


def persons(rows: Rows) -> dict[str, str]:
    """Return record number -> the smallest number of the same person."""
    merged = {number: number for number, *_ in rows["patient"]}
    for number, same_as in rows["identity"]:
        first = min(number, same_as)
        merged |= {number: first, same_as: first}
    return merged


def as_one_person(rows: Rows, merged: Mapping[str, str]) -> Rows:
    """Return ``rows`` with every person under one number and no identity table."""
    place = {table: columns.index("patient_id") for table, columns in TABLES.items()}
    kept = {
        table: [_replaced(row, place[table], merged.get(row[place[table]], row[place[table]])) for row in rows[table]]
        for table in TABLES
    }
    return once(kept | {"identity": []})


def by_patient(rows: Iterable[tuple[Any, ...]], place: int = 0) -> dict[str, list[tuple[Any, ...]]]:
    """Return patient -> rows, by the column at ``place``."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row[place], []).append(row)
    return found


def _replaced(row: Sequence[Any], place: int, value: Any) -> tuple[Any, ...]:
    return (*row[:place], value, *row[place + 1 :])
