"""A process that trains models: it reads jobs and writes progress, each as JSON lines.

It trains one model after another, so that libraries are imported once. When its parent process ends, it ends too.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Iterable
from typing import IO, Any

from echomort.core.child import as_record
from echomort.core.errors import Interruption, UserError
from echomort.core.supervision import begin_fork, end_with_parent, leave_interrupts_to_parent
from echomort.models.cross_fit import left_out_words
from echomort.training.model import train_model
from echomort.training.task import Job, Progress

STDOUT, STDERR = 1, 2
"""Descriptors of a process's output and of its errors, whatever Python's own files are."""


def main() -> None:
    """Train the models named on standard input until it ends."""
    end_with_parent()
    leave_interrupts_to_parent()
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with the JSON lines
    serve_all(sys.stdin, channel)


def serve_fork(parent: int, jobs: int, channel: int) -> None:
    """Train, in a process forked from ``parent``, the models named on descriptor ``jobs`` until it ends."""
    begin_fork(parent)
    leave_interrupts_to_parent()
    os.dup2(STDERR, STDOUT)  # output of libraries goes where that of a process started anew does
    with open(jobs, encoding="utf-8") as lines, open(channel, "w", encoding="utf-8") as said:
        serve_all(lines, said)


def serve_all(jobs: Iterable[str], channel: IO[str]) -> None:
    """Train the models of ``jobs``, lines of JSON; end the process when nobody listens on ``channel`` any more."""
    try:
        for line in jobs:
            serve(Job.model_validate_json(line), channel)
    except BrokenPipeError:
        os._exit(1)


def serve(job: Job, channel: IO[str]) -> None:
    """Train one model, speaking on ``channel``."""

    def report(progress: Progress) -> None:
        _say(channel, progress=dataclasses.asdict(progress))

    if job.device == "cpu":
        import torch

        torch.set_num_threads(1)
    try:
        train_model(job, report)
    except UserError as error:
        _say(channel, **as_record(error))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _say(channel, **as_record(_out_of_memory(job)))
    else:
        _say(channel, done=True)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether ``error``, of Python, NumPy or torch, says that the memory of the processor or GPU is full."""
    words = "out of memory", "can't allocate memory", "not enough memory"  # torch's on a GPU and on two systems
    return isinstance(error, MemoryError) or any(one in str(error) for one in words)


def _out_of_memory(job: Job) -> Interruption:
    where = "processor's" if job.device == "cpu" else "GPU's"
    return Interruption(
        f"the {where} memory was full while {job.task.view} (left out: {left_out_words(job.left_out)}) was trained",
        "lower training.batch or training.fold_processes, and run again",
    )


def _say(channel: IO[str], **message: Any) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


if __name__ == "__main__":
    main()
