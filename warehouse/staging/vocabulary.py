"""The words that a column of codes may hold: any other text may be prose, and prose may name somebody."""

import csv
import functools
from typing import Literal

from echomort.ehr.clean import conversions, plain_unit
from echomort.ehr.variables import catalogue, names
from warehouse.queries import ROOT

Field = Literal["setting", "kind", "drug", "dose", "variable", "unit"]
OTHER = "other"


@functools.cache
def vocabulary() -> tuple[tuple[str, str, str], ...]:
    """Return (field, word that a source may use, the word that we keep), the catalogue's names and units among them."""
    with (ROOT / "staging" / "vocabulary.csv").open(encoding="utf-8", newline="") as file:
        listed = [(row["field"], row["said"], row["term"]) for row in csv.DictReader(file)]
    variables = [("variable", name, name) for name in names()]
    ucum = {plain_unit(one.unit): one.unit for one in catalogue()}
    units = [("unit", unit, ucum.get(unit, unit)) for unit in sorted({one.unit for one in conversions() if one.unit})]
    return (*listed, *variables, *units)


def words(field: Field) -> tuple[str, ...]:
    """Return the words that ``field`` may hold in the warehouse; where none fits it is ``other``."""
    return (*dict.fromkeys(term for name, _, term in vocabulary() if name == field and term != OTHER), OTHER)
