"""The section with Table 1: the patients of each part by outcome, with small groups withheld."""

import functools
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
from echomort.vocabulary.roles import DEVELOPMENT

ALL, DIED, LIVED, UNKNOWN = OUTCOMES = ("All", "Died", "Lived", "Outcome unknown")
UNITS = {"a": "years", "mm[Hg]": "mmHg", "/min": "per minute", "kg/m2": "kg/m²", "mL/min/1.73m2": "mL/min/1.73 m²"}
"""Unit of the catalogue (UCUM) -> as it is printed, where the two differ."""
WITHHELD = Cell("withheld", style="muted")


@dataclass(frozen=True)
class Characteristic:
    """One variable of Table 1: a column of the frame, its label with the unit, whether it is yes or no, and the
    decimals of its values."""

    name: str
    label: str
    is_binary: bool
    digits: int = 0


@dataclass(frozen=True)
class Part:
    """The patients of one part: ``values`` of the variables, and the fewest patients that a figure may rest on."""

    values: pd.DataFrame
    least: int

    @functools.cached_property
    def _members(self) -> dict[str, np.ndarray]:
        """Outcome -> which rows are of patients with it; ``ALL`` is those of known outcome."""
        label = self.values["label"].to_numpy(dtype=float, na_value=np.nan)
        known = ~np.isnan(label)
        return {ALL: known, DIED: label == 1, LIVED: label == 0, UNKNOWN: ~known}

    def patients(self, outcome: str) -> int:
        """Return how many patients have ``outcome``; ``ALL`` is those of known outcome."""
        return int(self._members[outcome].sum())

    def known(self, name: str) -> dict[str, np.ndarray]:
        """Return the known values of the variable ``name``, by outcome."""
        values = self.values[name].to_numpy(dtype=float, na_value=np.nan)
        is_known = ~np.isnan(values)
        return {outcome: values[self._members[outcome] & is_known] for outcome in OUTCOMES}


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
        "At one study a patient; All: those of known outcome. Median (quartiles), or patients (per cent); per cent "
        f"alone, of those known, where values are missing. Characteristics of fewer than {least} patients are "
        "withheld, with others from which they could be subtracted."
    )
    return [Section("characteristics", "Characteristics of the patients", tables, lead)]


def characteristics_table(values: pd.DataFrame, least: int, whose: str) -> Table | None:
    """Return Table 1 of the patients ``whose`` (words): ``values`` has a row a patient, ``label`` and the variables;
    figures of fewer than ``least`` patients are withheld. None without a patient or a known variable."""
    variables = known_variables(values)
    return _development_table(Part(values, least), variables, whose) if len(values) and variables else None


def known_variables(frame: pd.DataFrame) -> list[Characteristic]:
    """Return the variables of ``frame`` that at least one patient has, in its order."""
    by_name = {variable.name: variable for variable in catalogue()}
    found = [name for name in frame.columns if name not in ("role", "label") and frame[name].notna().any()]
    return [_characteristic(name, by_name.get(name), float(frame[name].median())) for name in found]


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
        if any(np.isfinite(_difference(shown(part, one)[ALL], shown(development, one)[ALL], one)) for one in variables)
    ]


def part_words(role: str) -> str:
    """Return the name of a part."""
    return ROLES.get(role, readable(role))


def _order(role: str) -> tuple[int, str]:
    order = list(ROLES)
    return order.index(role) if role in order else len(order), role


def _characteristic(name: str, variable: Variable | None, median: float) -> Characteristic:
    if variable is None:
        return Characteristic(name, readable(name), is_binary=True)
    unit = UNITS.get(variable.unit, variable.unit)
    label = variable.label if variable.is_code or unit == "1" else f"{variable.label}, {unit}"
    return Characteristic(name, label, variable.is_binary, digits=0 if median >= 20 else 1 if median >= 2 else 2)


