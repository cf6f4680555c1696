"""``echomort paper``: what a paper takes from a finished project."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Home, out
from orchestration.cli.projects import project_settings


def paper(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that this command wrote and nobody changed.")],
    home: Home = Path("demo"),
) -> None:
    """Write the report's tables (CSV, LaTeX) and figures (SVG, PDF), methods text, model card, TRIPOD+AI and BibTeX.

    Nothing is run. What the report withholds stays withheld.
    """
    settings = project_settings(home)
    from orchestration.paper import export_paper

    files = export_paper(settings, folder)
    amounts = ", ".join(f"{sum(name.startswith(part) for name in files)} files in {part}" for part in PARTS)
    out.print(f"written: {folder}: {amounts}, and {', '.join(name for name in files if '/' not in name)}")


PARTS = ("tables/", "figures/")
"""The folders in the folder of a paper."""
