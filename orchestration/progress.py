"""Progress of a run: on a terminal a live line for each step, elsewhere plain lines."""

import logging
import re
import time
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

COUNTED = re.compile(r"(\d+) of (\d+)")
"""A message that counts: done of total."""

WAITS = re.compile("waits for pool ")
"""A message of the run itself, and of no step (:func:`orchestration.run_locks.waits_for`)."""

QUIET_SECONDS = 5
"""Least seconds between two plain progress lines. Our choice: logs stay short."""


class RunProgress(logging.Handler):
    """Shows the events of a run as progress. The messages are our own counts and hold no identifier."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self.console = console
        self.started: dict[str, float] = {}
        self.last_line = 0.0
        self.live = self._live_bar() if console.is_terminal else None
        self.tasks: dict[str, Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record of the run."""
        meta = getattr(record, "dagster_meta", {})
        step = (meta.get("step_key") or "").partition("[")[0].rpartition(".")[2]
        event = getattr(record, "dagster_event", None)
        if event is None:
            message = meta.get("orig_message", "")
            if not step and WAITS.match(message):
                self.console.print(f"  {message}", highlight=False, markup=False)
            elif step in self.started and record.levelno == logging.INFO and not message.startswith("[pipes]"):
                self._message(step, message)
        elif event.is_step_start:
            self._begin(step)
        elif event.is_step_success:
            self._end(step, "done")
        elif event.is_step_failure:
            self._end(step, "failed")

    def close(self) -> None:
        """Stop the live display."""
        if self.live:
            self.live.stop()
        super().close()

    def _live_bar(self) -> Progress:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
        return Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True)

    def _begin(self, step: str) -> None:
        self.started[step] = time.monotonic()
        if self.live and step not in self.tasks:
            self.live.start()  # only now: Dagster closes every handler once while it sets up its own logging
            self.tasks[step] = self.live.add_task(_step_title(step), total=None)

    def _message(self, step: str, message: str) -> None:
        counted = COUNTED.search(message)
        if self.live and step in self.tasks:
            self.live.update(self.tasks[step], description=f"{_step_title(step)}: {message}")
            if counted:
                self.live.update(self.tasks[step], completed=int(counted[1]), total=int(counted[2]))
            self.live.refresh()
        elif not counted or time.monotonic() - self.last_line > QUIET_SECONDS or counted[1] == counted[2]:
            self.last_line = time.monotonic()
            self.console.print(f"  {_step_title(step)}: {message}", highlight=False, markup=False)

    def _end(self, step: str, state: str) -> None:
        if self.live and step in self.tasks:
            self.live.remove_task(self.tasks.pop(step))
            if not self.tasks:
                self.live.stop()
        seconds = time.monotonic() - self.started.pop(step, time.monotonic())
        if seconds >= 1 or state == "failed":
            self.console.print(f"{state:>6} {_step_title(step):<32} {seconds:6.1f} s", highlight=False, markup=False)


def _step_title(step: str) -> str:
    return step.replace("__", ": ").replace("_", " ")


@dg.logger({}, description="Progress for a person, in place of the event log.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger whose one handler is :class:`RunProgress`."""
    log = logging.Logger("echomort.progress", logging.DEBUG)
    log.addHandler(RunProgress(Console(stderr=True)))
    return log
