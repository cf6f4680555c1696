"""A kept risk that is changed, added or taken out after it was sealed is found."""

from collections.abc import Iterator

import duckdb
import pandas as pd
import pytest

from assets.verify import kept_risk_damage
from warehouse.connection import connect_in_memory
from warehouse.tables.risk_score.risks import replace_risks
from warehouse.tables.risk_score.seals import check_seals, seal_anew, seal_kept_risks

STUDIES = ["s1", "s2", "s3", "s4"]


def keep(connection: duckdb.DuckDBPyConnection, champion: str) -> None:
    fields = {"champion": champion, "model": "video", "clips": 1, "logit": -0.1, "in_development": False}
    rows = pd.DataFrame([{"study_key": study, "risk": 1 / 3, **fields} for study in STUDIES])
    replace_risks(connection, STUDIES, rows)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_in_memory() as connection:
        studies = pd.DataFrame({"study_key": STUDIES, "patient_key": STUDIES})
        connection.append("study", studies, by_name=True)
        keep(connection, "first")
        keep(connection, "second")
        yield connection


def test_risks_are_sealed_when_they_are_kept(warehouse: duckdb.DuckDBPyConnection) -> None:
    seals = check_seals(warehouse)
    assert (seals.sealed, seals.unsealed, seals.broken) == (8, 0, None) and len(seals.last) == 64
    before = seals.last
    keep(warehouse, "second")
    assert check_seals(warehouse).last == before, "the same risk is kept once"
    keep(warehouse, "third")
    assert check_seals(warehouse).sealed == 12 and check_seals(warehouse).last != before


@pytest.mark.parametrize(
    ("tampered", "broken", "words"),
    [
        ("UPDATE prospective_risk SET risk = 0.3333 WHERE number = 3", 3, "changed"),
        ("UPDATE prospective_risk SET champion = 'other' WHERE number = 8", 8, "changed"),
        ("DELETE FROM prospective_risk WHERE number = 2", 2, "taken out"),
        ("DELETE FROM prospective_seal WHERE number = 2", 3, "added later"),
        (
            "DELETE FROM prospective_risk WHERE number = 2; DELETE FROM prospective_seal WHERE number = 2",
            3,
            "taken out",
        ),
        (
            "INSERT INTO prospective_risk SELECT * REPLACE (0 AS number) FROM prospective_risk WHERE number = 1",
            1,
            "added later",
        ),
    ],
)
def test_what_is_tampered_with_is_named(
    warehouse: duckdb.DuckDBPyConnection, tampered: str, broken: int, words: str
) -> None:
    warehouse.execute(tampered)
    seals = check_seals(warehouse)
    assert seals.broken == broken and words in seals.what
    (damage,) = kept_risk_damage(warehouse)
    assert f"kept risk {broken} does not hold" in damage.what and not damage.remove, "it can't be made anew"


def test_risks_of_a_release_without_seals_are_sealed_later(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("DELETE FROM prospective_seal")
    assert (check_seals(warehouse).sealed, check_seals(warehouse).unsealed) == (0, 8)
    seal_kept_risks(warehouse)
    assert (check_seals(warehouse).sealed, check_seals(warehouse).unsealed) == (8, 0)


def test_nothing_kept_is_nothing_broken() -> None:
    with connect_in_memory() as connection:
        assert check_seals(connection).broken is None and not list(kept_risk_damage(connection))


def test_after_an_erasure_the_risks_of_others_are_sealed_anew(warehouse: duckdb.DuckDBPyConnection) -> None:
    before = check_seals(warehouse).last
    warehouse.execute("DELETE FROM prospective_risk WHERE study_key = 's2'")
    assert check_seals(warehouse).broken == 2
    seal_anew(warehouse)
    seals = check_seals(warehouse)
    assert (seals.sealed, seals.broken) == (6, None) and seals.last != before
    keep(warehouse, "third")
    assert check_seals(warehouse).sealed == 10
