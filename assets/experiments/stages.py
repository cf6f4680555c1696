"""How an experiment becomes an asset: its grid planned, its cells trained and judged, its results committed."""

import functools
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb

from assets.experiments.samples import Refused, Sampler
from assets.experiments.training import cell_digest, judged_cell, models_folder
from assets.incremental import Place, UnitStage, place_of, recipe_of
from assets.project import Project
from assets.training.ehr_models import TREES
from assets.training.process import IMPUTATION, fingerprint_of, forget_training
from echomort.core.errors import HomeError, Interruption, UserError
from echomort.core.fingerprint import digest
from echomort.experiments.cells import GRIDS, Cell, Grid
from echomort.settings import ExperimentName, Settings
from echomort.training import NOT_DECIDING
from warehouse.ledger import Entry
from warehouse.tables.experiment.cells import experiment_cells, replace_cells

if TYPE_CHECKING:
    from echomort.experiments.results import Display

FOLDER = "experiments"
"""Path below the home of the results: a folder for each experiment."""
PAGE = "page.html"
NETWORKS_OF_CELLS: dict[str, list[str]] = {"echomort.networks": []}
"""No network is a part of an experiment's recipe: each cell has its own in its fingerprint, so that a new or changed
network makes its own cells stale only."""


def asset_name(experiment: str) -> str:
    """Return the name of the asset of ``experiment``."""
    return f"experiment_{experiment}"


@dataclass(frozen=True)
class Kind:
    """How cells are made: what they are made from, its digest, the folder of their models, and their result."""

    samples: Callable[[Sampler, Cell], Any]
    digest: Callable[[Cell, Any, Settings], str]
    models: Callable[[Project, Cell, Any], Path]
    judged: Callable[[dg.OpExecutionContext, Project, Cell, Any], tuple[dict[str, Any], str | None]]


KindOf = Callable[[], Kind]
"""A function, so that what it names counts as the code of its experiments, and of no others."""


def trained() -> Kind:
    """Return how the cells of the preprint's experiments are made."""
    return Kind(Sampler.samples, cell_digest, models_folder, judged_cell)


def experiment_stage(grid: Grid, *upstream: str, kind: KindOf = trained) -> UnitStage:
    """Return the stage of the experiment with the name of the function ``grid``."""
    experiment = grid.__name__
    return UnitStage(
        asset_name(experiment),
        upstream,
        _decided_by,
        plan=functools.partial(plan_cells, grid, kind),
        work=functools.partial(make_cells, grid, kind),
        commit=functools.partial(commit_cells, grid),
        show=functools.partial(show_cells, grid),
        chosen=lambda settings: NETWORKS_OF_CELLS,
        on_request=lambda settings: experiment not in settings.experiments.keep,
        resources=frozenset({"pipes"}),
        batch=1,
    )


OF_CELLS = {"network", "network_settings", "networks"}
"""Settings of the training that each cell has its own of."""


def _decided_by(settings: Settings) -> Mapping[str, Any]:
    return {
        "training": settings.training.model_dump(mode="json", exclude={*NOT_DECIDING, *OF_CELLS}),
        "tabular": settings.tabular.model_dump(mode="json", include=(TREES | IMPUTATION) - {"variables"}),
        "evaluation.confidence": settings.evaluation.confidence,
        "evaluation.suppress_below_events": settings.evaluation.suppress_below_events,
        "evaluation.seed": settings.evaluation.seed,
    }


def plan_cells(grid: Grid, kind: KindOf, project: Project, recipe: str) -> dict[str, str]:
    """Return cell -> fingerprint: the recipe, the cell itself, and its samples or why it is refused."""
    sampler = Sampler(project)
    cells = grid(project.settings, sampler.views)
    return {cell.name: fingerprint for cell, _, fingerprint in _planned(kind(), sampler, cells, recipe)}


def planned_cells(project: Project, experiment: ExperimentName) -> int:
    """Return how many cells ``experiment`` has with the current settings and views."""
    return len(GRIDS[experiment](project.settings, Sampler(project).views))


def _planned(
    kind: Kind, sampler: Sampler, cells: Iterable[Cell], recipe: str
) -> Iterator[tuple[Cell, Any | Refused, str]]:
    """Yield each of ``cells`` with what it is made from, or the reason why that is nothing, and its fingerprint."""
    for cell in cells:
        found = _samples_of(kind, sampler, cell)
        content = str(found) if isinstance(found, Refused) else kind.digest(cell, found, sampler.settings)
        yield cell, found, digest(recipe, asdict(cell), content)


def _samples_of(kind: Kind, sampler: Sampler, cell: Cell) -> Any | Refused:
    try:
        return kind.samples(sampler, cell)
    except Refused as refused:
        return refused


def make_cells(
    grid: Grid, kind: KindOf, project: Project, units: Sequence[str], context: dg.OpExecutionContext
) -> list[Entry]:
    """Train and judge the cells ``units``. A cell that has no figure gets the reason, and the others go on."""
    recipe = recipe_of(asset_name(grid.__name__), project)
    sampler = Sampler(project)
    cells = grid(project.settings, sampler.views)
    made = []
    for planned in _planned(kind(), sampler, [cell for cell in cells if cell.name in units], recipe):
        started = time.monotonic()
        entry = _made(kind(), context, project, planned)
        made.append(replace(entry, details={**entry.details, "planned": len(cells)}))
        _report(context, planned[0], made[-1], time.monotonic() - started)
    return made


