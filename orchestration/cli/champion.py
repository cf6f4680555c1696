"""``echomort champion``: the model that predicts."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Home, out
from orchestration.cli.projects import existing_home


def export(
    file: Annotated[Path, typer.Argument(help="The bundle: a new file, to be validated at another site.")],
    home: Home = Path("demo"),
) -> None:
    """Write the champion as one file that carries no patient."""
    registry = existing_home(home) / "registry"
    from echomort.champion.bundle import write_bundle
    from echomort.champion.store import NO_CHAMPION, champion_name

    name = champion_name(registry)
    if name is None:
        raise UserError(NO_CHAMPION, "run `echomort run` to the end")
    write_bundle(registry, name, file)
    out.print(f"{file}: champion {name}; at the other site: `echomort validate {file.name}`")
