"""Clips from many files, each read in a child process that may take its time, its memory and its life."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import types
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from echomort.dicom.clip import Clip, read_clip
from echomort.dicom.header.views import check_group
from echomort.dicom.reasons import Reason, Rejected
from echomort.settings import ClipSettings, Imaging

FILES_A_WORKER = 500
"""A worker is replaced after so many files: whatever a decoder leaks goes with it."""


class Job(NamedTuple):
    """A file to read, its view where a table made elsewhere knows it, and the caller's own key for it."""

    path: Path
    view: str | None = None
    key: str = ""


Read = tuple[Job, Clip | Rejected]


def read_clips(jobs: Iterable[Job], imaging: Imaging, processes: int) -> Iterator[Read]:
    """Yield each job with its clip or the reason for having none, in the order in which they finish.

    Every file is read in one of ``processes`` child processes under ``imaging.worker_memory_gib`` of address space
    and ``imaging.file_timeout`` seconds. A file that hangs, exhausts memory or kills its process becomes a
    :class:`Rejected` of its own and costs no other file anything: should a death ever break the whole pool, the files
    that were being read are read once more, each in a process of its own.
    """
    waiting = iter(jobs)
    while suspects := (yield from _in_one_pool(waiting, imaging, processes)):
        for job in suspects:
            if (yield from _in_one_pool(iter([job]), imaging, 1)):
                yield job, Rejected(Reason.WORKER_DIED)


def _in_one_pool(waiting: Iterator[Job], imaging: Imaging, processes: int) -> Generator[Read, None, list[Job]]:
    """Yield outcomes until the jobs end, or the pool breaks: return the jobs that it leaves undone."""
    pool, running = _start(imaging, processes), dict[ProcessFuture[Clip | Rejected], Job]()
    undone: list[Job] = []
    try:
        while not undone:
            for job in _some(waiting, 2 * processes + 2 - len(running)):
                _read_ahead(job[0])
                running[pool.schedule(_read, args=(job, imaging.clip), timeout=imaging.file_timeout)] = job
            if not running:
                pool.close()
                return []
            finished = wait(running, return_when=FIRST_COMPLETED).done
            for future in [future for future in running if future in finished]:
                job, outcome = running.pop(future), _outcome(future)
                if outcome is None:
                    undone.append(job)
                else:
                    yield job, outcome
        return [*undone, *running.values()]
    finally:
        if pool.active:
            pool.stop()
        pool.join()


class _Reader(ForkServerProcess):
    """A child that does not load the caller's own script: it need not be importable, nor guard its main part."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)  # type: ignore[attr-defined]
        finally:
            sys.modules["__main__"] = main


class _Readers(ForkServerContext):
    Process = _Reader


def _start(imaging: Imaging, processes: int) -> ProcessPool:
    return ProcessPool(
        max_workers=max(1, processes),
        max_tasks=FILES_A_WORKER,
        initializer=_limit_memory,
        initargs=(int(imaging.worker_memory_gib * (1 << 30)),),
        context=_Readers(),
    )


def _some(waiting: Iterator[Job], count: int) -> Iterator[Job]:
    for _ in range(count):
        job = next(waiting, None)
        if job is None:
            return
        yield job


def _read_ahead(path: Path) -> None:
    """Have the system fetch a file that waits for its turn, so that no worker waits for the disk."""
    with contextlib.suppress(OSError, AttributeError):  # some systems have no posix_fadvise
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def _limit_memory(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(job: Job, settings: ClipSettings) -> Clip | Rejected:
    path, view, *_ = job
    try:
        clip = read_clip(path, settings)
    except Rejected as rejected:
        return rejected
    return clip if view is None else replace(clip, view=check_group(view), view_source="view_table")


def _outcome(future: ProcessFuture[Clip | Rejected]) -> Clip | Rejected | None:
    """The clip or the reason; None where the pool broke and this file may be innocent."""
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
    except Exception as error:  # noqa: BLE001 - the process boundary: what broke one file stays with it
        return Rejected(Reason.UNREADABLE, type(error).__name__)
