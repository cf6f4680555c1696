"""The champion's risks: one row a study, replaced a study at a time."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from warehouse.queries import run


def replace_risks(connection: duckdb.DuckDBPyConnection, studies: Sequence[str], rows: pd.DataFrame) -> None:
    """Replace what ``risk_score`` holds of ``studies`` (study keys) with ``rows`` (its columns, in any order). Call it
    inside one transaction."""
    run(connection, "tables/risk_score/forget_risks.sql", studies=list(studies))
    if len(rows):
        connection.append("risk_score", rows, by_name=True)
