"""The files of an archive folder."""

from __future__ import annotations

import os
from pathlib import Path

from echomort.errors import UserError


def discover(root: Path) -> list[str]:
    """Return the regular files under ``root`` as sorted relative paths.

    Hidden files and folders are skipped; a link is followed only to a file inside ``root``, never to a folder (no
    loops). Raises :class:`UserError` where ``root`` is no folder that can be read.
    """
    base = Path(root)
    if not base.is_dir():
        raise UserError(f"the folder of echo files does not exist ({base})", "correct sources.dicom")
    real = base.resolve()
    found: list[str] = []
    for folder, folders, files in os.walk(real, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(folder, name) for name in files if not name.startswith("."))
        found += (path.relative_to(real).as_posix() for path in paths if _belongs(path, real))
    return sorted(found)


def _belongs(path: Path, root: Path) -> bool:
    if not path.is_symlink():
        return path.is_file()
    target = path.resolve()
    return target.is_file() and target.is_relative_to(root)


def _refuse(error: OSError) -> None:
    raise UserError("a folder under the echo files can't be read", "give read permission to it") from error
