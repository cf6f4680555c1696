"""Drawn lines in single snapshots: brighter than what lies a few pixels to both sides."""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.snapshots import Snapshots

REACH = 3
"""Pixels from a line to the ground that it is compared with: the stroke of a trace is one or two pixels wide, and a
codec blurs it by one. Geometry."""

TALL_SCREEN, TALL_REACH = 700, 5
"""Rows from which screens draw with wider strokes, and the reach there. Our knowledge of common screens."""

MIN_STEP = 48
"""Grey levels by which a trace is brighter than its ground at least. Tuned on drawn traces, native and JPEG, and on the
real loops of pydicom, pydicom-data and deid-data (tests/dicom/test_traces.py)."""

MIN_LEVEL = 90
"""Grey level of a trace at least: pure green has a luma of 149 (ITU-R BT.601), of which a lossy code leaves two
thirds in a stroke of one pixel."""


def reach_of(snapshots: Snapshots) -> int:
    """Return how many pixels a line's ground lies from it, at the size of these snapshots."""
    return TALL_REACH if snapshots.brightest.shape[0] >= TALL_SCREEN else REACH


def flat_lines(frame: np.ndarray, reach: int) -> np.ndarray:
    """Return where a line runs across uint8 ``frame`` (rows, columns): brighter than above and below it, as bool."""
    lines = np.zeros(frame.shape, bool)
    _mark(frame[reach:-reach], frame[: -2 * reach], frame[2 * reach :], lines[reach:-reach])
    return lines


def all_lines(frame: np.ndarray, reach: int) -> np.ndarray:
    """Return where a line runs across or down uint8 ``frame`` (rows, columns), as bool; the two strokes of a peak may
    touch, so lines that run down may be twice as wide."""
    lines, wide = flat_lines(frame, reach), 2 * reach
    steep = np.zeros(frame.shape, bool)
    _mark(frame[:, wide:-wide], frame[:, : -2 * wide], frame[:, 2 * wide :], steep[:, wide:-wide])
    lines |= steep
    return lines


def _mark(frame: np.ndarray, before: np.ndarray, after: np.ndarray, lines: np.ndarray) -> None:
    """Set ``lines`` where ``frame`` is bright and brighter than both."""
    ground = np.maximum(before, after)
    np.clip(ground, MIN_LEVEL - MIN_STEP, 255 - MIN_STEP, out=ground)
    ground += MIN_STEP
    np.greater_equal(frame, ground, out=lines)
