"""Prints an experiment on the terminal: its cells in one table, ours beside what the preprint gives."""

import math
from collections.abc import Callable

import pandas as pd
from rich.console import Console
from rich.table import Table

from assets.experiments.stages import displayed, planned_cells, results_folder
from assets.project import Project
from echomort.experiments.blocks import brier_text, cost_text
from echomort.experiments.comparisons import sentences
from echomort.experiments.published import EXPERIMENTS, UNKNOWN
from echomort.experiments.results import USUAL, Display, Findings, Result, findings
from echomort.settings import ExperimentName, Settings
from warehouse.connection import connect
from warehouse.tables.experiment.cells import experiment_cells

WITHOUT = "\N{EN DASH}"
"""Stands for the figures of a cell that has none; the reason is below the table."""
SYNTHETIC = "synthetic archive: nothing of ours is about patients"


def print_results(settings: Settings, experiment: ExperimentName, out: Console) -> None:
    """Print what is there of ``experiment``, and where its figure, its table and its page are."""
    with connect(settings.warehouse, read_only=True) as connection:
        cells = experiment_cells(connection, experiment)
    with_plan = displayed(settings, planned_cells(Project(home=str(settings.home)), experiment))
    print_experiment(cells, out, settings.is_synthetic, with_plan)
    for file in sorted(results_folder(settings.home, experiment).glob("*.*")):
        out.print(str(file))


def print_experiment(cells: pd.DataFrame, out: Console, is_synthetic: bool = False, display: Display = USUAL) -> None:
    """Print the cells of one experiment (rows of table ``experiment_cell``), what they show, and how many are left."""
    for experiment in EXPERIMENTS:
        found = findings(cells, experiment, is_synthetic, display)
        if found.results:
            out.print(_table(found))
            for line in (*sentences(found.results), *_reasons(found), found.counts_text):
                out.print(line)


def _table(found: Findings) -> Table:
    title = f"{found.about.title}; {SYNTHETIC}" if found.is_synthetic else found.about.title
    table = Table(title=title, title_justify="left")
    more = _more_columns(found) or {"preprint": _preprint}
    for column in ("cell", f"AUC, {found.ours}", "interval", "patients", "deaths", *more):
        table.add_column(column, justify="left" if column in ("cell", "preprint") else "right")
    for result in found.results:
        table.add_row(result.name, *_figures(result), *(text(result) for text in more.values()))
    return table


def _preprint(result: Result) -> str:
    return result.published.text if result.published else UNKNOWN


def _more_columns(found: Findings) -> dict[str, Callable[[Result], str]]:
    """Return the columns of this project's own experiment, of which the preprint has nothing: the error of the risks
    with that of one risk for all, and what the training cost."""
    if not any(math.isfinite(result.brier) for result in found.results):
        return {}
    return {"Brier / of none": brier_text, "CPU s": cost_text}


def _reasons(found: Findings) -> list[str]:
    """Return each reason why cells have no figure, with their names."""
    cells: dict[str, list[str]] = {}
    for result in found.results:
        if not result.is_known:
            cells.setdefault(result.reason, []).append(result.name)
    return [f"Without a figure: {', '.join(names)} ({reason})." for reason, names in cells.items()]


def _figures(result: Result) -> tuple[str, str, str, str]:
    area = result.area
    counts = ("" if area.n is None else str(area.n), "" if area.events is None else str(area.events))
    if not result.is_known:
        return (WITHOUT, WITHOUT, *counts)
    interval = f"{area.low:.3f} to {area.high:.3f}" if result.has_interval else ""
    return (f"{area.value:.3f}", interval, *counts)
