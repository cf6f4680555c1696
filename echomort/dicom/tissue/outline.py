"""The shape of a sector: two straight sides from an apex, a far arc, and where the screen cuts them."""

from __future__ import annotations

import functools
import math

import numpy as np

from echomort.dicom.tissue.morphology import count_along

try:
    import echomort.dicom.tissue._pictures as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

SIDE_WIDTH = 1.5
"""Grid pixels: a row starts on a side where its first moving pixel is no farther from it. One pixel and a half allow
for the grid's rounding. Geometry."""

MIN_ON_RUN = 0.5
"""A straight run of the hull is a side where more than this share of its rows start on it; where fewer do, a mark that
touches the sector has carried the hull away. Tuned on drawn ECGs, pointers and clocks
(tests/dicom/test_sector.py)."""

MIN_ON_SIDE = 0.3
"""Another line is the side only where more than this share of all rows start on it. Tuned as ``MIN_ON_RUN``."""

MIN_SIDE_GAIN = 1.2
"""Another line is the side only where this many times as many rows start on it as on the hull. Tuned as
``MIN_ON_RUN``."""

MAX_OUTSIDE = 0.3
"""Share of the rows that may start outside a side, and share of their ends that may lie beyond the arc. Tuned as
``MIN_ON_RUN``."""

MIN_STICK_OUT = 6
"""Grid pixels: what sticks out of a side by no more is left, since it hardly turns the side. Tuned as
``MIN_ON_RUN``."""

MIN_SIDE_ROWS = 24
"""Rows through which lines are tried for a side; a part with fewer rows keeps its hull. Our choice: 136 pairs of rows
are tried, at little cost."""

