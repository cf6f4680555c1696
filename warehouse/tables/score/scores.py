"""Scores: one row a study and model, replaced a model at a time."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from warehouse.queries import run

COLUMNS = ["study_key", "model", "fold", "view", "logit"]


def replace_scores(connection: duckdb.DuckDBPyConnection, models: Sequence[str], scores: pd.DataFrame) -> None:
    """Put ``scores`` (columns study_key, model, fold, view, logit) in place of those of ``models``."""
    run(connection, "tables/score/forget_scores.sql", models=list(models))
    if not scores.empty:
        connection.append("score", scores[COLUMNS])
