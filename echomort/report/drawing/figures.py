"""The figures of the report: functions from plain values to a matplotlib Figure, which
:mod:`echomort.report.drawing.style` writes.

Figures have no title, since the page prints one beside them. Each prints the number of patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from echomort.report.drawing.style import HALF, KIND_COLOUR, PALETTE, WIDE, blank, styled
from echomort.report.words import DASH, MINUS, dotted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from echomort.evaluation.calibration import CalibrationCurve

INK, MUTED, FAINT = (PALETTE[name] for name in ("ink", "muted", "faint"))
DIED, LIVED = PALETTE["vermillion"], PALETTE["blue"]


@dataclass(frozen=True)
class Estimate:
    """One row of a forest plot: a value with its interval, or a ``note`` that says why it is missing."""

    label: str
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    kind: str = "plain"
    group: str = ""
    note: str = ""
    folds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A vertical line of a forest plot."""

    value: float
    label: str
    strong: bool = False


@dataclass(frozen=True)
class Curve:
    """Scores of one model: labels 0 or 1 and probabilities, both of shape (patients,)."""

    label: str
    kind: str
    labels: np.ndarray
    probabilities: np.ndarray
    note: str = ""


@dataclass(frozen=True)
class BenefitLine:
    """A decision curve: net benefit at each threshold (t,), with its pointwise limits (t,) where there are any."""

    label: str
    kind: str
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@styled
def forest(rows: Sequence[Estimate], references: Sequence[Reference], note: str, what: str = "AUC") -> "Figure":
    """Return a forest plot of ``what``: ``rows`` from the top, grouped by ``Estimate.group`` in the order given.

    ``note`` (counts) is printed beside the axis label; small marks are the values of the folds.
    """
    places = _places(rows)
    figure, axes = blank(WIDE, 0.75 + 0.27 * (max(places) + 1 if places else 1))
    for place, row in zip(places, rows, strict=True):
        _forest_row(axes, place, row)
    _forest_groups(axes, places, rows)
    for reference in references:
        _reference(axes, reference)
    axes.set_yticks(places, [row.label for row in rows])
    axes.set_ylim((max(places) if places else 0) + 0.7, -0.9)
    axes.set_xlim(*_forest_limits(rows, references))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel(dotted(what, note), loc="left")
    return figure


def _places(rows: Sequence[Estimate]) -> list[float]:
    places, place, group = [], -1.0, ""
    for index, row in enumerate(rows):
        place += 1.0
        if row.group != group:
            place += 1.0 if row.group and index == 0 else 1.45 if row.group else 0.0
            group = row.group
        places.append(place)
    return places


def _forest_row(axes: "Axes", place: float, row: Estimate) -> None:
    side = axes.get_yaxis_transform()
    if not np.isfinite(row.value):
        axes.text(1.02, place, row.note or "not estimable", transform=side, va="center", color=MUTED)
        return
    colour = PALETTE[KIND_COLOUR[row.kind]]
    hollow = row.kind in ("oracle", "null")
    if row.folds:
        axes.plot(row.folds, [place] * len(row.folds), "|", color=colour, alpha=0.55, markersize=7, markeredgewidth=1)
    if np.isfinite([row.low, row.high]).all():
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
    face = PALETTE["paper"] if hollow else colour
    axes.plot(
        row.value, place, "D" if hollow else "o", color=colour, markersize=6, markerfacecolor=face, markeredgewidth=1.4
    )
    beside: dict[str, Any] = {"xycoords": side, "textcoords": "offset points", "va": "center"}
    axes.annotate(f"{row.value:.3f}", (1.02, place), xytext=(0, 0), fontweight="bold", **beside)
    axes.annotate(_span(row), (1.02, place), xytext=(37, 0), color=MUTED, **beside)
    axes.annotate(row.note, (1.02, place), xytext=(118, 0), color=MUTED, **beside)


def _span(row: Estimate) -> str:
    return f"{row.low:.3f} {DASH} {row.high:.3f}" if np.isfinite([row.low, row.high]).all() else ""


def _forest_groups(axes: "Axes", places: Sequence[float], rows: Sequence[Estimate]) -> None:
    seen = ""
    for place, row in zip(places, rows, strict=True):
        if row.group and row.group != seen:
            spot = (0.0, place - 0.95)
            axes.annotate(
                row.group,
                spot,
                xycoords=axes.get_yaxis_transform(),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontweight="bold",
            )
        seen = row.group


