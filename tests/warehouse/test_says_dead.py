"""What a text on how a stay ended, or on the state of a person, says of death."""

import unicodedata

import pytest

from warehouse.adapters.extract import ExtractLocation, define_macros
from warehouse.connection import connect_in_memory


@pytest.fixture(scope="module")
def macros():
    with connect_in_memory() as connection:
        define_macros(connection, ExtractLocation(None))
        yield connection


DEAD = (
    "Expired",
    "DIED",
    "Dead on arrival",
    "DOA",
    "20 - Expired",
    "Patient died",
    "The patient has died",
    "Patient verstorben",
    "Patient ist tot.",
    "tot",
    "Tod",
    "Verstorben, kein Angehöriger anwesend",
    "Patiënt overleden, familie ingelicht",
    "Died, no autopsy",
    "Died, mother notified",
    "Expired (cause unknown)",
    "Died - family notified",
    "Patient died, not resuscitated",
    "Expired (did not recover)",
    "Expired in medical facility",
    "Décédé",
    "Retrouvé décédé à son domicile",
    unicodedata.normalize("NFD", "Décédé"),
    "Found dead at home",
    "死亡",
)

NOT_DEAD = (
    None,
    "",
    "Home",
    "Alive",
    "Alive, not expired",
    "not dead",
    "Patient not deceased",
    "Deceased: No",
    "Died - false",
    "Deceased spouse",
    "Dead fetus",
    "Home after fetal death",
    "mother died in delivery",
    "Tod des Ehepartners",
    "Death of husband",
    "ontslag tot nader order",
    "Patiënt blijft tot 12-03 opgenomen",
    "Prescription expired",
    "risk of death",
)


@pytest.mark.parametrize(("text", "dead"), [*((text, True) for text in DEAD), *((text, False) for text in NOT_DEAD)])
def test_a_text_says_death_or_does_not(macros, text, dead):
    assert macros.execute("SELECT says_dead($text)", {"text": text}).fetchall() == [(dead,)]
