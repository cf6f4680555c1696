"""Tissue beyond what moves clearly: a dark ring (an effusion) or a low gain parts it from the heart.

Motion alone can't tell dim tissue from what a codec spreads round bright tissue. A cone can, since tissue ends on two
straight sides and an arc; and where nothing in a loop is bright, a codec spreads no farther than its blocks.
"""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import maximum
from echomort.dicom.tissue.outline import hull_of, polygon_area, polygon_mask, trace_outline
from echomort.dicom.tissue.parts import find_parts

LEVELS = (16, 4, 0)
"""Grey levels of motion beyond which pixels may belong to the cone, tried in this order: more than a codec spreads,
``sector.MIN_MOTION``, and any, as at a tenth of the usual gain. Our choice."""

REACH = 17
"""Side, in grid pixels, of the square that what moves clearly is widened by before anything beyond it counts: a codec
spreads motion over a block of eight pixels, sixteen where video predicts it. Geometry of codecs."""

MIN_BEYOND = 0.05
"""Share of the outline's area by which tissue lies beyond it, at least; as ``sector.MIN_FAINT_AREA``."""

LIT, MIN_LIT = 4, 0.1
"""Grey level that more than this share of it exceeds, but in a loop of very low gain. As ``sector.MIN_FAINT_LIT``."""

EDGE = 3
"""Grid pixels from an edge of the cone within which what moves ends on it: the grid's rounding, on either side, and
half a block of a codec. Geometry."""

MIN_ON_SIDE, MIN_ON_SIDES, MIN_ON_ARC = 0.3, 0.75, 0.5
"""Share of its rows that end on either side of the cone, on both together, and share of its columns that end on its
arc, at least. A round blob ends on a fifth of the sides drawn through it; tuned on real and drawn loops with dark rings
(tests/dicom/test_beyond.py)."""

MIN_HELD = 0.85
"""Share of what moves clearly that the cone holds: a codec spreads the rest round its edges, or it is an ECG. Tuned as
``MIN_ON_SIDE``."""

DIM, BRIGHTEST = 64, 0.99
"""Grey level that this quantile of what moves clearly does not exceed in a loop of very low gain. Our choice: half of
what real loops reach; letters and traces are brighter."""

MAX_HULL = 0.9
"""Share of the grid that the hull of dim tissue covers at most: else every pixel flickers. As
``sector.MIN_FULL_BOX``."""


def outline_beyond(
    motion: np.ndarray, brightest: np.ndarray, main: np.ndarray, outline: np.ndarray
) -> tuple[np.ndarray, bool] | None:
    """Return the outline of all moving tissue, float (n, 2), and whether it is a cone, where it reaches well beyond the
    ``outline`` of ``main``, bool (rows, columns); ``motion`` and ``brightest`` are uint8 (rows, columns). None where
    nothing does: it is a cone that tissue ends on, or, in a loop of very low gain, the hull."""
    area = polygon_area(outline)
    beyond = maximum(polygon_mask(outline, *main.shape).view(np.uint8), REACH) == 0
    if np.count_nonzero(beyond & (motion > 0)) <= MIN_BEYOND * area:
        return None
    is_dim = bool(np.quantile(brightest[main], BRIGHTEST) <= DIM)
    for level in LEVELS:
        moving = motion > level
        if not _is_tissue(moving & beyond, brightest > LIT * (not is_dim), area):
            continue
        tissue = np.logical_or.reduce([main, *(part.mask for part in find_parts(moving))])
        cone, is_cone = trace_outline(tissue)
        if is_cone and _ends_on(tissue, main, polygon_mask(cone, *main.shape)):
            return cone, True
    return _dim_hull(motion > 0, brightest, main, beyond, area) if is_dim else None


def _is_tissue(beyond: np.ndarray, lit: np.ndarray, area: float) -> bool:
    """Whether what moves ``beyond`` an outline is large against its ``area``, and ``lit`` for more than a tenth."""
    count = np.count_nonzero(beyond)
    return bool(count > MIN_BEYOND * area and np.count_nonzero(beyond & lit) > MIN_LIT * count)


def _dim_hull(
    moving: np.ndarray, brightest: np.ndarray, main: np.ndarray, beyond: np.ndarray, area: float
) -> tuple[np.ndarray, bool] | None:
    """Return the hull of what is ``moving`` about ``main``, clear of what is bright, where enough lies ``beyond``."""
    is_drawn = maximum(((brightest > DIM) & ~main).view(np.uint8), REACH) > 0
    about = [part.mask for part in find_parts((moving & ~is_drawn) | main) if (part.mask & main).any()]
    tissue = np.logical_or.reduce([main, *about])
    if not _is_tissue(tissue & beyond, moving, area):
        return None
    hull = hull_of(tissue)
    return (hull, False) if polygon_area(hull) < MAX_HULL * main.size else None


def _ends_on(tissue: np.ndarray, main: np.ndarray, cone: np.ndarray) -> bool:
    """Whether ``cone`` holds ``main``, and ``tissue`` ends on its sides and on its arc; all bool (rows, columns)."""
    if np.count_nonzero(main & cone) < MIN_HELD * np.count_nonzero(main):
        return False
    left, right = _shares_on(tissue, cone)
    on_arc = max(_shares_on(tissue.T, cone.T))
    return min(left, right) > MIN_ON_SIDE and left + right > MIN_ON_SIDES and on_arc > MIN_ON_ARC


def _shares_on(tissue: np.ndarray, cone: np.ndarray) -> tuple[float, float]:
    """Return in which share of its rows ``tissue`` starts where ``cone`` does, and in which it ends where that does."""
    rows = np.flatnonzero(cone.any(axis=1))
    tissue, cone = tissue[rows], cone[rows]
    filled = tissue.any(axis=1)
    starts, ends = (
        filled & (np.abs(one.argmax(axis=1) - other.argmax(axis=1)) <= EDGE)
        for one, other in ((tissue, cone), (tissue[:, ::-1], cone[:, ::-1]))
    )
    return float(starts.mean()), float(ends.mean())
