"""The words that a column of codes may hold: any other text may be prose, and prose may name somebody."""

import csv
import functools
from typing import Literal

from echomort.ehr.catalogue import Catalogue, shipped_catalogue
from echomort.ehr.clean import plain_unit
from warehouse.queries import ROOT

Field = Literal["setting", "kind", "drug", "dose", "variable", "unit"]
OTHER = "other"


@functools.cache
def vocabulary(catalogue: Catalogue | None = None) -> tuple[tuple[str, str, str], ...]:
    """Return (field, word that a source may use, the word that we keep), names and units of ``catalogue`` (default: the
    shipped one) among them."""
    catalogue = catalogue or shipped_catalogue()
    with (ROOT / "staging" / "vocabulary.csv").open(encoding="utf-8", newline="") as file:
        listed = [(row["field"], row["said"], row["term"]) for row in csv.DictReader(file)]
    variables = [("variable", name, name) for name in catalogue.names()]
    ucum = {plain_unit(one.unit): one.unit for one in (*catalogue.own, *shipped_catalogue().variables)}
    known = sorted({one.unit for one in catalogue.conversions if one.unit})
    units = [("unit", unit, ucum.get(unit, unit)) for unit in known]
    return (*listed, *variables, *units)


def words(field: Field, catalogue: Catalogue | None = None) -> tuple[str, ...]:
    """Return the words that ``field`` may hold in the warehouse; where none fits it is ``other``."""
    return (*dict.fromkeys(term for name, _, term in vocabulary(catalogue) if name == field and term != OTHER), OTHER)
