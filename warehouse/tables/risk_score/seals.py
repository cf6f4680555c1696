"""Seals the risks that are kept before outcomes are known: a chain of digests, one for each risk in their order."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.queries import run

FIRST = ""
"""What the first risk has for the seal before it."""


@dataclass(frozen=True)
class Seals:
    """``sealed``: how many risks hold, and ``last``: the seal of the last of them; ``unsealed``: risks after it without
    a seal (a release before kept them). ``broken``: the number of the first risk that does not hold, and ``what``."""

    sealed: int
    last: str
    unsealed: int = 0
    broken: int | None = None
    what: str = ""


def seal_kept_risks(connection: duckdb.DuckDBPyConnection) -> None:
    """Seal every kept risk after the last one that is sealed. Call it in the transaction that keeps them."""
    last = run(connection, "tables/risk_score/last_seal.sql").fetchall()
    after, previous = last[0] if last else (None, FIRST)
    numbers, digests = [], []
    for number, _, _, *row in run(connection, "tables/risk_score/kept_and_sealed.sql", after=after).fetchall():
        previous = _seal(previous, number, row)
        numbers.append(number)
        digests.append(previous)
    if numbers:
        run(connection, "tables/risk_score/add_seals.sql", numbers=numbers, digests=digests)


def seal_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Seal every kept risk again, from the first: after an erasure took some out of a chain that held."""
    run(connection, "tables/risk_score/forget_seals.sql")
    seal_kept_risks(connection)


def check_seals(connection: duckdb.DuckDBPyConnection) -> Seals:
    """Return whether every kept risk is as it was when it was sealed."""
    sealed, unsealed, previous = 0, 0, FIRST
    for number, is_kept, digest, *row in run(
        connection, "tables/risk_score/kept_and_sealed.sql", after=None
    ).fetchall():
        if digest is None:
            unsealed += 1
            continue
        if unsealed:
            return Seals(sealed, previous, 0, number, "a risk before it was added later")
        if not is_kept:
            return Seals(sealed, previous, 0, number, "it was taken out")
        if digest != _seal(previous, number, row):
            return Seals(sealed, previous, 0, number, "it, or one before it, was changed or taken out")
        sealed, previous = sealed + 1, digest
    return Seals(sealed, previous, unsealed)


def _seal(previous: str, number: int, row: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps([previous, number, *row]).encode()).hexdigest()
