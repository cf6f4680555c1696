"""Lines of letters in a clip that is made: the proof that none was left beside tissue."""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import boxes_of, label, medians_of
from echomort.dicom.tissue.snapshots import Snapshots

SNAPSHOTS = 12
"""Frames of a clip that are compared, evenly spaced, at most. Our choice: every phase of a beat is seen."""

STRETCH = 5
"""Frames of a clip in which a line of letters is looked for where the loop is no single scene. Our choice: a page that
stands for a third of a second at 30 a second holds such a stretch."""

MIN_LIT = 40
"""Grey level of a letter at all times, at least: darker ones on black are hardly legible. Our choice."""

MIN_CONSTANCY = 0.6
"""Share of its brightest value that a letter keeps at all times: noise and codecs leave three quarters once frames are
made smaller, tissue that moves does not. Tuned on drawn names and on real loops (tests/dicom/test_leftover.py)."""

GAP = 0.02
"""Share of the clip's height up to which letters of one line lie apart. Geometry of fonts."""

HEIGHTS = (3, 0.1)
"""A line is at least this many pixels high, and at most this share of the clip's height. Geometry of fonts: fewer
pixels can't be read."""

MIN_WIDTH = 3.0
"""A line's width at least, in heights: four letters. Geometry of fonts."""

MAX_AROUND = 0.35
"""Share of a line's median brightness below which a pixel above or below the line is black at all times. Tuned as
``MIN_CONSTANCY``."""

MIN_BLACK = 0.7
"""Share of those pixels that are black about a line of letters. Tuned as ``MIN_CONSTANCY``."""

MIN_DIP = 0.25
"""Between two strokes the brightness falls by this share of the line's brightest at least. Tuned as
``MIN_CONSTANCY``."""

STROKES = 0.8
"""Strokes of a line at least, for each of its heights across: letters are less wide than high and have two strokes
each, of which making frames smaller leaves half. Tuned as ``MIN_CONSTANCY``."""


def count_lines_of_letters(pixels: np.ndarray, by_stretch: bool = False) -> int:
    """Return how many lines of letters stand on black in a clip, uint8 (frames, height, width); ``by_stretch``: in any
    stretch of ``STRETCH`` frames, as where a page of text comes before or after the loop.

    A line is bright at all times, level, black above and below, and made of strokes. Tissue is none of these together.
    """
    recorded = pixels[: next((count for count in range(len(pixels), 0, -1) if pixels[count - 1].any()), len(pixels))]
    if not by_stretch:
        return _count_lines(recorded[:: max(1, -(-len(recorded) // SNAPSHOTS))])
    last = max(0, len(recorded) - STRETCH)  # a shorter stretch would find what is bright for one frame
    firsts = (min(first, last) for first in range(0, len(recorded), STRETCH))
    return max(_count_lines(recorded[first : first + STRETCH]) for first in firsts)


def _count_lines(frames: np.ndarray) -> int:
    snapshots = Snapshots.from_frames(frames)
    constant = (snapshots.darkest >= MIN_LIT) & (snapshots.darkest >= MIN_CONSTANCY * snapshots.brightest)
    if not constant.any():
        return 0
    reach = max(1, round(GAP * frames.shape[1]))
    labels, count = label(_without_tails(_joined(constant, reach)))
    pieces = ((slice(top, bottom), slice(left, right)) for top, bottom, left, right in boxes_of(labels, count).tolist())
    sized = [(down, along) for down, along in pieces if _has_the_size(down, along, reach, len(labels))]
    return sum(_is_line(snapshots, constant, down, along, reach) for down, along in sized)


def _joined(strokes: np.ndarray, reach: int) -> np.ndarray:
    """Return ``strokes``, bool (rows, columns), each pixel widened by ``reach`` to either side."""
    joined = strokes.copy()
    for shift in range(1, reach + 1):
        joined[:, shift:] |= strokes[:, :-shift]
        joined[:, :-shift] |= strokes[:, shift:]
    return joined


def _without_tails(joined: np.ndarray) -> np.ndarray:
    """Return ``joined`` without runs that are narrower than any line: the tail of a J or a comma joins two lines."""
    width, kept = round(MIN_WIDTH * HEIGHTS[0]), np.zeros_like(joined)
    first = joined  # the first pixel of each run of this width
    for step in _doubling(width):
        first = first[:, step:] & first[:, :-step]
    kept[:, : first.shape[1]] = first
    for step in _doubling(width):
        kept[:, step:] |= kept[:, :-step]
    return kept


def _doubling(width: int) -> list[int]:
    """Return by how much a span of 1 is widened, twofold at most, until it is one of ``width``."""
    steps, span = [], 1
    while span < width:
        steps.append(min(span, width - span))
        span += steps[-1]
    return steps


def _has_the_size(down: slice, along: slice, reach: int, rows: int) -> bool:
    """Whether a piece, which was joined over ``reach`` pixels, is as high and as wide as a line of letters."""
    lowest, highest = HEIGHTS
    height, width = down.stop - down.start, along.stop - along.start - 2 * reach
    return bool(lowest <= height <= max(lowest, highest * rows) and width >= MIN_WIDTH * height)


def _is_line(snapshots: Snapshots, constant: np.ndarray, down: slice, along: slice, reach: int) -> bool:
    """Whether a piece of ``constant`` brightness stands on black and is made of strokes."""
    height, width = down.stop - down.start, along.stop - along.start - 2 * reach
    middle = float(medians_of(snapshots.darkest[down, along][constant[down, along]]))
    rows = [row for row in (down.start - 2, down.stop + 1) if 0 <= row < len(constant)]
    around = snapshots.brightest[rows, along] < MAX_AROUND * middle
    if np.count_nonzero(around) < MIN_BLACK * around.size:
        return False
    return bool(_count_strokes(snapshots.darkest[down, along]) > STROKES * width / height)


def _count_strokes(line: np.ndarray) -> float:
    """Return how many strokes a row of ``line`` crosses, in the row that crosses most."""
    level = line.astype(np.float32)
    deep = MIN_DIP * level.max()
    return max(_rises(row.tolist(), deep) for row in level)


def _rises(row: list[float], deep: float) -> int:
    """Return how often ``row`` rises by ``deep`` after it fell by as much."""
    count, low, high = 0, row[0], row[0]
    is_high = False
    for value in row:
        if is_high:
            high = max(high, value)
            if value < high - deep:
                is_high, low = False, value
        else:
            low = min(low, value)
            if value > low + deep:
                is_high, high = True, value
                count += 1
    return count
