"""How the process of a command ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from echomort.version import __version__
from orchestration.cli.__main__ import use_utf8


@pytest.fixture
def at_its_end(tmp_path: Path) -> list[str]:
    """The command line of `echomort --version` in a process that says what it does at its end."""
    script = tmp_path / "ending.py"
    script.write_text(
        "import atexit, sys\n"
        "from orchestration.cli.__main__ import process\n"
        "class Kept:\n"
        "    def __del__(self):\n"
        "        sys.stdout.write('let go')\n"
        "kept = Kept()\n"
        "atexit.register(print, 'registered')\n"
        "sys.argv = ['echomort', *sys.argv[1:]]\n"
        "process()\n"
    )
    return [sys.executable, str(script)]


def test_a_command_does_what_was_registered_for_its_end_and_lets_go_of_nothing_first(at_its_end: list[str]) -> None:
    done = subprocess.run([*at_its_end, "--version"], capture_output=True, text=True, timeout=200, check=True)
    assert done.stdout == f"echomort {__version__}\nregistered\n"
    assert not done.stderr


def test_a_command_keeps_its_exit_status_and_says_where_its_output_can_not_be_written(at_its_end: list[str]) -> None:
    unknown = subprocess.run([*at_its_end, "nothing"], capture_output=True, text=True, timeout=200, check=False)
    assert unknown.returncode == 2 and "nothing" in unknown.stderr
    with open("/dev/full", "w") as full:
        lost = subprocess.run([*at_its_end, "--version"], stdout=full, stderr=subprocess.PIPE, timeout=200, check=False)
    assert lost.returncode != 0 and b"disk" in lost.stderr


def test_a_locale_that_is_not_utf_8_begins_the_command_anew_in_utf_8_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, words: begun.append(words))
    monkeypatch.setenv("PYTHONUTF8", "")
    for encoding in ("UTF-8", "ISO-8859-1"):
        monkeypatch.setattr("locale.getencoding", lambda encoding=encoding: encoding)
        use_utf8()
    assert begun == [[sys.executable, "-X", "utf8", *sys.orig_argv[1:]]]
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", "import locale; locale.getencoding = lambda: 'ISO-8859-1'\n"
         "from orchestration.cli.__main__ import use_utf8; use_utf8()"], timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0
