"""Prints an experiment on the terminal: its cells in one table, ours beside what the preprint gives."""

import pandas as pd
from rich.console import Console
from rich.table import Table

from echomort.experiments.comparisons import sentences
from echomort.experiments.published import EXPERIMENTS, UNKNOWN
from echomort.experiments.results import USUAL, Display, Findings, Result, findings

SYNTHETIC = "synthetic archive: nothing of ours is about patients"


def print_experiment(cells: pd.DataFrame, out: Console, is_synthetic: bool = False, display: Display = USUAL) -> None:
    """Print the cells of one experiment (rows of table ``experiment_cell``), what they show, and how many are left."""
    for experiment in EXPERIMENTS:
        found = findings(cells, experiment, is_synthetic, display)
        if found.results:
            out.print(_table(found))
            for line in (*sentences(found.results), found.counts_text):
                out.print(line)


def _table(found: Findings) -> Table:
    title = f"{found.about.title}; {SYNTHETIC}" if found.is_synthetic else found.about.title
    table = Table(title=title, title_justify="left")
    for column in ("cell", f"AUC, {found.ours}", "interval", "patients", "deaths", "preprint"):
        table.add_column(column, justify="left" if column in ("cell", "preprint") else "right")
    for result in found.results:
        table.add_row(result.name, *_figures(result), result.published.text if result.published else UNKNOWN)
    return table


def _figures(result: Result) -> tuple[str, str, str, str]:
    area = result.area
    counts = ("" if area.n is None else str(area.n), "" if area.events is None else str(area.events))
    if not result.is_known:
        return ("", result.reason, *counts)
    interval = f"{area.low:.3f} to {area.high:.3f}" if result.has_interval else ""
    return (f"{area.value:.3f}", interval, *counts)
