"""The catalogue of variables (``variables.csv``): the 158 of the method, others of an echo report and of the diagnoses
(``extended``), and what only the clinical scores need (``comparator``). A site's own come from a folder of its own:
:mod:`echomort.ehr.catalogue`.

The 158 are those of the method's preprint (arXiv 1811.10553v2, Extended Data Table 2), in its order: 10 clinical, 58 of
the echo, 90 diagnosis groups."""

import csv
import functools
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from echomort.settings import Provenance

VariableSet = Literal["clinical", "echo", "diagnosis", "extended", "comparator"]
METHOD: tuple[VariableSet, ...] = ("clinical", "echo", "diagnosis")
"""The sets of the method's variables: 10, 58 and 90."""
Source = Literal["measurement", "patient", "diagnosis"]
Coding = Literal["", "one_hot"]
YES_OR_NO = (0, 1)
"""The levels of a variable whose unit is ``code`` or ``bool``."""
DIASTOLIC, UNGRADED = "diastolic_function", 0
"""The variable that is imputed by its grades, and its level for a dysfunction without a grade."""


@dataclass(frozen=True)
class Variable:
    """One column of the feature table.

    ``preprint_name`` and ``preprint_unit`` are what the method's preprint writes, empty for others; ``unit`` is UCUM.
    Values outside ``low`` to ``high`` are implausible, for the reason ``limits_source``; without limits, models
    leave out outliers. ``levels`` are the whole numbers that a code or a grade may be, empty for a quantity; with the
    ``coding`` ``one_hot``, models get one column a level. ``window_days`` is how old a value may be at the study (0:
    measured in the study itself). ``code_from`` to ``code_to`` are the three-character ICD-10-CM categories of a
    diagnosis group. ``provenance`` is ``published`` for the 158: name and unit; limits and windows are ours.
    """

    name: str
    set: VariableSet
    preprint_name: str
    label: str
    unit: str
    preprint_unit: str
    low: float | None
    high: float | None
    limits_source: str
    levels: tuple[int, ...]
    coding: Coding
    source: Source
    window_days: int | None
    unit_optional: bool
    code_system: str
    code: str
    code_from: str
    code_to: str
    code_evidence: str
    omop_concept_id: str
    provenance: Provenance

    @property
    def is_code(self) -> bool:
        """Whether its values are codes or grades (who smokes, a diagnosis group, a leaking valve), of which there is no
        mean."""
        return bool(self.levels)

    @property
    def is_binary(self) -> bool:
        """Whether its values are yes and no (1 and 0)."""
        return self.levels == YES_OR_NO

    @classmethod
    def of(cls, row: dict[str, str]) -> "Variable":
        """Return the variable of a ``row`` of variables.csv. Raises :class:`ValueError` where a number is none."""
        fields = dict(row) | {
            "low": _number(row["low"]),
            "high": _number(row["high"]),
            "window_days": int(row["window_days"]) if row["window_days"] else None,
            "unit_optional": row["unit_optional"] == "yes",
            "levels": tuple(map(int, row["levels"].split())),
        }
        return cls(**fields)  # type: ignore[arg-type]


@functools.cache
def catalogue() -> tuple[Variable, ...]:
    """Return every variable that is shipped, in the order of the feature table's columns."""
    with resources.files("echomort.ehr").joinpath("variables.csv").open(encoding="utf-8") as file:
        return tuple(Variable.of(row) for row in csv.DictReader(file))


def names(*sets: VariableSet) -> tuple[str, ...]:
    """Return the names of the variables of ``sets`` (none given: of all), in catalogue order."""
    return tuple(variable.name for variable in catalogue() if not sets or variable.set in sets)


def model_inputs() -> tuple[str, ...]:
    """Return the 158 variables of the method, in catalogue order."""
    return names(*METHOD)


@functools.cache
def icd9_groups() -> tuple[tuple[str, str], ...]:
    """Return (beginning of an ICD-9-CM code without its dot, diagnosis group), from ``icd9.csv`` (ours)."""
    with resources.files("echomort.ehr").joinpath("icd9.csv").open(encoding="utf-8") as file:
        return tuple((row["prefix"], row["variable"]) for row in csv.DictReader(file))


def _number(text: str) -> float | None:
    return float(text) if text else None
