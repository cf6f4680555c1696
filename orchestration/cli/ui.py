"""``echomort ui``: Dagster's web interface, on this machine only; and the environment for Dagster's own commands."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from echomort.core.supervision import supervised
from orchestration.cli.options import Home, out
from orchestration.cli.projects import folder_of, make_home

PRODUCT = Path(__file__).parents[2]
"""The folder that holds the packages. Dagster imports from its working directory first, so it must be this one."""

NO_TELEMETRY = {"DAGSTER_DISABLE_TELEMETRY": "yes", "DO_NOT_TRACK": "1"}
"""Said to Dagster wherever its commands start; the instance of a home says it too."""

LOOK_SECONDS = 0.5
"""Seconds between two looks at the processes. Our choice."""

ENDING_SECONDS = 30
"""Seconds in which a process may end its runs before it is killed. Our choice."""


def ui(
    home: Home = Path("demo"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web interface.")] = 3000,
) -> None:
    """Serve the graph for a browser (Dagster's web interface, on this machine only)."""
    from orchestration.location import MODULE

    os.environ.update(_environment(home))
    os.environ["PYTHONSAFEPATH"] = "1"  # -P for the processes that Dagster starts
    location = ["-m", MODULE, "-d", str(PRODUCT)]
    python = [sys.executable, "-P", "-m"]
    commands = (
        [*python, "orchestration.webserver", "-h", "127.0.0.1", "-p", str(port), *location],
        [*python, "orchestration.daemon", "run", *location],
    )
    _serve(commands, f"http://127.0.0.1:{port}")


def environment(home: Home = Path("demo")) -> None:
    """Print the environment in which Dagster's own commands (dg, dagster) work on the project, for `eval`."""
    for name, value in _environment(home).items():
        out.print(f"export {name}={shlex.quote(value)}")


def _environment(home: Path) -> dict[str, str]:
    """Return the environment of Dagster's commands on the project ``home``, whose instance is made if needed."""
    from orchestration import runs

    home = folder_of(home)
    make_home(home)
    return {"ECHOMORT_HOME": str(home), "DAGSTER_HOME": str(runs.prepare_instance(home)), **NO_TELEMETRY}


def _serve(commands: tuple[list[str], ...], address: str) -> None:
    """Run ``commands`` until a signal comes or one of them ends; then end all of them."""
    asked: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, end)
    processes = [subprocess.Popen(command, env=supervised()) for command in commands]
    out.print(f"serving {address}; end with Ctrl-C")
    while not asked and all(process.poll() is None for process in processes):
        time.sleep(LOOK_SECONDS)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    if not asked:
        sys.exit(2)
