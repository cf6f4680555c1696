"""The words that a column of codes may hold. Any other text may be prose, and prose may contain a name."""

import csv
import functools
from typing import Literal

from echomort.ehr.catalogue import Catalogue, shipped_catalogue
from echomort.ehr.clean import plain_unit
from echomort.ehr.contact_kinds import kind_terms
from warehouse.queries import ROOT

Field = Literal["setting", "kind", "drug", "dose", "variable", "unit"]
"""The columns of codes that have a vocabulary."""

OTHER = "other"
"""Replaces every word that the vocabulary of its column does not have."""


@functools.cache
def vocabulary(catalogue: Catalogue | None = None) -> tuple[tuple[str, str, str], ...]:
    """Return rows of (field, word of a source, word in the warehouse).

    The names and units of ``catalogue`` (default: the shipped one) are included.
    """
    catalogue = catalogue or shipped_catalogue()
    with (ROOT / "staging" / "vocabulary.csv").open(encoding="utf-8", newline="") as file:
        listed = [(row["field"], row["source_word"], row["term"]) for row in csv.DictReader(file)]
    variables = [("variable", name, name) for name in catalogue.names()]
    ucum = {plain_unit(one.unit): one.unit for one in (*catalogue.own, *shipped_catalogue().variables)}
    known = sorted({one.unit for one in catalogue.conversions if one.unit})
    units = [("unit", unit, ucum.get(unit, unit)) for unit in known]
    return (*listed, *variables, *units)


def words(field: Field, catalogue: Catalogue | None = None) -> tuple[str, ...]:
    """Return the words that ``field`` may hold in the warehouse; the last is ``other``, for all other words."""
    if field == "kind":
        return kind_terms()
    return (*dict.fromkeys(term for name, _, term in vocabulary(catalogue) if name == field and term != OTHER), OTHER)
