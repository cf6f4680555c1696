"""A local copy of an archive in object storage, updated object by object."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import atomic_path, resolve_under
from echomort.core.listing import SourceFile
from echomort.sources.retry import Patience, patiently

STREAMS = 8
"""Objects fetched at the same time: the network limits, not the processor."""

VERSIONS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation", "VersionId")
"""Keys by which fsspec's drivers give an object's version."""
TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""Keys by which they give its time of change."""


@dataclass(frozen=True)
class Remote:
    """An object: its file in the mirror (path, size, and a time of change that stands for its version) and its key."""

    file: SourceFile
    key: str


@dataclass(frozen=True)
class Mirrored:
    """How many objects were fetched, removed, and up to date already."""

    fetched: int
    removed: int
    kept: int


def list_remote(url: str, setting: str, patience: Patience | None = None) -> list[Remote]:
    """Return the objects under ``url``, sorted by path; no object is opened, hidden ones are left out.

    The time of change of each is made from its version (ETag, checksum or generation, else its time), so that an
    object changed in place has another. Raises :class:`UserError` naming ``setting`` where there is nothing, the
    server can't be reached, or the driver for this kind of storage is not installed.
    """
    filesystem, root = _open(url, setting)
    unreachable = UserError(f"the storage named by {setting} can't be reached", "check the network and the credentials")

    def find() -> dict[str, dict[str, Any]]:
        filesystem.invalidate_cache()
        try:
            return dict(filesystem.find(root, detail=True))
        except FileNotFoundError:
            return {}
        except PermissionError:
            raise _refused(setting) from None

    entries = patiently(find, _may_pass, unreachable, patience or Patience())
    prefix = f"{root.rstrip('/')}/" if root else ""  # the top of an archive file has no name
    remote = [_remote(key, _path(key, prefix), info) for key, info in entries.items() if key.startswith(prefix)]
    folders = {str(parent) for each in remote for parent in PurePosixPath(each.file.path).parents}
    listed = sorted((each for each in remote if _is_file(each.file.path, folders)), key=lambda each: each.file)
    if len({each.file.path for each in listed}) < len(listed):
        raise UserError("the names of two objects differ only in their slashes", "rename one in the storage")
    if not listed:
        raise UserError(
            f"the storage named by {setting} holds no object at that address", f"correct {setting}, or fill it"
        )
    return listed


def mirror(  # noqa: PLR0913
    url: str,
    folder: Path,
    setting: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    patience: Patience | None = None,
    *,
    leave_out: Callable[[str], bool] = lambda path: False,
) -> Mirrored:
    """Make ``folder`` a copy of the objects under ``url``: fetch new and changed ones, remove those no longer there.

    An object whose path ``leave_out`` names is not fetched, and removed if it is there.

    Each object appears complete under its name or not at all; after an interrupted run only the rest is fetched.
    """
    patience = patience or Patience()
    listed = [each for each in list_remote(url, setting, patience) if not leave_out(each.file.path)]
    filesystem, _ = _open(url, setting)
    stale = [each for each in listed if not is_current(folder, each.file)]
    giving_up = UserError(
        f"objects of {setting} can't be fetched", "check the network and run again: it continues where it stopped"
    )

    def fetch(each: Remote) -> None:
        patiently(lambda: _fetch(filesystem, each, folder, setting), _may_pass, giving_up, patience)

    with ThreadPoolExecutor(STREAMS) as threads:
        try:
            for done, _ in enumerate(threads.map(fetch, stale), start=1):
                progress(done, len(stale))
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return Mirrored(len(stale), _remove_others(folder, {each.file.path for each in listed}), len(listed) - len(stale))


def is_current(folder: Path, file: SourceFile) -> bool:
    """Return whether the mirror has this version of the object."""
    try:
        state = (folder / file.path).lstat()
    except (OSError, ValueError):
        return False
    return (state.st_size, state.st_mtime_ns) == (file.bytes, file.modified_ns)


def _open(url: str, setting: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise UserError(f"the driver for the storage named by {setting} is not installed", str(error)) from None
    except ValueError:
        raise UserError(
            f"{setting} names a kind of storage that is not known", "see fsspec's list of protocols"
        ) from None
    return filesystem, root


def _path(key: str, prefix: str) -> str:
    """Return the path of a key: without empty folder names, with its last slash, which marks a folder."""
    inside = key.removeprefix(prefix)
    return "/".join(filter(None, inside.split("/"))) + ("/" if inside.endswith("/") else "")


def _remote(key: str, path: str, info: dict[str, Any]) -> Remote:
    size = int(info.get("size") or 0)
    return Remote(SourceFile(path, size, _stamp(info, size)), key)


def _stamp(info: dict[str, Any], size: int) -> int:
    """Return nanoseconds that stand for the object's version: whole seconds from its time, the rest from a digest."""
    version = [str(info[name]) for name in (*VERSIONS, *TIMES) if info.get(name) is not None]
    rest = int.from_bytes(hashlib.sha256("\x00".join([str(size), *version]).encode()).digest()[:8], "big")
    return _seconds(info) * 10**9 + rest % 10**9


def _seconds(info: dict[str, Any]) -> int:
    for value in (info.get(name) for name in TIMES):
        if isinstance(value, datetime):
            return max(0, int(value.timestamp()))
        if isinstance(value, (int, float)):
            return max(0, int(value))
    return 0


def _is_file(path: str, folders: set[str]) -> bool:
    """Return whether the object is a file: not hidden, and not the empty object that marks a folder."""
    hidden = any(part.startswith(".") and part != ".." for part in path.split("/"))
    return not hidden and not path.endswith("/") and path not in folders and path != ""


def _fetch(filesystem: Any, remote: Remote, folder: Path, setting: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(_target(folder, remote.file.path)) as temporary:
        _download(filesystem, remote.key, temporary, setting)
        if temporary.stat().st_size != remote.file.bytes:
            raise ConnectionError("the object came shorter or longer than it was listed")
        os.utime(temporary, ns=(remote.file.modified_ns, remote.file.modified_ns))


def _target(folder: Path, path: str) -> Path:
    """Return the object's path in the mirror. Raises :class:`UserError`, which is not tried again, for a bad name."""
    unfit = UserError("an object's name can't be the name of a file", "rename it in the storage")
    if "\0" in path:
        raise unfit
    try:
        target = resolve_under(folder, path)
        target.exists()
    except ValueError:
        raise UserError("an object's name leaves the folder of the archive", "rename it in the storage") from None
    except OSError:
        raise unfit from None
    return target


def _download(filesystem: Any, key: str, target: Path, setting: str) -> None:
    """Download an object. A driver quotes its name, perhaps a patient's, in errors: no message is passed on."""
    try:
        filesystem.get_file(key, str(target))
    except FileNotFoundError:
        raise UserError(f"an object of {setting} was removed before it was fetched", "run again") from None
    except PermissionError:
        raise _refused(setting) from None


def _refused(setting: str) -> UserError:
    return UserError(f"the storage named by {setting} refuses access", "check the credentials in the environment")


def _remove_others(folder: Path, wanted: set[str]) -> int:
    others = [path for path in _files(folder) if path.relative_to(folder).as_posix() not in wanted]
    for path in others:
        path.unlink()
    return len(others)


def _files(folder: Path) -> Sequence[Path]:
    return [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]


def _may_pass(error: Exception) -> bool:
    """Return whether to try again: any error of a driver, but none that a person must act on."""
    return not isinstance(error, UserError)
