"""The calibration curves of the recalibration ladder in one plot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from echomort.report.drawing.style import HALF, PALETTE, blank, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from echomort.evaluation.calibration import CalibrationCurve

COLOURS = ("vermillion", "orange", "blue")
"""The colours of the rungs, from the lowest."""


@styled
def ladder(curves: "Mapping[str, CalibrationCurve]", note: str) -> "Figure":
    """Return the loess curve of each rung (label -> curve), that of the first with its band."""
    figure, axes = blank(HALF, HALF + 0.25)
    highest = max(float(max(one.grid.max(), np.nanmax(one.smooth))) for one in curves.values())
    limit = float(next((limit for limit in (8, 20, 40, 60, 80) if 100 * highest <= limit), 100))
    axes.plot([0, limit], [0, limit], color=PALETTE["faint"], linewidth=0.8)
    for place, (label, curve) in enumerate(curves.items()):
        colour = PALETTE[COLOURS[place]]
        if place == 0:
            low, high = (100 * np.clip(values, 0, 1) for values in (curve.smooth_low, curve.smooth_high))
            axes.fill_between(100 * curve.grid, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(100 * curve.grid, 100 * np.clip(curve.smooth, 0, 1), color=colour, linewidth=1.8)
        spot = (0.97, 0.05 + 0.065 * (len(curves) - 1 - place))
        axes.text(*spot, label, transform=axes.transAxes, ha="right", color=colour, fontweight="bold")
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal", anchor="N")
    axes.tick_params(axis="y", labelcolor=PALETTE["muted"])
    axes.grid(True)
    axes.set_xlabel("Predicted risk of death within a year, %", loc="left")
    axes.set_ylabel("Observed deaths, %", loc="bottom")
    axes.annotate(
        note, (0, 1), color=PALETTE["muted"], xycoords="axes fraction", xytext=(0, 5), textcoords="offset points"
    )
    return figure
