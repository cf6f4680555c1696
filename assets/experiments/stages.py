"""How an experiment becomes an asset: its grid planned, its cells trained and judged, its results committed."""

import functools
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb

from assets.experiments.samples import Refused, Sampler
from assets.experiments.training import OF_ALL_CELLS, cell_digest, judged_cell, models_folder, train_cells
from assets.incremental import UnitStage, left_after, recipe_of
from assets.project import Project
from assets.training.ehr_models import TREES
from assets.training.process import IMPUTATION, fingerprint_of, forget_training
from echomort.core.errors import Interruption, UserError
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
    """How cells are made: what they are made from, its digest, the folder of their models, what trains the networks of
    several (and returns folder -> error), and the result of one."""

    samples: Callable[[Sampler, Cell], Any]
    digest: Callable[[Cell, Any, Settings], str]
    models: Callable[[Project, Cell, Any], Path]
    train: Callable[[dg.OpExecutionContext, Project, Iterable[tuple[Cell, Any]]], dict[Path, Exception]]
    judged: Callable[[dg.OpExecutionContext, Project, Cell, Any], tuple[dict[str, Any], str | None]]


KindOf = Callable[[], Kind]
"""A function, so that what it names counts as the code of its experiments, and of no others."""


def trained() -> Kind:
    """Return how the cells of the preprint's experiments are made."""
    return Kind(Sampler.samples, cell_digest, models_folder, train_cells, judged_cell)


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
        cluster_batch=lambda cluster: 1,
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
    sampler, how = Sampler(project), kind()
    cells = grid(project.settings, sampler.views)
    planned = functools.partial(_planned, how, sampler, [cell for cell in cells if cell.name in units], recipe)
    # Planned again below rather than kept: what all cells are made from need not be in memory at once.
    made_of = ((cell, found) for cell, found, _ in planned() if not isinstance(found, Refused))
    errors = how.train(context, project, made_of)
    made = []
    for one in planned():
        entry = _made(how, context, project, one, errors)
        made.append(replace(entry, details={**entry.details, "planned": len(cells)}))
        _report(context, one[0], made[-1], len(units) - len(made))
    return made


def _made(
    kind: Kind,
    context: dg.OpExecutionContext,
    project: Project,
    planned: tuple[Cell, Any | Refused, str],
    errors: Mapping[Path, Exception],
) -> Entry:
    """Return the entry of a cell, with its row; ``errors`` are those of networks, by the folder of their models. If its
    training was interrupted it stays stale, so that the next run tries again; any other error of the cell would come
    again, and is its reason. Those that are not the cell's own, which the next cell would meet too, are raised."""
    cell, found, fingerprint = planned
    if isinstance(found, Refused):
        return _entry(cell, fingerprint, {"reason": str(found)})
    models = kind.models(project, cell, found)
    try:
        if models in errors:
            raise errors[models]
        figure, artifact = kind.judged(context, project, cell, found)
    except Interruption as error:
        return _entry(cell, fingerprint_of(fingerprint, error), {"reason": str(error)})
    except Exception as error:
        if isinstance(error, OF_ALL_CELLS):
            raise
        forget_training(models)
        return _entry(cell, fingerprint, {"reason": _reason(error)})
    return _entry(cell, fingerprint, figure, artifact)


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


def _report(context: dg.OpExecutionContext, cell: Cell, entry: Entry, left_here: int) -> None:
    """Log the result of ``cell``, how many cells are done, those of earlier runs included, and how many are left. A
    step has all of them, or on a cluster one; of its own ``left_here`` are left."""
    batches, later = left_after(context)
    row, left = entry.details["row"], left_here + batches + later
    for_later = f" ({later} for another run)" if later else ""
    cost = "" if row["cpu_seconds"] is None else f" in {row['cpu_seconds']:.0f} s of processor time"
    figure = row["reason"] or f"AUC {row['auc']:.3f}"
    context.log.info(
        f"cells: {entry.details['planned'] - left} done, {left} left{for_later}; {cell.name}{cost}: {figure}"
    )


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
