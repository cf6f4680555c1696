"""Selects the cohort: which studies take part, in which role and which fold."""

import duckdb

from echomort.settings import Cohort
from warehouse.queries import run


def select(connection: duckdb.DuckDBPyConnection, cohort: Cohort) -> None:
    """Replace the tables ``cohort``, ``censored`` and ``cohort_at_horizon`` and the cohort's steps of ``attrition``.

    ``cohort_at_horizon`` holds the labelled studies of every horizon of ``outcome_at_horizon``. The sets apart are
    drawn first; all other patients get a fold. Every draw is a hash of the patient and ``cohort.salt``, so that new
    patients never change the draw of others. Roles are kept in table ``patient_role``, so that new records never change
    the role of a patient.
    """
    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/age.sql")
    run(connection, "definitions/attrition_step.sql")
    run(
        connection,
        "tables/cohort/cohort.sql",
        salt=cohort.salt,
        folds=cohort.folds,
        studies=cohort.studies,
        reader_fraction=cohort.reader_fraction,
        sealed_fraction=cohort.sealed_fraction,
        later_from=cohort.later_from,
        heart_failure_fraction=cohort.heart_failure_fraction,
        drawn_with=cohort.role_digest,
        minimum_age=cohort.minimum_age,
        maximum_age=cohort.maximum_age,
    )
