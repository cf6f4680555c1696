"""Training of models in parallel: a pool of processes, one a core or GPU."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from echomort.core.child import raise_record
from echomort.core.errors import Interruption, UserError
from echomort.core.supervision import inherited_locks, supervised
from echomort.models.cross_fit import left_out_words
from echomort.training.device import count_gpus
from echomort.training.task import Job, Progress

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of a process on a CPU. Two processes of one thread train 1.7 times as fast as one of two threads, and
floating-point sums do not depend on the machine."""


class Pool:
    """Processes that train models. They start at once and import libraries while the clips are still being read."""

    def __init__(self, processes: int, at_most: int) -> None:
        """Start ``processes`` (0: one a GPU, or one a processor core), at most ``at_most``."""
        gpus = count_gpus()
        count = min(processes or gpus or len(os.sched_getaffinity(0)), at_most)
        self._workers = [_Worker(f"cuda:{index % gpus}" if gpus else "cpu") for index in range(count)]

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    @property
    def device(self) -> str:
        """The first process's device; all are of one kind."""
        return self._workers[0].device

    def run(self, jobs: Sequence[Job], report: Callable[[Progress], None]) -> None:
        """Train ``jobs`` and call ``report`` after every epoch, in the calling thread. Raises the first error."""
        waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        events: queue.SimpleQueue[Progress | Exception | None] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        for worker in self._workers:
            threading.Thread(target=worker.serve, args=(waiting, events), daemon=True).start()
        for _ in self._workers:
            while (event := events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                report(event)


class _Worker:
    def __init__(self, device: str) -> None:
        self.device = device
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "echomort.training.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**supervised(), **(ONE_THREAD if device == "cpu" else {})},
            pass_fds=inherited_locks(),
        )

    def serve(self, waiting: queue.SimpleQueue[Job], events: queue.SimpleQueue[Any]) -> None:
        """Pass jobs to the process until none is left; then put None, or an error, into ``events``."""
        try:
            while True:
                self._train(waiting.get_nowait(), events)
        except queue.Empty:
            events.put(None)
        except (UserError, OSError) as error:
            events.put(error)

    def _train(self, job: Job, events: queue.SimpleQueue[Any]) -> None:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        with suppress(BrokenPipeError):  # the process has ended: reported below
            stdin.write(job.model_copy(update={"device": self.device}).model_dump_json() + "\n")
            stdin.flush()
        for line in stdout:
            message = json.loads(line)
            if "done" in message:
                return
            raise_record(message)
            progress = message["progress"]
            events.put(Progress(**{**progress, "left_out": tuple(progress["left_out"])}))
        raise Interruption(
            f"the process that trained {job.task.view} (left out: {left_out_words(job.left_out)}) ended early "
            f"(status {self.process.wait()})",
            "see its last lines above; if it was killed for memory, lower training.fold_processes; then run again, "
            "finished models are kept",
        )

    def stop(self) -> None:
        """Kill the process."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()
        self.process.wait()
