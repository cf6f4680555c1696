"""The figures of the experiments: ours as dots with intervals, what the preprint gives as hatched bands or grey text.

A figure that leaves its page still says which is which: its legend names ours and the preprint's.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from echomort.experiments.published import lowest_at_any_horizon
from echomort.experiments.results import Findings, Result
from echomort.experiments.words import VARIABLES, network_name, picture_name, video_name
from echomort.report.drawing.style import PALETTE, WIDE, blank, styled
from echomort.report.words import DASH, count, number, span
from echomort.vocabulary.model_names import ALL_VIEWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, FAINT, RULE = (PALETTE[name] for name in ("ink", "muted", "faint", "rule"))
COLOURS = tuple(PALETTE[name] for name in ("blue", "vermillion", "green", "purple", "orange", "sky"))
MARKERS = ("o", "s", "D", "^", "v", "P")
"""Colour and marker of each series: both differ, so that none is told by its colour alone."""
PREPRINT: dict[str, Any] = {"facecolor": "none", "edgecolor": PALETTE["faint"], "hatch": "////", "linewidth": 0.0}
"""What the preprint gives is hatched in every figure."""
ROW, HEAD = 0.27, 1.15
"""Inches: a row of dots, and axis and legend around them. Chosen here, so that 21 views fit on a page."""
ONE_VIEW = "one view alone"
PANELS = 3
"""Small panels beside each other. Chosen here, so that their labels can be read."""


def draw(found: Findings) -> "Figure":
    """Return the figure of an experiment; without any AUC, a picture that says so."""
    ours = "ours, synthetic archive" if found.is_synthetic else "ours, this archive"
    return DRAWN[found.experiment](found.known, ours) if found.known else nothing()


@styled
def nothing() -> "Figure":
    """Return a picture that says that no cell has a figure."""
    figure, axes = blank(WIDE, 1.0)
    axes.axis("off")
    axes.text(0.5, 0.5, "No cell has a figure yet.", ha="center", va="center", color=MUTED)
    return figure


@styled
def views_by_network(found: Sequence[Result], ours: str) -> "Figure":
    """Return a panel for each network: the AUC of every view with its interval and the range over the folds, over the
    range that the preprint gives."""
    networks = _unique(found, lambda cell: (cell.network, cell.variables))
    views = _unique(found, lambda cell: cell.view)
    figure, panels = _panels(len(networks), HEAD + 0.35 + ROW * len(views), across=max(2, len(networks)))
    limits = _limits(found, [value for cell in found if (quote := cell.published) for value in (quote.low, quote.high)])
    for place, (axes, (network, variables)) in enumerate(zip(panels, networks, strict=True)):
        cells = [cell for cell in found if (cell.network, cell.variables) == (network, variables)]
        for cell in cells:
            _dot(axes, cell, views.index(cell.view), *_style(place))
        quote = cells[0].published
        if quote and quote.low is not None and quote.high is not None:
            axes.axvspan(quote.low, quote.high, **PREPRINT)
        records = "" if variables == "none" else f"\n{VARIABLES.get(variables, variables)}"
        below = f"preprint {number(quote.low)}{DASH}{number(quote.high)}" if quote else "no preprint number"
        _note(axes, f"{network_name(network)}{records}", below)
        _rows(axes, [video_name(view) for view in views], limits)
    _legend(figure, ours, folds=True, preprint="preprint, range over its views")
    return figure


@styled
def horizons(found: Sequence[Result], ours: str) -> "Figure":
    """Return a panel for each view: its AUC by horizon, over the line that all of the preprint's are above."""
    views = _unique(found, lambda cell: cell.view)
    rows = math.ceil(len(views) / PANELS)
    figure, panels = _panels(len(views), 0.75 + 1.45 * rows, across=PANELS, share_x=False)
    floor = lowest_at_any_horizon()
    low, high = _limits(found, [floor])
    for axes, view in zip(panels, views, strict=True):
        cells = sorted((cell for cell in found if cell.view == view), key=lambda cell: cell.horizon_days)
        axes.axhspan(floor, high, **PREPRINT)
        axes.axhline(floor, color=FAINT, linewidth=0.9)
        days = [cell.horizon_days for cell in cells]
        _line(axes, days, cells)
        axes.set_xticks(days, [str(one) for one in days])
        axes.set_ylim(low, high)
        axes.tick_params(axis="y", labelcolor=MUTED)
        _note(axes, video_name(view))
    panels[0].set_ylabel("AUC", loc="bottom")
    figure.supxlabel("Horizon, days", x=0.01, ha="left", color=MUTED, fontsize=8.5)
    _legend(figure, ours, folds=False, preprint=f"preprint, all above {floor:g}")
    return figure


