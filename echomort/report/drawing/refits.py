"""The instability plot: the risks of refits against those as scored."""

from typing import TYPE_CHECKING

import numpy as np

from echomort.report.drawing.style import HALF, KIND_COLOUR, PALETTE, blank, risk_square, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def instability(bands: tuple[np.ndarray, ...], kind: str, note: str) -> "Figure":
    """Return the plot of ``bands``: for groups of patients the mean risk as scored, and the lower limit, median and
    upper limit of the risks by refits, each (groups,)."""
    figure, axes = blank(HALF, HALF + 0.25)
    scored, low, middle, high = (100 * values for values in bands)
    colour, limit = PALETTE[KIND_COLOUR[kind]], 10 * np.ceil(max(high.max(), scored.max()) / 10)
    axes.fill_between(scored, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(scored, middle, color=colour, linewidth=1.6)
    risk_square(axes, limit, "Predicted risk as scored, %", "Predicted risk by refits, %", note)
    return figure
