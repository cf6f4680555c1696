"""The published clinical scores of every study."""

import duckdb
import pandas as pd

from echomort.clinical_scores.studies import coverage, rejection_counts, score_studies
from echomort.settings import ClinicalScores
from warehouse.queries import run

SHOWN_REASONS = 3
"""Of each score, the commonest reasons that are told."""


def clinical_inputs(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return what the clinical scores need of every study: one row a study, from what was known at it."""
    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/age.sql")
    return run(connection, "tables/clinical_score/clinical_input.sql").df()


def score(connection: duckdb.DuckDBPyConnection, settings: ClinicalScores) -> dict[str, str]:
    """Replace ``clinical_score`` (one row a study and score); return how many studies each covers, and why not more."""
    scores = score_studies(clinical_inputs(connection), settings)
    run(connection, "tables/clinical_score/forget_clinical_scores.sql")
    connection.append("clinical_score", scores, by_name=True)
    counts = {
        f"{row.score} computed": f"{row.computed} of {row.applicable} studies"
        for row in coverage(scores).itertuples(index=False)
    }
    return counts | {
        f"{name} not computed": ", ".join(f"{row.reason} {row.studies}" for row in part.itertuples(index=False))
        for name, part in rejection_counts(scores).groupby("score").head(SHOWN_REASONS).groupby("score", sort=False)
    }
