"""``echomort config``: the settings of a project or a file, and where each was set."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.settings import CONFIG_NAME, setting_origins
from echomort.settings.origins import DEFAULT
from orchestration.cli.options import AsJson, Config, Home, Set, print_records
from orchestration.cli.projects import folder_of, layers_of, no_project


def show(
    home: Home = Path("demo"),
    config: Config = None,
    assignments: Set = None,
    every: Annotated[bool, typer.Option("--all", help="Those too that are at their default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every setting that is not at its default: value, and where it was set.

    With --config or --set: as a run with them would have it; nothing is stored. The key and a database's connection
    string are no settings, and are never shown.
    """
    home = folder_of(home)
    if config is None and not assignments and not (home / CONFIG_NAME).exists():
        raise no_project(home, "name one with --home, or a file of settings with --config")
    from orchestration.printing.settings import setting_lines

    found = [row for row in setting_origins(layers_of(home, config, assignments)) if every or row.origin != DEFAULT]
    print_records((row.as_record() for row in found), setting_lines, as_json)
