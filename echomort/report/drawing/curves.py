"""The curves of a training: loss and AUC of every fold's model by epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from echomort.report.drawing.style import PALETTE, WIDE, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Fold left out -> ``loss``, ``validation_loss``, ``auc`` and ``validation_auc`` of each epoch, as a model card has
them."""
HEIGHT = 2.6
"""Inches. Chosen here: two small pictures side by side."""
KINDS = (("", "trained on", PALETTE["blue"]), ("validation_", "validation", PALETTE["vermillion"]))
"""Beginning of a curve's name, its words and its colour."""


@styled
def training_curves(history: History) -> "Figure":
    """Return two panels by epoch, the loss and the AUC, with a line for the model of each fold: of the samples that it
    is trained on, as it meets them, and of its validation samples if it has any."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, HEIGHT))
    for axes, (name, words) in zip(figure.subplots(1, 2), (("loss", "Loss"), ("auc", "AUC")), strict=True):
        for start, kind, colour in KINDS:
            _lines(axes, [fold[start + name] for fold in history.values()], kind, colour)
        axes.set_xlabel("Epoch", loc="left")
        axes.set_ylabel(words, loc="bottom")
        axes.grid(True)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def _lines(axes: "Axes", folds: Sequence[Sequence[float | None]], kind: str, colour: str) -> None:
    """Draw a line for each fold that has values; the first of them has the label ``kind``."""
    for number, values in enumerate(values for values in folds if None not in values):
        axes.plot(
            range(1, len(values) + 1),
            [float(value) for value in values if value is not None],
            color=colour,
            linewidth=1,
            marker="." if len(values) == 1 else "",
            label="_" * (number > 0) + kind,
        )
