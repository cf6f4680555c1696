"""``echomort verify``: whether everything that the project holds is what was written."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Home, out, progress_bar
from orchestration.cli.projects import existing_home


def verify(
    home: Home = Path("demo"),
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove what is damaged, so that the next run makes it anew.")
    ] = False,
) -> None:
    """Read every file and table, and say what is missing or damaged."""
    home = existing_home(home)
    from assets import verify as scrub
    from assets.project import Project

    project = Project(home=str(home))
    with progress_bar("files") as progress:
        found = scrub.verify(project, progress)
    for damage in found:
        out.print(f"{damage.path} ({damage.asset}): {damage.what}{f'; {damage.remedy}' if damage.remedy else ''}")
    if not found:
        out.print("everything is as it was written")
    elif not repair:
        raise UserError(f"{len(found)} missing or damaged", "run `echomort verify --repair`, then `echomort run`")
    elif left := scrub.repair(project, found):
        raise UserError(f"{len(left)} can't be made anew", "see above; for the rest, run `echomort run`")
    else:
        out.print("removed what was damaged: run `echomort run`, which makes it anew")
