"""Progress of a run: on a terminal a bar for the run and one for each step, elsewhere plain lines.

While a step runs, Dagster sends this process's standard error to a file, and with several processes the steps are not
even in this one. So whatever process a step is in adds what happens to a file (:class:`ProgressFile`), and the command
that started the run reads it and shows it on the standard error that it had at its start (:func:`shown_progress`).
"""

import contextlib
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

import dagster as dg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from assets.incremental.units import batch_of
from orchestration.lines import whole_lines

FILE = "ECHOMORT_PROGRESS"
"""The environment variable that names the file, for the processes of the run."""

COUNTED = re.compile(r"(\d+) of (\d+)")
"""A message that counts: done of total."""

WAITS = re.compile("waits for pool ")
"""A message of the run itself, and of no step (:func:`orchestration.run_locks.waits_for`)."""

QUIET_SECONDS = 5
"""Least seconds between two plain progress lines. Our choice: logs stay short."""

LOOK_SECONDS = 0.1
"""Seconds between two looks at the file. Our choice: a person sees no delay."""


class ProgressFile(logging.Handler):
    """Adds the events of a run to the file that :data:`FILE` names; does nothing where there is none. The messages are
    our own counts and hold no identifier."""

    def emit(self, record: logging.LogRecord) -> None:
        """Add one record of the run, if a person is to see it."""
        path, happened = os.environ.get(FILE), _happened(record)
        if path and happened:
            with contextlib.suppress(OSError), open(path, "ab", buffering=0) as file:  # one write: lines stay whole
                file.write(json.dumps(happened).encode() + b"\n")


def _happened(record: logging.LogRecord) -> dict[str, str] | None:
    """Return what ``record`` says: that a step began, ended or made an asset, or its message."""
    meta = getattr(record, "dagster_meta", {})
    step = (meta.get("step_key") or "").rpartition(".")[2]
    event = getattr(record, "dagster_event", None)
    if event is None:
        message = meta.get("orig_message", "")
        if record.levelno != logging.INFO or message.startswith("[pipes]"):
            return None
        return {"what": "message", "step": step, "text": message} if step or WAITS.match(message) else None
    if event.is_step_materialization:
        return {"what": "asset", "step": step, "text": event.asset_key.to_user_string()}
    for what in ("start", "success", "failure"):
        if getattr(event, f"is_step_{what}"):
            return {"what": what, "step": step, "text": ""}
    return None


class Display:
    """Shows what happens in a run that makes ``assets``."""

    def __init__(self, console: Console, assets: Collection[str]) -> None:
        self.console, self.left, self.count = console, set(assets), len(assets)
        self.started: dict[str, float] = {}
        self.last_line = 0.0
        self.tasks: dict[str, Any] = {}
        self.live = _bars(console) if console.is_terminal and not console.is_dumb_terminal else None
        if self.live:
            self.live.start()
            self.run = self.live.add_task("assets", total=self.count, has_end=False)

    def show(self, happened: dict[str, str]) -> None:
        """Show one event, as :func:`_happened` returns it."""
        step, text = happened["step"], happened["text"]
        match happened["what"]:
            case "start":
                self._begin(step)
            case "success":
                self._end(step, "done")
            case "failure":
                self._end(step, "failed")
            case "asset":
                self._made(text)
            case "message" if not step:
                self._say(f"  {text}")
            case "message" if step in self.started:
                self._message(step, text)

    def close(self) -> None:
        """Remove the bars."""
        if self.live:
            self.live.stop()

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False)

    def _begin(self, step: str) -> None:
        self.started[step] = time.monotonic()
        if self.live and step not in self.tasks:
            self.tasks[step] = self.live.add_task(_step_title(step), total=None, has_end=True)

    def _made(self, asset: str) -> None:
        self.left.discard(asset)
        if self.live:
            self.live.update(self.run, completed=self.count - len(self.left))

    def _message(self, step: str, message: str) -> None:
        counted = COUNTED.search(message)
        if self.live and step in self.tasks:
            self.live.update(self.tasks[step], description=f"{_step_title(step)}: {message}")
            if counted:
                self.live.update(self.tasks[step], completed=int(counted[1]), total=int(counted[2]))
        elif not counted or time.monotonic() - self.last_line > QUIET_SECONDS or counted[1] == counted[2]:
            self.last_line = time.monotonic()
            self._say(f"  {_step_title(step)}: {message}")

    def _end(self, step: str, state: str) -> None:
        if self.live and step in self.tasks:
            self.live.remove_task(self.tasks.pop(step))
        seconds = time.monotonic() - self.started.pop(step, time.monotonic())
        if seconds >= 1 or state == "failed":
            self._say(f"{state:>6} {_step_title(step):<32} {seconds:6.1f} s")


class _TimeLeft(TimeRemainingColumn):
    """The time left of a step. That of a run can't be said: its assets differ too much."""

    def render(self, task: Task) -> Text:
        """Return the time left, nothing for the run."""
        return super().render(task) if task.fields["has_end"] else Text("")


def _bars(console: Console) -> Progress:
    description = TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
    counts = BarColumn(bar_width=16), MofNCompleteColumn(), TimeElapsedColumn(), _TimeLeft()
    return Progress(SpinnerColumn(), description, *counts, console=console, transient=True, expand=True)


def _step_title(step: str) -> str:
    """Return the name of ``step`` in words, with the number of its batch where there are several."""
    name, _, batch = step.rstrip("]").partition("[")
    title = name.replace("__", ": ").replace("_", " ")
    if not batch:
        return title
    number, count, _ = batch_of(batch)
    return f"{title} {number} of {count}" if count > 1 else title


@contextlib.contextmanager
def shown_progress(assets: Collection[str], folder: Path) -> Iterator[None]:
    """Show what happens in the run of the block, which makes ``assets``, on the standard error of now.

    Its steps write to a file in ``folder``, of which one run at a time makes use: what a killed one left goes.
    """
    path = folder.resolve() / "progress.jsonl"
    path.write_bytes(b"")
    with _standard_error() as error:
        os.environ[FILE] = str(path)
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(path, error, assets, over), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            del os.environ[FILE]
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _standard_error() -> Iterator[TextIO]:
    """Yield the standard error of now, whatever its file is redirected to in the block."""
    try:
        number = os.dup(sys.stderr.fileno())
    except OSError:  # it is no file: someone collects what this process writes
        yield sys.stderr
        return
    with open(number, "w", encoding="utf-8", errors="replace") as kept:
        yield kept


def _watch(path: Path, error: TextIO, assets: Collection[str], over: threading.Event) -> None:
    """Show what is added to the file ``path`` until the run is ``over``; a terminal that is gone ends it."""
    with contextlib.suppress(OSError):
        # A notebook sets FORCE_COLOR, which rich takes for a terminal: each move of a bar would be a line there.
        display = Display(Console(file=error, force_terminal=error.isatty()), assets)
        try:
            for line in whole_lines(path, over, LOOK_SECONDS):
                display.show(json.loads(line))
        finally:
            display.close()


@dg.logger({}, description="Progress for a person, in place of the event log.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger whose one handler is :class:`ProgressFile`."""
    log = logging.Logger("echomort.progress", logging.DEBUG)
    log.addHandler(ProgressFile())
    return log
