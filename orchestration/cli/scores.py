"""``echomort scores``: the champion's risks of a project's studies, as a table for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.options import Home, out
from orchestration.cli.projects import project_settings


def scores(
    target: Annotated[Path, typer.Option("--out", help="The CSV file to write; only its owner can read it.")],
    home: Home = Path("demo"),
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="With the site's own numbers of patients and studies, from the vault.")
    ] = False,
) -> None:
    """Write the champion's risk of every study that models did not learn from, under pseudonyms, as CSV.

    A study of a patient whose other studies a model learnt from is marked (in_development). The audit log notes it.
    """
    settings = project_settings(home)
    from orchestration.scores import write_scores

    with audited(settings.home, "scores") as noted:
        for line in write_scores(settings, target, identifiers, noted):
            out.print(line)
