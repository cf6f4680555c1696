"""The shape of a sector: two straight sides from an apex, a far arc, and where the screen cuts them."""

from __future__ import annotations

import math

import numpy as np

SIDE_WIDTH = 1.5
"""How near to a side, in pixels, a row starts on it."""

ON_RUN, ON_SIDE, MAX_OUTSIDE = 0.5, 0.3, 0.3
"""Which share of the rows of a run of the hull that is a side start on it, which share of all start on any side, and
which share may lie outside a side or beyond the arc."""

STICKS_OUT = 6
"""What sticks out of a side by fewer pixels doesn't turn it."""

MIN_SIDE_ROWS = 24
FAR_PAIRS = np.triu_indices(MIN_SIDE_ROWS, MIN_SIDE_ROWS // 3)
"""A side is sought through two of so many rows that lie a third of all apart."""

ON_ARC = 8
"""So many ends of rows at one distance show the arc."""

CUT = 0.6
"""What ends in a line as long as this share of the cone's width there is cut off."""

MAX_CONE_GROWTH = 1.35
MIN_OPENING = math.radians(20)


Run = tuple[np.ndarray, np.ndarray]
"""A straight run of an outline: its start and its end."""


def outline_of(main: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the outline, float (n, 2) of x, y, of what moves, bool (rows, columns) of square pixels, and whether it is
    a cone: the one through its two straight sides and its far arc where it has them, else its convex hull.

    What sticks out of a side or of the arc, where most rows end on that, is left out.
    """
    rows = np.flatnonzero(main.any(axis=1))
    starts, ends = main[rows].argmax(axis=1), main.shape[1] - 1 - main[rows, ::-1].argmax(axis=1)
    hull = _hull(rows, starts, ends)
    sides = _sides(hull)
    if sides:
        left, right = _trimmed(rows, starts, sides[0]), -_trimmed(rows, -ends, _mirrored(sides[1]))
        if left is not starts or (right != ends).any():
            starts, ends = left, right
            hull = _hull(rows, starts, ends)
            sides = _sides(hull)
    cone = _cone(hull, sides, rows, starts, ends) if sides else None
    return (cone, True) if cone is not None else (hull, False)


def _hull(rows: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The convex hull of the first and last pixel of each row, each taken as its four corners: (n, 2) of x, y."""
    from scipy.spatial import ConvexHull

    corners = [np.stack([x + dx, rows + dy], axis=1) for x, dx in ((left, -0.5), (right, 0.5)) for dy in (-0.5, 0.5)]
    points = np.concatenate(corners).astype(float)
    return points[ConvexHull(points).vertices]


def _trimmed(rows: np.ndarray, starts: np.ndarray, side: Run) -> np.ndarray:
    """Where each of ``rows`` starts, without what sticks out of a straight side.

    A trace, digits or a pointer that touch the sector carry its hull away from it, to a line on which hardly a row
    starts; where many more rows start on another line, and few outside of that, that is the side.
    """
    (left, top), (across, down) = side[0], side[1] - side[0]
    on_hull = _on(starts - left - across / down * (rows - top), across / down)
    if len(rows) < MIN_SIDE_ROWS or on_hull > ON_RUN * abs(down):
        return starts
    few = np.linspace(0, len(rows) - 1, MIN_SIDE_ROWS).astype(np.intp)
    y, x = rows[few], starts[few]
    first, second = FAR_PAIRS
    slopes = ((x[second] - x[first]) / (y[second] - y[first]))[:, None]
    away = x - x[first, None] - slopes * (y - y[first, None])
    on = _on(away, slopes)
    on[np.count_nonzero(away < -2 * SIDE_WIDTH, axis=1) > MAX_OUTSIDE * len(few)] = 0
    best = int(on.argmax())
    line = x[first[best]] + slopes[best] * (rows - y[first[best]])
    is_side = _on(starts - line, slopes[best, 0]) > max(ON_SIDE * len(rows), 1.2 * on_hull)
    return np.maximum(starts, line) if is_side and (line - starts).max() > STICKS_OUT else starts


def _mirrored(run: Run) -> Run:
    return run[0] * (-1, 1), run[1] * (-1, 1)


def _on(away: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """How many rows start on a line, whose slope tells how far a step across is from it."""
    return np.asarray(np.count_nonzero(np.abs(away) < SIDE_WIDTH * np.hypot(1, slope), axis=-1))


def _cone(
    hull: np.ndarray, sides: tuple[Run, Run], rows: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray | None:
    """The sector through the hull's two straight sides and its far arc; None where the hull is no such shape. ``rows``
    of it start and end at ``starts`` and ``ends``."""
    apex = None if any(map(_is_upright, sides)) else _crossing(*sides)
    if apex is None:
        return None
    away = hull - apex
    distance = np.hypot(*away.T)
    middle = hull.mean(axis=0) - apex
    bearing = math.atan2(middle[1], middle[0])
    far, near = float(distance.max()), max(0.0, float(distance.min()) - 0.02 * float(distance.max()))
    tips = np.stack([np.concatenate([starts, ends]), np.tile(rows, 2)], axis=1) - apex
    far = _reach(tips, sides, far)
    reaching = away[distance > 0.5 * far]  # so near the apex, a pixel's width is many degrees
    turns = (np.arctan2(reaching[:, 1], reaching[:, 0]) - bearing + math.pi) % (2 * math.pi) - math.pi
    edge = _arc(apex, far, np.linspace(turns.min(), turns.max(), 64) + bearing)
    face = _arc(apex, near, np.linspace(turns.max(), turns.min(), 16) + bearing)
    cone = _cut_flat(np.concatenate([edge, face]), rows, starts, ends)
    return cone if 0 < polygon_area(cone) < MAX_CONE_GROWTH * polygon_area(hull) else None


def _reach(tips: np.ndarray, sides: tuple[Run, Run], far: float) -> float:
    """How far the arc is from the apex, which ``tips``, the ends of rows, are measured from: as far as anything, unless
    many more of those between the sides lie at one distance, and few farther off, where a trace crosses the arc."""
    distances = np.hypot(*tips.T)
    left, right = (
        np.abs(tips @ (start[1] - end[1], end[0] - start[0])) > 2 * SIDE_WIDTH * np.hypot(*(end - start))
        for start, end in sides
    )
    on_arc = np.sort(distances[left & right])
    near = np.searchsorted(on_arc, on_arc + 2) - np.arange(len(on_arc))
    many = max(ON_ARC, near.max(initial=0) // 3)
    if near[on_arc > far - 4].max(initial=0) >= many:
        return far
    most = np.sort(distances)[int((1 - MAX_OUTSIDE) * len(distances))]
    found = on_arc[(near >= many) & (on_arc >= most)]
    return float(found[-1]) + 1 if len(found) else far


def _cut_flat(cone: np.ndarray, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """``cone``, cut where what moves ends in an upright or level line about as long as the cone is wide there: the edge
    of the screen, of a box or of a flattened arc."""
    left, right, widths = starts.min(), ends.max(), ends - starts + 1
    for axis, way, stop, length in (
        (0, -1, left, np.count_nonzero(starts <= left + 1)),
        (0, 1, right, np.count_nonzero(ends >= right - 1)),
        (1, -1, rows[0], widths[:2].max()),
        (1, 1, rows[-1], widths[-2:].max()),
    ):
        beyond = way * (cone[:, axis] - stop) - 0.5
        if beyond.max() > 1 and length > CUT * np.ptp(cone[beyond > 0, 1 - axis]):
            cone = _cut(cone, beyond)
    return cone


def _cut(polygon: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """A convex polygon without what lies ``beyond`` (positive) a line."""
    following, next_beyond = _next(polygon), _next(beyond)
    crosses = (beyond > 0) != (next_beyond > 0)
    share = beyond / np.where(crosses, beyond - next_beyond, 1)
    both = np.stack([polygon, polygon + (following - polygon) * share[:, None]], axis=1)
    return both[np.stack([beyond <= 0, crosses], axis=1)]


def _next(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[1:], values[:1]])


def _arc(centre: np.ndarray, radius: float, bearings: np.ndarray) -> np.ndarray:
    return centre + radius * np.stack([np.cos(bearings), np.sin(bearings)], axis=1)


def _sides(hull: np.ndarray) -> tuple[Run, Run] | None:
    """The longest straight run of the hull on its left and on its right."""
    centre, tall = hull.mean(axis=0)[0], np.ptp(hull[:, 1])
    runs = [run for run in _straight_runs(hull) if abs(run[1][1] - run[0][1]) > 0.25 * tall]
    left = [run for run in runs if (run[0] + run[1])[0] / 2 < centre]
    right = [run for run in runs if (run[0] + run[1])[0] / 2 > centre]
    return (max(left, key=_length), max(right, key=_length)) if left and right else None


def _straight_runs(hull: np.ndarray, tolerance: float = math.radians(5)) -> list[Run]:
    """Edges of the hull, neighbours joined while they turn by less than ``tolerance`` in all."""
    count = len(hull)
    edges = _next(hull) - hull
    bearings = np.arctan2(edges[:, 1], edges[:, 0])
    turns = np.abs((_next(bearings) - bearings + math.pi) % (2 * math.pi) - math.pi).tolist()
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
    """Whether a side is the edge of the screen or of a box, not of a sector."""
    return abs(float(run[1][0] - run[0][0])) < 0.02 * abs(float(run[1][1] - run[0][1]))


def _crossing(left: Run, right: Run) -> np.ndarray | None:
    """Where the two sides meet; None where they are nearly parallel (a linear or strongly curved probe)."""
    first, second = left[1] - left[0], right[1] - right[0]
    cross = first[0] * second[1] - first[1] * second[0]
    if abs(cross) < math.sin(MIN_OPENING) * np.hypot(*first) * np.hypot(*second):
        return None
    offset = right[0] - left[0]
    return np.asarray(left[0] + first * (offset[0] * second[1] - offset[1] * second[0]) / cross)


def polygon_area(points: np.ndarray) -> float:
    """Return the area of a polygon, float (n, 2)."""
    x, y = points.T
    return abs(float(np.dot(x, _next(y)) - np.dot(y, _next(x)))) / 2
