"""Where a clip's pixels lie in the image, how large they are in the body, and how the sector stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from echomort.dicom.header.fields import Header
from echomort.dicom.header.regions import TWO_DIMENSIONAL, Box, clamp_box, declared_box

Form = Literal["cone", "rectangle", "other"]
"""What a sector looks like: a cone of a phased or curved array, the rectangle of a linear one, or neither."""

Apex = Literal["above", "below", "none"]
"""Where a cone's apex, the probe, is on the screen."""

DEPTHS = (0.5, 50.0)
"""Centimetres from a region's top to its bottom that are believed. Our choice: transthoracic loops show 4 to 30."""

RECTANGLE_FILL = 0.94
"""Share of its box that a rectangle fills at least. Geometry: a cone of any angle fills less than nine tenths."""

NARROWER = 1.25
"""An end of a cone is wider than the other by this factor. Geometry: a trapezium of a curved probe reaches 1.4."""

SLICES = 90
"""Rows, evenly spaced from top to bottom, in which the width of an outline is measured. Our choice."""


@dataclass(frozen=True)
class Grid:
    """The pixels of a clip in those of the image: pixel (0, 0) begins at ``x``, ``y``, and each is ``across`` pixels
    wide and ``down`` high."""

    x: float = 0.0
    y: float = 0.0
    across: float = 1.0
    down: float = 1.0

    def from_image(self, points: np.ndarray) -> np.ndarray:
        """Return ``points``, float (n, 2) as x, y of pixel centres in the image, in pixels of the clip."""
        return (points + 0.5 - (self.x, self.y)) / (self.across, self.down) - 0.5

    def box(self, region: Box) -> Box:
        """Return ``region`` of the image in pixels of the clip, rounded; corners inclusive."""
        edges = np.array([[region[0], region[1]], [region[2] + 1, region[3] + 1]], float)
        (x0, y0), (x1, y1) = np.rint((edges - (self.x, self.y)) / (self.across, self.down)).astype(int).tolist()
        return x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)


def pixel_size(header: Header) -> tuple[float, float] | None:
    """Return the centimetres across and down a pixel of the image, from the declared tissue region (PS3.3 C.8.5.5);
    None where it declares none, or a depth outside :data:`DEPTHS`."""
    box, _ = declared_box(header)
    regions = (
        region
        for region in header.regions
        if region.spatial_format == TWO_DIMENSIONAL and clamp_box(region, header.rows, header.columns) == box
    )
    region = next(regions, None) if box is not None else None
    if box is None or region is None or not (region.in_centimetres and region.delta_x and region.delta_y):
        return None
    across, down = abs(region.delta_x), abs(region.delta_y)
    shallowest, deepest = DEPTHS
    return (across, down) if shallowest <= down * (box[3] - box[1] + 1) <= deepest else None


def form_of(outline: np.ndarray) -> tuple[Form, Apex]:
    """Return what the sector with ``outline``, float (n, 2) as x, y, looks like and where its apex is.

    >>> form_of(np.array([[5.0, 0.0], [10.0, 10.0], [0.0, 10.0]]))
    ('cone', 'above')
    >>> form_of(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 20.0], [0.0, 20.0]]))
    ('rectangle', 'none')
    """
    widths = _widths(outline)
    if not widths.any():
        return "other", "none"
    if widths.mean() >= RECTANGLE_FILL * np.ptp(outline[:, 0]):
        return "rectangle", "none"
    upper, lower = widths[: SLICES // 3].mean(), widths[-SLICES // 3 :].mean()
    if lower > NARROWER * upper:
        return "cone", "above"
    return ("cone", "below") if upper > NARROWER * lower else ("other", "none")


def _widths(outline: np.ndarray) -> np.ndarray:
    """Return the width of the polygon ``outline`` in :data:`SLICES` rows, float; 0 where it has none."""
    if len(outline) < 3:
        return np.zeros(SLICES)
    top, bottom = outline[:, 1].min(), outline[:, 1].max()
    rows = top + (np.arange(SLICES) + 0.5) * (bottom - top) / SLICES
    x0, y0 = outline.T
    x1, y1 = np.roll(outline, -1, axis=0).T
    crosses = (np.minimum(y0, y1) <= rows[:, None]) & (rows[:, None] < np.maximum(y0, y1))
    at = x0 + (rows[:, None] - y0) * np.divide(x1 - x0, y1 - y0, out=np.zeros_like(x0), where=y1 != y0)
    left, right = np.where(crosses, at, np.inf).min(axis=1), np.where(crosses, at, -np.inf).max(axis=1)
    return np.where(crosses.any(axis=1), right - left, 0.0)
