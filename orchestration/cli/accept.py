"""``echomort accept``: adopt what new code makes the same."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Home, out
from orchestration.cli.projects import existing_home


def accept(
    asset: Annotated[str, typer.Argument(help="An asset that new code made stale.")],
    sample: Annotated[int, typer.Option(min=1, help="Units to make again.")] = 20,
    home: Home = Path("demo"),
) -> None:
    """Adopt what new code makes the same: make a sample of an asset's units again, and compare."""
    home = existing_home(home)
    from orchestration import runs

    found = runs.accept(home, asset, sample)
    if found.different:
        shown = ", ".join(unit[:16] for unit in found.different[:5])
        raise UserError(
            f"{len(found.different)} of {found.sampled} units of {asset} came out differently ({shown})",
            "none is adopted; `echomort run` makes them all again",
        )
    out.print(f"{asset}: {found.sampled} made again and the same, {found.adopted} adopted")
