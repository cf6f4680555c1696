"""Small marks inside the sector: text, ticks and carets that a dark cavity or dropout separates from tissue."""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import block_maximum, box_of, dilate, label
from echomort.dicom.tissue.noise import NO_NOISE
from echomort.dicom.tissue.sector import LIT
from echomort.dicom.tissue.snapshots import GRID_COLUMNS, Snapshots

MAX_OVERLAY_MOTION = 8
"""Grey levels: an island is an overlay where no pixel changes by more. Lossy coding changes a still pixel by a few
levels; tuned on drawn loops, native and JPEG (tests/dicom/test_sector.py)."""


def without_overlays(mask: np.ndarray, snapshots: Snapshots) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without lit islands in which nothing moves by more than noise does."""
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
    moved = np.bincount(labels[motion > most], minlength=count + 1) > 0
    if noise != NO_NOISE:  # a dim echo moves no more than noise does, but is not lit at all times
        moved |= np.bincount(labels[darkest > noise.ground + LIT], minlength=count + 1) == 0
    moved[0] = True  # label 0 is what is not lit
    if moved.all():
        return mask
    shown, kept = ~dilate((~moved).take(labels)), mask.copy()
    for row, column in np.ndindex(step, step):
        part = kept[box][row::step, column::step]
        part &= shown[: part.shape[0], : part.shape[1]]
    return kept
