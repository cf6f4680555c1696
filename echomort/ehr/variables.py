"""The catalogue of variables (``variables.csv``): 158 of the method and 17 that only the clinical scores
and the reader study need. A site's own come from a folder of its own: :mod:`echomort.ehr.catalogue`."""

import csv
import functools
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from echomort.settings import Provenance

VariableSet = Literal["echo", "clinical", "diagnosis", "comparator"]
Source = Literal["measurement", "patient", "diagnosis"]


@dataclass(frozen=True)
class Variable:
    """One column of the feature table.

    ``unit`` is UCUM; values outside ``low`` to ``high`` are implausible. ``window_days`` is how old a value may be at
    the study (0: measured in the study itself). ``code_from`` to ``code_to`` are the three-character ICD-10-CM
    categories of a diagnosis group. ``provenance`` is ``reconstructed`` for the 158 whose number, not whose names, is
    published.
    """

    name: str
    set: VariableSet
    label: str
    unit: str
    low: float | None
    high: float | None
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
        """Whether its values are codes (who smokes, a diagnosis group), of which there is no mean."""
        return self.unit in ("code", "bool")

    @classmethod
    def of(cls, row: dict[str, str]) -> "Variable":
        """Return the variable of a ``row`` of variables.csv. Raises :class:`ValueError` where a number is none."""
        fields = dict(row) | {
            "low": _number(row["low"]),
            "high": _number(row["high"]),
            "window_days": int(row["window_days"]) if row["window_days"] else None,
            "unit_optional": row["unit_optional"] == "yes",
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
    return names("echo", "clinical", "diagnosis")


@functools.cache
def icd9_groups() -> tuple[tuple[str, str], ...]:
    """Return (beginning of an ICD-9-CM code without its dot, diagnosis group), from ``icd9.csv`` (ours)."""
    with resources.files("echomort.ehr").joinpath("icd9.csv").open(encoding="utf-8") as file:
        return tuple((row["prefix"], row["variable"]) for row in csv.DictReader(file))


def _number(text: str) -> float | None:
    return float(text) if text else None
