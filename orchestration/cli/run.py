"""``echomort run``: rebuild what is stale, from the archive to the report."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Config, Home, Set, out
from orchestration.cli.projects import check_inputs, remembered_settings


def run(
    select: Annotated[
        str | None, typer.Option(help="Assets to rebuild, in Dagster's selection syntax (default: all stale ones).")
    ] = None,
    home: Home = Path("demo"),
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Rebuild stale assets, from the archive to the report."""
    home = home.absolute()
    settings = remembered_settings(home, config, assignments)
    check_inputs(settings)
    from orchestration import runs
    from orchestration.printing import project as summary

    if not runs.run(home, select):
        out.print("everything is up to date: nothing to do")
    summary.print_results(settings, out)
