"""Who is in the study, in which part, in which fold."""

import duckdb

from echomort.settings import Cohort
from warehouse.queries import run


def select(connection: duckdb.DuckDBPyConnection, cohort: Cohort) -> None:
    """Replace table ``cohort`` and the cohort's steps of ``attrition``.

    Reader and heart-failure patients leave first; the rest get a fold. All draws are hashes of the patient and
    ``cohort.salt``: adding patients never moves one.
    """
    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/age.sql")
    run(
        connection,
        "tables/cohort/cohort.sql",
        salt=cohort.salt,
        folds=cohort.folds,
        reader_fraction=cohort.reader_fraction,
        heart_failure_fraction=cohort.heart_failure_fraction,
        minimum_age=cohort.minimum_age,
        maximum_age=cohort.maximum_age,
    )
