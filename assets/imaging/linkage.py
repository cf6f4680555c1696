"""Linkage of files to studies."""

from typing import Any

import duckdb

from assets.imaging.progress import counts_by_reason
from assets.incremental import Built, Result, Stage, built_tables, rebuild, whole_asset
from assets.project import Project
from echomort.settings import Settings
from warehouse import vault


def rules(settings: Settings) -> dict[str, Any]:
    """Return the settings that decide which file belongs to which study."""
    linkage = settings.linkage
    return {
        "linkage.study": linkage.study.model_dump(mode="json", exclude={"map"}),
        "linkage.patient": linkage.patient.model_dump(mode="json", exclude={"map"}),
    }


def maps(settings: Settings) -> dict[str, str]:
    """Return the maps of numbers with the digests of what they say; empty if there are none."""
    linkage = settings.linkage
    if linkage.study.map is None and linkage.patient.map is None:
        return {}
    from echomort.linkage.rules import map_digests

    found = {"linkage.study.map": linkage.study, "linkage.patient.map": linkage.patient}
    return {f"{key} {name}": says for key, rule in found.items() for name, says in map_digests(rule).items()}


LINKAGE = Stage("linkage", ("dicom_index", "patient", "study"), rules, files=maps)


@whole_asset(LINKAGE, "imaging", "duckdb", "sql", pool="warehouse")
def linkage(project: Project) -> Result:
    """Every readable file with the study and patient that the health records know it by, or why it has none."""

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        from warehouse.tables.archive.linkage import link_files

        link_files(connection, project.settings.linkage, lambda domain: vault.recall_all(project.vault, domain))
        built = built_tables(connection, "instance_link")
        return Built(built.digest, counts_by_reason(connection, "reads/counts/link_reasons.sql"))

    return rebuild(project, LINKAGE, build)
