"""``echomort predict``: score echo files with the champion."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echomort.core.audit import Audited, audited
from echomort.core.errors import UserError
from orchestration.cli.options import AsJson, Home, print_records, require_paths

if TYPE_CHECKING:
    from echomort.champion.predict import Prediction


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Echo files, folders, or clips saved by inspect (.npy).")],
    home: Home = Path("demo"),
    view: Annotated[str | None, typer.Option(help="The view of files without a view tag.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Score AVI clips with the authors' network instead (from `weights import`).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score echo files with the champion: the model in the home's registry. The audit log notes it."""
    require_paths(paths)
    if weights:
        _predict_published(paths, weights, view, as_json)
        return
    if not home.is_dir():
        raise UserError(f"there is no project at {home}", "run `echomort run` first, or name it with --home")
    from echomort.champion.predict import predict_paths
    from echomort.champion.store import NO_CHAMPION, champion_name
    from orchestration.printing.files import predicted

    registry = home.absolute() / "registry"
    name = champion_name(registry)
    if name is None:
        raise UserError(NO_CHAMPION, "run `echomort run` to the end")
    with audited(home, "predict") as noted:
        noted.add([f"candidate {name}"])
        print_records(_noted(predict_paths(paths, registry, view), noted), predicted, as_json)


def _noted(predictions: "Iterable[Prediction]", noted: Audited) -> Iterator[dict[str, Any]]:
    """Yield the records of ``predictions``; ``noted`` gets the digest of each file that was scored, as the index has
    it (``source_digest``)."""
    from echomort.dicom.index import source_digest

    for one in predictions:
        scored = [f"file {source_digest(Path(one.path))}"] if one.status == "accepted" else []
        noted.add(scored, files=1, scored=len(scored))
        yield one.as_record()


def _predict_published(paths: list[Path], weights: Path, view: str | None, as_json: bool) -> None:
    require_paths([weights])
    if view:
        raise UserError("--view has no meaning with --weights", "leave it out: these weights are of one view, apical 4")
    from echomort.echonet.scores import score_paths
    from orchestration.printing.files import published

    print_records((one.as_record() for one in score_paths(paths, weights)), published, as_json)
