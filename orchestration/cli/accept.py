"""``echomort accept``: keep results if new code gives the same ones."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Home, out
from orchestration.cli.projects import existing_home


def accept(
    asset: Annotated[str, typer.Argument(help="An asset that is stale because of new code.")],
    sample: Annotated[int, typer.Option(min=1, help="Units to make again.")] = 20,
    home: Home = Path("demo"),
) -> None:
    """Keep an asset's results after a change of code, if a sample of its units comes out the same."""
    home = existing_home(home)
    from orchestration import runs

    outcome = runs.accept(home, asset, sample)
    if outcome.different:
        shown = ", ".join(unit[:16] for unit in outcome.different[:5])
        raise UserError(
            f"{len(outcome.different)} of {outcome.sampled} units of {asset} came out differently ({shown})",
            "no unit is adopted; `echomort run` rebuilds all of them",
        )
    out.print(f"{asset}: {outcome.sampled} made again and the same, {outcome.adopted} adopted")
