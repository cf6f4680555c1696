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
    weights: Annotated[
        Path | None, typer.Option(help="Score AVI clips with the authors' network instead (from `weights import`).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score echo files with the champion: the model in the home's registry."""
    require_paths(paths)
    if weights:
        _predict_published(paths, weights, view, as_json)
        return
    if not home.is_dir():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    from echomort.champion.predict import predict_paths
    from orchestration.printing.files import predicted

    predictions = predict_paths(paths, home.absolute() / "registry", view)
    print_records((one.as_record() for one in predictions), predicted, as_json)


def _predict_published(paths: list[Path], weights: Path, view: str | None, as_json: bool) -> None:
    require_paths([weights])
    if view:
        raise UserError("--view has no meaning with --weights", "leave it out: these weights are of one view, apical 4")
    from echomort.echonet.scores import score_paths
    from orchestration.printing.files import published

    print_records((one.as_record() for one in score_paths(paths, weights)), published, as_json)
