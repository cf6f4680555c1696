"""The ledger: every unit that exists, with its fingerprint (what it was made from) and the digest of its content."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from echomort.core.fingerprint import DIGEST_LENGTH, digest
from echomort.core.once import once

WHOLE = "all"
"""The unit of an asset that is rebuilt as a whole."""


@dataclass(frozen=True)
class Entry:
    """One unit that exists.

    ``fingerprint`` is the digest of its inputs and recipe, ``digest`` that of its content; ``artifact`` is the path of
    its file below the home, if it has one; ``details`` are shown with the asset.
    """

    unit: str
    fingerprint: str
    digest: str
    artifact: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    """Digest of the recipe: see :func:`write_recipe`."""


def entries(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, Entry]:
    """Return unit -> entry, for every unit of ``asset`` in the ledger."""
    return {entry.unit: entry for entry in each_entry(connection, asset)}


ROWS_AT_ONCE = 10_000
"""Rows of the ledger that are in Python at a time: some megabytes, however many units there are. Our choice."""


def each_entry(connection: duckdb.DuckDBPyConnection, asset: str) -> Iterator[Entry]:
    """Yield the entry of every unit of ``asset``, by unit; only some of them are in memory at a time.

    The connection can't be used for anything else until the last one.
    """
    found = connection.execute(
        "SELECT unit, fingerprint, digest, artifact, details, coalesce(recipe, '')"
        " FROM ledger WHERE asset = ? ORDER BY unit",
        [asset],
    )
    while rows := found.fetchmany(ROWS_AT_ONCE):
        for unit, fingerprint, content, artifact, details, recipe in rows:
            yield Entry(unit, fingerprint, content, artifact, {} if details == "{}" else json.loads(details), recipe)


def assets(connection: duckdb.DuckDBPyConnection, beginnings: tuple[str, ...]) -> list[str]:
    """Return the assets of which there is a unit and whose names begin with one of ``beginnings``."""
    rows = connection.execute("SELECT DISTINCT asset FROM ledger ORDER BY asset").fetchall()
    return [asset for (asset,) in rows if asset.startswith(beginnings)]


def fingerprints(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, str]:
    """Return unit -> fingerprint, for every unit of ``asset`` in the ledger."""
    rows = connection.execute("SELECT unit, fingerprint FROM ledger WHERE asset = ?", [asset]).fetchall()
    return dict(rows)


def reasons(connection: duckdb.DuckDBPyConnection, asset: str) -> dict[str, str]:
    """Return unit -> reason, for the units of ``asset`` that could not be made, and have a reason for it."""
    found = entries(connection, asset)
    return {
        unit: str(entry.details["reason"])
        for unit, entry in found.items()
        if entry.artifact is None and "reason" in entry.details
    }


def record(connection: duckdb.DuckDBPyConnection, asset: str, made: Iterable[Entry]) -> None:
    """Write the entries ``made``; they replace older entries of the same units. One statement writes all of them."""
    entries = list(made)
    if not entries:
        return
    connection.execute(
        "INSERT OR REPLACE INTO ledger SELECT $asset, unnest($unit), unnest($fingerprint),"
        " unnest($artifact::VARCHAR[]), unnest($digest), unnest($details), $now, unnest($recipe)",
        {
            "asset": asset,
            "now": datetime.now(UTC).replace(tzinfo=None),
            "details": [json.dumps(dict(entry.details)) for entry in entries],
        }
        | {
            name: [getattr(entry, name) for entry in entries]
            for name in ("unit", "fingerprint", "artifact", "digest", "recipe")
        },
    )


def write_recipe(connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str]) -> str:
    """Store the recipe ``parts`` (all that decides an asset except its inputs) and return its digest."""
    name = digest(dict(parts))
    connection.execute("INSERT OR IGNORE INTO recipe VALUES (?, ?)", [name, json.dumps(dict(parts), sort_keys=True)])
    return name


def recipe(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    """Return the parts of the recipe with digest ``name``; empty if it is not stored."""
    rows = connection.execute("SELECT parts FROM recipe WHERE digest = ?", [name]).fetchall()
    return dict(json.loads(rows[0][0])) if rows else {}


@dataclass(frozen=True)
class Acceptance:
    """The result of a comparison of two recipes of ``asset``, by digest.

    ``sampled`` units were made again with the recipe ``new`` and came out the same as with ``old``. All ``units``
    (unit -> fingerprint with the new recipe) are therefore adopted.
    """

    asset: str
    old: str
    new: str
    sampled: int
    units: Mapping[str, str]


def adopt(connection: duckdb.DuckDBPyConnection, accepted: Acceptance) -> None:
    """Store the new fingerprints of the units, and record that they were adopted instead of made again."""
    connection.execute(
        "UPDATE ledger SET fingerprint = adopted.fingerprint, recipe = $recipe"
        " FROM (SELECT unnest($units) AS unit, unnest($fingerprints) AS fingerprint) AS adopted"
        " WHERE ledger.asset = $asset AND ledger.unit = adopted.unit",
        {
            "asset": accepted.asset,
            "recipe": accepted.new,
            "units": list(accepted.units),
            "fingerprints": list(accepted.units.values()),
        },
    )
    row = [accepted.asset, accepted.old, accepted.new, accepted.sampled, len(accepted.units)]
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("INSERT INTO acceptance VALUES (?, ?, ?, ?, ?, ?)", [*row, now])


def forget(connection: duckdb.DuckDBPyConnection, asset: str, units: Iterable[str]) -> None:
    """Delete the entries of ``units``, whose inputs were removed, and the digests of their files."""
    gone = list(units)
    connection.execute("DELETE FROM ledger WHERE asset = ? AND list_contains(?, unit)", [asset, gone])
    connection.execute("DELETE FROM artifact_file WHERE asset = ? AND list_contains(?, unit)", [asset, gone])


def record_files(connection: duckdb.DuckDBPyConnection, asset: str, files: Mapping[str, Mapping[str, str]]) -> None:
    """Write unit -> path -> SHA-256 of the files of some units; they replace those of the same units."""
    rows = [(unit, path, sha256) for unit, paths in files.items() for path, sha256 in paths.items()]
    units, paths, digests = ([row[part] for row in rows] for part in range(3))
    connection.execute("DELETE FROM artifact_file WHERE asset = ? AND list_contains(?, unit)", [asset, list(files)])
    connection.execute(
        "INSERT INTO artifact_file SELECT $asset, unnest($units::VARCHAR[]), unnest($paths::VARCHAR[]),"
        " unnest($digests::VARCHAR[])",
        {"asset": asset, "units": units, "paths": paths, "digests": digests},
    )


@dataclass(frozen=True)
class ArtifactFile:
    """A file of a unit: its path below the home, and the SHA-256 of its bytes when it was committed."""

    asset: str
    unit: str
    path: str
    sha256: str


def artifact_files(connection: duckdb.DuckDBPyConnection) -> list[ArtifactFile]:
    """Return the files of every unit, in a fixed order."""
    rows = connection.execute("SELECT asset, unit, path, sha256 FROM artifact_file ORDER BY ALL").fetchall()
    return [ArtifactFile(*row) for row in rows]


def asset_digest(connection: duckdb.DuckDBPyConnection, asset: str) -> str:
    """Return the digest of the content of all units of ``asset``: its data version.

    It is worked out in the database, so that no row of it comes to Python: :func:`~echomort.core.fingerprint.digest` of
    the list of (unit, digest) by unit, as long as no unit has a character that JSON writes as an escape. Within
    :func:`~echomort.core.once.reading_once`, which is of one ledger, it is worked out once.
    """
    return once(("asset_digest", asset), lambda: _asset_digest(connection, asset))


def _asset_digest(connection: duckdb.DuckDBPyConnection, asset: str) -> str:
    ((hexadecimal,),) = connection.execute(
        "SELECT sha256(unhex(format('{:016x}', strlen(content))) || encode(content)) FROM ("
        "SELECT '[' || coalesce(string_agg('[\"' || unit || '\",\"' || digest || '\"]', ',' ORDER BY unit), '') || ']'"
        " AS content FROM ledger WHERE asset = ?)",
        [asset],
    ).fetchall()
    return str(hexadecimal)[:DIGEST_LENGTH]


def table_digest(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, int]:
    """Return a digest of the rows of ``table``, which does not depend on their order, and the number of rows."""
    (row,) = connection.execute(
        "SELECT count(*), sum(hash(rows)::HUGEINT)::VARCHAR FROM query_table($table) AS rows", {"table": table}
    ).fetchall()
    return digest(row), row[0]
