"""The variables of the catalogue for every study."""

from dataclasses import replace

import duckdb

from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project
from assets.records.own_variables import variable_files

FEATURES = Stage(
    "clinical_features",
    ("patient", "study", "measurement", "diagnosis", "medication"),
    lambda settings: {"features": settings.features},
    files=variable_files,
)


@whole_asset(FEATURES, "records", "duckdb", "sql", pool="warehouse")
def clinical_features(project: Project) -> Result:
    """The variables of the catalogue for every study: known at or before it, unless the settings allow later ones."""
    from echomort.ehr.catalogue import site_catalogue
    from warehouse.tables.feature.features import build as build_features
    from warehouse.tables.feature.features import refusal_counts

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        variables = site_catalogue(project.settings.sources.variables)
        build_features(connection, project.settings.features, variables)
        built = built_tables(connection, "feature", "feature_refusal")
        return replace(built, details={**built.details, **refusal_counts(connection)})

    return rebuild(project, FEATURES, build)
