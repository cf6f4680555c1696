"""The inputs, fingerprinted: what lies in the archive and in the health-record extract."""

import fcntl
import functools
from collections.abc import Callable

import dagster as dg
import duckdb

from assets.incremental import CODE, Built, Stage, rebuild, whole_asset
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.files import remove_leftovers, write_text
from echomort.core.fingerprint import digest, digest_file
from echomort.core.listing import SourceFile, list_files
from echomort.settings import Settings
from echomort.sources.mirror import is_current, list_remote, mirror
from warehouse.adapters.extract import database_digest


def archive_fingerprint(settings: Settings) -> str:
    """Return the digest of every echo file's path, size and time of change: no file is opened."""
    return _listed(archive_files(settings))


def archive_files(settings: Settings) -> list[SourceFile]:
    """Return the echo files that there are; in object storage, as its mirror will hold them."""
    if isinstance(settings.sources.dicom, str):
        return [remote.file for remote in list_remote(settings.sources.dicom, "sources.dicom")]
    return list_files(settings.dicom_root, "sources.dicom")


def _listed(files: list[SourceFile]) -> str:
    return digest([(file.path, file.bytes, file.modified_ns) for file in files])


def _archive_to_read(settings: Settings) -> str:
    """Return the archive's fingerprint; another one while the mirror of object storage is behind."""
    files = archive_files(settings)
    is_remote = isinstance(settings.sources.dicom, str)
    behind = is_remote and not all(is_current(settings.dicom_root, file) for file in files)
    return digest(_listed(files), "behind") if behind else _listed(files)


def ensure_mirrored(settings: Settings, progress: Callable[[int, int], None]) -> None:
    """Bring the mirror up to date where the archive lies in object storage; one process at a time."""
    if not isinstance(settings.sources.dicom, str):
        return
    settings.dicom_root.parent.mkdir(parents=True, exist_ok=True)
    with (settings.dicom_root.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers(settings.dicom_root)
        mirror(settings.sources.dicom, settings.dicom_root, "sources.dicom", progress)


def extract_fingerprint(settings: Settings) -> str:
    """Return the digest of the extract's content: of its files, and of what the adapter reads of a database."""
    files = extract_files(settings)
    content = [(file.path, digest_file(settings.ehr_root / file.path)) for file in files if settings.ehr_root]
    database = settings.sources.postgresql
    return digest(content, database_digest(database, settings.sources.adapter)) if database else digest(content)


def extract_files(settings: Settings) -> list[SourceFile]:
    """Return the files of the extract; none where all of it lies in a database."""
    return list_files(settings.ehr_root, "sources.ehr") if settings.ehr_root else []


@functools.cache
def generator_code() -> str:
    """Return the digest of the code and the libraries that write the embedded archive."""
    reached = CODE.reached([("echomort.synth.archive", None)])
    return digest(dict(reached.parts), dict(reached.libraries))


def embedded_archive(settings: Settings) -> str:
    """Return the digest of what the embedded archive is drawn from; empty where the archive is one's own."""
    synthetic = settings.sources.synthetic
    return digest(synthetic, generator_code()) if synthetic and not settings.sources.dicom else ""


def _written(settings: Settings) -> bool:
    """Return whether the archive lies there; one's own always counts, so that a missing one is told."""
    return not embedded_archive(settings) or (settings.home / "archive").exists()


def ensure_synthetic(settings: Settings, progress: Callable[[int, int], None]) -> None:
    """Write the embedded archive where it is the source and is not as the settings ask; one writer at a time."""
    if settings.sources.synthetic is None or not embedded_archive(settings):
        return
    from echomort.synth.archive import write_archive

    synthetic, archive, stamp = settings.sources.synthetic, settings.home / "archive", settings.home / "archive.stamp"
    wanted = embedded_archive(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / ".archive.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if archive.exists() and not stamp.exists():
            raise UserError(
                f"{archive} is not an archive that echomort wrote", "move it away, or name it as sources.dicom"
            )
        if not archive.exists() or stamp.read_text() != wanted:
            write_text(stamp, "being written")
            write_archive(archive, synthetic, settings.execution.cores, progress)
            write_text(stamp, wanted)


DICOM_ARCHIVE = Stage(
    "dicom_archive",
    decided_by=lambda settings: {"sources.synthetic": embedded_archive(settings)},
    inputs=lambda project: _written(project.settings) and _archive_to_read(project.settings),
)
EHR_EXTRACT = Stage(
    "ehr_extract",
    decided_by=lambda settings: {"sources.synthetic": embedded_archive(settings)},
    inputs=lambda project: _written(project.settings) and extract_fingerprint(project.settings),
)


@whole_asset(DICOM_ARCHIVE, "sources", "dicom")
def dicom_archive(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult:
    """The echo files as the scanner or the archive wrote them (the demo writes its own)."""
    ensure_synthetic(project.settings, lambda done, total: context.log.info(f"{done} of {total} patients"))
    ensure_mirrored(project.settings, lambda done, total: _told(context, done, total))

    def build(_: duckdb.DuckDBPyConnection) -> Built:
        files = list_files(project.settings.dicom_root, "sources.dicom")
        counts = {"files": len(files), "megabytes": round(sum(file.bytes for file in files) / 1e6)}
        return Built(_listed(files), counts)

    return rebuild(project, DICOM_ARCHIVE, build)


def _told(context: dg.AssetExecutionContext, done: int, total: int, every: int = 500) -> None:
    if done % every == 0 or done == total:
        context.log.info(f"{done} of {total} objects fetched")


@whole_asset(EHR_EXTRACT, "sources", "csv")
def ehr_extract(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult:
    """The health-record tables as the hospital extracted them (the demo writes its own)."""
    ensure_synthetic(project.settings, lambda done, total: context.log.info(f"{done} of {total} patients"))

    def build(_: duckdb.DuckDBPyConnection) -> Built:
        counts = {"files": len(extract_files(project.settings))}
        return Built(extract_fingerprint(project.settings), counts)

    return rebuild(project, EHR_EXTRACT, build)
