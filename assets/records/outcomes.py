"""The label of every study."""

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project

OUTCOMES = Stage(
    "outcomes",
    ("patient", "death", "contact", "study"),
    lambda settings: {"outcome": settings.outcome},
)


@whole_asset(OUTCOMES, "records", "duckdb", "sql", pool="warehouse")
def outcomes(project: Project) -> Result:
    """Mortality of every study within each horizon, or the one reason why it has none; the attrition table counts."""
    from warehouse.tables.outcome.outcomes import link

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        link(connection, project.settings.outcome, project.keyring)
        return built_tables(connection, "outcome", "outcome_at_horizon", "late_record")

    return rebuild(project, OUTCOMES, build)
