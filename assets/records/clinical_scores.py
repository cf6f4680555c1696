"""The published clinical scores of every study."""

from dataclasses import replace

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project

CLINICAL_SCORES = Stage(
    "clinical_scores",
    ("clinical_features", "patient", "study", "diagnosis", "medication"),
    lambda settings: {
        "clinical_scores": settings.clinical_scores,
        "features.same_day": settings.features.same_day,
    },
)


@whole_asset(CLINICAL_SCORES, "records", "duckdb", "sql", pool="warehouse")
def clinical_scores(project: Project) -> Result:
    """Pooled Cohort Equations, PREVENT, Seattle and MAGGIC for every study, or the reason why there is none."""
    from warehouse.tables.clinical_score.clinical_scores import score

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        coverage = score(connection, project.settings.clinical_scores, project.settings.features.same_day)
        built = built_tables(connection, "clinical_score")
        return replace(built, details={**built.details, **coverage})

    return rebuild(project, CLINICAL_SCORES, build)
