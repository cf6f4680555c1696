"""The cohort: which studies take part, with their role and fold; and the censored studies beside it."""

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project

COHORT = Stage(
    "cohort",
    ("outcomes", "patient", "study", "diagnosis"),
    lambda settings: {"cohort": settings.cohort},
)


@whole_asset(COHORT, "records", "duckdb", "sql", pool="warehouse")
def cohort(project: Project) -> Result:
    """Labelled and censored studies with role and fold, both by a stable hash of the patient; at every horizon too."""
    from warehouse.tables.cohort.cohorts import select

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        select(connection, project.settings.cohort)
        return built_tables(connection, "cohort", "censored", "cohort_at_horizon")

    return rebuild(project, COHORT, build)
