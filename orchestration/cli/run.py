"""``echomort run``: rebuild what is stale, from the archive to the report."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Config, Home, Set, out
from orchestration.cli.projects import chosen_settings


def run(
    select: Annotated[
        str | None,
        typer.Option(
            help="Assets to rebuild (default: all stale ones), such as clips, clips+ (and all below), +clips (and all "
            "above), group:records, or several with commas."
        ),
    ] = None,
    home: Home = Path("demo"),
    config: Config = None,
    assignments: Set = None,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Take files and rows that are gone as removed on purpose.")
    ] = False,
) -> None:
    """Rebuild stale assets, from the archive to the report.

    With --set preset=demo a new project first gets an embedded synthetic archive of 600 patients. The home remembers
    its settings; a line says what this call changes in them. --config replaces all of them.
    """
    home = home.absolute()
    settings, remember = chosen_settings(home, config, assignments)
    from orchestration import runs
    from orchestration.printing import project as summary

    try:
        assets = runs.run(home, select, accept_removals, remember)
    except runs.NotStarted:
        raise
    except UserError:
        with contextlib.suppress(UserError):  # the first error is the one to show
            if select is not None:
                summary.print_stale_above(home, runs.selected(home, select), out)
            summary.print_accounts(home, out)
            summary.print_warnings(home, out)
        raise
    if not assets:
        out.print("everything is up to date: nothing to do")
    elif select is not None:
        out.print(f"materialized: {', '.join(assets)}")
        summary.print_stale_above(home, assets, out)
    summary.print_results(settings, out)
    summary.print_accounts(home, out)
    summary.print_warnings(home, out)
