"""Counts of files for the metadata of assets."""

from typing import Any

import duckdb

from warehouse.queries import run


def counts_by_reason(connection: duckdb.DuckDBPyConnection, query: str, **bind: Any) -> dict[str, int]:
    """Return reason -> count, from the rows (reason, count) of ``query``, run with the parameters ``bind``."""
    return {str(reason): count for reason, count in run(connection, query, **bind).fetchall()}
