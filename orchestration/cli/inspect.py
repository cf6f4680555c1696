"""``echomort inspect``: which files give a clip, and why others are rejected."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import AsJson, print_records, require_paths
from orchestration.cli.projects import settings_of


def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Echo files or folders.")],
    as_json: AsJson = False,
    save: Annotated[Path | None, typer.Option(help="Folder for the clips (.npy) and contact sheets (.png).")] = None,
    home: Annotated[
        Path | None, typer.Option(help="Use this project's settings (default: those of preset standard).")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Use these settings (YAML).")] = None,
) -> None:
    """Show for every file: accepted, or rejected with its reason; timing, region, view."""
    require_paths(paths)
    from echomort.dicom import inspect_paths
    from orchestration.printing.files import inspected

    inspections = inspect_paths(paths, settings_of(home, config), save)
    print_records((inspection.as_record() for inspection in inspections), inspected, as_json)
