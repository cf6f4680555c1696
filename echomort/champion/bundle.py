"""The bundle: one candidate of a registry as one file, to validate it at another site.

A zip archive with the candidate's manifest and the files that it lists, each with its SHA-256; the candidate's id, in
the manifest's path, begins the SHA-256 of the manifest. It holds models and aggregates: no row, key or date of a
patient.
"""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from echomort.champion.store import (
    MANIFEST,
    SAFE_NAME,
    candidate_folder,
    pointer_to,
    read_files,
    read_manifest,
)
from echomort.core.errors import UserError
from echomort.core.files import atomic_path

LARGEST = 4 << 30
"""Bytes (4 GiB) that a bundle may unpack to. Chosen here: 21 views of five small networks and trees take under 100 MB.
"""
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The time of every file inside, the earliest that a zip archive can hold: equal candidates give equal bytes."""
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What the library raises for a damaged archive: also where a flipped bit asks for a password or an unknown method."""
NO_BUNDLE = "is not a bundle"
WRITE_ONE = "write one with `echomort champion export FILE`"
COPY_AGAIN = "copy it again from where it was written"


def write_bundle(root: Path, candidate: str, file: Path) -> None:
    """Write ``candidate`` of the registry ``root`` into the new ``file``, atomically; every file is verified first.
    Raises :class:`UserError`."""
    if file.exists():
        raise UserError(f"{file} exists already", "name a new file, or remove it first")
    if not (file.absolute().parent.is_dir() and os.access(file.absolute().parent, os.W_OK)):
        raise UserError(f"{file} can't be written", "name a file in a folder that exists and that you may write to")
    manifest = read_manifest(root, pointer_to(root, candidate))
    folder = candidate_folder(root, candidate)
    contents = {MANIFEST: (folder / MANIFEST).read_bytes()} | read_files(folder, manifest)
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in contents.items():
            archive.writestr(_entry(f"{candidate}/{name}"), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, FIRST_DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def unpack_bundle(file: Path, root: Path) -> str:
    """Unpack the bundle ``file`` into the registry ``root`` and return the candidate's id.

    Raises :class:`UserError` for a file that is not a bundle, or that is not as it was written: a name that is not
    safe, a part that is missing, unknown or damaged, or more bytes than :data:`LARGEST`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            candidate, names = _names(file, archive)
            folder = candidate_folder(root, candidate)
            for name in names:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(f"{candidate}/{name}"))
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{file} does not exist, or is a folder", "name the file of a bundle") from None
    except DAMAGED as error:
        if zipfile.is_zipfile(file):
            raise UserError(f"{file} is damaged", COPY_AGAIN) from error
        raise UserError(f"{file} {NO_BUNDLE}", WRITE_ONE) from error
    return _verified(file, root, candidate, names)


def _names(file: Path, archive: zipfile.ZipFile) -> tuple[str, list[str]]:
    """Return the candidate's id and the paths of its files, all of them safe and of a bearable size."""
    entries = archive.infolist()
    paths = [PurePosixPath(entry.filename) for entry in entries]
    roots = {path.parts[0] for path in paths if len(path.parts) > 1}
    flat = any(len(path.parts) < 2 for path in paths)
    if len(roots) != 1 or flat or f"{(candidate := roots.pop())}/{MANIFEST}" not in archive.namelist():
        raise UserError(f"{file} {NO_BUNDLE}", WRITE_ONE)
    if not all(_is_safe(part) for path in paths for part in path.parts):
        raise UserError(f"{file} names a file outside of itself", "do not use it; ask its sender for another")
    if sum(entry.file_size for entry in entries) > LARGEST:
        raise UserError(f"{file} unpacks to more than {LARGEST >> 30} GiB", "do not use it; ask its sender for another")
    return candidate, [str(path.relative_to(candidate)) for path in paths]


def _is_safe(part: str) -> bool:
    return SAFE_NAME.fullmatch(part) is not None and not part.startswith(".")


def _verified(file: Path, root: Path, candidate: str, names: list[str]) -> str:
    try:
        manifest = read_manifest(root, pointer_to(root, candidate))
        read_files(candidate_folder(root, candidate), manifest)
    except UserError as error:
        raise UserError(f"{file} is damaged: {error.problem}", COPY_AGAIN) from None
    if set(names) != {MANIFEST, *manifest["files"]}:
        raise UserError(f"{file} holds a file that its manifest does not list", COPY_AGAIN)
    return candidate
