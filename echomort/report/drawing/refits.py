"""The instability plot: the risks of refits against those as scored."""

from typing import TYPE_CHECKING

import numpy as np

from echomort.report.drawing.style import HALF, KIND_COLOUR, PALETTE, blank, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def instability(bands: tuple[np.ndarray, ...], kind: str, note: str) -> "Figure":
    """Return the plot of ``bands``: for groups of patients the mean risk as scored, and the lower limit, median and
    upper limit of the risks by refits, each (groups,)."""
    figure, axes = blank(HALF, HALF + 0.25)
    scored, low, middle, high = (100 * values for values in bands)
    colour, limit = PALETTE[KIND_COLOUR[kind]], 10 * np.ceil(max(high.max(), scored.max()) / 10)
    axes.plot([0, limit], [0, limit], color=PALETTE["faint"], linewidth=0.8)
    axes.fill_between(scored, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(scored, middle, color=colour, linewidth=1.6)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal", anchor="N")
    axes.tick_params(axis="y", labelcolor=PALETTE["muted"])
    axes.grid(True)
    axes.set_xlabel("Predicted risk as scored, %", loc="left")
    axes.set_ylabel("Predicted risk by refits, %", loc="bottom")
    axes.annotate(
        note, (0, 1), color=PALETTE["muted"], xycoords="axes fraction", xytext=(0, 5), textcoords="offset points"
    )
    return figure