@styled
def table_of_inputs(found: Sequence[Result], ours: str) -> "Figure":
    """Return Table 1 as a grid: video across, records down, in each cell ours beside the preprint's."""
    videos = _unique(found, lambda cell: cell.view)
    records = [name for name in VARIABLES if name in {cell.variables for cell in found}]
    figure, axes = blank(WIDE, 0.85 + 0.72 * len(records))
    axes.set_xlim(-0.62, len(videos))
    axes.set_ylim(len(records), -0.5)
    axes.axis("off")
    for place, view in enumerate(videos):
        axes.text(place + 0.03, -0.36, video_name(view), va="center", fontweight="bold")
        for offset, text, colour in ((0.03, ours.partition(",")[0], INK), (0.66, "preprint", MUTED)):
            axes.text(place + offset, -0.11, text, va="center", color=colour, fontsize=7.5)
    for place, variables in enumerate(records):
        axes.text(-0.62, place + 0.5, VARIABLES.get(variables, variables).capitalize(), va="center", fontweight="bold")
    for cell in found:
        _grid_cell(axes, cell, videos.index(cell.view), records.index(cell.variables))
    _legend(figure, ours, folds=False, preprint="preprint, its own patients", square=True)
    return figure


def _grid_cell(axes: "Axes", cell: Result, left: int, top: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top + 0.05), 0.6, 0.9, facecolor=PALETTE["sky"], alpha=0.25, linewidth=0))
    axes.add_patch(Rectangle((left + 0.63, top + 0.05), 0.33, 0.9, **PREPRINT))
    axes.text(left + 0.03, top + 0.38, number(cell.area.value), va="center", fontweight="bold", fontsize=12)
    axes.text(left + 0.03, top + 0.74, span(cell.area.low, cell.area.high), va="center", color=MUTED, fontsize=8)
    if cell.published:
        box = {"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.5}
        axes.text(left + 0.795, top + 0.5, cell.published.text, ha="center", va="center", color=MUTED, bbox=box)


@styled
def learning_curves(found: Sequence[Result], ours: str) -> "Figure":
    """Return the AUC by the patients that were trained on, on a log axis, a line for each kind of input."""
    figure, axes = blank(WIDE, 3.6)
    kinds = _unique(found, lambda cell: cell.inputs)
    sizes: set[int] = set()
    for place, kind in enumerate(kinds):
        cells = [cell for cell in found if cell.inputs == kind and _size(cell)]
        cells.sort(key=_size)
        sizes |= {_size(cell) for cell in cells}
        _line(axes, [_size(cell) for cell in cells], cells, place, kind)
    _on_log_axis(axes, found, _ticks(sizes), "Patients trained on")
    _legend_of(figure, *axes.get_legend_handles_labels(), title=f"{ours}; lines: intervals")
    return figure


def _size(cell: Result) -> int:
    return cell.trained or cell.most_patients or 0


def _ticks(sizes: set[int]) -> list[int]:
    """Return the sizes that have room on the axis, the largest first: those at least a fifth apart."""
    kept: list[int] = []
    for size in sorted(sizes, reverse=True):
        if not kept or size * 1.3 < kept[-1]:
            kept.append(size)
    return kept[::-1]


@styled
def by_horizon(found: Sequence[Result], ours: str) -> "Figure":
    """Return the AUC by horizon, on a log axis: a line for each model of all views, dots for those of one view."""
    figure, axes = blank(WIDE, 3.6)
    names = [network_name(cell.network) if cell.view == ALL_VIEWS else ONE_VIEW for cell in found]
    for place, name in enumerate(dict.fromkeys(names)):
        cells = [cell for cell, own in zip(found, names, strict=True) if own == name]
        cells.sort(key=lambda cell: cell.horizon_days)
        apart = 1.04 ** (place - len(set(names)) / 2)  # so that dots of one horizon lie beside each other
        for later, part in enumerate([[cell] for cell in cells] if name == ONE_VIEW else [cells]):
            _line(axes, [cell.horizon_days * apart for cell in part], part, place, "" if later else name)
    _on_log_axis(axes, found, sorted({cell.horizon_days for cell in found}), "Horizon, days")
    _legend_of(figure, *axes.get_legend_handles_labels(), title=f"{ours}; lines: intervals")
    return figure


@styled
def pictures(found: Sequence[Result], ours: str) -> "Figure":
    """Return the AUC of every view, a dot with its interval for each picture."""
    views, kinds = _unique(found, lambda cell: cell.view), _unique(found, lambda cell: cell.picture)
    height = 0.13 * len(kinds) + 0.12
    figure, axes = blank(WIDE, HEAD + height * len(views))
    step = height * 0.72 / len(kinds)
    for cell in found:
        place = kinds.index(cell.picture)
        shift = (place - (len(kinds) - 1) / 2) * step / height
        _dot(axes, cell, views.index(cell.view) + shift, *_style(place))
    _rows(axes, [video_name(view) for view in views], _limits(found, []))
    for place in range(1, len(views)):
        axes.axhline(place - 0.5, color=RULE, linewidth=0.7)
    handles = [_key(*_style(place)) for place in range(len(kinds))]
    _legend_of(figure, handles, [picture_name(kind) for kind in kinds], title=f"{ours}; thick: folds, thin: interval")
    return figure


DRAWN: dict[str, Callable[[Sequence[Result], str], "Figure"]] = {
    "figure2": views_by_network,
    "figure3": horizons,
    "table1": table_of_inputs,
    "figure5": learning_curves,
    "resolution": pictures,
    "flow": pictures,
    "inputs": pictures,
    "study": by_horizon,
}
"""Experiment -> its figure."""


def _panels(panels: int, height: float, across: int, share_x: bool = True) -> tuple["Figure", list["Axes"]]:
    """Return a figure of ``panels`` axes, ``across`` in a row; places without a panel stay empty."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, height))
    down = math.ceil(panels / across)
    grid = figure.subplots(down, across, squeeze=False, sharex=share_x, sharey=True).ravel()
    for axes in grid[panels:]:
        axes.axis("off")
    return figure, list(grid[:panels])


def _dot(axes: "Axes", cell: Result, place: float, colour: str, marker: str) -> None:
    if all(map(math.isfinite, cell.folds)):
        axes.plot(cell.folds, [place] * 2, color=colour, linewidth=6, alpha=0.25, solid_capstyle="butt")
    if cell.has_interval:
        axes.plot([cell.area.low, cell.area.high], [place] * 2, color=colour, linewidth=1.2)
    axes.plot(cell.area.value, place, marker, color=colour, markersize=5.5)


def _on_log_axis(axes: "Axes", found: Sequence[Result], ticks: Sequence[int], label: str) -> None:
    """Let ``axes`` show the AUC of ``found`` over a log axis with ``ticks``."""
    axes.set_xscale("log")
    axes.set_xticks(ticks, [count(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(True)
    axes.set_ylim(*_limits(found, []))
    axes.set_xlabel(label, loc="left")
    axes.set_ylabel("AUC", loc="bottom")


def _line(axes: "Axes", across: Sequence[float], cells: Sequence[Result], place: int = 0, label: str = "") -> None:
    """Draw the cells from left to right in the colour of the series ``place``, with their intervals."""
    colour, marker = _style(place)
    areas = [cell.area.value for cell in cells]
    axes.plot(across, areas, marker=marker, color=colour, linewidth=1.4, markersize=5, label=label)
    for spot, cell in zip(across, cells, strict=True):
        if cell.has_interval:
            axes.plot([spot] * 2, [cell.area.low, cell.area.high], color=colour, linewidth=1.2, alpha=0.7)


def _style(place: int) -> tuple[str, str]:
    """Return colour and marker of the series at ``place``."""
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]


def _rows(axes: "Axes", names: Sequence[str], limits: tuple[float, float]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(*limits)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("AUC", loc="left")


def _note(axes: "Axes", text: str, below: str = "") -> None:
    """Print ``text`` above the axes, in bold, and ``below`` under it, in grey."""
    axes.set_title(text, loc="left", fontsize=8.5, fontweight="bold", pad=16 if below else 5)
    place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "xytext": (0, 5)}
    axes.annotate(below, (0, 1), color=MUTED, fontsize=7.5, **place).set_in_layout(False)


def _limits(found: Sequence[Result], others: Sequence[float | None]) -> tuple[float, float]:
    """Return the ends of the axis of AUCs: all values, with a margin."""
    values = [value for cell in found for value in (cell.area.value, cell.area.low, cell.area.high, *cell.folds)]
    finite = [value for value in [*values, *others] if value is not None and math.isfinite(value)]
    return max(0.0, min(finite) - 0.02), min(1.005, max(finite) + 0.02)


def _key(colour: str, marker: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker=marker, linewidth=1.2, markersize=5.5)


def _legend(figure: "Figure", ours: str, folds: bool, preprint: str, square: bool = False) -> None:
    """Print which marks are ours and which the preprint's."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    first = Patch(facecolor=PALETTE["sky"], alpha=0.25) if square else _key(INK, "o")
    handles, labels = [first], [f"{ours}, with interval"]
    if folds:
        handles.append(Line2D([], [], color=INK, linewidth=6, alpha=0.25))
        labels.append("its folds")
    _legend_of(figure, [*handles, Patch(**PREPRINT)], [*labels, preprint])


def _legend_of(figure: "Figure", handles: Sequence[Any], labels: Sequence[str], title: str = "") -> None:
    place: dict[str, Any] = {"loc": "outside upper left", "ncols": 4, "frameon": False, "fontsize": 8.5}
    made = figure.legend(handles, labels, title=title or None, title_fontsize=8.5, alignment="left", **place)
    made.get_title().set_color(MUTED)


def _unique(found: Sequence[Result], key: Callable[[Result], Any]) -> list[Any]:
    return list(dict.fromkeys(map(key, found)))
