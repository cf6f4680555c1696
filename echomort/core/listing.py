"""The files of a source folder; none is opened."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from echomort.core.errors import UserError


@dataclass(frozen=True, order=True, slots=True)
class SourceFile:
    """A regular file under a root: POSIX path relative to it, size in bytes, time of change in nanoseconds."""

    path: str
    bytes: int
    modified_ns: int

    @property
    def folder(self) -> str:
        """The relative path of the folder that holds the file."""
        return self.path.rpartition("/")[0]

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Name, size and time of change; where they differ the file is read again."""
        return self.path.rpartition("/")[2], self.bytes, self.modified_ns


_BY_PATH = attrgetter("path")
"""The order of a listing: no two files have the same path, and names alone are compared much faster than files."""


def list_files(root: Path, setting: str) -> list[SourceFile]:
    """Return the regular files at any depth under ``root``, sorted; hidden ones and links out of it are left out.

    Raises :class:`UserError` naming ``setting`` where the folder is missing or holds no file.
    """
    if not root.is_dir():
        raise UserError(f"the folder named by {setting} does not exist ({root})", f"correct {setting}")
    files = sorted(_walk(root.resolve(), ""), key=_BY_PATH)
    if not files:
        raise UserError(
            f"the folder named by {setting} holds no file ({root})", f"correct {setting}, or fill the folder"
        )
    return files


def _walk(root: Path, relative: str, deep: bool = True) -> Iterator[SourceFile]:
    with os.scandir(root / relative) as entries:
        for entry in entries:
            path = f"{relative}/{entry.name}" if relative else entry.name
            if entry.name.startswith(".") or (entry.is_symlink() and not _stays_inside(root, entry)):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path) if deep else ()
            elif entry.is_file():
                state = entry.stat()
                yield SourceFile(path, state.st_size, state.st_mtime_ns)


def _stays_inside(root: Path, entry: os.DirEntry[str]) -> bool:
    return Path(entry.path).resolve().is_relative_to(root)


def files_in(root: Path, folder: str) -> list[SourceFile]:
    """Return the regular files directly in ``folder`` (relative to ``root``), sorted; none where there is no folder."""
    if not (root / folder).is_dir():
        return []
    return sorted(_walk(root.resolve(), folder, deep=False), key=_BY_PATH)
