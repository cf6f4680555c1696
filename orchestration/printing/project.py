"""Prints a project on the terminal: its results in one table, and the state of its assets."""

import json
import textwrap
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from assets import status
from assets.accounts import account_lines
from assets.project import Project
from echomort.champion.history import released
from echomort.champion.store import champion_name, read_history
from echomort.core.audit import is_unfinished
from echomort.evaluation.too_few import has_too_few, too_few_words
from echomort.report.words import model_words
from echomort.settings import Settings
from echomort.vocabulary.model_names import ModelName
from orchestration.doctor.finding import ERASE_AGAIN, UNERASED
from warehouse.connection import connect
from warehouse.reads.evaluation.headline import headline


def print_results(settings: Settings, console: Console) -> None:
    """Print the AUC of every model and where the report is, once there is an evaluation."""
    with connect(settings.warehouse, read_only=True) as connection:
        metrics = headline(connection)
    if not metrics.empty:
        least = settings.evaluation.suppress_below_events
        console.print(_results_table(metrics, settings.is_synthetic, least))
        if _is_without_result(metrics, least):
            console.print("no result: too few deaths or survivors; what so many can show is among the warnings")
    report = settings.home / "report" / "report.html"
    if report.exists():
        console.print(f"report: {report}")


def _is_without_result(metrics: pd.DataFrame, least: int) -> bool:
    """Return whether no model has enough deaths and survivors; permuted labels and oracles are no models to judge."""
    judged = metrics[[ModelName.parse(str(model)).kind not in {"null", "oracle"} for model in metrics["model"]]]
    return all(has_too_few(int(n), int(deaths), least) for n, deaths in judged[["n", "events"]].to_numpy())


def print_accounts(home: Path, console: Console) -> None:
    """Print what each asset took and what it left out, by reason, a line each; nothing before a run."""
    project = Project(home=str(home))
    if not project.settings.warehouse.exists():
        return
    with project.reader() as connection:
        for line in account_lines(connection):
            console.print(line)


def print_stale_above(home: Path, assets: Sequence[str], console: Console) -> None:
    """Print which assets above those that were selected are not up to date: what they would bring is not in yet."""
    for line in above_lines(status.asset_states(Project(home=str(home))), assets):
        console.print(line)


def above_lines(rows: Sequence[Mapping[str, Any]], assets: Sequence[str]) -> Iterator[str]:
    """Yield the line that names the assets of ``rows`` (``status.asset_states``) that ``assets`` are made from, are not
    among them and are stale or were never made."""
    stale = [row for row in rows if row["state"] in ("stale", "missing")]
    above = sorted({name for asset in assets for name in status.required(stale, asset)} - set(assets))
    if above:
        line = (
            f"WARNING: not up to date, and above what was selected: {', '.join(above)}; what they would bring is not in"
        )
        yield f"{line} yet: `echomort run`, or select all that lies above, such as `--select +{assets[0]}`"


def print_warnings(home: Path, console: Console) -> None:
    """Print everything that a person should know about the data and the results, a line each; nothing before a run."""
    if not (home / "warehouse.duckdb").exists():
        return
    if is_unfinished(home, "erase"):
        console.print(f"WARNING: {UNERASED}; {ERASE_AGAIN}")
    project = Project(home=str(home))
    warnings = status.project_warnings(project)
    if warnings and project.settings.is_synthetic:
        console.print("the synthetic archive has errors of a hospital's records on purpose; the run found:")
    for _, warning in warnings:
        console.print(f"WARNING: {warning}")


AREA = "AUC (95 % interval)"
"""The column of a model's AUC; so the table fits 80 columns."""


def _results_table(metrics: pd.DataFrame, is_synthetic: bool, least: int) -> Table:
    """Return the AUC of every model; none of those with fewer than ``least`` deaths or survivors: it would be noise."""
    title = "one-year mortality, synthetic archive: nothing here is about patients" if is_synthetic else None
    table = Table(title=title, title_justify="left")
    with_headroom = bool(metrics["headroom"].notna().any())
    for column in ("model", AREA, "n", "deaths", *(["headroom"] if with_headroom else [])):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=column in {"model", AREA})
    for row in metrics.to_dict("records"):
        counts = f"{row['n']:.0f}", f"{row['events']:.0f}"
        if has_too_few(row["n"], row["events"], least):
            cells = too_few_words(int(row["n"]), int(row["events"])), *counts
        else:
            cells = _area(row), *counts
        headroom = "" if pd.isna(row["headroom"]) else f"{100 * row['headroom']:.0f} %"
        table.add_row(model_words(str(row["model"])).label, *cells, *([headroom] if with_headroom else []))
    return table


def _area(row: dict[Hashable, Any]) -> str:
    interval = "no interval" if pd.isna(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
    return f"{row['value']:.3f} ({interval})"


def print_status(home: Path, console: Console, as_json: bool) -> None:
    """Print the state of each asset in one line, with the reason if it is not up to date; then the warnings."""
    project = Project(home=str(home))
    rows = status.asset_states(project)
    if as_json:
        decision = _last_decision(project.settings)
        warnings = status.project_warnings(project)
        for row in rows:
            about = {"warnings": [words for asset, words in warnings if asset == row["asset"]]}
            console.print(json.dumps(row | about | ({"decision": decision} if row["asset"] == "champion" else {})))
        return
    for line in state_lines(rows, console.width):
        console.print(line)
    for line in _champion_lines(project.settings.registry):
        console.print(line)
    print_warnings(home, console)


def _last_decision(settings: Settings) -> dict[str, Any] | None:
    """Return the last decision on a candidate as a person may read it; None before there is one."""
    history = read_history(settings.registry)
    return released(history[-1], settings.evaluation.suppress_below_events) if history else None


def state_lines(rows: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    """Yield the state of each asset: a line of at most ``width`` characters with the reason at its end or, where that
    does not fit, in lines of its own below. No name and no path is cut."""
    longest = max(len(row["asset"]) for row in rows)
    heads = {"asset": "asset", "state": "state", "units": "units", "changed": "last change (UTC)", "why": "why"}
    for row in (heads, *rows):
        line = f"{row['asset']:<{longest}}  {row['state']:<10}  {row['units']:>6}  {row['changed'] or '':<17}"
        whole = f"{line}  {row['why']}".rstrip()
        if len(whole) <= width:
            yield whole
            continue
        yield line.rstrip()
        yield from textwrap.wrap(
            row["why"], width, initial_indent="    ", subsequent_indent="    ", break_long_words=False
        )


def _champion_lines(registry: Path) -> Iterator[str]:
    """Yield which candidate is champion, and what became of the last one and why."""
    champion, history = champion_name(registry), read_history(registry)
    yield f"champion: {champion or 'none yet'}"
    if history:
        last = history[-1]
        became = "promoted" if last["promoted"] else "not promoted"
        yield f"last candidate: {last['candidate']}, {became}: {'; '.join(last['reasons'])}"
