"""Plots for a notebook or a paper: each draws into the ``ax`` that it gets (default: a new one) and returns it.

The report's own figures are in :mod:`echomort.report.drawing`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from echomort.dicom.clip import Clip
from echomort.evaluation.benefit import decision_curve, net_benefit_treat_all
from echomort.evaluation.calibration import calibration_curve
from echomort.evaluation.discrimination import delong_interval, roc_points
from echomort.evaluation.inputs import labels, numbers
from echomort.evaluation.resampling import Resampling

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_FRAMES = 5
"""Frames of a clip that :func:`show` draws side by side. Our choice: they fit the width of a page."""


def show(clip: Clip | np.ndarray, frames: int = SHOWN_FRAMES, ax: "Axes | None" = None) -> "Axes":
    """Draw ``frames`` evenly spaced frames of ``clip`` side by side.

    ``clip`` is what :func:`echomort.read_clip` returns, or uint8 (frames, height, width). Frames of zeros at its end,
    which pad a short loop, are left out. Raises :class:`ValueError` for another shape.
    """
    pixels = clip.pixels if isinstance(clip, Clip) else np.asarray(clip)
    if pixels.ndim != 3 or not len(pixels):
        raise ValueError(f"a clip has the shape (frames, height, width), not {pixels.shape}")
    lit = np.flatnonzero(pixels.any(axis=(1, 2)))
    last = int(lit[-1]) if len(lit) else 0
    chosen = np.unique(np.linspace(0, last, frames).round().astype(int))
    axes = ax or _new_axes(2 * len(chosen), 2 * pixels.shape[1] / pixels.shape[2])
    axes.imshow(np.hstack(list(pixels[chosen])), cmap="gray", vmin=0, vmax=255)
    axes.set_axis_off()
    return axes


def roc_plot(died: Any, score: Any, label: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the ROC curve of ``score`` (n,) for labels ``died`` (n,) 0/1; its name has the AUC with DeLong's limits.

    Raises :class:`ValueError` as :func:`echomort.auc` does, and where all labels are the same.
    """
    false_positive, true_positive = roc_points(died, score)
    if not len(false_positive):
        raise ValueError("a ROC curve needs deaths and survivors")
    area = delong_interval(died, score)
    axes = ax or _new_axes()
    name = f"{label} {area.value:.3f} ({area.low:.3f} to {area.high:.3f})".strip()
    axes.plot(false_positive, true_positive, label=name)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    return axes


def calibration_plot(died: Any, risk: Any, label: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw observed deaths against predicted ``risk`` (n,) 0 to 1.

    Points are tenths of the rows with Wilson limits; the line is the loess curve, with its band.

    Raises :class:`ValueError` for risks outside of 0 to 1, and as :func:`echomort.evaluation.calibration_curve` does.
    """
    curve = calibration_curve(died, risk, Resampling())
    axes = ax or _new_axes()
    (line,) = axes.plot(curve.grid, np.clip(curve.smooth, 0, 1), label=label or None)
    low, high = (np.clip(limits, 0, 1) for limits in (curve.smooth_low, curve.smooth_high))
    axes.fill_between(curve.grid, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    error = np.abs(np.stack([curve.observed - curve.low, curve.high - curve.observed]))
    axes.errorbar(curve.predicted, curve.observed, error, fmt="o", color=line.get_color(), markersize=4, linewidth=1)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
    highest = min(1.0, 1.1 * max(float(curve.predicted.max()), float(curve.high.max())))
    axes.set(xlabel="predicted risk", ylabel="observed deaths", xlim=(0, highest), ylim=(0, highest), aspect="equal")
    if label:
        axes.legend(loc="upper left", frameon=False)
    return axes


def decision_curve_plot(
    died: Any, risk: Any, label: str = "", thresholds: Any | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the net benefit of acting where ``risk`` (n,) reaches a threshold, beside acting on all and on none.

    ``thresholds`` (t,) default to 1 to 50 %. Vickers and Elkin, Med Decis Making 2006;26:565.
    """
    y = labels(died)
    values = numbers("risk", risk, len(y))
    at = np.linspace(0.01, 0.5, 50) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    benefit = decision_curve(y, values, at)
    axes = ax or _new_axes()
    named = axes.get_legend_handles_labels()[1]  # another curve's "act on all" may be in these axes already
    every, none = (None if name in named else name for name in ("act on all", "act on none"))
    axes.plot(at, benefit, label=label or "act by the risk")
    axes.plot(at, [net_benefit_treat_all(y, one) for one in at], color="0.5", linewidth=0.9, label=every)
    axes.axhline(0, color="0.7", linewidth=0.8, label=none)
    highest = max(float(np.max(benefit)), float(y.mean()))
    axes.set(xlabel="threshold", ylabel="net benefit", ylim=(-0.3 * highest, 1.1 * highest))
    axes.legend(frameon=False)
    return axes


def _new_axes(width: float = 4, height: float = 4) -> "Axes":
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]
