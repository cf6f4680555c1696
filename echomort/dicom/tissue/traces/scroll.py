"""Traces that scroll: one steady shift sideways brings the lines of each snapshot onto those of the next."""

from __future__ import annotations

import math

import numpy as np

from echomort.dicom.tissue.morphology import block_maximum, dilate
from echomort.dicom.tissue.snapshots import GRID_COLUMNS

MIN_SHIFT = 2
"""Grid pixels from snapshot to snapshot at least: a screen of 320 that holds eight seconds moves by six. Our choice,
above what tissue drifts by."""

SHIFT_SHARE, MIN_SCREEN = 3, 0.5
"""Shifts up to one in so many columns are tried, and no farther than a trace moves of which a screen holds so many
seconds: common ones hold more. Our knowledge of common screens."""

FINE_STEP = 0.1
"""Pixels between two shifts that are tried about the best whole one: over twelve snapshots a pixel in all. Our
choice."""

MIN_FOUND = 0.3
"""Share of the lines that leave their place that come again a shift farther in the next snapshot, in the median pair,
at least; tissue reaches 0.1. Tuned on drawn and real loops (tests/dicom/test_traces.py)."""

MIN_FOUND_IN_MOST = 0.22
"""The same share in the pair at the lower quarter; tissue reaches 0.05. Tuned as ``MIN_FOUND``."""

LOW = 0.25
"""That quarter, as a quantile."""

TIES = 0.9
"""Of several shifts nearly as good, as a regular rhythm has, the smallest counts: those that reach this share of the
best one. Our choice."""

MIN_LINES = 20
"""Grid pixels of lines that leave their place, in every snapshot, at least. Our choice."""

MIN_KEPT = 0.75
"""Share of the snapshots, shifted back, in which a pixel of the trace is lit at least. Tuned as ``MIN_FOUND``."""

MIN_SEEN = 4
"""Snapshots in which that pixel lies in the picture at least: over fewer, speckle may happen to repeat. Our choice."""


def scroll_speed(lines: np.ndarray, times: np.ndarray, between: float) -> float | None:
    """Return by how many pixels a frame ``lines``, bool (snapshots, rows, columns), scroll; None where they don't.

    ``times`` are the indices of the snapshots' frames, ``between`` is how many seconds lie between two. A shift to the
    left is negative.
    """
    step = max(1, round(lines.shape[2] / GRID_COLUMNS))
    small = np.stack([block_maximum(one, step) for one in lines])
    grown = np.stack([dilate(one) for one in small])
    leaving, coming = small[:-1] & ~grown[1:], small[1:] & ~grown[:-1]
    if min(np.count_nonzero(one) for one in (*leaving, *coming)) < MIN_LINES:
        return None
    steps = np.diff(times) / np.diff(times).mean()
    shift = _best_shift(leaving, coming, steps, between)
    if shift is None:
        return None
    frames = np.diff(times).mean()
    near = np.arange((shift - 1) * step, (shift + 1) * step + FINE_STEP, FINE_STEP) / frames
    return float(max(near, key=lambda speed: np.count_nonzero(kept_when_shifted(lines, times, speed))))


def _best_shift(leaving: np.ndarray, coming: np.ndarray, steps: np.ndarray, between: float) -> int | None:
    """Return the shift in grid pixels from snapshot to snapshot; None where no shift explains what leaves and comes."""
    from scipy import fft

    columns = leaving.shape[2]
    farthest = max(MIN_SHIFT + 1, min(columns // SHIFT_SHARE, math.ceil(columns * between / MIN_SCREEN)))
    size = fft.next_fast_len(2 * columns, real=True)
    before, after = (fft.rfft(one.astype(np.float32), size) for one in (leaving, coming))
    alike = fft.irfft((after * before.conj()).sum(axis=1), size)
    alike = alike + np.roll(alike, 1, axis=1) + np.roll(alike, -1, axis=1)  # a shift may be a pixel off
    shifts = np.array([way * shift for shift in range(MIN_SHIFT, farthest) for way in (-1, 1)])
    moves = np.rint(shifts[:, None] * steps).astype(int)
    counts = np.minimum(*(np.count_nonzero(one, axis=(1, 2)) for one in (leaving, coming)))
    found = alike[np.arange(len(steps)), moves] / (counts * (1 - np.abs(moves) / columns))
    middle, low = np.median(found, axis=1), np.quantile(found, LOW, axis=1)
    usual = float(np.median(middle))  # by chance, where lines are dense
    best = int(np.argmax(middle >= TIES * middle.max()))
    return int(shifts[best]) if middle[best] - usual >= MIN_FOUND and low[best] - usual >= MIN_FOUND_IN_MOST else None


def kept_when_shifted(lines: np.ndarray, times: np.ndarray, speed: float) -> np.ndarray:
    """Return where ``lines``, shifted back by ``speed`` pixels a frame, are lit in most snapshots: bool (rows, places),
    places reaching as far beyond the picture as the trace moves."""
    offsets = np.rint(speed * (times - times[0])).astype(int)
    offsets -= offsets.min()
    rows, columns = lines.shape[1:]
    lit = np.zeros((rows, columns + int(offsets.max())), np.uint8)
    seen = np.zeros(lit.shape[1], np.uint8)
    for one, offset in zip(lines, offsets.max() - offsets, strict=True):
        lit[:, offset : offset + columns] += one
        seen[offset : offset + columns] += 1
    return np.asarray((lit >= MIN_KEPT * seen) & (seen >= MIN_SEEN))
