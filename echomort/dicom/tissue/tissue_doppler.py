"""Tissue Doppler painted faintly over grey: pale red and pale blue, which come and go with the beat.

Its colours are no farther from grey than what a codec does to the edges of letters. But much of what is equally bright
is warm and much is cold; a tint is one of the two at each brightness, and letters and traces are thin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STEP = 4
"""Pixels between two that are looked at, of a side. Our choice, to save time."""

APART = 2
"""Pixels down and across to a second one that must show the same: lines are thinner, and noise is another there."""

LIT = 48
"""Green above which a pixel is lit: the colours are painted over tissue. As ``flow.LIT``."""

MIN_WARMTH = 8
"""Levels of red less blue from which a pixel is warm, and of blue less red from which it is cold. Tuned on drawn tissue
Doppler, native and JPEG (tests/dicom/test_sector.py)."""

MIN_SHARE = 0.08
"""Share of the lit pixels, over all pictures, that is warm, and share that is as bright and cold, at least. Tuned as
``MIN_WARMTH``."""

LEVEL = 16
"""Levels of green that count as one brightness. As ``flow.TINT_LEVELS``."""

MAX_WARMTH, MAX_STRONG = 64, 0.02
"""Levels of red less blue that no more than this share of the lit pixels exceeds: stronger colours are a
pseudo-colour's, or flow that ``flow`` finds. Our choice: a quarter of the range."""

MIN_PIXELS = 128
"""Lit pixels that are looked at, in all pictures, at least. Our choice."""


def shows_tissue_doppler(pictures: Sequence[np.ndarray], sector: np.ndarray) -> bool:
    """Return whether ``pictures``, uint8 RGB (rows, columns, 3), show pale red and pale blue over what is lit in
    ``sector``, bool (rows, columns)."""
    rows, columns = (slice(0, side - APART, STEP) for side in sector.shape)
    beside = slice(APART, None, STEP), slice(APART, None, STEP)
    inside = sector[rows, columns] & sector[beside]
    one, other = (np.stack([rgb[where] for rgb in pictures])[:, inside] for where in ((rows, columns), beside))
    lit = (one[..., 1] > LIT) & (other[..., 1] > LIT)
    level = one[..., 1][lit] // LEVEL
    warmth, near = (each[lit].astype(np.int16) for each in (one, other))
    warmth, near = warmth[:, 0] - warmth[:, 2], near[:, 0] - near[:, 2]
    is_strong = np.count_nonzero(np.abs(warmth) > MAX_WARMTH) > MAX_STRONG * len(warmth)
    if len(warmth) < MIN_PIXELS or is_strong:
        return False
    warm, cold = (
        np.bincount(level[(way * warmth > MIN_WARMTH) & (way * near > MIN_WARMTH)], minlength=256 // LEVEL)
        for way in (1, -1)
    )
    return bool(np.minimum(warm, cold).sum() > MIN_SHARE * len(warmth))