def _reference(axes: "Axes", reference: Reference) -> None:
    style = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.0} if reference.strong else {"color": FAINT}
    axes.axvline(reference.value, zorder=0.5, **style)
    axes.annotate(
        reference.label,
        (reference.value, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 5),
        textcoords="offset points",
        ha="center",
        color=INK if reference.strong else MUTED,
        fontsize=8,
    )


def _forest_limits(rows: Sequence[Estimate], references: Sequence[Reference]) -> tuple[float, float]:
    values = [value for row in rows for value in (row.value, row.low, row.high, *row.folds)]
    finite = [value for value in [*values, *(line.value for line in references)] if np.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    margin = max(0.02, 0.04 * (high - low))
    return low - margin, min(1.005, high + margin) if high <= 1 else high + margin


@styled
def roc(curves: Sequence[Curve], note: str) -> "Figure":
    """Return ROC curves. The first is drawn on top and thickest; a curve with one class only is omitted."""
    from echomort.evaluation.discrimination import roc_points

    figure, axes = blank(HALF, HALF + 0.25)
    axes.plot([0, 100], [0, 100], color=FAINT, linewidth=0.8)
    drawn = [(curve, *roc_points(curve.labels, curve.probabilities)) for curve in curves]
    drawn = [(curve, false_alarms, sensitivity) for curve, false_alarms, sensitivity in drawn if len(false_alarms)][
        ::-1
    ]
    for rank, (curve, false_alarms, sensitivity) in enumerate(drawn):
        colour = PALETTE[KIND_COLOUR[curve.kind]]
        dashes = (0, (4, 2)) if curve.kind == "oracle" else "-"
        last = rank == len(drawn) - 1
        axes.plot(100 * false_alarms, 100 * sensitivity, color=colour, linewidth=2.2 if last else 1.3, linestyle=dashes)
        text = f"{curve.label}  {curve.note}".strip()
        axes.text(98, 4 + 7 * rank, text, ha="right", color=colour, fontsize=8.5, fontweight="bold")
    _percent_axes(axes, f"Survivors flagged, % (1 {MINUS} specificity)", "Deaths found, % (sensitivity)")
    axes.annotate(note, (0, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points", color=MUTED)
    return figure


def _percent_axes(axes: "Axes", across: str, up: str, limit: float = 100) -> None:
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal", anchor="N")
    ticks = np.linspace(0, limit, 5)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(True)
    axes.set_xlabel(across, loc="left")
    axes.set_ylabel(up, loc="bottom")


@styled
def reliability(curve: Curve, points: "CalibrationCurve", note: str, limit: float | None = None) -> "Figure":
    """Return a calibration plot of ``points``: tenths of the patients with Wilson intervals, the loess curve with its
    band, and histograms of the predictions of ``curve`` for patients who died and who lived. ``limit`` is the end of
    both axes, in per cent.
    """
    figure, axes = blank(HALF, HALF + 0.85)
    colour = PALETTE[KIND_COLOUR[curve.kind]]
    limit = limit or reliability_limit(points)
    axes.plot([0, 100], [0, 100], color=FAINT, linewidth=0.8)
    low, high = (100 * np.clip(values, 0, 1) for values in (points.smooth_low, points.smooth_high))
    axes.fill_between(100 * points.grid, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(100 * points.grid, 100 * np.clip(points.smooth, 0, 1), color=colour, linewidth=1.4, alpha=0.6)
    axes.vlines(100 * points.predicted, 100 * points.low, 100 * points.high, color=INK, linewidth=0.9)
    axes.plot(100 * points.predicted, 100 * points.observed, "o", color=colour, markersize=5, clip_on=False)
    _percent_axes(axes, "", "Observed deaths, %", limit)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.annotate(note, (0, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points", color=MUTED)
    axes.text(0.96 * limit, 0.05 * limit, curve.note, ha="right", va="bottom", linespacing=1.5, fontsize=8)
    _spike_histogram(axes.inset_axes((0, -0.25, 1, 0.19)), curve, limit)
    return figure


def reliability_limit(*curves: "CalibrationCurve") -> float:
    """Return the end of the axes of :func:`reliability`, in per cent, that fits all ``curves``."""
    highest = max((100 * float(value) for one in curves for value in (*one.predicted, *one.high)), default=0.0)
    return float(next((limit for limit in (8, 20, 40, 60, 80) if highest <= limit), 100))


def _spike_histogram(axes: "Axes", curve: Curve, limit: float) -> None:
    edges = np.linspace(0, limit, 61)
    percents = np.clip(100 * curve.probabilities, 0, limit)
    died, lived = (np.histogram(percents[curve.labels == label], edges)[0] for label in (1, 0))
    tallest = max(int(died.max(initial=0)), int(lived.max(initial=0)), 1)
    axes.stairs(died, edges, fill=True, color=DIED)
    axes.stairs(-lived, edges, fill=True, color=LIVED)
    axes.axhline(0, color=FAINT, linewidth=0.7)
    axes.set_xlim(0, limit)
    axes.set_xticks(np.linspace(0, limit, 5), [f"{tick:g}" for tick in np.linspace(0, limit, 5)])
    axes.set_ylim(-1.15 * tallest, 1.15 * tallest)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.text(limit, 1.1 * tallest, "died", color=DIED, ha="right", va="top", fontsize=8)
    axes.text(limit, -1.1 * tallest, "lived", color=LIVED, ha="right", va="bottom", fontsize=8)
    axes.set_xlabel("Predicted risk of death within a year, %", loc="left")


@styled
def score_distributions(curves: Sequence[Curve]) -> "Figure":
    """Return histograms of predicted risks for each model, of patients who died (up) and lived (down), each scaled to
    its group."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, 0.35 + 1.05 * len(curves)))
    panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for axes, curve in zip(panels, curves, strict=True):
        _mirrored(axes, curve)
    panels[-1].set_xlabel("Predicted risk of death within a year, %", loc="left")
    _annotate_groups(panels[0])
    return figure


def _mirrored(axes: "Axes", curve: Curve) -> None:
    edges = np.linspace(0, 100, 41)
    shares = [np.histogram(100 * curve.probabilities[curve.labels == label], edges)[0] for label in (1, 0)]
    died, lived = (counts / max(1, counts.sum()) for counts in shares)
    tallest = max(died.max(initial=0.0), lived.max(initial=0.0), 1e-9)
    axes.stairs(died, edges, fill=True, color=DIED)
    axes.stairs(-lived, edges, fill=True, color=LIVED)
    axes.axhline(0, color=FAINT, linewidth=0.7)
    axes.set_xlim(0, 100)
    axes.set_ylim(-1.12 * tallest, 1.12 * tallest)
    axes.set_yticks([0], [curve.label])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x")


def _annotate_groups(axes: "Axes") -> None:
    for share, text, colour in ((0.92, "died within a year", DIED), (0.08, "lived", LIVED)):
        place = "top" if share > 0.5 else "bottom"
        axes.text(0.995, share, text, transform=axes.transAxes, ha="right", va=place, color=colour, fontweight="bold")


@styled
def survival(days: np.ndarray, event: np.ndarray, high_risk: np.ndarray) -> "Figure":
    """Return Kaplan-Meier curves with confidence bands for patients at ``high_risk`` (n,) bool and for the others.

    ``days`` (n,) run from the study to death (``event`` true) or to the last evidence of life.
    """
    figure, axes = blank(HALF, HALF + 0.4)
    end = max(1.0, float(np.quantile(days, 0.95)))
    moments = _moments(end)
    for moment in moments:
        _count_above(axes, moment, f"day {moment:.0f}", 2, MUTED)
    for row, (member, text, colour) in enumerate(((~high_risk, "low risk", LIVED), (high_risk, "high risk", DIED))):
        if member.any():
            _survival_curve(axes, (days[member], event[member]), (text, colour), end)
            for moment in moments:
                _count_above(axes, moment, f"{int((days[member] >= moment).sum())}", 1 - row, colour)
    axes.axvline(365, color=FAINT, linewidth=0.8)
    axes.annotate("one year", (365, 0.02), xytext=(3, 0), textcoords="offset points", color=MUTED, fontsize=8)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(True)
    axes.set_xlabel("Days since the study", loc="left")
    axes.set_ylabel("Alive, %", loc="bottom")
    return figure


def _survival_curve(axes: "Axes", followed: tuple[np.ndarray, np.ndarray], named: tuple[str, str], end: float) -> None:
    from echomort.evaluation.survival import kaplan_meier

    (days, event), (text, colour) = followed, named
    curve = kaplan_meier(days, event)
    seen = [*curve["day"], max(float(days.max()), curve["day"].iloc[-1])]
    alive, low, high = ([*curve[name], curve[name].iloc[-1]] for name in ("survival", "low", "high"))
    axes.step(seen, alive, where="post", color=colour, linewidth=1.8)
    axes.fill_between(seen, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
    above = high[max(0, int(np.searchsorted(curve["day"], 0.6 * end, side="right")) - 1)]
    axes.text(0.6 * end, min(above + 0.03, 0.95), text, color=colour, fontweight="bold")


def _moments(end: float) -> list[float]:
    """Return four or five round days from 0 on, at which patients at risk are counted."""
    from matplotlib.ticker import MaxNLocator

    return [day for day in MaxNLocator(4, integer=True).tick_values(0, 0.85 * end) if day <= 0.9 * end]


def _count_above(axes: "Axes", moment: float, text: str, row: int, colour: str) -> None:
    """Write ``text`` above the axes at day ``moment``; ``row`` 0 is the lowest."""
    axes.annotate(
        text,
        (moment, 1.0),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 5 + 11 * row),
        textcoords="offset points",
        color=colour,
        fontsize=8,
    )


@styled
def net_benefit(thresholds: np.ndarray, lines: Sequence[BenefitLine], note: str) -> "Figure":
    """Return decision curves over ``thresholds`` (t,), with their bands; treat-none is the zero line."""
    figure, axes = blank(HALF, 3.1)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    highest = max((float(line.values.max()) for line in lines), default=0.1)
    ends = _spread([float(line.values[-1]) for line in lines], 0.07 * 1.35 * highest)
    for line, end in zip(lines, ends, strict=True):
        label, values, colour = line.label, line.values, PALETTE[KIND_COLOUR[line.kind]]
        if line.low is not None and line.high is not None:
            axes.fill_between(100 * thresholds, line.low, line.high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(100 * thresholds, values, color=colour, linewidth=1.8)
        if values[-1] >= -0.25 * highest:
            axes.annotate(label, (101 * thresholds[-1], end), color=colour, va="center", annotation_clip=False)
        else:
            spot = (_crossing(thresholds, values), -0.13 * highest)
            axes.annotate(label, spot, xytext=(-4, 0), textcoords="offset points", color=MUTED, ha="right")
    axes.set_xlim(0, 100 * thresholds[-1])
    axes.set_ylim(-0.25 * highest, 1.1 * highest)
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(True)
    axes.set_xlabel("Act where the predicted risk is at least this, %", loc="left")
    axes.annotate(note, (0, 1), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points", color=MUTED)
    axes.set_ylabel("Net benefit", loc="bottom")
    return figure


@styled
def assumed(
    shares: Sequence[float], lines: Sequence[tuple[str, str, Sequence[float]]], band: tuple[float, float]
) -> "Figure":
    """Return AUCs (label, kind, one value for each of ``shares``, 0 to 1) over an assumed share, with a ``band``."""
    figure, axes = blank(HALF, 2.6)
    across = [100 * share for share in shares]
    axes.axhspan(*band, color=FAINT, alpha=0.35, linewidth=0)
    ends = _spread([values[-1] for _, _, values in lines], 0.02)
    for (label, kind, values), end in zip(lines, ends, strict=True):
        colour = PALETTE[KIND_COLOUR[kind]]
        axes.plot(across, values, color=colour, linewidth=1.8, marker="o", markersize=3)
        axes.annotate(label, (101, end), color=colour, va="center", annotation_clip=False)
    axes.set_xlim(0, 100)
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.grid(True)
    axes.set_xlabel("Assumed deaths among the lost, %", loc="left")
    axes.set_ylabel("AUC", loc="bottom")
    return figure


def _crossing(thresholds: np.ndarray, values: np.ndarray) -> float:
    return 100 * float(thresholds[int(np.argmax(values <= 0.0))])


def _spread(places: Sequence[float], gap: float) -> list[float]:
    order = sorted(range(len(places)), key=lambda index: places[index])
    spread = [float(place) for place in places]
    for below, above in pairwise(order):
        spread[above] = max(spread[above], spread[below] + gap)
    return spread
