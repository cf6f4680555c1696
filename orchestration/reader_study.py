"""The work of the reader-study commands: read the project, call the library, print the results."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from echomort.core.audit import Audited
from echomort.core.errors import UserError
from echomort.reader_study.bundle import write_bundle
from echomort.reader_study.cases import (
    FOLDER,
    FROZEN,
    CaseRequest,
    FinishedProject,
    Progress,
    Study,
    first_model,
    freeze,
)
from echomort.reader_study.section import lead, notes, printed, tables
from echomort.report import blocks
from echomort.settings import Settings
from echomort.vocabulary.model_names import ModelName
from warehouse.connection import connect
from warehouse.queries import run


def frozen_study(settings: Settings, request: CaseRequest, progress: Progress) -> Study:
    """Return the study with the design ``request``; draw it if there is none. A different study is never replaced."""
    home = settings.home
    if not (home / FOLDER / FROZEN).exists():
        return freeze(_finished(settings, request.view), request, progress)
    study = Study.load(home)
    if study.frozen["asked"] != vars(request):
        raise UserError(
            f"another reader study is frozen in {home / FOLDER}",
            "move that folder away to begin a new one, or ask for the same view, cases and readers",
        )
    return study


def write_arm(study: Study, folder: Path, condition: str, console: Console, noted: Audited) -> None:
    """Write one arm of the study and print a summary, which is for the study's organiser and not for readers. ``noted``
    gets the studies that readers see."""
    readers = write_bundle(study, folder, condition)
    noted.add((f"study {case['study_key']}" for case in study.frozen["cases"]), cases=len(study.frozen["cases"]))
    balance = study.frozen["balance"]
    dealt = f"{len(study.frozen['cases'])} cases ({balance['dead']} dead, {balance['alive']} alive)"
    console.print(f"{folder}: {dealt}, pages for {', '.join(readers)}, {condition}")
    console.print(f"truth and the model's answers: {study.root}, do not give this folder to readers")


def _print_results(summary: Mapping[str, Any], study: Study, console: Console) -> None:
    """Print the study's tables, their notes and the path of the summary."""
    console.print(lead(summary))
    for table in tables(summary):
        console.print(f"{table.caption} (in the summary)" if table.folded else _rich(table))
    for note in notes(summary):
        console.print(note)
    console.print(f"summary: {study.root / 'summary.md'}, summary.json; `echomort run` adds it to the report")


def _finished(settings: Settings, view: str) -> FinishedProject:
    with connect(settings.warehouse, True, settings.execution.memory_limit_gib) as connection:
        scores = run(connection, "reads/evaluation/promotion_scores.sql").df()
        model = first_model(scores)
        bind = {"view": view, "views": _views(settings, scores["model"].unique()), "model": model}
        candidates = run(connection, "reads/reader_study/reader_cases.sql", **bind).df()
    return FinishedProject(settings.home, candidates, scores, settings.imaging.clip.fps, settings.is_synthetic)


def _views(settings: Settings, models: Iterable[str]) -> list[str]:
    """The views that ``training.views`` names; where it names none, those that a model was trained on."""
    names = map(ModelName.parse, models)
    return sorted(settings.training.views or {name.view for name in names if name.view is not None})


def _rich(table: blocks.Table) -> Table:
    shown = Table(title=table.caption, title_justify="left")
    for place, (label, style) in enumerate(table.heads):
        shown.add_column(label, justify="right" if style else "left", no_wrap=place == 0)
    for row in printed(table):
        shown.add_row(*row)
    return shown


def analyse_answers(paths: Sequence[Path], settings: Settings, console: Console) -> None:
    """Read and check the answers in ``paths``, write the results and print them."""
    from echomort.reader_study.summary import read_answers, summarise, write_summary

    study = Study.load(settings.home)
    summary = summarise(study, read_answers(paths, study), settings.evaluation)
    write_summary(study, summary)
    _print_results(summary, study, console)
