"""Linkage of files to studies."""

import duckdb

from assets.imaging.progress import counts_by_reason
from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project
from warehouse.queries import run

LINKAGE = Stage("linkage", ("dicom_index", "patient", "study"))


@whole_asset(LINKAGE, "imaging", "duckdb", "sql", pool="warehouse")
def linkage(project: Project) -> Result:
    """Every readable file with the study and patient that the health records know it by, or why it has none."""

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        run(connection, "tables/archive/instance_link.sql")
        built = built_tables(connection, "instance_link")
        return Built(built.digest, counts_by_reason(connection, "reads/counts/link_reasons.sql"))

    return rebuild(project, LINKAGE, build)
