"""``echomort ui``: Dagster's web interface, on this machine only."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Home
from orchestration.cli.projects import folder_of

PRODUCT = Path(__file__).parents[2]
"""The folder that holds the packages. Dagster imports from its working directory first, so it must be this one."""


def ui(
    home: Home = Path("demo"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web interface.")] = 3000,
) -> None:
    """Serve the graph for a browser (Dagster's web interface, on this machine only)."""
    from orchestration import runs

    home = folder_of(home)
    home.mkdir(parents=True, exist_ok=True)
    os.environ["ECHOMORT_HOME"] = str(home)
    runs.prepare_instance(home)
    os.environ["PYTHONSAFEPATH"] = "1"  # -P for the processes that Dagster starts
    command = [sys.executable, "-P", "-m", "dagster", "dev", "-m", "orchestration.definitions", "-d", str(PRODUCT)]
    os.execv(sys.executable, [*command, "-h", "127.0.0.1", "-p", str(port)])
