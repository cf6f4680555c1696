"""``echomort ui``: Dagster's own pages, on this machine only."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Home


def ui(home: Home = Path("demo"), port: Annotated[int, typer.Option(min=1, max=65535)] = 3000) -> None:
    """Show the graph in a browser (Dagster's own pages, on this machine only)."""
    from orchestration import runs

    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    os.environ["ECHOMORT_HOME"] = str(home)
    runs.prepare_instance(home)
    command = [sys.executable, "-P", "-m", "dagster", "dev", "-m", "orchestration.definitions", "-h", "127.0.0.1"]
    os.execv(sys.executable, [*command, "-p", str(port)])
