"""What a person sees of a run: bars on a terminal, plain lines elsewhere."""

import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from projects import clean_environment
from rich.console import Console

from orchestration.progress import FILE, Display, ProgressFile, shown_progress

SMALL = ("preset=demo", "sources.synthetic.patients=12")
STEP = "clips.clips__work[00001_of_00001_later_00000]"


def record(step, message="", event=None, asset=None, level=logging.INFO):
    """Return a log record as a run makes it."""
    made = logging.LogRecord("run", level, "", 0, message, None, None)
    made.dagster_meta = {"step_key": step, "orig_message": message}
    if event:
        kinds = dict.fromkeys(("is_step_start", "is_step_success", "is_step_failure", "is_step_materialization"), False)
        key = SimpleNamespace(to_user_string=lambda: asset)
        made.dagster_event = SimpleNamespace(**kinds | {event: True}, asset_key=key)
    return made


def shown(tmp_path, monkeypatch, is_terminal, *records):
    """Return what ``records`` print, by way of the file."""
    path, out = tmp_path / "progress", io.StringIO()
    monkeypatch.setenv(FILE, str(path))
    for one in records:
        ProgressFile().emit(one)
    display = Display(Console(file=out, force_terminal=is_terminal, width=100), ["clips", "cohort"])
    for line in path.read_text().splitlines() if path.exists() else ():
        display.show(json.loads(line))
        if display.live:
            display.live.refresh()
    display.close()
    return out.getvalue()


ONE_STEP = (
    record(STEP, "before its start"),
    record(STEP, event="is_step_start"),
    record(STEP, "200 of 544 files"),
    record(STEP, "[pipes] external process successfully opened dagster pipes."),
    record(STEP, "a detail", level=logging.DEBUG),
    record(None, "a message of Dagster's"),
    record(STEP, event="is_step_materialization", asset="clips"),
    record(STEP, event="is_step_failure"),
)


def test_plain_lines_where_there_is_no_terminal(tmp_path, monkeypatch):
    lines = shown(tmp_path, monkeypatch, False, *ONE_STEP).splitlines()
    assert lines[0] == "  clips: work: 200 of 544 files"
    assert lines[1].startswith("failed clips: work")
    assert len(lines) == 2


def test_batches_of_one_stage_have_a_number_each_and_are_timed_apart(tmp_path, monkeypatch):
    first, second = (f"clips.clips__work[0000{number}_of_00002_later_00000]" for number in (1, 2))
    events = [record(step, event="is_step_start") for step in (first, second)]
    events += [record(first, event="is_step_failure"), record(second, "7 of 9 files")]
    lines = shown(tmp_path, monkeypatch, False, *events).splitlines()
    assert lines[0].startswith("failed clips: work 1 of 2 ")
    assert lines[1:] == ["  clips: work 2 of 2: 7 of 9 files"]


def test_bars_on_a_terminal(tmp_path, monkeypatch):
    text = shown(tmp_path, monkeypatch, True, *ONE_STEP)
    assert "clips: work: 200 of 544 files" in text
    assert "200/544" in text
    assert "1/2" in text
    assert "pipes" not in text


def test_what_the_run_waits_for_is_said(tmp_path, monkeypatch):
    waits = record(None, "waits for pool warehouse, which another run holds")
    assert shown(tmp_path, monkeypatch, False, waits) == "  waits for pool warehouse, which another run holds\n"


def test_without_a_command_that_shows_it_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.delenv(FILE, raising=False)
    ProgressFile().emit(record(STEP, event="is_step_start"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_file", [True, False])
def test_it_is_shown_where_standard_error_was_at_the_start(tmp_path, monkeypatch, is_file):
    """Dagster redirects the file while a step runs; a program that carries out the command collects text."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # as Jupyter does; what it reads is no terminal
    with (tmp_path / "said").open("w+") as file, (tmp_path / "log").open("w") as log:
        stream = file if is_file else io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        (tmp_path / "progress.jsonl").write_text("left by a run that was killed")
        with shown_progress(["clips"], tmp_path):
            if is_file:
                os.dup2(log.fileno(), file.fileno())
            ProgressFile().emit(record(STEP, event="is_step_start"))
            ProgressFile().emit(record(STEP, "200 of 544 files"))
        said = (tmp_path / "said").read_text() if is_file else stream.getvalue()
    assert said == "  clips: work: 200 of 544 files\n"
    assert (tmp_path / "log").read_text() == ""
    assert not (tmp_path / "progress.jsonl").exists()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_a_person_at_a_terminal_sees_the_running_step(tmp_path: Path, executor: str) -> None:
    """A real run on a real terminal: Dagster redirects standard error while a step runs."""
    assignments = [part for one in (*SMALL, f"execution.executor={executor}") for part in ("--set", one)]
    command = [sys.executable, "-P", "-m", "orchestration.cli", "run", "--home", "home", *assignments]
    environment = clean_environment() | {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", "COLUMNS": "80"}
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                seen.append(part)
        except OSError:  # Linux says so when the other end is closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        [*command, "--select", "+dicom_index"],
        check=False,
        cwd=tmp_path,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    reader.join(timeout=30)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(seen).decode())
    assert done.returncode == 0, text[-2000:]
    assert re.search(r"dicom archive: \d+ of 12 patients", text), "the count of a step while it runs"
    totals = {int(total) for total in re.findall(r"assets +\S* *\d+/(\d+)", text)}
    assert len(totals) == 1 and totals.pop() > 1, "the bar of the run"
    assert re.search(r"assets +\S* *[1-9]/", text), "assets are counted while the run goes on"
