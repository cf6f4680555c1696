"""Two pictures on one screen: side by side, one above the other, or touching."""

from __future__ import annotations

import itertools

import numpy as np

from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.parts import Part

MIN_SECOND_AREA = 0.4
"""A second part smaller than this share of the first one's area is no second picture. Tuned on drawn pairs of sectors
(tests/dicom/test_sector.py)."""

MIN_HEART_AREA = 0.1
"""A part smaller than this share of the largest one's area is a mark. As ``parts.MIN_WALL_AREA``."""

MIN_PANEL_HEIGHT = 0.2
"""A part lower than this share of the picture's height is no picture of its own. Tuned on drawn loops
(tests/dicom/test_sector.py)."""

MIN_PANEL_WIDTH = 0.45
"""A part narrower than this share of its own height is a wall, no picture. Tuned on drawn loops with a dark cavity
(tests/dicom/test_sector.py)."""

MIN_BOX_FILL = 0.85
"""A part that fills more than this share of its bounding box is a box (a zoomed picture); a sector of 80 degrees fills
little more than half. Geometry, with a margin."""

MIN_SHARED_SIDE = 0.6
"""Two pictures are beside each other where they share more than this part of the shorter one's rows (or columns). Tuned
on drawn pairs of sectors (tests/dicom/test_sector.py)."""

MIN_TOPS_APART = 0.35
"""Two tops of one part lie farther apart than this share of its width in two sectors that touch. Tuned on drawn pairs
of sectors (tests/dicom/test_sector.py)."""

MIN_VALLEY_DEPTH = 0.35
"""The valley between two such tops is deeper than this share of the part's height. Tuned on drawn pairs of sectors
(tests/dicom/test_sector.py)."""

MAX_TOP_DROP = 0.15
"""The lower of two such tops lies no farther below the part's upper border than this share of its height. Tuned on
drawn pairs of sectors (tests/dicom/test_sector.py)."""

VALLEY_MARGIN = 4
"""The valley is searched in the middle, one in this many of the columns left out at either side. Our choice."""

TOP_ROWS = 8
"""The top of a part is one in this many of its rows. Our choice."""

MAX_APEX_WIDTH = 0.6
"""The top of a sector is narrower than this share of the part's width. Tuned on drawn loops, phased and curved probes
(tests/dicom/test_sector.py)."""

APEX_RANGE = (0.25, 0.75)
"""The middle of a sector's top lies between these shares of the part's width; half a sector beside a dark cavity leans
to the apex at its border. Tuned on drawn loops (tests/dicom/test_sector.py)."""


def reject_two_panels(parts: list[Part]) -> None:
    """Raise :class:`Rejected` (``DUAL_PANEL``) where ``parts``, the largest first, show two pictures or more."""
    if show_two_panels(parts):
        raise Rejected(Reason.DUAL_PANEL)


def show_two_panels(parts: list[Part]) -> bool:
    """Return whether ``parts``, the largest first, show two pictures or more.

    Two sectors of like size beside or above each other are two pictures, and so is one part with two apexes. Two walls
    about a dark cavity are not: each stands upright, or leans to the apex between them.
    """
    if _has_two_tops(parts[0]) and _has_two_tops(_joined(parts)):
        return True
    large = [part for part in parts if part.area >= MIN_SECOND_AREA * parts[0].area]
    return any(_are_two_pictures(one, other) for one, other in itertools.combinations(large, 2))


def _joined(parts: list[Part]) -> Part:
    """Return the largest of ``parts`` together with those that are no mark: a heart that a dark ring parts from the far
    tissue fills the valley between its two horns."""
    masks = [part.mask for part in parts if part.area >= MIN_HEART_AREA * parts[0].area]
    whole = np.logical_or.reduce(masks)
    return Part.from_mask(whole, int(np.count_nonzero(whole)))


def _are_two_pictures(one: Part, other: Part) -> bool:
    """Whether two parts of like size are pictures of their own, beside or above each other."""
    is_beside = _are_beside(one.columns, other.columns, one.rows, other.rows)
    is_above = _are_beside(one.rows, other.rows, one.columns, other.columns)
    lower = min(part.rows.stop - part.rows.start for part in (one, other))
    if not (is_beside or is_above) or lower < MIN_PANEL_HEIGHT * one.shape[0]:
        return False
    return all(_is_picture(part.cropped) or part.is_whole_cone for part in (one, other))


def _are_beside(one: slice, other: slice, across: slice, other_across: slice) -> bool:
    """Whether two stretches lie apart while those across them overlap for the most part."""
    apart = one.stop <= other.start or other.stop <= one.start
    shared = min(across.stop, other_across.stop) - max(across.start, other_across.start)
    shorter = min(across.stop - across.start, other_across.stop - other_across.start)
    return bool(apart and shared > MIN_SHARED_SIDE * shorter)


def _has_two_tops(part: Part) -> bool:
    """Whether the upper edge rises to two tops far apart with a deep valley between: two sectors that touch."""
    mask = part.cropped
    height, width = mask.shape
    margin = width // VALLEY_MARGIN
    edge = np.where(mask.any(axis=0), mask.argmax(axis=0), height)
    valley = margin + int(edge[margin : width - margin].argmax())
    left, right = int(edge[:valley].argmin()), valley + int(edge[valley:].argmin())
    lower_top = max(edge[left], edge[right])
    is_far = right - left > MIN_TOPS_APART * width
    is_deep = edge[valley] - lower_top > MIN_VALLEY_DEPTH * height
    if not (is_far and is_deep and lower_top < MAX_TOP_DROP * height):
        return False
    return _is_picture(mask[:, :valley]) and _is_picture(mask[:, valley:])


def _is_picture(mask: np.ndarray) -> bool:
    """Whether a part is a picture of its own: a box, or a sector, whose narrow top lies above its middle."""
    mask = mask[mask.any(axis=1)][:, mask.any(axis=0)]
    height, width = mask.shape
    if mask.size == 0 or width < MIN_PANEL_WIDTH * height:
        return False
    top = np.flatnonzero(mask[: max(1, height // TOP_ROWS)].any(axis=0))
    first, last = APEX_RANGE
    is_sector = np.ptp(top) < MAX_APEX_WIDTH * width and first < top.mean() / width < last
    return bool(np.count_nonzero(mask) > MIN_BOX_FILL * mask.size or is_sector)
