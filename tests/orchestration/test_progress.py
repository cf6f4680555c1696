"""What a person sees of a run: a live line on a terminal, plain lines elsewhere."""

import io
import logging
from types import SimpleNamespace

from rich.console import Console

from orchestration.progress import RunProgress


def record(step, message="", event=None):
    """Return a log record as a run makes it."""
    made = logging.LogRecord("run", logging.INFO, "", 0, message, None, None)
    made.dagster_meta = {"step_key": step, "orig_message": message}
    if event:
        kinds = {"is_step_start": False, "is_step_success": False, "is_step_failure": False}
        made.dagster_event = SimpleNamespace(**kinds | {event: True})
    return made


def shown(is_terminal):
    """Return what one step with two messages prints."""
    out = io.StringIO()
    progress = RunProgress(Console(file=out, force_terminal=is_terminal, width=100))
    progress.close()  # as Dagster does while it sets up its own logging
    step = "clips.clips__work[00000]"
    for one in (
        record(step, "before its start"),
        record(step, event="is_step_start"),
        record(step, "200 of 544 files"),
        record(step, "[pipes] external process successfully opened dagster pipes."),
        record(step, event="is_step_failure"),
    ):
        progress.emit(one)
    if progress.live:
        assert not progress.live.live.is_started
    return out.getvalue()


def test_plain_lines_where_there_is_no_terminal():
    lines = shown(False).splitlines()
    assert lines[0] == "  clips: work: 200 of 544 files"
    assert lines[1].startswith("failed clips: work")
    assert len(lines) == 2


def test_a_live_line_on_a_terminal():
    text = shown(True)
    assert "clips: work: 200 of 544 files" in text
    assert "200/544" in text
    assert "pipes" not in text
