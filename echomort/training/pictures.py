"""The pictures that networks are trained on, read from the clip store itself: nothing is copied.

An index in the folder of a training says where in which file each picture lies. It is made once, while every picture is
compared with the digest that it was written with; a training that goes on uses it again while no file has changed.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from safetensors import SafetensorError

from echomort.clips.store import Place, find_clips
from echomort.core.errors import HomeError, UserError
from echomort.core.files import atomic_path, resolve_under
from echomort.core.fingerprint import digest

ABSENT = -1
"""The number of the file of a sample that has no picture."""


class StoredPictures:
    """Pictures uint8 (n, frames, height, width), with a last edge 3 if coloured: row i is at byte ``offset[i]`` of
    ``files[file[i]]``, and zeros where ``file[i]`` is :data:`ABSENT`."""

    def __init__(self, files: Sequence[str], file: np.ndarray, offset: np.ndarray, stored: tuple[int, ...]) -> None:
        self.files, self.file, self.offset, self.stored = files, file, offset, stored

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all pictures together."""
        return (len(self.file), *self.stored)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the pictures of ``rows`` (k,), uint8 (k, ...)."""
        pictures = np.empty((len(rows), *self.stored), np.uint8)
        for row, picture in zip(rows, pictures, strict=True):
            if self.file[row] == ABSENT:
                picture[:] = 0
            else:
                _fill(picture, self.files[self.file[row]], int(self.offset[row]))
        return pictures


def _fill(picture: np.ndarray, file: str, offset: int) -> None:
    try:
        handle = os.open(file, os.O_RDONLY)
        try:
            read = os.preadv(handle, [picture.data], offset)
        finally:
            os.close(handle)
    except FileNotFoundError:
        read = 0
    if read != picture.nbytes:
        raise HomeError(f"a file of the clip store changed while models were trained ({Path(file).name})", "run again")


def index_file(folder: Path, position: int) -> Path:
    """Return the file in ``folder`` with the index of the branch at ``position``."""
    return folder / f"pictures_{position}.npz"


def read_index(file: Path) -> StoredPictures:
    """Return the pictures that the index ``file`` (:func:`write_index`) finds."""
    with np.load(file) as index:
        stored = tuple(int(edge) for edge in index["stored"])
        return StoredPictures(index["files"].tolist(), index["numbers"], index["offsets"], stored)


def write_index(file: Path, clips: Path, paths: Sequence[Any], keys: Sequence[Any], stored: tuple[int, ...]) -> str:
    """Write the index of the pictures ``keys`` (n,) in the files ``paths`` (n,) below ``clips``, None where there is
    none, to ``file``; return the digest of their pixels. An index of the same pictures in unchanged files is kept.

    Raises :class:`HomeError` where a picture is missing or damaged, or is not uint8 of the shape ``stored``.
    """
    keys_in: dict[str, list[str]] = {}
    for path, key in zip(paths, keys, strict=True):
        if key is not None:
            keys_in.setdefault(str(path), []).append(str(key))
    files = {path: _resolved(clips, path) for path in keys_in}
    wanted = digest([str(clips), list(map(str, paths)), list(map(str, keys)), stored, _states(files)])
    if (known := _known_content(file, wanted)) is not None:
        return known
    places = _places(files, keys_in, stored)
    number = {path: position for position, path in enumerate(files)}
    there = [key is not None for key in keys]
    rows = list(zip(there, map(str, paths), map(str, keys), strict=True))
    content = digest([places[path][key].digest for is_there, path, key in rows if is_there])
    with atomic_path(file) as temporary:
        np.savez(
            temporary,
            files=np.array([str(path) for path in files.values()], dtype=str),
            numbers=np.array([number[path] if is_there else ABSENT for is_there, path, _ in rows], np.int64),
            offsets=np.array([places[path][key].offset if is_there else 0 for is_there, path, key in rows], np.int64),
            stored=np.array(stored, np.int64),
            wanted=np.array(wanted),
            content=np.array(content),
        )
    return content


def _resolved(clips: Path, path: str) -> Path:
    try:
        return resolve_under(clips, path)
    except ValueError:
        raise _missing() from None


def _states(files: Mapping[str, Path]) -> list[tuple[int, int]]:
    """Return size and time of the last change of each file: a file that is written again has another time."""
    try:
        return [(state.st_size, state.st_mtime_ns) for state in (path.stat() for path in files.values())]
    except OSError:
        raise _missing() from None


def _known_content(file: Path, wanted: str) -> str | None:
    try:
        with np.load(file) as index:
            parts = {name: index[name] for name in index.files}  # all of them, so that damage is seen
        return str(parts["content"]) if str(parts["wanted"]) == wanted else None
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None


def _places(
    files: Mapping[str, Path], keys_in: Mapping[str, list[str]], stored: tuple[int, ...]
) -> dict[str, dict[str, Place]]:
    """Return path -> key -> where the picture lies, all compared with their digests, on as many threads as there are
    cores."""

    def find(path: str) -> dict[str, Place]:
        try:
            places = find_clips(files[path], keys_in[path])
        except (ValueError, SafetensorError):
            raise _missing() from None
        for place in places.values():
            _check(place, stored)
        return places

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(files, pool.map(find, files), strict=True))


def _missing() -> HomeError:
    return HomeError("the clip store lacks a clip of the table of training clips", "run `echomort run --select clips`")


def _check(place: Place, stored: tuple[int, ...]) -> None:
    if place.shape != stored or place.dtype != "uint8":
        raise UserError(
            f"a stored clip is {'x'.join(map(str, place.shape))} {place.dtype}, not {'x'.join(map(str, stored))} uint8",
            "run `echomort run --select clips` with the present settings",
        )
