"""The separate things that move in a loop, and which of them are tissue of the same picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from echomort.dicom.tissue.morphology import (
    box_of,
    boxes_of,
    count_along,
    count_by_label,
    dilate,
    erode,
    label,
    maximum,
    medians_of,
)
from echomort.dicom.tissue.outline import trace_outline
from echomort.dicom.tissue.sweeps import MIN_TRACE_WIDTH

MAX_PARTS = 4
"""Parts kept, the largest first: two panels, or a sector whose cavity cuts it into walls and near field. Our choice."""

SPREAD = 2
"""Grid pixels by which moving pixels are dilated before they are joined to one part: gaps of up to four pixels close.
Tuned on drawn loops (tests/dicom/test_sector.py)."""

MIN_TRACE_ROWS = 22
"""Grid rows: a lower part is not searched for a recorded trace, which saves time. Below ``sweeps.MIN_TRACE_HEIGHT`` of
any usual picture (27 rows at 16:9)."""

MIN_END_HEIGHT = 0.25
"""A part whose left or right tenth is lower than this share of its median height tapers off, as a sector does; a
recorded trace has the same height everywhere. Tuned on drawn loops (tests/dicom/test_sector.py)."""

END_SHARE = 10
"""The left and the right end of a part are one in this many of its columns. Our choice."""

MIN_WALL_AREA = 0.1
"""A part smaller than this share of the largest part's area is no wall of the same heart. Tuned on drawn loops with a
dark cavity (tests/dicom/test_sector.py)."""

MAX_WALL_FLATNESS = 5.0
"""A part wider than this many times its height is an ECG strip or a line of text, no wall. Tuned on drawn loops
(tests/dicom/test_sector.py)."""

MIN_LEVEL_SHARE = 0.5
"""Share of a part's own height. A wall is beside the largest part where it shares more of its rows than this with it; a
near field is above where it reaches down beside it by no more than this. Tuned on drawn loops with a dark cavity
(tests/dicom/test_sector.py)."""

MAX_REACH_BELOW = 0.15
"""A part that reaches farther below the largest one than this share of its height is no wall (an ECG that fills its
strip does). Tuned on drawn ECGs (tests/dicom/test_sector.py)."""

MIN_WHOLE_CONE_WIDTH = 0.75
"""A cone at least this many times as wide as high is a whole sector; half a sector beside a dark cavity is narrower. A
phased array opens by 75 to 90 degrees, which makes it wider than high. Tuned on drawn loops
(tests/dicom/test_sector.py)."""

MIN_DRAWN, MIN_DRAWN_MOTION = 140, 0.75
"""Grey level that half of a drawn part reaches at its brightest, and share of its brightest by which half of it is
darker at times: it leaves the black of the screen behind, and tissue grows seldom so dark. As
``lettering.MIN_BRIGHTNESS``; tuned on drawn loops (tests/dicom/test_beyond.py)."""

DRAWN_REACH = 17
"""Side, in grid pixels, of the square about a drawn part in which motion does not count. As ``beyond.REACH``."""


@dataclass(frozen=True)
class Part:
    """One thing that moves: its mask, bool, in the rows and columns of the grid that it lies in, its area in grid
    pixels, and the shape of the grid."""

    cropped: np.ndarray
    area: int
    rows: slice
    columns: slice
    shape: tuple[int, ...]

    @classmethod
    def from_mask(cls, mask: np.ndarray, area: int) -> Part:
        """Return the part ``mask``; its rows and columns reach ``SPREAD`` pixels beyond it, inside the grid."""
        box = box_of(mask, SPREAD)
        rows, columns = (slice(part.start, min(part.stop, side)) for part, side in zip(box, mask.shape, strict=True))
        return cls(mask[rows, columns], area, rows, columns, mask.shape)

    @cached_property
    def mask(self) -> np.ndarray:
        """Its mask on the whole grid."""
        mask = np.zeros(self.shape, bool)
        mask[self.rows, self.columns] = self.cropped
        return mask

    @property
    def may_be_trace(self) -> bool:
        """Whether it may be a recorded trace: high, wide, and about as high at its ends as in its middle."""
        part = self.cropped
        if part.shape[0] < MIN_TRACE_ROWS or part.shape[1] < MIN_TRACE_WIDTH * self.shape[1]:
            return False
        heights = count_along(part[:, SPREAD:-SPREAD], 0)
        end = max(1, len(heights) // END_SHARE)
        return bool(min(heights[:end].mean(), heights[-end:].mean()) > MIN_END_HEIGHT * medians_of(heights))

    @property
    def is_whole_cone(self) -> bool:
        """Whether it is a cone as wide as a whole sector."""
        outline, is_cone = trace_outline(self.mask)
        width, height = np.ptp(outline, axis=0)
        return is_cone and bool(width > MIN_WHOLE_CONE_WIDTH * height)

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Return ``picture``, of the grid's size, cut to its rows and columns."""
        return picture[self.rows, self.columns]

    def meets(self, mask: np.ndarray) -> bool:
        """Return whether it shares a pixel with bool ``mask`` (rows, columns)."""
        return bool((self.cropped & self.cut(mask)).any())

    def window(self) -> tuple[float, float, float, float]:
        """Return (top, bottom, left, right) as shares of the grid."""
        rows, columns = self.shape
        return self.rows.start / rows, self.rows.stop / rows, self.columns.start / columns, self.columns.stop / columns


