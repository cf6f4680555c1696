"""A signal, a full disk and a disk that can't be written are one line with the remedy, wherever they meet a command."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import Home

from echomort.core.errors import Interruption
from echomort.core.files import FAILING, storage_error, storage_error_in
from orchestration.cli import projects
from orchestration.runs import ended_by_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put back the handlers of this process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_in_one_line(number: signal.Signals) -> None:
    with pytest.raises(Interruption, match="interrupted: run again: it goes on"), ended_by_signals():
        os.kill(os.getpid(), number)
        threading.Event().wait(5)


def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


FULL, CLOSED = "no space left on the disk", "no permission to write"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), FULL),
        (OSError(122, "Disk quota exceeded"), FULL),
        (PermissionError(13, "Permission denied"), CLOSED),
        (OSError(30, "Read-only file system"), CLOSED),
        (sqlite3.OperationalError("database or disk is full"), FULL),
        (sqlite3.OperationalError("attempt to write a readonly database"), CLOSED),
        (sqlite3.OperationalError("unable to open database file"), CLOSED),
        (sqlite3.OperationalError("disk I/O error"), FAILING),
        (OSError(5, "Input/output error"), FAILING),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_disk_that_can_not_be_written_is_one_line_whoever_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str, wrapped: bool
) -> None:
    def fails(*_: object) -> None:
        if not wrapped:
            raise error
        try:
            raise error
        except Exception as cause:  # as SQLAlchemy does
            raise RuntimeError("another library's words") from cause

    monkeypatch.setattr(projects, "check_inputs", fails)
    said = Home(tmp_path / "home").here("run")
    (line,) = said.stderr.splitlines()
    assert said.status == 2 and line.startswith(f"echomort: {words}") and "run again" in line


def test_what_can_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert str(storage_error(PermissionError(13, "Permission denied", "/theirs"))).startswith("/theirs can't be read: ")


def test_another_error_is_not_taken_for_one_of_the_disk() -> None:
    assert storage_error(ValueError("disk is full of eels")) is None
    assert storage_error(FileNotFoundError(2, "No such file or directory")) is None
    assert storage_error_in("near SELECT: syntax error") is None


def test_a_home_that_can_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    said = Home(tmp_path / "home").here("run", "--set", "preset=demo")
    assert said.status == 2 and "can't be written to" in said.stderr and "Traceback" not in said.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        projects.make_home(tmp_path / "new" / "home")
        (tmp_path / "shared").mkdir(mode=0o750)
        projects.make_home(tmp_path / "shared")
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "home").stat().st_mode & 0o077 == 0
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o750
