"""``echomort readers``: a reader study, from its cases to its results."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.options import ExportHome, Home, out, progress_bar, require_paths
from orchestration.cli.projects import project_settings


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder: what the readers get.")],
    home: Home = Path("demo"),
    view: Annotated[str, typer.Option(help="The view of every case; others are added.")] = "parasternal_long",
    cases: Annotated[int | None, typer.Option(min=2, help="Cases (default: as many as balance).")] = None,
    count: Annotated[int, typer.Option("--readers", min=1, max=99, help="Pages to write: R1, R2 and so on.")] = 4,
) -> None:
    """Draw the cases, store the model's answers, and write the first arm: without the model."""
    settings = project_settings(home)
    from echomort.reader_study.answers import UNAIDED
    from echomort.reader_study.bundle import must_be_new
    from echomort.reader_study.cases import CaseRequest
    from orchestration.reader_study import frozen_study, write_arm

    must_be_new(folder)
    with audited(settings.home, "readers export") as noted:
        with progress_bar("cases") as progress:
            study = frozen_study(settings, CaseRequest(_view(view), cases, count, settings.evaluation.seed), progress)
        write_arm(study, folder, UNAIDED, out, noted)


def assist(
    folder: Annotated[Path, typer.Argument(help="A new folder: what the readers get.")], home: ExportHome = Path("demo")
) -> None:
    """Write the second arm: the same cases with the model's answer, to be read weeks after the first."""
    settings = project_settings(home)
    from echomort.reader_study.answers import AIDED
    from echomort.reader_study.cases import Study
    from orchestration.reader_study import write_arm

    with audited(settings.home, "readers assist") as noted:
        write_arm(Study.load(settings.home), folder, AIDED, out, noted)


def analyse(
    paths: Annotated[list[Path], typer.Argument(help="Answers: CSV files, or folders that hold them.")],
    home: ExportHome = Path("demo"),
) -> None:
    """Check the answers, print the results and write them into the home."""
    require_paths(paths)
    settings = project_settings(home)
    from orchestration.reader_study import analyse_answers

    analyse_answers(paths, settings, out)


def _view(view: str) -> str:
    from echomort.dicom.header.views import check_group

    return check_group(view)
