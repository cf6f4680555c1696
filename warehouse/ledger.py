"""The ledger: what exists, made from what, and what it is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from echomort.core.fingerprint import digest

WHOLE = "all"
"""The unit of an asset that is rebuilt as a whole."""


@dataclass(frozen=True)
class Entry:
    """One unit that stands: ``fingerprint`` says from what it was made, ``digest`` what it is."""

    unit: str
    fingerprint: str
    digest: str
    artifact: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    """Digest of the part of the fingerprint that is no input: see :func:`write_recipe`."""


def entries(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, Entry]:
    """Return the units of ``asset`` that stand."""
    rows = connection.execute(
        "SELECT unit, fingerprint, digest, artifact, details, coalesce(recipe, '')"
        " FROM ledger WHERE asset = ? ORDER BY unit",
        [asset],
    ).fetchall()
    return {
        unit: Entry(unit, fingerprint, content, artifact, json.loads(details), recipe)
        for unit, fingerprint, content, artifact, details, recipe in rows
    }


def fingerprints(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, str]:
    """Return unit -> fingerprint of what stands of ``asset``."""
    rows = connection.execute("SELECT unit, fingerprint FROM ledger WHERE asset = ?", [asset]).fetchall()
    return dict(rows)


def record(connection: duckdb.DuckDBPyConnection, asset: str, made: Iterable[Entry]) -> None:
    """Write ``made`` over the entries of the same units."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        [
            asset,
            entry.unit,
            entry.fingerprint,
            entry.artifact,
            entry.digest,
            json.dumps(dict(entry.details)),
            now,
            entry.recipe,
        ]
        for entry in made
    ]
    if rows:
        connection.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def write_recipe(connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str]) -> str:
    """Keep ``parts`` (what decides an asset apart from its inputs) and return their digest."""
    name = digest(dict(parts))
    connection.execute("INSERT OR IGNORE INTO recipe VALUES (?, ?)", [name, json.dumps(dict(parts), sort_keys=True)])
    return name


def recipe(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    """Return the parts of the recipe ``name``; none where it is not known."""
    rows = connection.execute("SELECT parts FROM recipe WHERE digest = ?", [name]).fetchall()
    return dict(json.loads(rows[0][0])) if rows else {}


@dataclass(frozen=True)
class Acceptance:
    """Of ``asset``, ``sampled`` units made by the recipe ``old`` came out the same by the recipe ``new``; all ``units``
    (unit -> its fingerprint by the new recipe) are adopted."""

    asset: str
    old: str
    new: str
    sampled: int
    units: Mapping[str, str]


def adopt(connection: duckdb.DuckDBPyConnection, accepted: Acceptance) -> None:
    """Give the units their new fingerprints and record that they were adopted, not made."""
    connection.executemany(
        "UPDATE ledger SET fingerprint = ?, recipe = ? WHERE asset = ? AND unit = ?",
        [[fingerprint, accepted.new, accepted.asset, unit] for unit, fingerprint in accepted.units.items()],
    )
    row = [accepted.asset, accepted.old, accepted.new, accepted.sampled, len(accepted.units)]
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("INSERT INTO acceptance VALUES (?, ?, ?, ?, ?, ?)", [*row, now])


def forget(connection: duckdb.DuckDBPyConnection, asset: str, units: Iterable[str]) -> None:
    """Delete the entries of ``units``: their inputs are gone."""
    connection.execute("DELETE FROM ledger WHERE asset = ? AND list_contains(?, unit)", [asset, list(units)])


def asset_digest(connection: duckdb.DuckDBPyConnection, asset: str) -> str:
    """Return the digest of everything that stands of ``asset``: its data version."""
    rows = connection.execute("SELECT unit, digest FROM ledger WHERE asset = ? ORDER BY unit", [asset]).fetchall()
    return digest(rows)


def table_digest(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, int]:
    """Return a digest of the rows of ``table``, whatever their order, and how many there are."""
    (row,) = connection.execute(
        "SELECT count(*), sum(hash(rows)::HUGEINT)::VARCHAR FROM query_table($table) AS rows", {"table": table}
    ).fetchall()
    return digest(row), row[0]
