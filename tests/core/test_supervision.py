"""A process whose parent is killed ends, and a lock is free only when the last process below its owner has ended."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from echomort.core import supervision
from echomort.core.errors import Interruption
from echomort.core.supervision import folder_lock

ROOT = Path(__file__).parents[2]

CHILD = """
    import sys, time
    from echomort.core.supervision import end_with_parent
    end_with_parent()
    print("up", flush=True)
    time.sleep(120)
"""
PARENT = """
    import subprocess, sys, time
    from pathlib import Path
    from echomort.core.supervision import end_with_parent, folder_lock, inherited_locks, supervised
    end_with_parent()
    with folder_lock(Path(sys.argv[2])):
        child = subprocess.Popen(
            [sys.executable, "-c", sys.argv[1]], env=supervised(), pass_fds=inherited_locks(), stdout=subprocess.PIPE
        )
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(120)
"""
FORKS = """
    import os, sys, time
    from echomort.core.supervision import end_forks_with_parent
    end_forks_with_parent()
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(120)
"""


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_child_ends_with_its_parent_and_the_lock_is_free_then(tmp_path: Path, ending: signal.Signals) -> None:
    folder = tmp_path / "model.partial"
    with started(PARENT, textwrap.dedent(CHILD), str(folder)) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        with pytest.raises(Interruption, match="another process still works on model"), folder_lock(folder, 0):
            pass
        os.kill(parent.pid, ending)
        with folder_lock(folder):
            assert eventually(lambda: is_gone(child))  # its lock is free shortly before the process is gone


def test_a_child_of_a_system_without_the_signal_ends_too() -> None:
    code = CHILD.replace("    end_with_parent()", "    import echomort.core.supervision as one\n"
                         "    one._set_death_signal = lambda: False\n    end_with_parent()")  # fmt: skip
    middle = """
        import subprocess, sys, time
        from echomort.core.supervision import supervised
        child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=supervised(), stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(120)
    """
    with started(middle, textwrap.dedent(code)) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()
        assert eventually(lambda: is_gone(child))


def test_a_forked_process_ends_with_the_one_it_was_forked_from() -> None:
    with started(FORKS) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        for ending in (signal.SIGTERM, signal.SIGHUP):  # of the whole group: the run ends its children itself
            parent.send_signal(ending)
        time.sleep(0.2)
        assert parent.poll() is None and not is_gone(child)
        parent.kill()
        assert eventually(lambda: is_gone(child))


def test_a_process_that_was_not_started_so_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(supervision.PARENT, raising=False)
    supervision.end_with_parent()


def test_a_folder_that_its_owner_deleted_is_locked_anew(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "model.partial"):
        (tmp_path / "model.partial").rmdir()
        with folder_lock(tmp_path / "model.partial", 0):
            assert (tmp_path / "model.partial").is_dir()
