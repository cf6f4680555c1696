"""Writes the embedded synthetic archive if it is the source."""

import fcntl
import functools
from collections.abc import Callable
from typing import Any

from assets.incremental import CODE
from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.core.fingerprint import digest
from echomort.settings import Settings


@functools.cache
def generator_code() -> str:
    """Return the digest of the code and the libraries that write the embedded archive."""
    reached = CODE.reached([("echomort.synth.archive", None)])
    return digest(dict(reached.parts), dict(reached.libraries))


def embedded_archive(settings: Settings) -> str:
    """Return the digest of the settings and code of the embedded archive; empty for a site's archive."""
    synthetic = settings.sources.synthetic
    return digest(synthetic, generator_code()) if synthetic and not settings.sources.dicom else ""


def drawn_with(settings: Settings) -> dict[str, Any]:
    """Return the settings of the embedded archive by key; empty for a site's archive. Its code counts as other code."""
    return {"sources.synthetic": settings.sources.synthetic} if embedded_archive(settings) else {}


def is_written(settings: Settings) -> bool:
    """Return whether the embedded archive has been written; True for a site's archive, which is checked later."""
    return not embedded_archive(settings) or (settings.home / "archive").exists()


def ensure_synthetic(settings: Settings, progress: Callable[[int, int], None]) -> None:
    """Write the embedded archive if it is the source and does not match the settings; one process at a time."""
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