def find_parts(moving: np.ndarray) -> list[Part]:
    """Return the parts of ``moving``, bool (rows, columns), the largest first.

    An opening removes what is one or two pixels thin before that: lines (ECG, carets) and letters.
    """
    solid = dilate(erode(moving))
    labels, count = label(maximum(solid.view(np.uint8), 2 * SPREAD + 1).view(bool), corners=False)
    boxes = [(slice(*box[:2]), slice(*box[2:])) for box in boxes_of(labels, count).tolist()]
    if count == 1:
        rows, columns = boxes[0]
        return [Part(solid[rows, columns], int(np.count_nonzero(solid)), rows, columns, solid.shape)]
    areas = count_by_label(labels, solid, count)[1:]
    order = [index for index in np.argsort(areas)[::-1].tolist() if areas[index] > 0][:MAX_PARTS]
    parts = []
    for index in order:
        rows, columns = boxes[index]
        held = solid[rows, columns] & (labels[rows, columns] == index + 1)
        parts.append(Part(held, int(areas[index]), rows, columns, solid.shape))
    return parts


def join_walls(parts: list[Part]) -> np.ndarray:
    """Return the largest part together with the walls or the near field that a dark cavity separates from it.

    A whole cone needs none. Digits, an ECG strip and whatever else is small, flat or below do not belong.
    """
    largest = parts[0]
    walls = [part.mask for part in parts[1:] if _is_wall(part, largest)]
    return np.logical_or.reduce([largest.mask, *walls]) if walls and not largest.is_whole_cone else largest.mask


def without_drawn(motion: np.ndarray, brightest: np.ndarray, parts: list[Part], joined: np.ndarray) -> np.ndarray:
    """Return ``motion``, uint8 (rows, columns), 0 about those of ``parts`` that are bright and no part of ``joined``: a
    clock, or a picture that moves across the screen. A codec spreads their motion as far as the sector."""
    drawn = [part.mask for part in parts[1:] if not part.meets(joined) and _is_drawn(part, motion, brightest)]
    if not drawn:
        return motion
    near = maximum(np.logical_or.reduce(drawn).view(np.uint8), DRAWN_REACH) > 0
    return np.where(near & ~joined, 0, motion).astype(np.uint8)


def _is_drawn(part: Part, motion: np.ndarray, brightest: np.ndarray) -> bool:
    mask = part.cropped
    bright = float(np.median(part.cut(brightest)[mask]))
    return bright > MIN_DRAWN and bool(np.median(part.cut(motion)[mask]) > MIN_DRAWN_MOTION * bright)


def _is_wall(part: Part, largest: Part) -> bool:
    height, width = part.cropped.shape
    tall = largest.rows.stop - largest.rows.start
    shared = min(part.rows.stop, largest.rows.stop) - max(part.rows.start, largest.rows.start)
    is_beside = shared > MIN_LEVEL_SHARE * height
    is_above = part.rows.stop <= largest.rows.start + MIN_LEVEL_SHARE * height
    reaches_below = part.rows.stop > largest.rows.stop + MAX_REACH_BELOW * tall
    is_big = part.area > MIN_WALL_AREA * largest.area and width < MAX_WALL_FLATNESS * height
    return is_big and (is_beside or is_above) and not reaches_below
