"""Prints the results of an experiment beside the preprint's, and where its files are."""

from rich.console import Console
from rich.table import Table

from assets.experiments.experiments import BY_EXPERIMENT
from assets.experiments.stages import results_folder
from assets.incremental import stale_units
from assets.project import Project
from echomort.experiments.results import Result, results
from echomort.settings import Settings
from warehouse.connection import connect
from warehouse.tables.experiment.cells import experiment_cells


def print_experiment(settings: Settings, experiment: str, console: Console) -> None:
    """Print the cells of ``experiment`` with the preprint's numbers, how many are left, and the paths of the files."""
    with connect(settings.warehouse, read_only=True) as connection:
        cells = experiment_cells(connection, experiment)
    if not cells.empty:
        title = "synthetic archive: nothing here is about patients" if settings.is_synthetic else None
        console.print(_table(results(cells, experiment, settings.evaluation.suppress_below_events), title))
    stale, _, _ = stale_units(Project(home=str(settings.home)), BY_EXPERIMENT[experiment])
    if stale:
        console.print(f"{len(stale)} cells are left: run the command again")
    for file in sorted(results_folder(settings.home, experiment).glob("*.*")):
        console.print(str(file))


def _table(found: list[Result], title: str | None) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("cell", "AUC", "95 % interval", "folds", "n", "deaths", "trained on", "the preprint's"):
        table.add_column(column, justify="left" if column in ("cell", "the preprint's") else "right")
    for one in found:
        published = one.published.text if one.published else ""
        trained = "" if one.trained is None else str(one.trained)
        if one.is_known:
            area = one.area
            interval = f"{area.low:.3f} to {area.high:.3f}" if one.has_interval else ""
            folds = f"{one.folds[0]:.3f} to {one.folds[1]:.3f}" if one.evaluated == "folds" else ""
            table.add_row(
                one.name, f"{area.value:.3f}", interval, folds, f"{area.n}", f"{area.events}", trained, published
            )
        else:
            table.add_row(one.name, "", "", "", "", "", trained, published)
            table.add_row(f"  {one.reason}")
    return table
