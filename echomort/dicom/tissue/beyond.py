"""Tissue beyond what moves clearly: a dark ring (an effusion) or a low gain parts it from the heart.

Motion alone can't tell dim tissue from what a codec spreads round bright tissue. A cone can, since tissue ends on two
straight sides and an arc; and where nothing in a loop is bright, a codec spreads no farther than its blocks.
"""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import maximum
from echomort.dicom.tissue.outline import hull_of, polygon_area, polygon_mask, trace_outline
from echomort.dicom.tissue.panels import show_two_panels
from echomort.dicom.tissue.parts import find_parts

LEVELS = (16, 4)
"""Grey levels of motion beyond which pixels may belong to the cone, tried in this order: more than a codec spreads, and
``sector.MIN_MOTION``; then 0 in a loop of very low gain. Our choice: in others a codec spreads so little everywhere."""

REACH = 17
"""Side, in grid pixels, of the square that what moves clearly is widened by before anything beyond it counts: a codec
spreads motion over a block of eight pixels, sixteen where video predicts it. Geometry of codecs."""

MIN_BEYOND = 0.05
"""Share of the outline's area by which tissue lies beyond it, at least; as ``sector.MIN_FAINT_AREA``."""

LIT, MIN_LIT = 4, 0.1
"""Grey level that more than this share of it exceeds, but in a loop of very low gain. As ``sector.MIN_FAINT_LIT``."""

EDGE = 5
"""Grid pixels from an edge of the cone within which what moves ends on it: a side that is drawn through a few rows of
the near field and of a corner lies so far off, and a codec widens what moves by a block. Tuned as ``MIN_ON_SIDE``."""

MIN_ON_SIDE, MIN_ON_SIDES, MIN_ON_ARC = 0.3, 0.75, 0.5
"""Share of its rows that end on either side of the cone, on both together, and share of its columns that end on its
arc, at least. A round blob ends on less than a third of the sides drawn through it; tuned on real and drawn loops with
dark rings (tests/dicom/test_beyond.py)."""

MIN_ON_FEW, MAX_ASTRAY = 0.15, 0.5
"""Fewer are enough, on each side and on the arc, where less than this many times as many end elsewhere, but not near
what moves clearly: a wide ring leaves no more than the near field and two corners. Tuned as ``MIN_ON_SIDE``."""

MIN_HELD = 0.85
"""Share of what moves clearly that the cone holds: a codec spreads the rest round its edges, or it is an ECG. Tuned as
``MIN_ON_SIDE``."""

DIM, MAX_BRIGHT = 64, 0.01
"""Grey level that no more than this share of what moves clearly exceeds in a loop of very low gain. Our choice: half of
what real loops reach; letters and traces are brighter."""

MAX_HULL = 0.9
"""Share of the grid that the hull of dim tissue covers at most: else every pixel flickers. As
``sector.MIN_FULL_BOX``."""


def outline_beyond(
    motion: np.ndarray, brightest: np.ndarray, main: np.ndarray, outline: np.ndarray
) -> tuple[np.ndarray, bool] | None:
    """Return the outline of all moving tissue, float (n, 2), and whether it is a cone, where it reaches well beyond the
    ``outline`` of ``main``, bool (rows, columns); ``motion`` and ``brightest`` are uint8 (rows, columns). None where
    nothing does, or where that is a second picture: it is a cone that tissue ends on, or, in a loop of very low gain,
    the hull."""
    area = polygon_area(outline)
    beyond = maximum(polygon_mask(outline, *main.shape).view(np.uint8), REACH) == 0
    if np.count_nonzero(beyond & (motion > 0)) <= MIN_BEYOND * area:
        return None
    is_dim = np.count_nonzero(main & (brightest > DIM)) <= MAX_BRIGHT * np.count_nonzero(main)
    for level in (*LEVELS, 0) if is_dim else LEVELS:
        moving = motion > level
        parts = find_parts(moving) if _is_tissue(moving & beyond, brightest > LIT * (not is_dim), area) else []
        if not parts:  # too little, or lines
            continue
        tissue = np.logical_or.reduce([main, *(part.mask for part in parts)])
        cone, is_cone = trace_outline(tissue)
        if is_cone and not show_two_panels(parts) and _ends_on(tissue, main, polygon_mask(cone, *main.shape)):
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
    about = [part.mask for part in find_parts((moving & ~is_drawn) | main) if part.meets(main)]
    tissue = np.logical_or.reduce([main, *about])
    if not _is_tissue(tissue & beyond, moving, area):
        return None
    hull = hull_of(tissue)
    return (hull, False) if polygon_area(hull) < MAX_HULL * main.size else None


def _ends_on(tissue: np.ndarray, main: np.ndarray, cone: np.ndarray) -> bool:
    """Whether ``cone`` holds ``main``, and ``tissue`` ends on its sides and on its arc; all bool (rows, columns)."""
    if np.count_nonzero(main & cone) < MIN_HELD * np.count_nonzero(main):
        return False
    near = maximum(main.view(np.uint8), REACH) > 0
    left, right = _ends(tissue, near, cone)
    arc = max(_ends(tissue.T, near.T, cone.T))
    is_firm = min(left, right)[0] > MIN_ON_SIDE and left[0] + right[0] > MIN_ON_SIDES and arc[0] > MIN_ON_ARC
    return is_firm or all(on > MIN_ON_FEW and astray < MAX_ASTRAY * on for on, astray in (left, right, arc))


def _ends(tissue: np.ndarray, near: np.ndarray, cone: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return in which share of the rows of ``cone`` the ``tissue`` starts on its side, and in which elsewhere, but not
    ``near`` what moves clearly; the same of where it ends."""
    rows = np.flatnonzero(cone.any(axis=1))
    pictures = [each[rows] for each in (tissue, near, cone)]
    starts, ends = _starts(*pictures), _starts(*(each[:, ::-1] for each in pictures))
    return starts, ends


def _starts(tissue: np.ndarray, near: np.ndarray, cone: np.ndarray) -> tuple[float, float]:
    first = tissue.argmax(axis=1)
    filled = tissue.any(axis=1)
    on = filled & (np.abs(first - cone.argmax(axis=1)) <= EDGE)
    astray = filled & ~on & ~near[np.arange(len(near)), first]
    return float(on.mean()), float(astray.mean())
