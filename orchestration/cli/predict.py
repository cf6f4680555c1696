"""``echomort predict``: score echo files with the champion."""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echomort.core.audit import Audited, audited
from echomort.core.errors import UserError
from echomort.settings import CONFIG_NAME, REGISTRY
from orchestration.cli.options import AsJson, Home, LoopPaths, View, print_records, require_paths
from orchestration.cli.projects import no_project

if TYPE_CHECKING:
    from echomort.champion.model import Champion
    from echomort.champion.predict import FileScore
    from echomort.settings import Scoring


def predict(  # noqa: PLR0913, PLR0917
    paths: LoopPaths,
    home: Home = Path("demo"),
    view: View = None,
    weights: Annotated[
        Path | None, typer.Option(help="Score AVI clips with the authors' network instead (from `weights import`).")
    ] = None,
    studies: Annotated[
        bool, typer.Option("--studies", help="Show the studies alone (with --json: one object a study).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score echo files, and the studies that they are of, with the champion in the home's registry.

    A study has one risk from all its clips, and the range of the risks by the networks of each fold: how far trainings
    on other patients differ. --json has one object a file. The audit log notes what was scored.
    """
    require_paths(paths)
    if weights:
        _predict_published(paths, weights, view, studies, as_json)
        return
    champion, scoring = champion_of(home), scoring_of(home)
    from echomort.champion.predict import predict_studies, score_files
    from orchestration.printing.files import predicted, predicted_studies

    files: list[FileScore] = []
    with audited(home, "predict") as noted:
        noted.add([f"candidate {champion.name}"])
        records = _noted(score_files(paths, champion, view, scoring), noted, files)
        if studies:
            deque(records, maxlen=0)
        else:
            print_records(records, predicted, as_json)
        if studies or not as_json:
            of_studies = (one.as_record() for one in predict_studies(files, champion, scoring))
            print_records(of_studies, predicted_studies, as_json)


def champion_of(home: Path) -> "Champion":
    """Return the champion of the project at ``home``. Raises :class:`UserError` if there is none."""
    if not home.is_dir():
        raise no_project(home)
    from echomort.champion.model import Champion

    return Champion.load(home.absolute() / REGISTRY)


def scoring_of(home: Path) -> "Scoring":
    """Return how the project at ``home`` has risks of what is beyond its development cohort."""
    from echomort.settings import load_settings

    file = home / CONFIG_NAME
    return load_settings(file if file.exists() else None, {"home": str(home)}).scoring


def noted_score(one: "FileScore", noted: Audited) -> None:
    """Note a file for the audit log: where it was scored by its digest, as the index has it (``source_digest``)."""
    scored = [f"file {one.digest}"] if one.risk is not None else []
    noted.add(scored, files=1, scored=len(scored))


def _noted(scores: "Iterable[FileScore]", noted: Audited, files: "list[FileScore]") -> Iterator[dict[str, Any]]:
    """Yield the records of ``scores``, note each in ``noted``, and add them to ``files``."""
    for one in scores:
        noted_score(one, noted)
        files.append(one)
        yield one.prediction.as_record()


def _predict_published(paths: list[Path], weights: Path, view: str | None, studies: bool, as_json: bool) -> None:
    require_paths([weights])
    if studies:
        raise UserError("--studies has no meaning with --weights", "leave it out: these weights score single clips")
    if view:
        raise UserError("--view has no meaning with --weights", "leave it out: these weights are of one view, apical 4")
    from echomort.echonet.scores import score_paths
    from orchestration.printing.files import published

    print_records((one.as_record() for one in score_paths(paths, weights)), published, as_json)
