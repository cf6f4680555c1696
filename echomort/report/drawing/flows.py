"""Figures of counts: the flow of patients and files, missing values, and a hundred patients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from echomort.report.drawing.style import HALF, PALETTE, WIDE, blank, styled
from echomort.report.words import MINUS, dotted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, FAINT = (PALETTE[name] for name in ("ink", "muted", "faint"))
MAX_BARS = 30
"""Variables in the figure of missing values, so that it fits on a screen. Chosen here; the table has all."""


@dataclass(frozen=True)
class FlowStep:
    """One box of a flow diagram, and the exclusions after it: (reason, count) pairs."""

    label: str
    counts: str
    excluded: Sequence[tuple[str, str]] = field(default=())


@styled
def attrition_flow(steps: Sequence[FlowStep], parts: Sequence[FlowStep]) -> "Figure":
    """Return a flow diagram (CONSORT): ``steps`` downwards, exclusions on the right, then the ``parts`` side by
    side."""
    heights = [_flow_height(step) for step in steps]
    total = sum(heights) + (1.25 if parts else 0)
    figure, axes = blank(WIDE, max(1.5, 0.62 * total))
    axes.set_xlim(0, 100)
    axes.set_ylim(total, 0)
    axes.axis("off")
    top = 0.0
    for step, height, following in zip(steps, heights, [*steps[1:], None], strict=True):
        onward = "box" if following else "parts" if parts else ""
        _flow_step(axes, step, (top, top + height), onward)
        top += height
    _flow_parts(axes, parts, top)
    return figure


def _flow_height(step: FlowStep) -> float:
    return 1.45 if not step.excluded else 1.3 + 0.36 * len(step.excluded) + 0.25


def _flow_step(axes: "Axes", step: FlowStep, span: tuple[float, float], onward: str) -> None:
    top, bottom = span
    _box(axes, (0, top + 0.05, 46, 0.95), step.label, step.counts)
    if onward == "box":
        _arrow(axes, (23, top + 1.0), (23, bottom + 0.05))
    elif onward == "parts":
        axes.plot([23, 23], [top + 1.0, bottom + 0.02], color=FAINT, linewidth=0.9)
    if step.excluded:
        _flow_exclusions(axes, step, top + 1.15)


def _flow_exclusions(axes: "Axes", step: FlowStep, top: float) -> None:
    height = 0.36 * len(step.excluded) + 0.12
    _arrow(axes, (23, top + height / 2), (52, top + height / 2))
    axes.plot([53, 53], [top, top + height], color=FAINT, linewidth=1.2)
    for row, (reason, counts) in enumerate(step.excluded):
        place = top + 0.24 + 0.36 * row
        axes.text(54.2, place, reason, va="center", color=MUTED)
        axes.text(100, place, counts, va="center", ha="right", color=INK)


def _flow_parts(axes: "Axes", parts: Sequence[FlowStep], top: float) -> None:
    if not parts:
        return
    gap = 3.0
    width = (100 - gap * (len(parts) - 1)) / len(parts)
    centres = [place * (width + gap) + width / 2 for place in range(len(parts))]
    if len(parts) == 1:
        width, centres = 46.0, [23.0]
    axes.plot([centres[0], max(centres[-1], 23)], [top + 0.02, top + 0.02], color=FAINT, linewidth=0.9)
    for place, part in enumerate(parts):
        _arrow(axes, (centres[place], top + 0.02), (centres[place], top + 0.25))
        _box(axes, (place * (width + gap), top + 0.25, width, 0.95), part.label, part.counts)


def _box(axes: "Axes", place: tuple[float, float, float, float], label: str, counts: str) -> None:
    from matplotlib.patches import Rectangle

    left, top, width, height = place
    axes.add_patch(Rectangle((left, top), width, height, facecolor="none", edgecolor=FAINT, linewidth=0.9))
    axes.text(left + 1.6, top + 0.32 * height, label, va="center", fontweight="bold")
    axes.text(left + 1.6, top + 0.71 * height, counts, va="center", color=MUTED)


def _arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": FAINT, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    axes.annotate("", end, start, arrowprops=style)


@styled
def archive_flow(total: int, rejected: Sequence[tuple[str, int]], accepted: Sequence[tuple[str, int]]) -> "Figure":
    """Return a waterfall from all files through the rejected ones, by reason, to the clips of each view."""
    rows = [("Files in the archive", total, "plain"), *((label, -count, "out") for label, count in rejected)]
    kept = sum(count for _, count in accepted)
    rows += [("Clips", kept, "clips"), *((f"{label}", count, "view") for label, count in accepted)]
    figure, axes = blank(WIDE, 0.4 + 0.26 * len(rows))
    level = float(total)
    for place, (label, count, kind) in enumerate(rows):
        level = _flow_bar(axes, (place, label, count, kind), level)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, max(1, total) * 1.12)
    axes.set_xticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


_BAR_COLOUR = {"plain": FAINT, "out": PALETTE["orange"], "clips": PALETTE["blue"], "view": PALETTE["sky"]}


def _flow_bar(axes: "Axes", row: tuple[int, str, int, str], level: float) -> float:
    place, _, count, kind = row
    start = level + count if kind == "out" else level if kind == "view" else 0.0
    axes.barh(place, abs(count), left=start, height=0.62, color=_BAR_COLOUR[kind])
    text = f"{MINUS}{-count:,}" if kind == "out" else f"{count:,}"
    axes.annotate(
        text,
        (start + abs(count), place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontweight="normal" if kind in ("out", "view") else "bold",
    )
    return {"out": level + count, "plain": level, "clips": 0.0, "view": level + count}[kind]


@styled
def missing_values(rows: Sequence[tuple[str, float]], note: str) -> "Figure":
    """Return a bar for each (variable, share missing 0 to 1), largest first, at most ``MAX_BARS``."""
    shown = sorted(rows, key=lambda row: (-row[1], row[0]))[:MAX_BARS]
    figure, axes = blank(WIDE, 0.6 + 0.21 * max(1, len(shown)))
    shares = [100 * share for _, share in shown]
    axes.barh(range(len(shown)), shares, height=0.62, color=PALETTE["sky"])
    for place, share in enumerate(shares):
        axes.annotate(
            f"{share:.0f} %" if share >= 1 or share == 0 else "< 1 %",
            (share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=MUTED,
        )
    axes.set_yticks(range(len(shown)), [label for label, _ in shown])
    axes.set_ylim(max(1, len(shown)) - 0.4, -0.6)
    axes.set_xlim(0, 108)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(dotted("Missing, %", note), loc="left")
    return figure


@styled
def hundred_patients(counts: Sequence[tuple[str, int, str]]) -> "Figure":
    """Return a hundred dots, coloured in order by ``counts``: (label, number, colour name), which add up to 100."""
    figure, axes = blank(HALF, HALF * 0.62)
    place = 0
    for _, number, colour in counts:
        spots = np.arange(place, place + number)
        axes.scatter(spots % 20, spots // 20, s=42, color=PALETTE[colour], linewidths=0)
        place += number
    axes.set_xlim(-0.6, 19.6)
    axes.set_ylim(4.6 + len(counts) * 0.95 + 0.3, -0.6)
    for row, (what, number, colour) in enumerate(counts):
        height = 5.5 + 0.95 * row
        axes.text(1.2, height, f"{number}", color=INK, fontweight="bold", va="center", ha="right")
        axes.scatter([2.2], [height], s=42, color=PALETTE[colour], linewidths=0)
        axes.text(3.1, height, what, color=INK, va="center")
    axes.axis("off")
    return figure
