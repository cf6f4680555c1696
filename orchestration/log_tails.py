"""The processes that copy the output of Dagster's steps to the terminal, and Ctrl-C.

A terminal sends SIGINT to every process that it runs. These two ended by it, one with a traceback, while the run itself
still ends its step and says what happened. Dagster ends them with SIGTERM after the step.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from dagster._core.execution import compute_logs


@contextlib.contextmanager
def undisturbed_tails() -> Iterator[None]:
    """Let the processes that are started in the block to copy output not receive SIGINT."""
    before = compute_logs.execute_posix_tail
    setattr(compute_logs, "execute_posix_tail", _without_interrupts(before))  # noqa: B010  mypy refuses a plain one
    try:
        yield
    finally:
        setattr(compute_logs, "execute_posix_tail", before)  # noqa: B010


def _without_interrupts(tail: Callable[..., Any]) -> Callable[..., Any]:
    @contextlib.contextmanager
    def undisturbed(*arguments: Any) -> Iterator[Any]:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits it
        with contextlib.ExitStack() as running:
            try:
                processes = running.enter_context(tail(*arguments))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            yield processes

    return undisturbed
