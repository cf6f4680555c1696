"""The health-record extract, fingerprinted by its content."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb

from assets.incremental import Built, Result, Stage, rebuild, whole_asset
from assets.project import Project
from assets.sources.embedded import drawn_with, ensure_synthetic, is_written
from echomort.core.fingerprint import digest, digest_file
from echomort.core.listing import SourceFile, list_files
from echomort.settings import Settings
from warehouse.adapters.extract import database_digest
from warehouse.adapters.table_files import files_behind_views
from warehouse.adapters.vocabulary import vocabulary_files


def extract_fingerprint(settings: Settings) -> str:
    """Return the digest of the extract's files, of the vocabulary's, and of the rows that the adapter reads from a
    database."""
    files = extract_files(settings)
    content = [(file.path, digest_file(settings.ehr_root / file.path)) for file in files if settings.ehr_root]
    # A DuckDB file of views changes with the files that they read.
    content += (
        [(path.name, digest_file(path)) for path in files_behind_views(settings.ehr_root)] if settings.ehr_root else []
    )
    content += [
        (f"vocabulary/{path.name}", digest_file(path))
        for paths in vocabulary_files(settings.sources.vocabulary).values()
        for path in paths
    ]
    database = settings.sources.database
    return digest(content, database_digest(database, settings.sources.adapter)) if database else digest(content)


def extract_day(settings: Settings) -> date | None:
    """Return the day of the extract: ``sources.extracted_on``, else that of the newest change of its files.

    None if some of it is in a database, of which no file says the day. The day is that of ``sources.time_zone``, or of
    this machine's zone.
    """
    return settings.sources.extracted_on or newest_change(settings)


def newest_change(settings: Settings) -> date | None:
    """Return the day of the newest change of the extract's files; None if some of it is in a database, or not there."""
    if settings.sources.database or not settings.ehr_root or not settings.ehr_root.is_dir():
        return None
    changes = [file.modified_ns for file in extract_files(settings)]
    changes += [path.stat().st_mtime_ns for path in files_behind_views(settings.ehr_root)]
    zone = ZoneInfo(settings.sources.time_zone) if settings.sources.time_zone else None
    return datetime.fromtimestamp(max(changes) / 1e9, zone).date()


def extract_files(settings: Settings) -> list[SourceFile]:
    """Return the files of the extract; empty if all of it is in a database."""
    return list_files(settings.ehr_root, "sources.ehr") if settings.ehr_root else []


EHR_EXTRACT = Stage(
    "ehr_extract",
    decided_by=drawn_with,
    inputs=lambda project: is_written(project.settings) and extract_fingerprint(project.settings),
)


@whole_asset(EHR_EXTRACT, "sources", "csv")
def ehr_extract(context: dg.AssetExecutionContext, project: Project) -> Result:
    """The health-record tables as the hospital extracted them (the demo writes its own)."""
    ensure_synthetic(project.settings, lambda done, total: context.log.info(f"{done} of {total} patients"))

    def build(_: duckdb.DuckDBPyConnection) -> Built:
        counts = {"files": len(extract_files(project.settings))}
        return Built(extract_fingerprint(project.settings), counts)

    return rebuild(project, EHR_EXTRACT, build)
