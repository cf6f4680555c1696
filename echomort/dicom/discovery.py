"""The files of an archive folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from echomort.core.errors import UserError


def discover(root: Path) -> list[str]:
    """Return the regular files under ``root`` as sorted relative paths.

    Hidden files and folders are skipped; a link is followed only to a file inside ``root``, never to a folder (no
    loops). Raises :class:`UserError` where ``root`` is not a folder or a folder can't be read.
    """
    base = Path(root)
    if not base.is_dir():
        raise UserError(f"the folder of echo files does not exist ({base})", "correct sources.dicom")
    real = base.resolve()
    start = len(str(real).rstrip("/")) + 1
    return sorted(path[start:] for path in _files(str(real), real))


def _files(folder: str, root: Path) -> Iterator[str]:
    """Yield the files of ``folder`` by ``os.scandir``, which gives each entry's kind without a further system call."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise UserError("a folder under the echo files can't be read", "give read permission to it") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, root)
        elif entry.is_file(follow_symlinks=False) or (entry.is_symlink() and _points_inside(entry.path, root)):
            yield entry.path


def _points_inside(link: str, root: Path) -> bool:
    target = Path(os.path.realpath(link))
    return target.is_file() and target.is_relative_to(root)
