"""Risk by ejection fraction: a table and a figure over the bins of the authors' demo."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from echomort.report.drawing.style import HALF, PALETTE, blank, inline_svg, standalone_svg, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGES = (0, 35, 50, 65, 80, 100)
"""Edges of the bins, ejection fraction in %, the upper one included: the authors' demo."""
THRESHOLD = 0.5
"""Risk above which the authors' code predicts death within a year."""


def risk_by_ef(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a bin of ejection fraction, from ``scores`` (ef in %, risk): its edges, the number of clips with a
    risk, the quartiles of risk, and the share above 0.5."""
    scored = scores.dropna(subset=["risk"])
    rows = []
    for low, high in pairwise(EDGES):
        risks = scored.loc[(scored["ef"] > low) & (scored["ef"] <= high), "risk"].to_numpy(float)
        first, median, third = np.quantile(risks, (0.25, 0.5, 0.75)) if len(risks) else [np.nan] * 3
        share = float((risks > THRESHOLD).mean()) if len(risks) else np.nan
        known = {"ef_above": low, "ef_to": high, "clips": len(risks)}
        rows.append(
            known | {"first_quartile": first, "median": median, "third_quartile": third, "share_above_half": share}
        )
    return pd.DataFrame(rows)


@styled
def draw_risk_by_ef(scores: pd.DataFrame) -> Figure:
    """Return box plots of risk by bin of ejection fraction (whiskers: 5 to 95 %), with the number of clips of each."""
    scored = scores.dropna(subset=["risk"])
    bins = [
        scored.loc[(scored["ef"] > low) & (scored["ef"] <= high), "risk"].to_numpy() for low, high in pairwise(EDGES)
    ]
    figure, axes = blank(HALF, 3.1)
    axes.axhline(THRESHOLD, color=PALETTE["faint"], linewidth=0.8)
    lines = {"color": PALETTE["blue"], "linewidth": 1.1}
    axes.boxplot(bins, widths=0.55, whis=(5, 95), showfliers=False, boxprops=lines, whiskerprops=lines, capprops=lines,
                 medianprops=lines | {"linewidth": 2.2})  # fmt: skip
    labels = [f"{low}-{high}\nn = {len(risks)}" for (low, high), risks in zip(pairwise(EDGES), bins, strict=True)]
    axes.set_xticks(range(1, len(bins) + 1), labels)
    axes.set_ylim(0, 1)
    axes.tick_params(axis="y", labelcolor=PALETTE["muted"])
    axes.set_xlabel("Ejection fraction, %", loc="left")
    axes.set_ylabel("Output of the published network", loc="bottom")
    return figure


def risk_by_ef_svg(scores: pd.DataFrame) -> str:
    """Return the figure of :func:`draw_risk_by_ef` as an SVG file."""
    alt = "Box plots of the published network's output by ejection fraction"
    return standalone_svg(inline_svg(draw_risk_by_ef(scores), "risk-by-ef", alt))
