"""The digests of files and of all files below a folder."""

from collections.abc import Iterable
from pathlib import Path

from echomort.core.fingerprint import digest_file


def file_digests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return path below ``root`` -> SHA-256 of every file of ``paths``, and below those that are folders; a path where
    nothing is has none."""
    files = [file for path in paths for file in _files(root / path)]
    return {file.relative_to(root).as_posix(): digest_file(file) for file in files}


def _files(path: Path) -> list[Path]:
    return sorted(file for file in (path, *path.rglob("*")) if file.is_file())