def shown(part: Part, variable: Characteristic) -> dict[str, np.ndarray]:
    """Return the values of ``variable`` by outcome from which figures may be made; none where they are withheld.

    Those of unknown outcome belong to no sum, so that nothing can be subtracted from them or give them away.
    """
    known, none = part.known(variable.name), np.empty(0)
    if not variable.is_binary:
        return {outcome: values if len(values) >= part.least else none for outcome, values in known.items()}
    counts = {outcome: _counts(values) for outcome, values in known.items()}
    safe = safe_groups({outcome: counts[outcome] for outcome in (DIED, LIVED)}, part.least)
    kept = set() if safe is None else {ALL, *safe}
    if not is_small(counts[UNKNOWN], part.least):
        kept.add(UNKNOWN)
    return {outcome: values if outcome in kept else none for outcome, values in known.items()}


def _counts(values: np.ndarray) -> tuple[int, int]:
    yes = int((values > 0).sum())
    return yes, len(values) - yes


def _development_table(part: Part, variables: list[Characteristic], whose: str = "Development") -> Table:
    found = [(variable, shown(part, variable)) for variable in variables]
    rows = [_row(part, one, by, _difference(by[DIED], by[LIVED], one)) for one, by in found]
    caption = f"{whose}: {_sizes(part)}. Difference: died less lived, standardised (Austin 2009)"
    return _table(DEVELOPMENT, caption, rows)


def _held_out_table(role: str, part: Part, development: Part, variables: list[Characteristic]) -> Table:
    found = [(variable, shown(part, variable)) for variable in variables]
    rows = [
        _row(part, one, by, _difference(by[ALL], shown(development, one)[ALL], one))
        for one, by in found
        if any(len(values) for values in by.values())
    ]
    caption = f"{part_words(role)}: {_sizes(part)}. Difference: this part less development, standardised"
    left_out = len(variables) - len(rows)
    note = f"Of {counted(left_out, 'other characteristic')} every figure is withheld." if left_out else ""
    return _table(role, caption, rows, folded=True, note=note)


def _table(role: str, caption: str, rows: list[Row], folded: bool = False, note: str = "") -> Table:
    columns = ["Characteristic", *(f"#{name}" for name in (ALL, DIED, LIVED)), "#Difference", "#Missing", f"#{UNKNOWN}"]
    return Table(f"characteristics-{role.replace('_', '-')}", caption, columns, rows, folded, note)


def _sizes(part: Part) -> str:
    died, lived, unknown = (part.patients(outcome) for outcome in (DIED, LIVED, UNKNOWN))
    return (
        f"{counted(died + lived, 'patient')} with a known outcome ({count(died)} died, {count(lived)} lived), "
        f"{count(unknown)} without"
    )


def _row(part: Part, variable: Characteristic, found: Mapping[str, np.ndarray], apart: float) -> Row:
    patients = {outcome: part.patients(outcome) for outcome in OUTCOMES}
    known = {outcome: len(values) for outcome, values in part.known(variable.name).items()}
    complete = {
        outcome: known[of] == patients[of]
        for outcome, of in ((ALL, ALL), (DIED, ALL), (LIVED, ALL), (UNKNOWN, UNKNOWN))
    }
    cells = {outcome: _figure(found[outcome], known[outcome], variable, complete[outcome]) for outcome in OUTCOMES}
    missing = _missing(patients[ALL] - known[ALL], patients[ALL], part.least)
    return [variable.label, cells[ALL], cells[DIED], cells[LIVED], _difference_cell(apart), missing, cells[UNKNOWN]]


def _figure(values: np.ndarray, known: int, variable: Characteristic, is_complete: bool) -> Cell | str:
    """Return the figure of ``values``; counts only where no value is missing, else they would tell how many are."""
    if not len(values):
        return WITHHELD if known else NOTHING
    if variable.is_binary:
        yes, share = _counts(values)[0], percent(float((values > 0).mean()))
        return Cell(count(yes), f"({share})") if is_complete else share
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return Cell(number(middle, variable.digits), f"({span(low, high, variable.digits)})")


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
