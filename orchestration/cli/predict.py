"""``echomort predict``: score echo files with the champion."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import AsJson, Home, print_records, require_paths


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Echo files, folders, or clips saved by inspect (.npy).")],
    home: Home = Path("demo"),
    view: Annotated[str | None, typer.Option(help="The view of files without a view tag.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score echo files with the champion: the model in the home's registry."""
    require_paths(paths)
    if not home.is_dir():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    from echomort.champion.predict import predict_paths
    from orchestration.printing.files import predicted

    predictions = predict_paths(paths, home.absolute() / "registry", view)
    print_records((one.as_record() for one in predictions), predicted, as_json)
