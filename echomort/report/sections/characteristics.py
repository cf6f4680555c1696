"""The section with Table 1: the patients of each part by outcome, with small groups withheld."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.ehr.variables import Variable, catalogue
from echomort.evaluation.balance import standardised_difference
from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.data import ReportData
from echomort.report.disclosure import is_small, safe_groups
from echomort.report.sections import ReportSection
from echomort.report.words import NOTHING, ROLES, count, counted, number, percent, readable, signed, span

DEVELOPMENT = "development"
DIED, LIVED, UNKNOWN = "Died", "Lived", "Outcome unknown"
UNITS = {"a": "years", "mm[Hg]": "mmHg", "/min": "per minute", "kg/m2": "kg/m²", "mL/min/1.73m2": "mL/min/1.73 m²"}
"""Unit of the catalogue (UCUM) -> as it is printed, where the two differ."""
WITHHELD = Cell("withheld", style="muted")


@dataclass(frozen=True)
class Characteristic:
    """One variable of Table 1: a column of the frame, its label with the unit, and whether it is yes or no."""

    name: str
    label: str
    is_binary: bool


@dataclass(frozen=True)
class Part:
    """The patients of one part: ``values`` by outcome, and the fewest patients that a figure may rest on."""

    values: pd.DataFrame
    least: int

    def groups(self, name: str) -> dict[str, np.ndarray]:
        """Return the known values of the variable ``name``, by outcome."""
        outcome = self.values["label"].map({1: DIED, 0: LIVED}).fillna(UNKNOWN)
        known = self.values[name].astype(float)
        return {group: known[(outcome == group) & known.notna()].to_numpy() for group in (DIED, LIVED, UNKNOWN)}


@dataclass(frozen=True)
class Shown:
    """What may be shown of a variable in a part: its known values by outcome, and of all (empty: withheld)."""

    groups: Mapping[str, np.ndarray]
    whole: np.ndarray


def characteristics(data: ReportData) -> list[Section]:
    """Return Table 1 of the development part and of every part held out; nothing without patients."""
    frame, least = data.characteristics, data.suppress_below_events
    variables = known_variables(frame)
    parts = {str(role): Part(rows, least) for role, rows in frame.groupby("role")} if len(frame) else {}
    development = parts.get(DEVELOPMENT)
    if development is None or not variables:
        return []
    held_out = [role for role in sorted(parts, key=_order) if role != DEVELOPMENT]
    tables = [_development_table(development, variables)]
    tables += [_held_out_table(role, parts[role], development, variables) for role in held_out]
    lead = (
        "At one study a patient. Median (quartiles), or patients (per cent); per cent alone, of those known, where "
        f"values are missing. Figures of fewer than {least} patients are withheld, with others from which they "
        "could be subtracted."
    )
    return [Section("characteristics", "Who the patients are", tables, lead)]


def known_variables(frame: pd.DataFrame) -> list[Characteristic]:
    """Return the variables of ``frame`` that at least one patient has, in its order."""
    by_name = {variable.name: variable for variable in catalogue()}
    found = [name for name in frame.columns if name not in ("role", "label") and frame[name].notna().any()]
    return [_characteristic(name, by_name.get(name)) for name in found]


def compared_parts(data: ReportData) -> list[str]:
    """Return the parts held out of which at least one variable is compared with the development part, in words."""
    frame, least = data.characteristics, data.suppress_below_events
    parts = {str(role): Part(rows, least) for role, rows in frame.groupby("role")} if len(frame) else {}
    development = parts.pop(DEVELOPMENT, None)
    if development is None:
        return []
    variables = known_variables(frame)
    return [
        part_words(role)
        for role, part in parts.items()
        if any(
            np.isfinite(_difference(shown(part, one).whole, shown(development, one).whole, one)) for one in variables
        )
    ]


def part_words(role: str) -> str:
    """Return the name of a part."""
    return ROLES.get(role, readable(role))


def _order(role: str) -> tuple[int, str]:
    order = list(ROLES)
    return order.index(role) if role in order else len(order), role


def _characteristic(name: str, variable: Variable | None) -> Characteristic:
    if variable is None:
        return Characteristic(name, readable(name), is_binary=True)
    unit = UNITS.get(variable.unit, variable.unit)
    label = variable.label if variable.is_code or unit == "1" else f"{variable.label}, {unit}"
    return Characteristic(name, label, variable.is_code)


def shown(part: Part, variable: Characteristic) -> Shown:
    """Return the values of ``variable`` from which figures may be made."""
    groups = part.groups(variable.name)
    whole, none = np.concatenate(list(groups.values())), np.empty(0)
    if not variable.is_binary:
        kept = {name: values if len(values) >= part.least else none for name, values in groups.items()}
        return Shown(kept, whole if len(whole) >= part.least else none)
    safe = safe_groups({name: _counts(values) for name, values in groups.items()}, part.least)
    if safe is None:
        return Shown(dict.fromkeys(groups, none), none)
    return Shown({name: values if name in safe else none for name, values in groups.items()}, whole)


def _counts(values: np.ndarray) -> tuple[int, int]:
    yes = int((values > 0).sum())
    return yes, len(values) - yes


def _development_table(part: Part, variables: list[Characteristic]) -> Table:
    rows: list[Row] = []
    for variable in variables:
        found = shown(part, variable)
        apart = _difference(found.groups[DIED], found.groups[LIVED], variable)
        rows.append([variable.label, *_cells(part, variable, found), _difference_cell(apart)])
    caption = f"Development: {_sizes(part)}. Difference: died less lived, standardised (Austin 2009)"
    return Table(f"characteristics-{DEVELOPMENT}", caption, [*_columns(), "#Difference"], rows)


def _held_out_table(role: str, part: Part, development: Part, variables: list[Characteristic]) -> Table:
    rows: list[Row] = []
    for variable in variables:
        found = shown(part, variable)
        apart = _difference(found.whole, shown(development, variable).whole, variable)
        rows.append([variable.label, *_cells(part, variable, found), _difference_cell(apart)])
    caption = f"{part_words(role)}: {_sizes(part)}. Difference: this part less development, standardised"
    return Table(f"characteristics-{role.replace('_', '-')}", caption, [*_columns(), "#Difference"], rows, folded=True)


def _columns() -> list[str]:
    return ["Characteristic", "#All", f"#{DIED}", f"#{LIVED}", f"#{UNKNOWN}", "#Missing"]


def _sizes(part: Part) -> str:
    labels = part.values["label"]
    return (
        f"{counted(len(labels), 'patient')}, {count((labels == 1).sum())} died, {count((labels == 0).sum())} lived, "
        f"{count(labels.isna().sum())} with unknown outcome"
    )


def _cells(part: Part, variable: Characteristic, found: Shown) -> list[Cell | str]:
    missing = int(part.values[variable.name].isna().sum())
    sizes = {name: len(values) for name, values in part.groups(variable.name).items()}
    figures = [_figure(found.whole, sum(sizes.values()), variable, missing)]
    figures += [_figure(found.groups[name], size, variable, missing) for name, size in sizes.items()]
    return [*figures, _missing(missing, len(part.values), part.least)]


def _figure(values: np.ndarray, known: int, variable: Characteristic, missing: int) -> Cell | str:
    if not len(values):
        return WITHHELD if known else NOTHING
    if variable.is_binary:
        yes, share = _counts(values)[0], percent(float((values > 0).mean()))
        return share if missing else Cell(count(yes), f"({share})")
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    digits = 0 if abs(middle) >= 20 else 1 if abs(middle) >= 2 else 2
    return Cell(number(middle, digits), f"({span(low, high, digits)})")


def _missing(missing: int, patients: int, least: int) -> Cell | str:
    if missing and is_small((missing, patients - missing), least):
        return WITHHELD
    return percent(missing / patients) if patients else NOTHING


def _difference(first: np.ndarray, second: np.ndarray, variable: Characteristic) -> float:
    """Return the standardised difference; NaN where one of the two is withheld."""
    if variable.is_binary:
        first, second = (first > 0).astype(float), (second > 0).astype(float)
    return standardised_difference(first, second, variable.is_binary)


def _difference_cell(value: float) -> str:
    return signed(value, 2) if np.isfinite(value) else NOTHING


REPORT_SECTION = ReportSection(place=42, build=lambda inputs: characteristics(inputs.data))
