"""Writes the views that have no model, with the reason."""

from collections.abc import Iterable, Mapping

import duckdb
import pandas as pd

from warehouse.queries import run


def replace_untrained_views(
    connection: duckdb.DuckDBPyConnection, units: Iterable[str], reasons: Mapping[str, str]
) -> None:
    """Put ``reasons`` (network/view -> reason) in place of those of ``units``."""
    run(connection, "tables/untrained_view/forget_untrained_views.sql", units=list(units))
    if reasons:
        rows = [(*unit.split("/", 1), reason) for unit, reason in reasons.items()]
        connection.append("untrained_view", pd.DataFrame(rows, columns=["network", "view", "reason"]), by_name=True)
