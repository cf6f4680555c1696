"""The files of an archive folder."""

from __future__ import annotations

from pathlib import Path

from echomort.core.errors import UserError
from echomort.core.listing import files_in


def discover(root: Path) -> list[str]:
    """Return the regular files under ``root`` as sorted relative paths.

    Hidden files and folders are skipped; a link is followed only to a file inside ``root``, never to a folder (no
    loops). Raises :class:`UserError` where ``root`` is not a folder or a folder can't be read.
    """
    if not Path(root).is_dir():
        raise UserError(f"the folder of echo files does not exist ({root})", "correct sources.dicom")
    return [file.path for file in files_in(Path(root), deep=True)]
