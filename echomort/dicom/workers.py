"""Clips from many files, each read in a child process with limits of time and memory."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import types
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from echomort.core.isolation import leave_network
from echomort.dicom.clip import Clip, read_clip
from echomort.dicom.header.views import UNKNOWN, check_group
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import Imaging

FILES_A_WORKER = 500
"""Files after which a worker is replaced, so that memory that a decoder leaks is freed. Our choice."""

QUEUED = 2
"""Files handed out a worker (and two more): one is read, one waits, so that no worker idles. Our choice."""


class Job(NamedTuple):
    """A file to read, its view where ``sources.view_table`` names it, and the caller's key for it."""

    path: Path
    view: str | None = None
    key: str = ""


Made = TypeVar("Made")
"""What is made of a file."""

ReadOutcome = tuple[Job, Clip | Rejected]
"""A job with its clip, or the rejection of its file."""


def read_clips(jobs: Iterable[Job], imaging: Imaging, processes: int) -> Generator[ReadOutcome]:
    """Yield each job with its clip or the reason for having none, in the order in which they finish; see
    :func:`make_of_files`. Raises :class:`UserError` where the sizes of views are not known (``imaging.clip.fit`` is
    ``view_size``)."""
    imaging.clip.shape_of(UNKNOWN)
    return make_of_files(jobs, _read, imaging, processes)


def make_of_files(
    jobs: Iterable[Job], make: Callable[[Job, Imaging], Made | Rejected], imaging: Imaging, processes: int
) -> Generator[tuple[Job, Made | Rejected]]:
    """Yield each job with what ``make`` (of a module's top level) made of its file, or the reason for having made
    nothing, in the order in which they finish.

    Every file is read in one of ``processes`` child processes under ``imaging.worker_memory_gib`` of address space
    and ``imaging.file_timeout`` seconds, without network where the system permits it. A file that hangs, exhausts
    memory or kills its process gives a :class:`Rejected` and affects no other file: a file whose process died, and all
    that were being read where a death breaks the whole pool, are read once more, each in a separate process. The
    processes end with the generator: who may stop before its end closes it (:func:`contextlib.closing`), since the
    search for garbage would end them at any time, in any thread.
    """
    waiting = iter(jobs)
    while suspects := (yield from _make_in_pool(waiting, make, imaging, processes)):
        for job in suspects:
            if (yield from _make_in_pool(iter([job]), make, imaging, 1)):
                yield job, Rejected(Reason.WORKER_DIED)


def _make_in_pool(
    waiting: Iterator[Job], make: Callable[[Job, Imaging], Made | Rejected], imaging: Imaging, processes: int
) -> Generator[tuple[Job, Made | Rejected], None, list[Job]]:
    """Yield outcomes until the jobs end or the pool breaks; return the jobs that are left undone, and those whose
    process died, which something else than their file may have killed."""
    pool, running = _start_pool(imaging, processes), dict[ProcessFuture[Made | Rejected], Job]()
    undone: list[Job] = []
    died: list[Job] = []
    try:
        while not undone:
            for job in _take(waiting, QUEUED * processes + 2 - len(running)):
                _read_ahead(job[0])
                running[pool.schedule(make, args=(job, imaging), timeout=imaging.file_timeout)] = job
            if not running:
                pool.close()  # type: ignore[no-untyped-call]
                return died
            finished = wait(running, return_when=FIRST_COMPLETED).done
            for future in [future for future in running if future in finished]:
                job, outcome = running.pop(future), _outcome(future)
                if outcome is None:
                    undone.append(job)
                elif isinstance(outcome, Rejected) and outcome.reason is Reason.WORKER_DIED:
                    died.append(job)
                else:
                    yield job, outcome
        return [*undone, *died, *running.values()]
    finally:
        if pool.active:
            pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class _Worker(ForkServerProcess):
    """A child process that does not load the caller's script, which need not be importable nor guard its main part."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _WorkerContext(ForkServerContext):
    Process = _Worker


def _start_pool(imaging: Imaging, processes: int) -> ProcessPool:
    return ProcessPool(
        max_workers=max(1, processes),
        max_tasks=FILES_A_WORKER,
        initializer=_confine,
        initargs=(int(imaging.worker_memory_gib * (1 << 30)),),
        context=_WorkerContext(),
    )


def _take(waiting: Iterator[Job], count: int) -> Iterator[Job]:
    for _ in range(count):
        job = next(waiting, None)
        if job is None:
            return
        yield job


def _read_ahead(path: Path) -> None:
    """Have the system fetch a queued file, so that no worker waits for the disk."""
    with contextlib.suppress(OSError, AttributeError):  # some systems have no posix_fadvise
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def _confine(limit: int) -> None:
    """Limit the worker's memory to ``limit`` bytes, and take it from the network where the system permits it."""
    leave_network()
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(job: Job, imaging: Imaging) -> Clip | Rejected:
    path, view, *_ = job
    try:
        clip = read_clip(path, imaging.clip, None if view is None else check_group(view), imaging.frame_rates)
    except Rejected as rejected:
        return rejected
    return clip if view is None else replace(clip, view=view, view_source="view_table")


def _outcome(future: ProcessFuture[Made | Rejected]) -> Made | Rejected | None:
    """Return what was made, or the rejection; None where the pool broke, perhaps because of another file."""
    try:
        return future.result()
    except (FutureTimeout, TimeoutError):
        return Rejected(Reason.TIMEOUT)
    except ProcessExpired:
        return Rejected(Reason.WORKER_DIED)
    except BrokenProcessPool:
        return None
    except MemoryError:
        return Rejected(Reason.OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - the process boundary: an error concerns its file alone
        return Rejected(Reason.UNREADABLE, type(error).__name__)
