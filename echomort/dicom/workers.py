"""Clips from many files, each read in a child process that may take its time, its memory and its life."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from echomort.dicom.clip import Clip, read_clip
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.views import check_group
from echomort.settings import ClipSettings, Imaging

FILES_A_WORKER = 500
"""A worker is replaced after so many files: whatever a decoder leaks goes with it."""


class Job(NamedTuple):
    """A file to read, its view where a table made elsewhere knows it, and the caller's own key for it."""

    path: Path
    view: str | None = None
    key: str = ""


def read_clips(jobs: Iterable[Job], imaging: Imaging, processes: int) -> Iterator[tuple[Job, Clip | Rejected]]:
    """Yield each job with its clip or the reason for having none, in the order in which they finish.

    Every file is read in one of ``processes`` child processes under ``imaging.worker_memory_gib`` of address space
    and ``imaging.file_timeout`` seconds. A file that hangs, exhausts memory or kills its process becomes a
    :class:`Rejected` of its own and costs no other file anything.
    """
    limit = int(imaging.worker_memory_gib * (1 << 30))
    waiting = iter(jobs)
    running: dict[ProcessFuture[Clip | Rejected], Job] = {}
    with ProcessPool(
        max_workers=max(1, processes),
        max_tasks=FILES_A_WORKER,
        initializer=_limit_memory,
        initargs=(limit,),
        context=multiprocessing.get_context("forkserver"),
    ) as pool:
        while True:
            for job in _some(waiting, 2 * processes + 2 - len(running)):
                future = pool.schedule(_read, args=(job, imaging.clip), timeout=imaging.file_timeout)
                running[future] = job
            if not running:
                return
            finished = wait(running, return_when=FIRST_COMPLETED).done
            for future in [future for future in running if future in finished]:
                yield running.pop(future), _outcome(future)


def _some(waiting: Iterator[Job], count: int) -> Iterator[Job]:
    for _ in range(count):
        job = next(waiting, None)
        if job is None:
            return
        yield job


def _limit_memory(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(job: Job, settings: ClipSettings) -> Clip | Rejected:
    try:
        clip = read_clip(job.path, settings)
    except Rejected as rejected:
        return rejected
    return clip if job.view is None else replace(clip, view=check_group(job.view), view_source="view_table")


def _outcome(future: ProcessFuture[Clip | Rejected]) -> Clip | Rejected:
    try:
        return future.result()
    except (FutureTimeout, TimeoutError):
        return Rejected(Reason.TIMEOUT)
    except ProcessExpired:
        return Rejected(Reason.WORKER_DIED)
    except MemoryError:
        return Rejected(Reason.OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - the process boundary: what broke one file stays with it
        return Rejected(Reason.UNREADABLE, type(error).__name__)
