"""Child processes that end with their parent, and locks that end with the last process that works below them.

A process that is killed (out of memory, `kill -9`, a closed terminal) can't stop its children. These therefore look
after themselves: a parent starts them with :func:`supervised`, and they call :func:`end_with_parent` first.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from echomort.core.errors import Interruption

PARENT = "ECHOMORT_PARENT"
"""Environment variable with the number of the process that started this one."""

SET_DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of Linux's prctl: the signal that a process gets when its parent ends (linux/prctl.h)."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at the parent, where the system sends no signal. Our choice."""

ENDING_SECONDS = 20.0
"""Most seconds to wait for a process that is ending. Our choice: one that was killed is gone in less than one."""

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a process to end."""

FORK_SAFE_THREADS = {"jemalloc_bg_thd"}
"""Names of threads beside which a process may be forked: that of Arrow's allocator, which is begun anew in the fork."""

_held: list[int] = []


def supervised() -> dict[str, str]:
    """Return this process's environment for a child that calls :func:`end_with_parent`."""
    return {**os.environ, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """End this process, with SIGKILL, when the one that started it has ended; do nothing in a process that was not
    started with :func:`supervised`."""
    if stated := os.environ.pop(PARENT, ""):
        _end_with(int(stated))


def end_forks_with_parent() -> None:
    """Let every process that is forked from this one end, with SIGKILL, when this one has ended.

    A signal to the whole group (`timeout`, a service that is stopped) must not end this one first, whose children would
    be killed while they clean up: it ignores them, and ends when the run that it belongs to does.
    """
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    os.register_at_fork(after_in_child=functools.partial(begin_fork, os.getpid()))


def may_fork() -> bool:
    """Return whether a fork of this process would work: on Linux, while it has no thread but its first.

    A fork has none of the other threads, and what these had locked stays locked for ever.
    """
    folders = Path("/proc/self/task").glob("*")
    others = [name for folder in folders if folder.name != str(os.getpid()) and (name := _thread_name(folder))]
    return sys.platform == "linux" and set(others) <= FORK_SAFE_THREADS


def _thread_name(folder: Path) -> str:
    """Return the name of a thread; empty for one that has ended meanwhile."""
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return ""


def begin_fork(parent: int) -> None:
    """Let this process, forked from ``parent``, take signals as a new one does, and end when ``parent`` has ended."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_DFL)
    _end_with(parent)


def _end_with(parent: int) -> None:
    """End this process when ``parent`` has ended: on Linux the system does it at once, elsewhere a thread does within
    a second. The system sends its signal when the thread ends that started the process: it must live as long."""
    if not _set_death_signal():
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _set_death_signal() -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL) == 0)
    except (OSError, AttributeError):  # a C library without it
        return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def leave_interrupts_to_parent() -> None:
    """Ignore an interrupt from the keyboard, which every process of a terminal gets: the parent ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def folder_lock(folder: Path, seconds: float = ENDING_SECONDS) -> Iterator[None]:
    """Hold the lock of ``folder``, which is made if needed, while the block runs.

    Children that get :func:`inherited_locks` hold it too: it is free once the last of them has ended. Raises
    :class:`Interruption` if another process holds it for so many ``seconds``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + seconds
    while (descriptor := _locked(folder)) is None:
        if time.monotonic() > until:
            raise Interruption(
                f"another process still works on {folder.name}",
                "wait until it ends, or stop it (it trains: see `ps`), and run again",
            )
        time.sleep(0.1)
    _held.append(descriptor)
    try:
        yield
    finally:
        _held.remove(descriptor)
        os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """Return a descriptor of ``folder`` that holds its lock; None where another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    os.close(descriptor)  # its former owner deleted the folder meanwhile
    return None


def inherited_locks() -> tuple[int, ...]:
    """Return the descriptors of the locks that this process holds, for ``pass_fds`` of a child."""
    return tuple(_held)
