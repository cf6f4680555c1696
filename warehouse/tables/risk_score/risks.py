"""Writes the champion's risks: one row for each study; new rows of a study replace its old ones."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from warehouse.queries import run
from warehouse.tables.risk_score.seals import seal_kept_risks


def replace_risks(connection: duckdb.DuckDBPyConnection, studies: Sequence[str], rows: pd.DataFrame) -> None:
    """Replace the rows of ``studies`` (study keys) in ``risk_score`` with ``rows`` (its columns, in any order).

    A risk of a study whose outcome is not known is also added to ``prospective_risk``, for ever, and sealed. Call it
    inside one transaction.
    """
    run(connection, "tables/risk_score/forget_risks.sql", studies=list(studies))
    if len(rows):
        connection.append("risk_score", rows, by_name=True)
        run(connection, "tables/risk_score/keep_prospective.sql", studies=rows["study_key"].tolist())
        seal_kept_risks(connection)
