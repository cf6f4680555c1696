"""Small marks inside the sector: text, ticks and carets that a dark cavity or dropout separates from tissue."""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import block_maximum, box_of, count_by_label, dilate, label, minimum
from echomort.dicom.tissue.noise import NO_NOISE
from echomort.dicom.tissue.snapshots import GRID_COLUMNS, LIT, Snapshots

MAX_OVERLAY_MOTION = 8
"""Grey levels: an island is an overlay where no pixel changes by more. Lossy coding changes a still pixel by a few
levels; tuned on drawn loops, native and JPEG (tests/dicom/test_sector.py)."""

INK, MIN_BLINK = 140, 100
"""Grey level that drawn islands reach, and grey levels between their darkest and their brightest value, at least: a
clock and a counter blink between white and black. As ``lettering.MIN_BRIGHTNESS``; our choice, above what tissue in the
dark at a sector's edge does."""

MAX_INK = 0.01
"""Share of the sector that a drawn island covers at most: a running clock covers 0.8 %. Our choice."""

INK_REACH = 17
"""Side, in grid pixels, of the square by which the sector is made narrower: what lies nearer to its edge may be drawn
beside it, since a codec widens a sector by a block. As ``beyond.REACH``."""


def without_overlays(mask: np.ndarray, snapshots: Snapshots) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without lit islands in which nothing moves by more than noise does, and
    without those at its edge that blink between white and black."""
    if not mask.any():
        return mask
    step = max(1, round(mask.shape[1] / GRID_COLUMNS))
    box = tuple(slice(side.start - side.start % step, side.stop) for side in box_of(mask, 0))  # on the grid
    brightest, darkest, motion, inside = (
        block_maximum(picture[box], step)
        for picture in (snapshots.brightest, snapshots.darkest, snapshots.motion, mask)
    )
    noise = snapshots.noise
    labels, count = label((brightest > int(noise.ground + max(LIT, noise.largest))) & inside)
    most = int(max(MAX_OVERLAY_MOTION, noise.largest))
    moved = count_by_label(labels, motion > most, count) > 0
    if noise != NO_NOISE:  # a dim echo moves no more than noise does, but is not lit at all times
        moved |= count_by_label(labels, darkest > noise.ground + LIT, count) == 0
    moved &= ~_blinks(labels, count, brightest, motion, inside)
    moved[0] = True  # label 0 is what is not lit
    if moved.all():
        return mask
    shown, kept = ~dilate((~moved).take(labels)), mask.copy()
    for row, column in np.ndindex(step, step):
        part = kept[box][row::step, column::step]
        part &= shown[: part.shape[0], : part.shape[1]]
    return kept


def _blinks(
    labels: np.ndarray, count: int, brightest: np.ndarray, motion: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Return which of ``labels`` are small islands, mostly at the edge of ``inside``, that blink: bool (count + 1,)."""
    blinking = count_by_label(labels, (brightest > INK) & (motion > MIN_BLINK), count) > 0
    sizes = count_by_label(labels, inside, count)
    blinking &= sizes <= MAX_INK * np.count_nonzero(inside)
    if blinking.any():
        at_edge = inside & (minimum(inside.view(np.uint8), INK_REACH) == 0)
        blinking &= 2 * count_by_label(labels, at_edge, count) > sizes
    return np.asarray(blinking)
