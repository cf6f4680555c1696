"""``echomort compare``: two projects beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import AsJson, print_records


def compare(
    first: Annotated[Path, typer.Argument(help="The folder of one project.")],
    second: Annotated[Path, typer.Argument(help="The folder of another; differences are its values less the first's.")],
    as_json: AsJson = False,
) -> None:
    """Show settings that differ, cohorts and figures of two projects, and a paired test of their AUCs.

    The test needs projects of the same key that scored the same studies; where there is none, the reason is given.
    """
    from echomort.report.comparison import compared
    from orchestration.comparison import read_side
    from orchestration.printing.comparison import comparison_lines

    sides = [read_side(home) for home in (first, second)]
    print_records((row.as_record() for row in compared(*sides)), comparison_lines, as_json)
