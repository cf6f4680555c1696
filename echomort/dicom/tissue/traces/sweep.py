"""Traces that a cursor renews: what a column shows changes once, and the change runs across the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

MIN_RUN = 2
"""Snapshots before and after the change for which a pixel keeps its state at least. Our choice: one would be a
flicker."""

MAX_ODD = 1
"""Snapshots in which it may be otherwise: a codec, or tissue behind it. Tuned on drawn traces
(tests/dicom/test_traces.py)."""

LONGEST_GAP = 2
"""Snapshots in which a pixel of a trace may be dark while the cursor's gap passes. Our choice."""

MIN_CHANGES = 24
"""Pixels that change once at least. Tuned as ``MAX_ODD``."""

MIN_SPEED = 3
"""Pixels by which the cursor moves from snapshot to snapshot at least: as a slow screen of 160 columns. Our choice."""

SPEED_SHARE, MIN_SCREEN = 6, 1.0
"""Speeds up to one in so many columns a snapshot are tried; the best is none of a trace where the cursor crosses the
picture in fewer seconds. Our knowledge of common screens."""

PLACE_STEP = 2
"""Pixels between two places of the cursor that are tried. Our choice, to save time."""

SLACK = 3
"""Pixels by which a change may lie off the cursor. Our choice: twice a stroke."""

MIN_IN_ORDER = 0.3
"""Share of the changes that the cursor explains at least. Tuned as ``MAX_ODD``."""

TIMES_BACKWARD = 1.2
"""It explains this many times as many as the best one that runs from right to left, as none does, at least: tissue
changes as often in either order. Tuned as ``MAX_ODD``."""

SHUFFLES, TIMES_SHUFFLED = 4, 1.3
"""Chance is tried so often, and the cursor explains at least this many times as many changes as the best one of its
speed then does: each snapshot's changes are moved round by a number of columns of its own. On drawn fine speckle
without a trace it reaches 1.27, over coarse speckle with one 1.35."""

MIN_STILL = 0.75
"""Share of the snapshots in which a pixel of a trace that repeats itself is lit at least. Our choice."""

MIN_INTERVALS = 6
"""Intervals between snapshots in which it explains some at least. Our choice: half of the usual eleven."""

MIN_WAY = 0.08
"""Share of the picture's width over which it must run. Our choice: a third of a second on a slow screen."""


DECOY, DECOY_ROWS, CHANCE = 3, 9, 2.0
"""Snapshots by which a cursor that is none runs ahead or behind, rows over which what it explains by chance is
averaged, and how many times as much is not counted. Our choice."""


@dataclass(frozen=True)
class _Changes:
    """Pixels that change once: their row and column, the snapshot from which the new state holds, and whether it is
    lit."""

    rows: np.ndarray
    columns: np.ndarray
    moments: np.ndarray
    comes: np.ndarray


def changes_once(lines: np.ndarray) -> _Changes:
    """Return the pixels of ``lines``, bool (snapshots, rows, columns), that change once, or go and come again."""
    count = np.count_nonzero(lines, axis=0)
    rows, columns = np.nonzero((count >= MIN_RUN) & (count < len(lines)))
    states = lines[:, rows, columns].astype(np.int8)
    before = np.cumsum(states, axis=0)[MIN_RUN - 1 : -MIN_RUN]  # lit snapshots before the change, by its time
    after = states.sum(axis=0) - before
    lengths = np.arange(MIN_RUN, len(lines) - MIN_RUN + 1)[:, None]
    appearing, vanishing = before + (len(lines) - lengths - after), (lengths - before) + after
    odd, each = np.minimum(appearing, vanishing), np.arange(len(rows))
    best = odd.argmin(axis=0)
    comes, moments = appearing[best, each] <= vanishing[best, each], best + MIN_RUN
    dark = len(lines) - states.sum(axis=0)
    first, last = states.argmin(axis=0), len(lines) - 1 - states[::-1].argmin(axis=0)
    is_gap = (dark <= LONGEST_GAP) & (last - first < dark) & (first > 0) & (last < len(lines) - 1)
    comes, moments = np.where(is_gap, False, comes), np.where(is_gap, first, moments)
    kept = is_gap | (odd[best, each] <= MAX_ODD)
    return _Changes(rows[kept], columns[kept], moments[kept], comes[kept])


@dataclass(frozen=True)
class Cursor:
    """A cursor that runs across a picture: pixels a frame, and the places at the first snapshot from which the new
    trace comes and the old one goes; two of each where it began anew at the left."""

    speed: float
    coming: tuple[float, ...]
    going: tuple[float, ...]

    def moved(self, pixels: float) -> Cursor:
        """Return such a cursor that many pixels ahead."""
        coming, going = (tuple(place + pixels for place in places) for places in (self.coming, self.going))
        return Cursor(self.speed, coming, going)

    def explains(self, changes: _Changes, times: np.ndarray) -> np.ndarray:
        """Return which ``changes`` it makes, bool."""
        low, high = _places(changes, times, self.speed)
        found = np.zeros(len(low), bool)
        for places, chosen in ((self.coming, changes.comes), (self.going, ~changes.comes)):
            for place in places:
                found |= chosen & (low <= place + PLACE_STEP) & (place <= high)
        return found


