"""The files of a source folder; none is opened."""

import contextlib
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from echomort.core.errors import UserError
from echomort.core.once import once


class SourceFile(NamedTuple):
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


_BY_PATH = itemgetter(0)
"""The order of a listing: no two files have the same path, and names alone are compared much faster than files."""


def list_files(root: Path, setting: str) -> list[SourceFile]:
    """Return the regular files at any depth under ``root``, sorted; hidden ones and links out of it are left out.

    Within :func:`~echomort.core.once.reading_once` a folder is listed once. Raises :class:`UserError` naming
    ``setting`` where the folder is missing or holds no file.
    """
    return once(("files", root), lambda: _listed(root, setting))


def _listed(root: Path, setting: str) -> list[SourceFile]:
    _require_folder(root, setting)
    if not (files := sorted(_walk(root.resolve()), key=_BY_PATH)):
        raise _no_file(root, setting)
    return files


def require_files(root: Path, setting: str) -> None:
    """Raise what :func:`list_files` raises; only the first file is looked for."""
    _require_folder(root, setting)
    if next(_walk(root.resolve()), None) is None:
        raise _no_file(root, setting)


def _require_folder(root: Path, setting: str) -> None:
    if not root.is_dir():
        raise UserError(f"the folder named by {setting} does not exist ({root})", f"correct {setting}")


def _no_file(root: Path, setting: str) -> UserError:
    return UserError(f"the folder named by {setting} holds no file ({root})", f"correct {setting}, or fill the folder")


def _walk(root: Path, folder: str = "", deep: bool = True) -> Iterator[SourceFile]:
    """Yield the files below ``folder`` (relative to ``root``, which is resolved), in no order; a file or folder that
    goes meanwhile is left out. Raises :class:`UserError` for a folder that can't be read."""
    top, folders = f"{root}/", [folder]
    while folders:
        inside = folders.pop()
        before = f"{inside}/" if inside else ""
        for entry in _entries(top + inside):
            name = entry.name
            if name.startswith(".") or (entry.is_symlink() and not _leads_to_file_inside(root, entry)):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders += [before + name] if deep else []
            elif entry.is_file():
                with contextlib.suppress(FileNotFoundError):
                    state = entry.stat()
                    yield SourceFile(before + name, state.st_size, state.st_mtime_ns)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []  # it went meanwhile
    except OSError as error:
        raise UserError("a folder of the source files can't be read", "give read permission to it") from error


def _leads_to_file_inside(root: Path, link: os.DirEntry[str]) -> bool:
    target = os.path.realpath(link.path)  # of links in a circle it is one of them, and no file
    return Path(target).is_relative_to(root) and os.path.isfile(target)


def files_in(root: Path, folder: str = "", deep: bool = False) -> list[SourceFile]:
    """Return the regular files directly in ``folder`` (relative to ``root``), or at any depth, sorted; none where there
    is no folder."""
    if not (root / folder).is_dir():
        return []
    return sorted(_walk(root.resolve(), folder, deep), key=_BY_PATH)
