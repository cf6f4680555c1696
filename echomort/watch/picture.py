"""The history of one check of the watch as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from echomort.report.drawing.style import HALF, PALETTE, blank, png, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def history_png(distances: Sequence[float], moved: Sequence[bool]) -> bytes:
    """Return a PNG of the largest distance at each look; looks at which something moved are marked."""
    return png(_drawn(distances, moved))


@styled
def _drawn(distances: Sequence[float], moved: Sequence[bool]) -> "Figure":
    figure, axes = blank(HALF, HALF / 2)
    looks = range(1, len(distances) + 1)
    axes.plot(looks, distances, color=PALETTE["ink"], marker=".")
    marked = [look for look, is_moved in zip(looks, moved, strict=True) if is_moved]
    axes.plot(marked, [distances[look - 1] for look in marked], "o", color=PALETTE["vermillion"])
    axes.set_xlabel("look")
    axes.set_ylabel("largest distance")
    return figure
