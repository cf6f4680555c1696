"""Validation of a site's folder of variables, row by row; an error names the file, the row and the remedy."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.ehr.clean import ANY, Conversion, plain_unit
from echomort.ehr.variables import Variable, VariableSet

FILES = ("variables.csv", "units.csv", "icd9.csv")
"""The files that are read, each with the columns of the shipped one of that name."""
NEEDED = {
    "variables.csv": ("name", "set", "label", "unit", "low", "high", "source", "window_days"),
    "units.csv": ("variable", "unit", "target", "factor", "offset"),
    "icd9.csv": ("prefix", "variable"),
}
"""Columns that a file must have."""
OPTIONAL = ("unit_optional", "code_system", "code", "code_from", "code_to", "code_evidence", "omop_concept_id")
"""Further columns of variables.csv; empty where they are absent."""
NOT_A_SITES = ("preprint_name", "preprint_unit", "limits_source", "levels", "coding")
"""Columns of the shipped variables.csv that a site's has not."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Names of columns: PostgreSQL and readers of Parquet take these without quotes."""
RESERVED = frozenset({"study_key", "patient_key", "fold", "label"})
"""Columns of the training table that are not features."""
GROUP = "dx_"
"""Prefix of the names of diagnosis groups, and of no other variable."""
ICD10 = re.compile(r"[A-Z][0-9][0-9A-Z]")
"""A category of ICD-10-CM: three characters."""
ICD9 = re.compile(r"([0-9]{3}|V[0-9]{2}|E[0-9]{3})[0-9]{0,2}")
"""The beginning of a code of ICD-9-CM, from its category on, without the dot."""

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number as every program reads it: Python would take ``1_0`` and the digits of other scripts too."""
MOST_DAYS = 36_525
"""How old a value may be at most: 100 years. Our choice: it bounds the dates that are computed with."""


@dataclass(frozen=True)
class Row:
    """One row of a site's file; ``number`` counts lines, the header being 1."""

    file: str
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def refusal(self, problem: str, remedy: str) -> UserError:
        """Return the error that says what is wrong with the row."""
        return UserError(f"{self.file} in sources.variables, row {self.number}: {problem}", remedy)


def rows(folder: Path, file: str) -> list[Row]:
    """Return the rows of ``file`` in ``folder``; none where there is no such file."""
    if not (folder / file).exists():
        return []
    optional = OPTIONAL if file == "variables.csv" else ()
    found = [
        Row(file, number, {name: cell.strip() for name, cell in cells.items()})
        for number, cells in read_rows(folder / file, f"{file} in sources.variables", NEEDED[file], optional)
    ]
    if not found:
        raise UserError(f"{file} in sources.variables has no row below its header", "write one, or delete the file")
    return found


# --- variables ------------------------------------------------------------------------------------------------------


def variables(site_rows: Sequence[Row], shipped: Sequence[Variable]) -> tuple[Variable, ...]:
    """Return the variables that the rows of variables.csv are, beside the ``shipped`` ones."""
    unit_and_source = {one.name: (one.unit, "a shipped variable") for one in shipped}
    checked = []
    for row in site_rows:
        variable = _variable(row)
        if variable.name in unit_and_source:
            unit, where = unit_and_source[variable.name]
            other = f", in {unit}" if unit != variable.unit else ""
            raise row.refusal(
                f"{variable.name} is there already ({where}{other})",
                "give it another name; another unit of the same variable belongs in units.csv",
            )
        unit_and_source[variable.name] = variable.unit, f"row {row.number}"
        checked.append(variable)
    return tuple(checked)


def _variable(row: Row) -> Variable:
    _check_words(row)
    low, high = _number(row, "low"), _number(row, "high")
    if low >= high:
        raise row.refusal(f"low {row['low']} is not below high {row['high']}", "swap them, or correct the limits")
    cells = dict.fromkeys(OPTIONAL, "") | dict(row.cells)
    if row["source"] == "diagnosis":
        _check_group(row, cells)
    else:
        _check_measurement(row, cells)
    if row["unit"] in {"code", "bool"} and (low, high) != (0, 1):
        raise row.refusal(f"unit {row['unit']} with limits {row['low']} to {row['high']}", "write 0 and 1, or unit 1")
    yes_or_no = "0 1" if row["unit"] in {"code", "bool"} else ""
    return Variable.of(dict.fromkeys(NOT_A_SITES, "") | cells | {"levels": yes_or_no, "provenance": "ours"})


def _check_words(row: Row) -> None:
    name = row["name"]
    if not NAME.fullmatch(name) or name in RESERVED:
        raise row.refusal(f"{name or 'an empty name'} can't be the name of a column", "write small letters, digits, _")
    for column in ("label", "unit", "low", "high"):
        if not row[column]:
            raise row.refusal(f"{name} has no {column}", f"fill column {column}")
    for column, known in (("set", get_args(VariableSet)), ("source", ("measurement", "diagnosis"))):
        if row[column] not in known:
            raise row.refusal(f"{name} has the {column} {row[column] or '(empty)'}", f"write {' or '.join(known)}")


