"""Counts of files, for the log and for the metadata of assets."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import dagster as dg
import duckdb

from warehouse.queries import run

Item = TypeVar("Item")


def counted(found: Iterable[Item], total: int, context: dg.OpExecutionContext, every: int = 200) -> Iterator[Item]:
    """Yield the items of ``found``, and log the progress of ``total`` after each ``every`` files."""
    for number, item in enumerate(found, start=1):
        yield item
        if number % every == 0 or number == total:
            context.log.info(f"{number} of {total} files")


def counts_by_reason(connection: duckdb.DuckDBPyConnection, query: str, **bind: Any) -> dict[str, int]:
    """Return reason -> count, from the rows (reason, count) of ``query``, run with the parameters ``bind``."""
    return {str(reason): count for reason, count in run(connection, query, **bind).fetchall()}
