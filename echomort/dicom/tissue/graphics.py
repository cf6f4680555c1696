"""What is drawn over or beside tissue and stands still: letters, marker lines, ticks, focus marks, depth scales.

Graphics are bright, sharp, thin and constant. In the darkest projection of a loop they stand out from their ground at
once, since tissue, which moves, is dark there at times; and tissue that stands still is blurred by the beam, so that it
does not fall to its ground within a pixel or two.
"""

from __future__ import annotations

import numpy as np

from echomort.dicom.tissue.morphology import box_of, count_lit, dilate, maximum, minimum, opening, parts_of
from echomort.dicom.tissue.snapshots import Snapshots

MIN_SNAPSHOTS = 6
"""Snapshots from which graphics are looked for: over fewer, speckle may happen to stand still. Our choice: half of the
usual twelve."""

THIN = 3
"""Pixels: a side of the square that a drawn line's stroke, of one or two pixels, does not fill. Geometry."""

TALL_SCREEN = 700
"""Rows from which screens draw with wider strokes, and ``THIN`` is two pixels more. Our knowledge of common screens."""

WIDE = 9
"""Pixels: a side of the square that the stroke of a letter beside tissue does not fill. Geometry of fonts."""

MIN_STEP = 56
"""Grey levels by which a drawn line, in its darkest snapshot, is brighter than its ground at least. Tuned on the real
loops of pydicom and pydicom-data, whose tissue reaches 40 in one pixel of 10,000, and on drawn graphics
(tests/dicom/test_graphics.py)."""

TEXTURE_QUANTILE, TEXTURE_TIMES = 0.97, 3.0
"""Graphics are outliers: their step exceeds this quantile of the sector's steps so many times, or the texture of still
tissue is as sharp as they are. Tuned as ``MIN_STEP``."""

MIN_FALL = 0.75
"""Share of the step of a stroke that is two pixels wider than ``THIN`` leaves whole, that it falls within half of that
side: the edge of what is drawn. The beam blurs tissue over more. Tuned as ``MIN_STEP``."""

MIN_RIM_STEP = 28
"""Grey levels: what touches a drawn pixel and is brighter than its ground by more belongs to it. Half of
``MIN_STEP``."""

MIN_SHARP = 0.35
"""Share of such a connected piece that must be sharp itself: a drawn line is, the edge of a bright echo is not. Tuned
as ``MIN_STEP``."""

MAX_MOTION = 40
"""Grey levels: lossy coding lets a drawn pixel flicker by as much when the tissue behind it moves. Tuned on drawn
graphics, native and JPEG (tests/dicom/test_graphics.py)."""

MAX_SHARE = 0.015
"""Share of the sector that graphics cover at most; where more is sharp and still, nothing is taken for graphics. Tuned
on drawn still tissue (tests/dicom/test_graphics.py); a colour box with its scale covers a hundredth."""

MIN_LETTER_STEP = 32
"""Grey levels by which a letter beside tissue is brighter than the black of the screen about it. Tuned on drawn names
(tests/dicom/test_noise.py)."""

MAX_BLACK = 24
"""Grey levels above the screen's ground that its black beside a letter reaches in a lossy code. Tuned as
``MIN_LETTER_STEP``."""

AROUND = 8
"""Pixels: a side of the square about a letter in which black is looked for. Geometry of fonts."""

MAX_LIT = 0.5
"""Share of that square about a letter beside tissue that is ever lit, at most: strokes fill a third of it, and
tissue all. Tuned as ``MIN_LETTER_STEP``."""

GROUND = 0.02
"""Quantile of the picture's brightest projection that is the black of the screen, noise included. Our choice."""

MAX_GROUND = 48
"""Grey level of that black at most; a picture without any is all tissue. Our choice: the ground of a grey screen."""

SPARSE = 2
"""Pixels between two at which quantiles are taken, to save time. Our choice."""


def without_graphics(mask: np.ndarray, snapshots: Snapshots) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without what is drawn in it and stands still, a pixel more about it."""
    if len(snapshots.frames) < MIN_SNAPSHOTS or not mask.any():
        return mask
    box = box_of(mask, WIDE)
    inside, darkest, brightest = (
        np.ascontiguousarray(one[box]) for one in (mask, snapshots.darkest, snapshots.brightest)
    )
    still = inside & (brightest - darkest <= int(MAX_MOTION + snapshots.noise.largest))
    is_tall = len(mask) >= TALL_SCREEN
    drawn = _lines(inside, still, darkest, THIN + 2 * is_tall)
    drawn |= _letters_on_black(still, darkest, brightest, _black(snapshots))
    if not drawn.any():
        return mask
    kept = mask.copy()
    kept[box] &= ~dilate(drawn)
    return kept


def _lines(inside: np.ndarray, still: np.ndarray, darkest: np.ndarray, side: int) -> np.ndarray:
    """Return where lines narrower than ``side`` are drawn, with what touches them, as bool (rows, columns)."""
    drawn = np.zeros_like(still)
    thick = darkest - opening(darkest, side + 2)
    if not (still & (thick > MIN_STEP)).any():
        return drawn
    low = minimum(darkest, side)
    thin = darkest - maximum(low, side)
    sharp = still & (thick > _outlying(thick, inside))
    sharp[sharp] = (darkest[sharp] - low[sharp]) > MIN_FALL * thick[sharp]
    sharp |= still & (thin > _outlying(thin, inside))
    if not sharp.any() or np.count_nonzero(sharp) > MAX_SHARE * np.count_nonzero(inside):
        return drawn
    box = box_of(sharp, 2)
    seeds = sharp[box]
    drawn[box] = parts_of(seeds, still[box] & dilate(dilate(seeds)) & (thick[box] > MIN_RIM_STEP), MIN_SHARP)
    return drawn


def _outlying(steps: np.ndarray, inside: np.ndarray) -> int:
    """Return the step from which ``steps`` are drawn, by their distribution ``inside``."""
    few = steps[::SPARSE, ::SPARSE][inside[::SPARSE, ::SPARSE]]
    if np.count_nonzero(few <= int(MIN_STEP / TEXTURE_TIMES)) >= TEXTURE_QUANTILE * len(few):
        return MIN_STEP  # as what follows, which takes longer
    cumulated = np.cumsum(np.bincount(few, minlength=256))
    return int(max(MIN_STEP, TEXTURE_TIMES * int(np.searchsorted(cumulated, TEXTURE_QUANTILE * cumulated[-1]))))


def _black(snapshots: Snapshots) -> int:
    """Return the grey level up to which a pixel is black, however noise and a lossy code change it."""
    few = np.ascontiguousarray(snapshots.brightest[::SPARSE, ::SPARSE])
    enough = GROUND * few.size
    grounds = (level for level in range(MAX_GROUND) if np.count_nonzero(few <= level) >= enough)
    return next(grounds, MAX_GROUND) + MAX_BLACK


def _letters_on_black(still: np.ndarray, darkest: np.ndarray, brightest: np.ndarray, black: int) -> np.ndarray:
    """Return where something ``still`` and bright stands on what is never lit, as bool (rows, columns)."""
    bright = still & (darkest > MIN_LETTER_STEP)
    if not bright.any():
        return np.asarray(bright)
    box = box_of(bright, WIDE)  # an opening looks no farther
    base = opening(darkest[box], WIDE)
    bright[box] &= (darkest[box] - base > MIN_LETTER_STEP) & (base <= black)
    if bright.any():
        bright[box] &= count_lit(brightest[box] > black, AROUND) < MAX_LIT * AROUND**2
    return np.asarray(bright)
