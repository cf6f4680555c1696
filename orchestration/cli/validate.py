"""``echomort validate``: a finished model judged on patients whom it has not seen."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Home, out
from orchestration.cli.projects import project_settings


def validate(
    bundle: Annotated[
        Path | None,
        typer.Argument(help="A bundle of another site's champion (default: the champion of this project)."),
    ] = None,
    home: Home = Path("demo"),
    years: Annotated[
        str | None,
        typer.Option(
            help="Calendar years of the echoes, such as 2018-2020 (default: all; without a bundle, the sealed set)."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write (default: in the home, below validation/).")
    ] = None,
) -> None:
    """Judge a finished model on patients whom it has not seen: one page, and aggregates as JSON.

    The model is not changed. Patients whom it was trained on, and those of the reader study, are left out.
    """
    settings = project_settings(home)
    from orchestration.validation import validated

    validated(settings, bundle, years, output, out)
