"""Training of models in parallel: a pool of processes, one a core or GPU."""

import json
import multiprocessing
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from echomort.core.child import raise_record
from echomort.core.errors import HomeError, Interruption, UserError
from echomort.core.supervision import inherited_locks, may_fork, supervised
from echomort.models.cross_fit import left_out_words
from echomort.training.device import count_gpus
from echomort.training.task import Job, Progress

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of a process on a CPU. Two processes of one thread train 1.7 times as fast as one of two threads, and
floating-point sums do not depend on the machine."""


@dataclass(frozen=True)
class Ended:
    """A model is trained; or it can't be, for the reason ``error``."""

    job: Job
    error: UserError | None = None


Event: TypeAlias = Progress | Ended


class Pool:
    """Processes that train models.

    A process that does nothing but train forks them (``forks``) once it has imported their libraries: each would else
    spend two seconds of processor time on these. They are started anew where a GPU trains, which a fork can't use after
    its parent, and where this process has threads.
    """

    def __init__(self, processes: int, forks: bool = False) -> None:
        """Let there be ``processes`` (0: one a GPU, or one a processor core). To fork them, call it before anything is
        read, which starts threads."""
        self._gpus = count_gpus()
        self._count = processes or self._gpus or len(os.sched_getaffinity(0))
        forked = _forks(self._count) if forks and not self._gpus else []
        self._workers = [_Worker("cpu", fork) for fork in forked]

    def start(self, at_most: int) -> None:
        """Let there be as many processes as there is work for, at most ``at_most``. Those that are started now import
        libraries while the clips are still being read."""
        count = min(self._count, at_most)
        for worker in self._workers[count:]:
            worker.stop()
        del self._workers[count:]
        for index in range(len(self._workers), count):
            self._workers.append(_Worker(f"cuda:{index % self._gpus}" if self._gpus else "cpu"))

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    @property
    def device(self) -> str:
        """The first process's device; all are of one kind."""
        return self._workers[0].device

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Train ``jobs``; yield what happens. After the first model of a task that can't be trained, the others of that
        task are given up, and those of other tasks go on. Raises an error that all would meet."""
        waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        events: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        given_up: set[Path] = set()
        for job in jobs:
            waiting.put(job)
        for worker in self._workers:
            threading.Thread(target=worker.serve, args=(waiting, events, given_up), daemon=True).start()
        for _ in self._workers:
            while (event := events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event


def _forks(count: int) -> "list[_Fork]":
    """Return ``count`` processes forked from this one, which imports what they use; none where it may not be forked."""
    if not may_fork():
        return []
    from echomort.training.worker import serve_fork

    return [_Fork(serve_fork) for _ in range(count)] if may_fork() else []


class _Fork:
    """A process forked from this one, with as much of :class:`subprocess.Popen` as is used here."""

    def __init__(self, work: Callable[[int, int, int], None]) -> None:
        jobs, own_jobs = os.pipe()
        own_channel, channel = os.pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=work, args=(os.getpid(), jobs, channel), daemon=True
        )
        self._process.start()
        os.close(jobs)
        os.close(channel)
        self.stdin, self.stdout = os.fdopen(own_jobs, "w", encoding="utf-8"), os.fdopen(own_channel, encoding="utf-8")

    def poll(self) -> int | None:
        """Return the status of a process that has ended."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Return the status of the process when it has ended."""
        self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()


class _Worker:
    def __init__(self, device: str, fork: _Fork | None = None) -> None:
        self.device = device
        self._lock, self._is_stopped = threading.Lock(), False
        self.process: _Fork | subprocess.Popen[str] = fork or self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "echomort.training.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**supervised(), **(ONE_THREAD if self.device == "cpu" else {})},
            pass_fds=inherited_locks(),
        )

    def serve(self, waiting: queue.SimpleQueue[Job], events: queue.SimpleQueue[Any], given_up: set[Path]) -> None:
        """Pass jobs to the process until none is left; then put None, or an error that all would meet, into
        ``events``."""
        try:
            while not self._is_stopped:
                job = waiting.get_nowait()
                if job.folder not in given_up:
                    self._train(job, events, given_up)
        except queue.Empty:
            events.put(None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread that waits must hear of it
            events.put(error)

    def _train(self, job: Job, events: queue.SimpleQueue[Any], given_up: set[Path]) -> None:
        try:
            for progress in self._progress(job):
                if job.folder in given_up:  # another model of the task can't be trained
                    self._kill()
                    return
                events.put(progress)
        except HomeError:
            raise
        except UserError as error:
            given_up.add(job.folder)
            events.put(Ended(job, error))
        else:
            events.put(Ended(job))

    def _progress(self, job: Job) -> Iterator[Progress]:
        """Yield the progress of ``job`` until it is done. Raises its error."""
        self._restart()
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        with suppress(BrokenPipeError):  # the process has ended: reported below
            stdin.write(job.model_copy(update={"device": self.device}).model_dump_json() + "\n")
            stdin.flush()
        for line in stdout:
            if not line.endswith("\n"):
                break  # the process ended while it wrote
            message = json.loads(line)
            if "done" in message:
                return
            raise_record(message)
            progress = message["progress"]
            yield Progress(**{**progress, "left_out": tuple(progress["left_out"])})
        raise Interruption(
            f"the process that trained {job.task.view} (left out: {left_out_words(job.left_out)}) ended early "
            f"(status {self.process.wait()})",
            "see its last lines in the log; if it was killed for memory, lower training.fold_processes; then run "
            "again, finished models and epochs are kept",
        )

    def _restart(self) -> None:
        """Start the process again if it has ended."""
        with self._lock:
            if self.process.poll() is not None and not self._is_stopped:
                self._close()
                self.process = self._start()

    def stop(self) -> None:
        """Kill the process, for good."""
        with self._lock:
            self._is_stopped = True
            self._kill()
            self._close()

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()
