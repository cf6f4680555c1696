"""The calibration curves of the recalibration ladder in one plot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from echomort.report.drawing.style import HALF, PALETTE, blank, risk_square, styled

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
    for place, (label, curve) in enumerate(curves.items()):
        colour = PALETTE[COLOURS[place]]
        if place == 0:
            low, high = (100 * np.clip(values, 0, 1) for values in (curve.smooth_low, curve.smooth_high))
            axes.fill_between(100 * curve.grid, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(100 * curve.grid, 100 * np.clip(curve.smooth, 0, 1), color=colour, linewidth=1.8)
        spot = (0.97, 0.05 + 0.065 * (len(curves) - 1 - place))
        axes.text(*spot, label, transform=axes.transAxes, ha="right", color=colour, fontweight="bold")
    risk_square(axes, limit, "Predicted risk of death within a year, %", "Observed deaths, %", note)
    return figure