def _made(
    kind: Kind, context: dg.OpExecutionContext, project: Project, planned: tuple[Cell, Any | Refused, str]
) -> Entry:
    """Return the entry of a cell, with its row. If its training was interrupted it stays stale, so that the next run
    tries again; any other error of the cell would come again, and is its reason. Those that are not the cell's own,
    which the next cell would meet too, are raised."""
    cell, found, fingerprint = planned
    if isinstance(found, Refused):
        return _entry(cell, fingerprint, {"reason": str(found)})
    try:
        figure, artifact = kind.judged(context, project, cell, found)
    except Interruption as error:
        return _entry(cell, fingerprint_of(fingerprint, error), {"reason": str(error)})
    except Exception as error:
        if isinstance(error, OF_ALL_CELLS):
            raise
        forget_training(kind.models(project, cell, found))
        return _entry(cell, fingerprint, {"reason": _reason(error)})
    return _entry(cell, fingerprint, figure, artifact)


OF_ALL_CELLS = (HomeError, OSError, MemoryError, ImportError, duckdb.Error, dg.Failure, dg.RetryRequested)
"""Errors that are not a cell's own: of the home, the disk, the memory, the installation, the warehouse and the run."""


def _reason(error: Exception) -> str:
    """Return why a cell has no figure. An error that nobody wrote for a person is named by its class and its place
    only: its text may hold values."""
    if isinstance(error, UserError):
        return str(error)
    *_, last = traceback.extract_tb(error.__traceback__)
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"an error that was not foreseen, {type(error).__name__} in {place}: look there and mend it, or report it; "
        "changed code or settings make the cell again"
    )


def _entry(cell: Cell, fingerprint: str, figure: Mapping[str, Any], artifact: str | None = None) -> Entry:
    row = asdict(cell) | dict.fromkeys(FIGURE) | dict(figure)
    row["cell"] = row.pop("name")
    row = {name: row[name] for name in row if name not in ("among", "compared")}
    content = digest({name: value for name, value in row.items() if name != "cpu_seconds"})
    return Entry(cell.name, fingerprint, content, artifact, {"row": row, "beside": [_page(cell.experiment)]})


FIGURE = (
    *("auc", "auc_low", "auc_high", "fold_low", "fold_high"),
    *("patients", "deaths", "trained_patients", "reason"),
    *("brier", "brier_of_none", "cpu_seconds"),
)
"""Columns of table experiment_cell that hold the result of a cell."""


def _page(experiment: str) -> str:
    return f"{FOLDER}/{experiment}/{PAGE}"


def results_folder(home: Path, experiment: str) -> Path:
    """Return the folder below ``home`` that holds the results of ``experiment``."""
    return home / FOLDER / experiment


def _report(context: dg.OpExecutionContext, cell: Cell, entry: Entry, seconds: float) -> None:
    """Log the result of ``cell``, and how many cells are done and left."""
    row, place = entry.details["row"], place_of(context)
    if place is None:
        return
    result = row["reason"] or f"AUC {row['auc']:.3f}"
    context.log.info(f"{_progress(place, entry.details['planned'])}; {cell.name} in {_duration(seconds)}: {result}")


def _progress(place: Place, planned: int) -> str:
    """Return how many of the ``planned`` cells are done, those of earlier runs included, and how many are left.

    >>> _progress(Place(1, 1, 75, later=3), 4)
    'cells: 1 done, 3 left (3 for another run), 1 min 15 s so far'
    >>> _progress(Place(2, 3, 75), 8)
    'cells: 7 done, 1 left, 1 min 15 s so far, about 38 s to go'
    """
    now = place.count - place.number
    left = now + place.later
    later = f" ({place.later} for another run)" if place.later else ""
    time_left = f", about {_duration(place.seconds_left)} to go" if now else ""
    return f"cells: {planned - left} done, {left} left{later}, {_duration(place.seconds)} so far{time_left}"


def _duration(seconds: float) -> str:
    """Return ``seconds`` as a person says it.

    >>> _duration(75), _duration(7300)
    ('1 min 15 s', '2 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def commit_cells(
    grid: Grid, connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of the cells that were made, delete those of removed cells, and write the results' files."""
    from echomort.experiments.page import write_experiment

    experiment = grid.__name__
    replace_cells(connection, experiment, [entry.details["row"] for entry in made], gone)
    write_experiment(
        experiment,
        experiment_cells(connection, experiment),
        results_folder(project.root, experiment),
        project.settings.is_synthetic,
        displayed(project.settings, max((entry.details["planned"] for entry in made), default=None)),
    )


def displayed(settings: Settings, planned: int | None) -> "Display":
    """Return how results of ``planned`` cells are shown."""
    from echomort.experiments.results import Display

    evaluation = settings.evaluation
    return Display(planned, evaluation.suppress_below_events, evaluation.confidence)


def show_cells(grid: Grid, connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many cells have a figure, and how many have a reason why not."""
    reasons = experiment_cells(connection, grid.__name__)["reason"]
    return {"cells with a figure": int(reasons.isna().sum()), "cells without": int(reasons.notna().sum())}
