"""The results of an experiment as blocks of a page: sentences, figure, tables."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from echomort.experiments.comparisons import RULE, differences, sentences
from echomort.experiments.figures import draw
from echomort.experiments.published import UNKNOWN
from echomort.experiments.results import Findings, Result
from echomort.experiments.words import VARIABLES, horizon_name, network_name, picture_name, video_name
from echomort.method import SOURCES
from echomort.report.blocks import Cell, Picture, Row, Table, Words
from echomort.report.drawing.style import inline_svg
from echomort.report.words import NOTHING, count, counted, number, signed, span

NOT_COMPARABLE = (
    "The preprint's numbers are of other patients: they stand beside ours for orientation, not for comparison."
)
BRIER_NOTE = (
    "Brier: the mean squared error of the risks of death by the horizon, with weights for censoring, and after the "
    "stroke that of one risk for all; less is better."
)
CAPTIONS = {
    "figure2": "Every view by every network. Hatched: the range that the preprint gives for a network.",
    "figure3": "Every view by the horizon within which a death counts. Hatched: where the preprint's AUCs lie.",
    "table1": "The AUC by what a model was given, ours beside the preprint's.",
    "figure5": "The AUC by the patients of one model (log axis). The preprint's curve is known in words.",
    "resolution": "Every view by the reduction of its frames. The preprint's result is known in words only.",
    "flow": "Every view without and with a branch for the optical flow. The preprint's result is known in words only.",
    "inputs": "Every view from raw and from annotated video. No result of the preprint is known.",
    "study": "The AUC by the horizon (log axis). No result of the preprint is known.",
}
"""Experiment -> the caption of its figure."""


def words(found: Findings) -> list[Words]:
    """Return what the cells show, and the rule by which it is said; nothing where no two can be compared."""
    said = sentences(found.results)
    return [Words(said, listed=True), Words([RULE.format(level=found.level)])] if said else []


def picture(found: Findings) -> Picture:
    """Return the figure with its caption; its points are what it draws."""
    areas = "; ".join(f"{cell.name} {number(cell.area.value)}" for cell in found.known)
    alt = f"AUC, {found.ours}: {areas}" if areas else "No cell has a figure yet"
    svg = inline_svg(draw(found), f"fig-experiment-{found.experiment}", alt)
    caption = f"{CAPTIONS[found.experiment]} AUC, {found.ours}, with {found.level} intervals (DeLong)."
    points = {cell.name: (cell.area.value, cell.area.low, cell.area.high) for cell in found.known}
    return Picture(svg, found.about.title, caption, points=points)


def results_table(found: Findings, folded: bool = False) -> Table:
    """Return a row for each cell with an AUC: ours, and what the preprint gives or why there is nothing."""
    columns = [(head, cell) for head, cell, differs in _COLUMNS if differs(found.known)]
    heads = [head for head, _ in columns]
    beside = [(head, cell) for head, cell, part in _BESIDE if any(math.isfinite(part(one)) for one in found.known)]
    heads += [f"#AUC, {found.ours}", "#Folds", "#Patients", "#Deaths", *(head for head, _ in beside), "Preprint"]
    rows: list[Row] = [
        [
            *(cell(result) for _, cell in columns),
            *_figures(result),
            *(cell(result) for _, cell in beside),
            _quote(result),
        ]
        for result in found.known
    ]
    caption = f"{found.about.title}: every cell, {found.ours} and the preprint's"
    note = (
        f"AUC with {found.level} intervals (DeLong) and the range over the folds; what the preprint gives for the cell."
    )
    note += f" {BRIER_NOTE}" if any(head == "#Brier" for head, _ in beside) else ""
    return Table(f"experiment-{found.experiment}", caption, heads, rows, folded, note)


def _figures(result: Result) -> list[Cell | str]:
    area = result.area
    return [
        Cell(number(area.value), span(area.low, area.high), "strong"),
        *(span(*result.folds) or NOTHING, count(area.n), count(area.events)),
    ]


def _quote(result: Result) -> Cell:
    quote = result.published
    return Cell(quote.text, quote.source.partition(", ")[2], "muted") if quote else Cell(UNKNOWN, style="muted")


def brier_text(result: Result) -> str:
    """Return the Brier score of the risks, and after a stroke that of one risk for all; a dash where there is none."""
    if not math.isfinite(result.brier):
        return NOTHING
    return f"{number(result.brier)} / {number(result.brier_of_none)}"


def cost_text(result: Result) -> str:
    """Return the seconds of processor time of the training; a dash where nothing was trained."""
    return f"{result.cpu_seconds:,.0f}" if math.isfinite(result.cpu_seconds) else NOTHING


_BESIDE: tuple[tuple[str, Callable[[Result], Cell | str], Callable[[Result], float]], ...] = (
    ("#Brier", brier_text, lambda result: result.brier),
    ("#CPU s", cost_text, lambda result: result.cpu_seconds),
)
"""Columns that are shown where a cell has one: head, cell, and what it has."""


def _several(part: Callable[[Result], Any]) -> Callable[[Sequence[Result]], bool]:
    return lambda found: len({part(result) for result in found} - {None}) > 1


_COLUMNS: tuple[tuple[str, Callable[[Result], Cell | str], Callable[[Sequence[Result]], bool]], ...] = (
    ("Video", lambda result: video_name(result.view), lambda found: True),
    ("Records", lambda result: VARIABLES.get(result.variables, result.variables), _several(lambda one: one.variables)),
    ("Network", lambda result: network_name(result.network), _several(lambda one: one.network)),
    ("Picture", lambda result: picture_name(result.picture), _several(lambda one: one.picture)),
    ("#Horizon", lambda result: horizon_name(result.horizon_days), _several(lambda one: one.horizon_days)),
    ("#Trained on", lambda result: count(result.trained), lambda found: True),
)
"""Columns that say what a cell is: head, cell, and whether the cells differ in it, so that it is shown."""


def differences_table(found: Findings) -> Table:
    """Return a row for each two cells that are compared."""
    rows: list[Row] = [
        [
            Cell(pair.where, pair.what),
            Cell(signed(pair.value), style="strong"),
            f"{number(pair.first.area.value)} {NOTHING} {number(pair.second.area.value)}",
            _patients(pair.first, pair.second),
            pair.direction,
        ]
        for pair in differences(found.results)
    ]
    heads = ["Compared", "#AUC difference", "#AUCs", "#Patients", "Shown"]
    return Table(f"experiment-{found.experiment}-differences", "Cells against each other", heads, rows, folded=True)


def _patients(one: Result, other: Result) -> str:
    counts = list(dict.fromkeys((count(one.area.n), count(other.area.n))))
    return " and ".join(counts)


def without_table(found: Findings) -> Table:
    """Return a row for each cell without an AUC, with the reason."""
    rows: list[Row] = [[result.name, result.reason] for result in found.results if not result.is_known]
    caption = f"{counted(len(rows), 'cell')} without an AUC"
    return Table(f"experiment-{found.experiment}-without", caption, ["Cell", "Why"], rows)


def published_table(found: Findings) -> Table:
    """Return what the preprint gives, each with its place."""
    rows: list[Row] = [
        [fact.name, Cell(f"{fact.value} {fact.unit}".strip(), style="strong"), Cell(fact.source, style="muted")]
        for fact in found.about.found
    ]
    caption = f"What the preprint gives ({SOURCES['preprint']})"
    return Table(f"experiment-{found.experiment}-preprint", caption, ["Quantity", "Preprint", "Place"], rows)