def find_cursor(lines: np.ndarray, times: np.ndarray, between: float) -> Cursor | None:
    """Return the cursor that renews the trace in ``lines``, bool (snapshots, rows, columns), taken at ``times``, which
    are ``between`` seconds apart; None where none runs across them."""
    changes, width = changes_once(lines), lines.shape[2]
    fastest = width // SPEED_SHARE
    if len(changes.rows) < MIN_CHANGES or fastest < MIN_SPEED:
        return None
    cursor = _best_cursor(changes, times, fastest)
    if cursor.speed * float(np.diff(times).mean()) > math.ceil(width * between / MIN_SCREEN):
        return None
    explained = cursor.explains(changes, times)
    if np.count_nonzero(explained) < max(MIN_CHANGES, MIN_IN_ORDER * len(explained)):
        return None
    intervals = len(set(changes.moments[explained].tolist()))
    if intervals < MIN_INTERVALS or np.ptp(changes.columns[explained]) < MIN_WAY * width:
        return None
    turned = replace(changes, columns=width - 1 - changes.columns)
    backward = _best_cursor(turned, times, fastest).explains(turned, times)
    if np.count_nonzero(explained) < TIMES_BACKWARD * np.count_nonzero(backward):
        return None
    return cursor if np.count_nonzero(explained) >= TIMES_SHUFFLED * _by_chance(changes, times, cursor, width) else None


def _by_chance(changes: _Changes, times: np.ndarray, cursor: Cursor, width: int) -> int:
    """Return how many ``changes`` the best cursor as fast as ``cursor`` explains if they come in no order."""
    random, most = np.random.default_rng(0), 0
    for _ in range(SHUFFLES):
        offsets = random.integers(0, width, len(times) + 1)
        shuffled = replace(changes, columns=(changes.columns + offsets[changes.moments]) % width)
        best = _cursor_of_speed(shuffled, times, cursor.speed)
        most = max(most, int(np.count_nonzero(best.explains(shuffled, times))))
    return most


def _best_cursor(changes: _Changes, times: np.ndarray, fastest: int) -> Cursor:
    """Return the cursor from left to right that explains most ``changes``, at most ``fastest`` pixels a snapshot."""
    speeds = np.arange(MIN_SPEED, fastest + 1) / float(np.diff(times).mean())
    kinds = changes.comes, ~changes.comes
    held = [_most_held(changes, times, speeds, kind) for kind in kinds if kind.any()]
    return _cursor_of_speed(changes, times, float(speeds[np.max(held, axis=0).argmax()]))


def _cursor_of_speed(changes: _Changes, times: np.ndarray, speed: float) -> Cursor:
    kinds = changes.comes, ~changes.comes
    return Cursor(speed, *(_two_places(changes, times, speed, kind) for kind in kinds))


def swept_rows(lines: np.ndarray, times: np.ndarray, cursor: Cursor) -> np.ndarray:
    """Return how many changes ``cursor`` makes in each row of ``lines``, less those that a cursor elsewhere would make
    by chance, and how many pixels are lines nearly always, since a regular rhythm may repeat itself."""
    from scipy import ndimage

    changes, rows = changes_once(lines), lines.shape[1]
    ahead = DECOY * cursor.speed * float(np.diff(times).mean())
    made, *others = (
        np.bincount(changes.rows[one.explains(changes, times)], minlength=rows)
        for one in (cursor, cursor.moved(ahead), cursor.moved(-ahead))
    )
    chance = ndimage.uniform_filter1d(np.maximum(*others).astype(float), DECOY_ROWS)
    still = np.count_nonzero(np.count_nonzero(lines, axis=0) >= MIN_STILL * len(lines), axis=1)
    return np.asarray(made - CHANCE * chance + still)


def _two_places(changes: _Changes, times: np.ndarray, speed: float, kind: np.ndarray) -> tuple[float, ...]:
    """Return the commonest place of the cursor for changes of a ``kind``, and the commonest of the rest, which are
    those after it began anew."""
    low, high = _places(changes, times, speed, kind)
    places: list[float] = []
    while len(places) < 2 and len(low):
        place, count = _most_common(low, high)
        if count < MIN_CHANGES // 2:
            break
        places.append(place)
        rest = (low > place + PLACE_STEP) | (place > high)
        low, high = low[rest], high[rest]
    return tuple(places)


def _places(
    changes: _Changes, times: np.ndarray, speed: float | np.ndarray, kind: np.ndarray | slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest place of a cursor at the first snapshot that makes each change of a ``kind``;
    with ``speed`` float (speeds, 1), one row a speed."""
    columns, moments = changes.columns[kind], changes.moments[kind]
    return (
        columns - speed * (times[moments] - times[0]) - SLACK,
        columns - speed * (times[moments - 1] - times[0]) + SLACK,
    )


def _most_held(changes: _Changes, times: np.ndarray, speeds: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return, for each of ``speeds``, how many changes of a ``kind`` the best place of a cursor explains."""
    lows, highs = _places(changes, times, speeds[:, None], kind)
    lows, highs = ((one - lows.min()) // PLACE_STEP for one in (lows, highs + PLACE_STEP))
    size = int(highs.max()) + 1
    first = np.arange(len(speeds))[:, None] * size
    begins, ends = (
        np.bincount((first + one).astype(np.intp).ravel(), minlength=first.size * size) for one in (lows, highs)
    )
    return np.asarray(np.cumsum((begins - ends).reshape(first.size, size), axis=1).max(axis=1))


def _most_common(lows: np.ndarray, highs: np.ndarray) -> tuple[float, int]:
    """Return the place that lies in most of the ranges from ``lows`` to ``highs``, and how many hold it."""
    first = lows.min()
    begins = np.bincount(((lows - first) // PLACE_STEP).astype(int))
    ends = np.bincount(((highs - first) // PLACE_STEP).astype(int) + 1, minlength=len(begins))
    held = -ends
    held[: len(begins)] += begins
    held = np.cumsum(held)
    most = int(held.argmax())
    return float(first + most * PLACE_STEP), int(held[most])