FAR_PAIRS = np.triu_indices(MIN_SIDE_ROWS, MIN_SIDE_ROWS // 3)
"""The pairs of those rows that lie a third of all or more apart: nearer ones give no reliable slope. Geometry."""

MIN_ON_ARC = 8
"""Ends of rows at one distance from the apex that show an arc. Tuned on drawn ECGs that cross the arc
(tests/dicom/test_sector.py)."""

ARC_DEPTH = 2
"""Grid pixels: ends of rows within this distance of each other lie at one distance from the apex. Geometry: the grid's
rounding, on either side."""

ARC_SEARCH = 4
"""Grid pixels: an arc this near to the farthest point of all needs no search. Tuned as ``MIN_ON_ARC``."""

ARC_SHARE = 3
"""An arc holds at least one in this many of the ends that the distance with the most ends holds. Tuned as
``MIN_ON_ARC``."""

MIN_CUT_LENGTH = 0.6
"""A level or upright edge longer than this share of the cone's width there cuts the cone (the edge of the screen or of
a box, a flattened arc). Tuned on drawn shapes (tests/dicom/test_sector.py)."""

MIN_CUT_DEPTH = 1
"""Grid pixels: a cone that reaches no farther beyond such an edge is not cut. Geometry: the grid's rounding."""

MAX_CONE_GROWTH = 1.35
"""A cone larger than this many times the hull it was drawn through does not fit it. Tuned on drawn shapes that are no
cones (tests/dicom/test_sector.py)."""

MIN_OPENING = math.radians(20)
"""Radians (20 degrees): two sides that meet at less have no usable apex (a linear or a strongly curved probe). Phased
arrays open by 75 to 90 degrees; our choice, far below."""

FACE_MARGIN = 0.02
"""Share of the far distance by which the near end is drawn nearer to the apex than the nearest moving pixel, as the
grid rounds. Our choice."""

NEAR_APEX = 0.5
"""Points nearer to the apex than this share of the far distance say nothing of the opening: there a pixel is many
degrees wide. Geometry."""

ARC_POINTS = 64
"""Points of the far arc: less than a pixel between arc and chord at the grid's size. Geometry."""

FACE_POINTS = 16
"""Points of the near arc, which is shorter. Geometry."""

MIN_RUN_HEIGHT = 0.25
"""A straight run of the hull is a side only where it is higher than this share of the hull. Tuned on drawn shapes
(tests/dicom/test_sector.py)."""

MAX_TURN = math.radians(5)
"""Radians (5 degrees): neighbouring edges of the hull are one straight run while they turn by no more in all. Tuned on
drawn shapes (tests/dicom/test_sector.py)."""

MAX_UPRIGHT_SLOPE = 0.02
"""Step across for a step down below which a side is upright: the edge of the screen or of a box. About one degree; our
choice."""

MIN_BULGE = 1e-6
"""Twice the area, in square grid pixels, by which a point of the hull bulges out from its neighbours, at least.
Rounding: corners lie on halves, and a trimmed side is straight but for the last digits."""

MASKS_KEPT = 2
"""Masks of polygons that are kept: the search for a sector asks for one up to three times. Our choice."""

Run = tuple[np.ndarray, np.ndarray]
"""A straight run of an outline: its start and its end, each (x, y)."""


def trace_outline(main: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the outline of ``main``, bool (rows, columns) of square pixels, and whether it is a cone.

    The outline, float (n, 2) of x, y, is the cone through its two straight sides and its far arc where it has them,
    else its convex hull. What sticks out of a side or of the arc, where most rows end on that, is left out.
    """
    rows, starts, ends = _row_ends(main)
    hull = _hull(rows, starts, ends)
    sides = _sides(hull)
    if sides:
        left, right = _trim_side(rows, starts, sides[0]), -_trim_side(rows, -ends, _mirror(sides[1]))
        if left is not starts or (right != ends).any():
            starts, ends = left, right
            hull = _hull(rows, starts, ends)
            sides = _sides(hull)
    cone = _cone(hull, sides, rows, starts, ends) if sides else None
    return (cone, True) if cone is not None else (hull, False)


def hull_of(main: np.ndarray) -> np.ndarray:
    """Return the convex hull of ``main``, bool (rows, columns), which is not empty: float (n, 2) of x, y."""
    return _hull(*_row_ends(main))


def _row_ends(main: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of ``main`` that hold a pixel, and their first and last one."""
    if compiled is None:
        rows = np.flatnonzero(main.any(axis=1))
        return rows, main[rows].argmax(axis=1), main.shape[1] - 1 - main[rows, ::-1].argmax(axis=1)
    starts, ends = np.empty((2, len(main)), np.int64)
    compiled.row_ends(np.ascontiguousarray(main), starts, ends)
    rows = np.flatnonzero(ends >= 0)
    return rows, starts[rows], ends[rows]


def _hull(rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the convex hull of the first and last pixel of each row, with their four corners: float (n, 2) of x, y.

    A compiled loop does this where it could be built, and the same in Python otherwise.
    """
    starts, ends = np.minimum(starts, ends + 1), np.maximum(ends, starts - 1)  # trimmed sides may cross at the apex
    if compiled is None:
        return np.array([*reversed(_chain(rows, starts, 1)), *_chain(rows, ends, -1)], float)
    points = np.empty((4 * len(rows), 2))
    lines, left, right = (np.ascontiguousarray(each, np.float64) for each in (rows, starts, ends))
    return points[: compiled.hull(lines, left, right, points)]


def _chain(rows: np.ndarray, at: np.ndarray, way: int) -> list[tuple[float, float]]:
    """Return the hull's points, from above, on the side where ``rows`` start (``way`` 1) or end (-1) at ``at``."""
    chain: list[tuple[float, float]] = []
    apart = [True, *(np.diff(rows) > 1).tolist(), True]
    for index, (row, x) in enumerate(zip(rows.tolist(), at.tolist(), strict=True)):
        if apart[index] or way * x < way * at[index - 1]:
            _add_to_chain(chain, x - 0.5 * way, row - 0.5, way)
        if apart[index + 1] or way * x <= way * at[index + 1]:
            _add_to_chain(chain, x - 0.5 * way, row + 0.5, way)
    return chain


def _add_to_chain(chain: list[tuple[float, float]], x: float, y: float, way: int) -> None:
    while len(chain) > 1:
        (x0, y0), (x1, y1) = chain[-2:]
        if way * ((x - x0) * (y1 - y0) - (x1 - x0) * (y - y0)) > MIN_BULGE:
            break
        chain.pop()
    chain.append((x, y))


def _trim_side(rows: np.ndarray, starts: np.ndarray, side: Run) -> np.ndarray:
    """Return where each of ``rows`` starts, without what sticks out of a straight side.

    A trace, digits or a pointer that touches the sector carries its hull away from it, to a line on which hardly a row
    starts. Where many more rows start on another line, and few outside of that, that line is the side.
    """
    (left, top), (across, down) = side[0], side[1] - side[0]
    on_hull = _count_on(starts - left - across / down * (rows - top), across / down)
    if len(rows) < MIN_SIDE_ROWS or on_hull > MIN_ON_RUN * abs(down):
        return starts
    few = np.arange(MIN_SIDE_ROWS) * (len(rows) - 1) // (MIN_SIDE_ROWS - 1)
    y, x = rows[few], starts[few]
    first, second = FAR_PAIRS
    slopes = ((x[second] - x[first]) / (y[second] - y[first]))[:, None]
    away = x - slopes * y
    away -= away[np.arange(len(first)), first, None]
    on = _count_on(away, slopes)
    on[count_along(away < -2 * SIDE_WIDTH, 1) > MAX_OUTSIDE * len(few)] = 0
    best = int(on.argmax())
    line = x[first[best]] + slopes[best] * (rows - y[first[best]])
    is_side = _count_on(starts - line, slopes[best, 0]) > max(MIN_ON_SIDE * len(rows), MIN_SIDE_GAIN * on_hull)
    return np.maximum(starts, line) if is_side and (line - starts).max() > MIN_STICK_OUT else starts


def _mirror(run: Run) -> Run:
    return run[0] * (-1, 1), run[1] * (-1, 1)


def _count_on(away: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Count the rows that start on a line of ``slope``, from which they are ``away`` pixels across."""
    return count_along(np.abs(away) < SIDE_WIDTH * np.hypot(1, slope), -1)


def _cone(
    hull: np.ndarray, sides: tuple[Run, Run], rows: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray | None:
    """Return the sector through the hull's two straight sides and its far arc, None where the hull has no such shape.

    The hull's ``rows`` start and end at ``starts`` and ``ends``.
    """
    apex = None if any(map(_is_upright, sides)) else _apex(*sides)
    if apex is None:
        return None
    away = hull - apex
    distance = np.hypot(*away.T)
    middle = hull.mean(axis=0) - apex
    bearing = math.atan2(middle[1], middle[0])
    far, near = float(distance.max()), max(0.0, float(distance.min()) - FACE_MARGIN * float(distance.max()))
    tips = np.stack([np.concatenate([starts, ends]), np.tile(rows, 2)], axis=1) - apex
    far = _arc_distance(tips, sides, far)
    reaching = away[distance > NEAR_APEX * far]  # so near the apex, a pixel's width is many degrees
    turns = (np.arctan2(reaching[:, 1], reaching[:, 0]) - bearing + math.pi) % (2 * math.pi) - math.pi
    edge = _arc(apex, far, np.linspace(turns.min(), turns.max(), ARC_POINTS) + bearing)
    face = _arc(apex, near, np.linspace(turns.max(), turns.min(), FACE_POINTS) + bearing)
    cone = _cut_at_edges(np.concatenate([edge, face]), rows, starts, ends)
    return cone if 0 < polygon_area(cone) < MAX_CONE_GROWTH * polygon_area(hull) else None


def _arc_distance(tips: np.ndarray, sides: tuple[Run, Run], far: float) -> float:
    """Return the distance of the arc from the apex; ``tips`` are the ends of rows, measured from the apex.

    It is the farthest point's (``far``), unless many more ends between the sides lie at one distance and few beyond it:
    then a trace crosses the arc.
    """
    distances = np.hypot(*tips.T)
    left, right = (
        np.abs(tips @ (start[1] - end[1], end[0] - start[0])) > 2 * SIDE_WIDTH * np.hypot(*(end - start))
        for start, end in sides
    )
    on_arc = np.sort(distances[left & right])
    near = np.searchsorted(on_arc, on_arc + ARC_DEPTH) - np.arange(len(on_arc))
    many = max(MIN_ON_ARC, near.max(initial=0) // ARC_SHARE)
    if near[on_arc > far - ARC_SEARCH].max(initial=0) >= many:
        return far
    most = np.sort(distances)[int((1 - MAX_OUTSIDE) * len(distances))]
    found = on_arc[(near >= many) & (on_arc >= most)]
    return float(found[-1]) + 1 if len(found) else far


def _cut_at_edges(cone: np.ndarray, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return ``cone``, cut where the moving area ends in an upright or level line about as long as the cone is wide
    there: the edge of the screen, of a box or of a flattened arc."""
    left, right, widths = starts.min(), ends.max(), ends - starts + 1
    for axis, way, stop, length in (
        (0, -1, left, lambda: np.count_nonzero(starts <= left + 1)),
        (0, 1, right, lambda: np.count_nonzero(ends >= right - 1)),
        (1, -1, rows[0], widths[:2].max),
        (1, 1, rows[-1], widths[-2:].max),
    ):
        beyond = way * (cone[:, axis] - stop) - 0.5
        if beyond.max() > MIN_CUT_DEPTH and length() > MIN_CUT_LENGTH * np.ptp(cone[beyond > 0, 1 - axis]):
            cone = _clip_polygon(cone, beyond)
    return cone


def _clip_polygon(polygon: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return a convex polygon without the part that lies ``beyond`` (positive) a line."""
    following, next_beyond = _shift(polygon), _shift(beyond)
    crosses = (beyond > 0) != (next_beyond > 0)
    share = beyond / np.where(crosses, beyond - next_beyond, 1)
    both = np.stack([polygon, polygon + (following - polygon) * share[:, None]], axis=1)
    return np.asarray(both[np.stack([beyond <= 0, crosses], axis=1)])


def _shift(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[1:], values[:1]])


def _arc(centre: np.ndarray, radius: float, bearings: np.ndarray) -> np.ndarray:
    return np.asarray(centre + radius * np.stack([np.cos(bearings), np.sin(bearings)], axis=1))


def _sides(hull: np.ndarray) -> tuple[Run, Run] | None:
    """Return the longest straight run of the hull on its left and on its right, None where a side has none."""
    centre, tall = hull.mean(axis=0)[0], np.ptp(hull[:, 1])
    runs = [run for run in _straight_runs(hull) if abs(run[1][1] - run[0][1]) > MIN_RUN_HEIGHT * tall]
    left = [run for run in runs if (run[0] + run[1])[0] / 2 < centre]
    right = [run for run in runs if (run[0] + run[1])[0] / 2 > centre]
    return (max(left, key=_length), max(right, key=_length)) if left and right else None


def _straight_runs(hull: np.ndarray, tolerance: float = MAX_TURN) -> list[Run]:
    """Return the edges of the hull, neighbours joined while they turn by no more than ``tolerance`` (rad) in all."""
    count = len(hull)
    edges = _shift(hull) - hull
    bearings = np.arctan2(edges[:, 1], edges[:, 0])
    turns = np.abs((_shift(bearings) - bearings + math.pi) % (2 * math.pi) - math.pi).tolist()
    runs = []
    for start in range(count):
        end, turned = start, turns[start]
        while end - start < count - 1 and turned <= tolerance:
            end += 1
            turned += turns[end % count]
        runs.append((hull[start], hull[(end + 1) % count]))
    return runs


def _length(run: Run) -> float:
    return float(np.hypot(*(run[1] - run[0])))


def _is_upright(run: Run) -> bool:
    """Whether a side is upright: the edge of the screen or of a box, not of a sector."""
    return abs(float(run[1][0] - run[0][0])) < MAX_UPRIGHT_SLOPE * abs(float(run[1][1] - run[0][1]))


def _apex(left: Run, right: Run) -> np.ndarray | None:
    """Return the point where the two sides meet, None where they are nearly parallel."""
    first, second = left[1] - left[0], right[1] - right[0]
    cross = first[0] * second[1] - first[1] * second[0]
    if abs(cross) < math.sin(MIN_OPENING) * np.hypot(*first) * np.hypot(*second):
        return None
    offset = right[0] - left[0]
    return np.asarray(left[0] + first * (offset[0] * second[1] - offset[1] * second[0]) / cross)


def polygon_mask(points: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return bool (rows, columns), true inside a polygon, float (n, 2) of x, y, and on its edge; not to be written."""
    return _polygon_mask(tuple(points.ravel().tolist()), rows, columns)


@functools.lru_cache(maxsize=MASKS_KEPT)
def _polygon_mask(points: tuple[float, ...], rows: int, columns: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (columns, rows))
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas).view(bool)  # of bytes: can't be written


def polygon_area(points: np.ndarray) -> float:
    """Return the area of a polygon, float (n, 2) of x, y, in square pixels."""
    x, y = points.T
    return abs(float(np.dot(x, _shift(y)) - np.dot(y, _shift(x)))) / 2
