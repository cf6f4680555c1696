"""The published clinical scores of every study."""

import duckdb
import pandas as pd

from echomort.clinical_scores.studies import coverage, rejection_counts, score_studies
from echomort.settings import ClinicalScores, SameDay
from warehouse.queries import run

SHOWN_REASONS = 3
"""How many reasons are shown for each score, the most frequent first. Our choice."""


def clinical_inputs(connection: duckdb.DuckDBPyConnection, same_day: SameDay = "exclude") -> pd.DataFrame:
    """Return the inputs of the clinical scores, one row for each study, from data known at the study.

    ``same_day`` says what is known of the study's own day (setting ``features.same_day``).
    """
    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/age.sql")
    run(connection, "definitions/moment.sql")
    return run(connection, "tables/clinical_score/clinical_input.sql", same_day=same_day).df()


def score(
    connection: duckdb.DuckDBPyConnection, settings: ClinicalScores, same_day: SameDay = "exclude"
) -> dict[str, str]:
    """Replace ``clinical_score`` (one row for each study and score).

    Returns how many studies each score covers, and its most frequent reasons for missing values.
    """
    scores = score_studies(clinical_inputs(connection, same_day), settings)
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
