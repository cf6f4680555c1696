"""The label of every study."""

from dataclasses import replace

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project
from echomort.core.keys import Keyring
from echomort.settings import Outcome
from warehouse.queries import run

CHANGES = "changed labels"
"""The detail that says what became of the labels that there were: what happened -> studies. Absent where none
changed."""

OUTCOMES = Stage(
    "outcomes",
    ("patient", "death", "contact", "study"),
    lambda settings: {"outcome": settings.outcome},
)


@whole_asset(OUTCOMES, "records", "duckdb", "sql", pool="warehouse")
def outcomes(project: Project) -> Result:
    """Mortality of every study within each horizon, or the one reason why it has none; the attrition table counts."""
    return rebuild(project, OUTCOMES, lambda connection: label(connection, project.settings.outcome, project.keyring))


def label(connection: duckdb.DuckDBPyConnection, outcome: Outcome, keyring: Keyring) -> Built:
    """Label every study anew, and count the labels that are not as they were."""
    from warehouse.tables.outcome.outcomes import link

    run(connection, "tables/outcome/former.sql")
    link(connection, outcome, keyring)
    built = built_tables(connection, "outcome", "outcome_at_horizon", "late_record")
    changes = dict(run(connection, "tables/outcome/label_changes.sql").fetchall())
    return replace(built, details={**built.details, CHANGES: changes}) if changes else built
