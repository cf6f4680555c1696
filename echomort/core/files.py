"""Writing files so that they are either complete or absent."""

import contextlib
import errno
import fcntl
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from echomort.core.errors import DiskError, UserError

IN_USE = "in_use.lock"
"""The file of a scratch folder that its process holds locked."""


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, where they are missing. Raises :class:`UserError` if a file is in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        taken = (place for place in (folder, *folder.parents) if place.exists() and not place.is_dir())
        place = next(taken, folder)  # a link to nothing is in the way too
        raise UserError(f"{place} is a file, and no folder", "name another place") from None
    except OSError as error:
        raise disk_error(error) from error


@contextlib.contextmanager
def atomic_path(target: Path, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that is renamed to it only if the block ends without an error.

    The content is flushed to disk before the rename, so that after a crash ``target`` holds either its former
    content or the new one, never a part. A ``private`` file can be read by its owner alone (mode 0600), at every
    moment. A full disk, and a file where a folder should be, become a :class:`UserError`.
    """
    make_folder(target.parent)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".tmp_", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        os.chmod(temporary, 0o600 if private else 0o666 & ~_umask())
        os.replace(temporary, target)
        _flush(target.parent)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces ``target`` only if the block ends without an error."""
    make_folder(target.parent)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".tmp_"))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        if target.exists():
            outgoing = Path(tempfile.mkdtemp(dir=target.parent, prefix=".tmp_")) / "outgoing"
            os.replace(target, outgoing)
            os.replace(temporary, target)
            shutil.rmtree(outgoing.parent)
        else:
            os.replace(temporary, target)
        _flush(target.parent)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write ``content`` to ``target`` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write UTF-8 ``content`` to ``target`` atomically."""
    write_bytes(target, content.encode())


def read_secret(path: Path, what: str, setting: str, how: str = "create it") -> bytes:
    """Return the content of the file named by ``setting``; ``what`` names it in messages, ``how`` says how it is made.

    Raises :class:`UserError` where it is missing, or where others than its owner can read it.
    """
    if not path.is_file():
        raise UserError(f"{what} named by {setting} does not exist ({path})", f"{how}, or correct the path")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"others can read {what} ({path})", f"run `chmod 600 {path}`")
    return path.read_bytes()


def disk_error(error: OSError) -> Exception:
    """Return ``error`` as a :class:`DiskError` where a person can act on it (space, permission, a failing disk)."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskError(NO_SPACE, "free some space and run again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return DiskError(NO_PERMISSION, "make the folder writable and run again")
    if error.errno == errno.EIO:
        return DiskError(FAILING, "see whether it is full or failing, and run again")
    return error


STORAGE_WORDS = {
    "No space left": errno.ENOSPC,
    "disk is full": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
    "Permission denied": errno.EACCES,
    "disk I/O error": errno.EIO,
    "Input/output error": errno.EIO,
}
"""What the system and SQLite (in which Dagster keeps its events) say of a disk that can't be written."""


def storage_error_in(text: str) -> UserError | None:
    """Return the :class:`UserError` of a disk that can't be written where ``text`` speaks of one, else None.

    >>> print(storage_error_in("(sqlite3.OperationalError) database or disk is full"))
    no space left on the disk that holds the project's home: free some space and run again
    """
    for words, number in STORAGE_WORDS.items():
        if words in text:
            known = disk_error(OSError(number, words))
            return known if isinstance(known, UserError) else None
    return None


def storage_error(error: BaseException) -> UserError | None:
    """Return the :class:`UserError` of a disk that can't be written where it caused ``error``, else None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError) and cause.filename and not os.access(cause.filename, os.R_OK):
            return DiskError(f"{cause.filename} can't be read", "give yourself permission to read it")
        if isinstance(cause, OSError | sqlite3.Error) and (known := storage_error_in(str(cause))):
            return known
        cause = cause.__cause__ or cause.__context__
    return None


NO_SPACE = "no space left on the disk that holds the project's home"
NO_PERMISSION = "no permission to write to the project's home"
FAILING = "the disk that holds the project's home can't be read or written"


def resolve_under(root: Path, relative: str) -> Path:
    """Return ``root / relative`` if it is under ``root`` once links are followed, else raise :class:`ValueError`."""
    base = root.resolve()
    path = (base / relative).resolve()
    if not path.is_relative_to(base):
        raise ValueError("the path leaves its root")
    return path


def remove_leftovers(folder: Path) -> int:
    """Delete the temporary files of a killed run under ``folder`` (``.tmp_*``); return how many."""
    count = 0
    for place, folders, files in os.walk(folder):
        for name in filter(_is_temporary, files):
            Path(place, name).unlink(missing_ok=True)
            count += 1
        for name in filter(_is_temporary, folders):
            shutil.rmtree(Path(place, name), ignore_errors=True)
            count += 1
        folders[:] = [name for name in folders if not _is_temporary(name)]
    return count


@contextlib.contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """Yield a temporary folder in ``home``, for a child process; a lock in it says that it is in use.

    It goes with the block. That of a killed process goes with :func:`remove_scratch`.
    """
    with tempfile.TemporaryDirectory(dir=home, prefix=".tmp_") as name, Path(name, IN_USE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def remove_scratch(home: Path) -> None:
    """Delete the folders of :func:`scratch_folder` in ``home`` whose process is gone."""
    for lock in home.glob(f".tmp_*/{IN_USE}"):
        with contextlib.suppress(OSError), lock.open("r+") as held:  # one in use, or just deleted
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


def _is_temporary(name: str) -> bool:
    return name.startswith(".tmp_")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def closed_to_others() -> Iterator[None]:
    """Let no file that the block or its child processes write be open to other users, whatever the umask; what the
    group may do is left to the umask."""
    before = _umask()
    os.umask(before | 0o007)
    try:
        yield
    finally:
        os.umask(before)


def _umask() -> int:
    current = os.umask(0o077)  # for a moment stricter, never looser, for other threads
    os.umask(current)
    return current
