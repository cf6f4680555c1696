"""Writes the scores: one row for each study and model; new rows of a model replace its old ones."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from warehouse.queries import run

COLUMNS = ["study_key", "model", "fold", "view", "logit", "without"]


def replace_scores(connection: duckdb.DuckDBPyConnection, models: Sequence[str], scores: pd.DataFrame) -> None:
    """Put ``scores`` (its columns) in place of those of ``models``."""
    run(connection, "tables/score/forget_scores.sql", models=list(models))
    if not scores.empty:
        connection.append("score", scores[COLUMNS])
