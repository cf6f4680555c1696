"""The echo files, fingerprinted without opening them."""

import fcntl
from collections.abc import Callable

import dagster as dg
import duckdb

from assets.incremental import Built, Result, Stage, rebuild, whole_asset
from assets.project import Project
from assets.sources.embedded import drawn_with, ensure_synthetic, is_written
from echomort.core.exclusion import read_exclusion, without_erased
from echomort.core.files import remove_leftovers
from echomort.core.fingerprint import digest
from echomort.core.listing import SourceFile, list_files
from echomort.settings import Settings
from echomort.sources.mirror import is_current, list_remote, mirror
from warehouse import vault


def archive_fingerprint(settings: Settings) -> str:
    """Return the digest of path, size and time of change of every echo file; no file is opened."""
    return _listed(archive_files(settings))


def archive_files(settings: Settings) -> list[SourceFile]:
    """Return the echo files; for object storage, as the mirror will hold them."""
    if isinstance(settings.sources.dicom, str):
        return [remote.file for remote in list_remote(settings.sources.dicom, "sources.dicom")]
    return list_files(settings.dicom_root, "sources.dicom")


def _listed(files: list[SourceFile]) -> str:
    return digest(files)


def _archive_to_read(project: Project) -> str:
    """Return the archive's fingerprint, which differs while the mirror of object storage is not complete; files of
    erased patients are no part of it."""
    settings = project.settings
    files = without_erased(archive_files(settings), project.root, project.keyring)
    is_remote = isinstance(settings.sources.dicom, str)
    behind = is_remote and not all(is_current(settings.dicom_root, file) for file in files)
    return digest(_listed(files), "behind") if behind else _listed(files)


def ensure_mirrored(project: Project, progress: Callable[[int, int], None]) -> None:
    """Update the mirror if the archive is in object storage, without erased patients; one process at a time."""
    settings, erased = project.settings, read_exclusion(project.root).instances
    if not isinstance(settings.sources.dicom, str):
        return
    settings.dicom_root.parent.mkdir(parents=True, exist_ok=True)
    with (settings.dicom_root.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers(settings.dicom_root)
        mirror(
            settings.sources.dicom,
            settings.dicom_root,
            "sources.dicom",
            progress,
            leave_out=lambda path: project.keyring.pseudonym("instance", path) in erased,
        )


DICOM_ARCHIVE = Stage(
    "dicom_archive",
    decided_by=drawn_with,
    inputs=lambda project: is_written(project.settings) and _archive_to_read(project),
)


@whole_asset(DICOM_ARCHIVE, "sources", "dicom")
def dicom_archive(context: dg.AssetExecutionContext, project: Project) -> Result:
    """The echo files as the scanner or the archive wrote them (the demo writes its own)."""
    ensure_synthetic(project.settings, lambda done, total: context.log.info(f"{done} of {total} patients"))
    ensure_mirrored(project, lambda done, total: _log_progress(context, done, total))

    def build(_: duckdb.DuckDBPyConnection) -> Built:
        listed = list_files(project.settings.dicom_root, "sources.dicom")
        files = without_erased(listed, project.root, project.keyring)
        counts = {"files": len(files), "megabytes": round(sum(file.bytes for file in files) / 1e6)}
        counts |= {"files of erased patients, left out": len(listed) - len(files)} if len(files) < len(listed) else {}
        folders = {file.folder for file in files}
        vault.remember(project.vault, "folder", {project.keyring.pseudonym("folder", name): name for name in folders})
        return Built(_listed(files), counts, beside=(str(project.vault.relative_to(project.root)),))

    return rebuild(project, DICOM_ARCHIVE, build)


def _log_progress(context: dg.AssetExecutionContext, done: int, total: int, every: int = 500) -> None:
    if done % every == 0 or done == total:
        context.log.info(f"{done} of {total} objects fetched")
