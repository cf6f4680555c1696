"""Strips of traces that move over tissue, such as an ECG that scrolls or that a cursor renews, are blanked whole.

Only the whole strip is enough: a dark line where the trace was would tell the rhythm as well as the bright one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echomort.dicom.tissue.morphology import count_along
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.dicom.tissue.traces.lines import all_lines, flat_lines, reach_of
from echomort.dicom.tissue.traces.scroll import kept_when_shifted, scroll_speed
from echomort.dicom.tissue.traces.sweep import find_cursor, swept_rows

REMOVED, LEFT = "trace_removed", "trace_left"
"""Notes: the strip of a trace was blanked; a trace was found whose strip covers too much tissue to be blanked."""

MIN_SNAPSHOTS = 6
"""Snapshots from which moving traces are looked for; as ``graphics.MIN_SNAPSHOTS``."""

BANDS = 12
"""Parts of the sector's height; a trace is looked for in every two of them in succession, since an ECG is lower than
one. Our knowledge of common screens."""

MIN_COLUMNS = 0.35
"""Share of the sector's width over which a trace runs in such a band, in most snapshots, at least. Tuned on drawn
traces (tests/dicom/test_traces.py)."""

MOST_SNAPSHOTS = 0.75
"""Share of the snapshots in which it must: a gap may have hidden it in others. Our choice."""

MAX_ROW_GAP = 6
"""Rows without a line that may lie between two parts of a strip. Our choice: three strokes."""

MARGIN = 3
"""Rows that are blanked above and below the strip: the stroke's width and a codec's ringing. Our choice."""

MAX_STRIP = 0.3
"""Share of the sector that strips cover at most, else the trace is left, with a note: more would cost the heart's
picture. Our choice: an ECG of a tenth of the screen's height covers a fifth where the sector is widest."""


def without_traces(
    mask: np.ndarray, snapshots: Snapshots, times: Sequence[float], second: float
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return ``mask``, bool (rows, columns), without the strips of traces that move over it, and notes.

    ``times`` are when the snapshots were taken, in any unit, of which ``second`` make one. A trace without a rhythm
    (breathing) goes the same way.
    """
    if len(snapshots.frames) < MIN_SNAPSHOTS or not mask.any():
        return mask, ()
    strips = find_strips(mask, snapshots, np.array(times, float), second)
    if not strips:
        return mask, ()
    kept = mask.copy()
    for strip in strips:
        kept[strip] = False
    if np.count_nonzero(kept) < (1 - MAX_STRIP) * np.count_nonzero(mask):
        return mask, (LEFT,)
    return kept, (REMOVED,)


def find_strips(mask: np.ndarray, snapshots: Snapshots, times: np.ndarray, second: float) -> list[slice]:
    """Return the rows of the traces that move over ``mask``, bool (rows, columns); see :func:`without_traces`."""
    down, along = (np.flatnonzero(mask.any(axis=1 - axis))[[0, -1]].tolist() for axis in (0, 1))
    top, height, width = down[0], down[1] - down[0] + 1, along[1] - along[0] + 1
    part = max(2 * MARGIN, height // BANDS)
    starts = np.arange(0, height - part, part)
    is_crossed = _bands_with_lines(snapshots, slice(top, down[1] + 1), starts, MIN_COLUMNS * width)
    strips: list[slice] = []
    for start in starts[is_crossed].tolist():
        if any(strip.start < top + start + part < strip.stop for strip in strips):
            continue
        if rows := _strip_about(top + start, top + start + 2 * part, snapshots, times, second):
            strips.append(rows)
    return strips


def _bands_with_lines(snapshots: Snapshots, rows: slice, starts: np.ndarray, columns: float) -> np.ndarray:
    """Return in which parts of ``rows``, each with the next, lines run over so many ``columns`` in most snapshots, as
    bool; parts begin at the rows ``starts``."""
    reach, missed = reach_of(snapshots), np.zeros(len(starts), int)
    most_missed = len(snapshots.frames) - MOST_SNAPSHOTS * len(snapshots.frames)
    for frame in snapshots.frames:
        missed += _columns_with_lines(frame[rows], starts, reach) < columns
        if (missed > most_missed).all():  # no later snapshot can change it
            break
    return np.asarray(missed <= most_missed)


def _columns_with_lines(frame: np.ndarray, starts: np.ndarray, reach: int) -> np.ndarray:
    """Return how many columns of ``frame`` hold a line in each part and the next; parts begin at the rows
    ``starts``."""
    lines, ends = flat_lines(frame, reach), [*starts[1:].tolist(), len(frame)]
    held = np.array([lines[start:end].any(axis=0) for start, end in zip(starts.tolist(), ends, strict=True)])
    held[:-1] |= held[1:]
    return count_along(held, 1)


def _strip_about(low: int, high: int, snapshots: Snapshots, times: np.ndarray, second: float) -> slice | None:
    """Return the rows of the trace that moves between the rows ``low`` and ``high``; None where none does."""
    reach, beyond = reach_of(snapshots), (high - low) // 2
    first = max(0, low - beyond)
    wide = np.stack([all_lines(frame[first : high + beyond], reach) for frame in snapshots.frames])
    lines = wide[:, low - first : high - first]
    between = float(np.diff(times).mean()) / second
    speed = scroll_speed(lines, times, between)
    if speed is not None:
        return _rows_about(np.count_nonzero(kept_when_shifted(wide, times, speed), axis=1), first)
    cursor = find_cursor(lines, times, between)
    if cursor is None:
        return None
    return _rows_about(swept_rows(wide, times, cursor), first)


def _rows_about(counts: np.ndarray, first: int) -> slice | None:
    """Return the rows with lines about the row that has most, and a margin; ``counts`` begin at the row ``first``."""
    rows = np.flatnonzero(counts >= 1)
    if not len(rows):
        return None
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > MAX_ROW_GAP) + 1)
    group = next(group for group in groups if int(counts.argmax()) in group)
    return slice(max(0, first + int(group[0]) - MARGIN), first + int(group[-1]) + 1 + MARGIN)
