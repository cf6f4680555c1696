"""``echomort experiment``: an experiment of the preprint on the site's own archive."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.settings import ExperimentName
from orchestration.cli.options import Config, Home, Set, out
from orchestration.cli.projects import chosen_settings, existing_home


def experiment(
    name: Annotated[ExperimentName, typer.Argument(help="Which experiment.")],
    cells: Annotated[
        int | None, typer.Option(min=1, help="Make at most so many cells this time (default: all that are stale).")
    ] = None,
    home: Home = Path("demo"),
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Run an experiment of the preprint: its stale cells, and the stale assets that it needs.

    Prints its results beside the preprint's and where their figure, table and page are. Another run goes on where this
    one ended. The project must have been run before.
    """
    home = existing_home(home)
    settings, remember = chosen_settings(home, config, assignments)
    from orchestration import runs
    from orchestration.printing.experiment import print_results

    if not runs.run_experiment(home, name, cells, remember):
        out.print("everything is up to date: nothing to do")
    print_results(settings, name, out)
