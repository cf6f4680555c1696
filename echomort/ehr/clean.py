"""Conversion of recorded values to the unit of their variable, and pairs of values that contradict each other."""

import csv
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from echomort.ehr.variables import Variable, catalogue

ANY = "*"
"""``variable`` in units.csv that stands for all variables with the target unit."""

SMALLER_THAN = (
    ("dbp", "sbp"),
    ("lvids", "lvidd"),
    ("lvesv_bp", "lvedv_bp"),
    ("lvesv_4c", "lvedv_4c"),
    ("lvesv_2c", "lvedv_2c"),
    ("lvesv_4c_el", "lvedv_4c_el"),
    ("lvesv_2c_el", "lvedv_2c_el"),
    ("lva_s_4c", "lva_d_4c"),
    ("lva_s_2c", "lva_d_2c"),
    ("hdl", "total_chol"),
    ("ldl", "total_chol"),
)
"""Pairs of which the first must be smaller; else both values of the study are rejected. Chosen here."""

NOT_LARGER_THAN = (
    ("lvot_mg", "lvot_pg"),
    ("av_mg", "av_pg"),
    ("av_vmean", "av_vmax"),
    ("lvot_vmean", "lvot_vmax"),
)
"""The same, where both may be equal: a mean gradient or velocity, which is often rounded as the peak is."""


@dataclass(frozen=True)
class Conversion:
    """``value * factor + offset`` takes a value of ``variable`` from ``unit`` (as :func:`plain_unit` writes it) to the
    catalogue's unit."""

    variable: str
    unit: str
    factor: float
    offset: float


def plain_unit(unit: str) -> str:
    """Return ``unit`` in lower case, without blanks and with one sign for micro: how ``units.csv`` names it.

    In UCUM braces hold a remark, which is no part of the unit that it follows or stands for: ``%{Hb}`` is ``%``,
    ``{beats}/min`` is ``/min``. One that stands alone or below a stroke (``mL/min/{1.73_m2}``) stays.
    """
    plain = "".join(unit.split()).lower().replace("μ", "µ")
    return re.sub(r"^\{[^}]*\}/", "/", re.sub(r"([^/{}])\{[^}]*\}", r"\1", plain))


@functools.cache
def conversions() -> tuple[Conversion, ...]:
    """Return every conversion of the shipped variables, one a variable and unit, the variable's own unit among them.

    A unit without conversion is rejected: the same number can be plausible in two units (a creatinine of 1.2 mg/dL and
    of 1.2 umol/L, a diameter of 4.8 cm and of 4.8 in), so nothing is ever guessed.
    """
    return conversions_of(catalogue(), unit_rows())


def conversions_of(variables: Iterable[Variable], rows: Sequence[Mapping[str, str]]) -> tuple[Conversion, ...]:
    """Return the conversions of ``variables`` by ``rows`` (variable or ``*``, unit, target, factor, offset)."""
    measured = (variable for variable in variables if variable.source == "measurement")
    return tuple(conversion for variable in measured for conversion in _of_variable(variable, rows))


def _of_variable(variable: Variable, rows: Sequence[Mapping[str, str]]) -> list[Conversion]:
    own = plain_unit(variable.unit)
    known = {own: Conversion(variable.name, own, 1.0, 0.0)}
    for row in rows:
        if row["target"] == own and row["variable"] in {variable.name, ANY}:
            known[row["unit"]] = Conversion(variable.name, row["unit"], float(row["factor"]), float(row["offset"]))
    if variable.unit_optional:
        known[""] = Conversion(variable.name, "", 1.0, 0.0)
    return list(known.values())


@functools.cache
def unit_rows() -> tuple[dict[str, str], ...]:
    """Return the rows of the shipped ``units.csv``."""
    with resources.files("echomort.ehr").joinpath("units.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))