def _check_measurement(row: Row, cells: Mapping[str, str]) -> None:
    name = row["name"]
    if name.startswith(GROUP) or row["set"] == "diagnosis" or row["unit"] == "bool":
        problem = f"{name} is a measurement named or kept as a diagnosis group"
        raise row.refusal(problem, f"avoid a name with {GROUP}, set diagnosis and unit bool, or write source diagnosis")
    days = row["window_days"]
    if not re.fullmatch("[0-9]{1,9}", days) or int(days) > MOST_DAYS:
        problem = f"{name} has no whole number of window_days up to {MOST_DAYS}"
        raise row.refusal(problem, "write how many days old a value may be (0: of the echo)")
    if cells["code_from"] or cells["code_to"]:
        raise row.refusal(f"{name} is a measurement with code_from or code_to", "leave both empty")
    if cells["unit_optional"] not in {"", "no", "yes"}:
        raise row.refusal(f"{name} has unit_optional {cells['unit_optional']}", "write yes or no")


def _check_group(row: Row, cells: Mapping[str, str]) -> None:
    name, first, last = row["name"], cells["code_from"], cells["code_to"]
    if not name.startswith(GROUP) or row["set"] != "diagnosis" or row["unit"] != "bool" or row["window_days"]:
        raise row.refusal(
            f"{name} is no diagnosis group as the others are",
            f"begin its name with {GROUP}, write set diagnosis, unit bool, and no window_days",
        )
    if not (ICD10.fullmatch(first) and ICD10.fullmatch(last) and first <= last):
        raise row.refusal(
            f"{name} has no codes from {first or '(empty)'} to {last or '(empty)'}",
            "write the first and the last ICD-10-CM category, three characters each, in code_from and code_to",
        )


def _number(row: Row, column: str) -> float:
    number = float(row[column]) if NUMBER.fullmatch(row[column]) else math.nan
    if not math.isfinite(number):
        raise row.refusal(f"{column} is no number", "write it with a decimal point and without a unit")
    return number


# --- units and older codes ------------------------------------------------------------------------------------------


def unit_rows(
    site_rows: Sequence[Row], catalogue: Sequence[Variable], shipped: Sequence[Conversion]
) -> tuple[dict[str, str], ...]:
    """Return the rows of units.csv, units written plainly; ``shipped`` are the conversions that they must not
    contradict."""
    known = {(one.variable, one.unit): (one.factor, one.offset) for one in shipped}
    checked = []
    for row in site_rows:
        unit, numbers = plain_unit(row["unit"]), (_number(row, "factor"), _number(row, "offset"))
        if numbers[0] == 0:
            raise row.refusal("factor is 0", "write by what a value in the unit is multiplied")
        for name in _converted(row, catalogue):
            if known.setdefault((name, unit), numbers) != numbers:
                factor, offset = known[name, unit]
                raise row.refusal(
                    f"{unit or 'no unit'} of {name} is known to be value * {factor:g} + {offset:g}",
                    "delete the row, or correct its factor and offset",
                )
        checked.append(dict(row.cells) | {"unit": unit, "target": plain_unit(row["target"])})
    return tuple(checked)


def _converted(row: Row, catalogue: Sequence[Variable]) -> list[str]:
    named = [one for one in catalogue if one.source == "measurement" and row["variable"] in {one.name, ANY}]
    if not named:
        raise row.refusal(f"there is no measured variable {row['variable']}", "name one, or * for all of that unit")
    names = [one.name for one in named if plain_unit(one.unit) == plain_unit(row["target"])]
    if not names:
        units = "no variable" if row["variable"] == ANY else row["variable"]
        remedy = f"write the catalogue's unit, for instance {named[0].unit}, as target"
        raise row.refusal(f"{units} is kept in {row['target']}", remedy)
    return names


def icd9_groups(
    site_rows: Sequence[Row], catalogue: Sequence[Variable], shipped: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield (beginning of a code, diagnosis group) of every row of icd9.csv that is not ``shipped`` already."""
    groups = {one.name for one in catalogue if one.source == "diagnosis"}
    for row in site_rows:
        if not ICD9.fullmatch(row["prefix"]):
            raise row.refusal(f"{row['prefix']} begins no ICD-9-CM code", "write three digits or more, without the dot")
        if row["variable"] not in groups:
            raise row.refusal(f"there is no diagnosis group {row['variable']}", "name one of variables.csv")
        if (row["prefix"], row["variable"]) not in shipped:
            yield row["prefix"], row["variable"]
