"""What must never happen, as SQL that counts how often it did (``checks/assertions/<name>.sql``)."""

import duckdb

from warehouse.queries import ROOT, scalar


def names() -> tuple[str, ...]:
    """Return the names of all assertions."""
    return tuple(sorted(path.stem for path in (ROOT / "checks/assertions").glob("*.sql")))


def check(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows offend against assertion ``name``: 0 where all is well."""
    if name not in names():
        raise ValueError(f"no assertion {name}; known: {', '.join(names())}")
    return int(scalar(connection, f"checks/assertions/{name}.sql"))
