"""Colour flow painted over a grey picture."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from echomort.dicom.tissue.morphology import maximum, medians_of, open_mask
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.dicom.tissue.tissue_doppler import MIN_WARMTH, shows_tissue_doppler

try:
    import echomort.dicom.tissue._pictures as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

MIN_CHROMA = 24
"""Levels of chroma (red or blue less brightness) beyond the tint at its brightness that make a pixel coloured. Above
what JPEG does to grey; tuned on drawn tints and jets (tests/dicom/test_sector.py)."""

MIN_FLOW_SHARE = 0.002
"""Share of the sector that must be coloured in blobs: the smallest colour jets seen fill several times as much. Tuned
on drawn jets (tests/dicom/test_sector.py) and the colour loop of deid-data (tests/dicom/test_real.py)."""

MIN_FLOW_MOTION = 24
"""Grey levels that flow moves through over the snapshots at least; what moves less may be a coloured letter. Tuned on
drawn letters and jets (tests/dicom/test_sector.py)."""

MIN_SNAPSHOTS = 6
"""Snapshots from which stillness is believed: over fewer, flow may happen to stand still. Our choice: half of the usual
twelve."""

LETTER_FRINGE = 4
"""Pixels about a still lit pixel in which a codec's chroma may colour the edge of a letter. Tuned on drawn letters in
JPEG (tests/dicom/test_sector.py)."""

MIN_PATCH = 3
"""Pixels: colour must hold together in a square patch of this side; text and a caliper's line are thinner. Geometry of
fonts."""

LETTER_STROKE = 7
"""Pixels: where letters may be, the patch must have this side: large letters' strokes are narrower. Tuned on drawn
large letters (tests/dicom/test_sector.py)."""

LIT = 48
"""Brightness above which a pixel is lit enough for its chroma to be measured. Our choice."""

MIN_LIT_PIXELS = 64
"""Lit pixels from which a median chroma is taken, else it counts as none. Our choice."""

LUMA_THOUSANDTHS = np.array([299, 587, 114], np.int32)
"""Red, green and blue in thousandths of BT.601 luma (ITU-R BT.601)."""

LUMA_WEIGHTS = LUMA_THOUSANDTHS.astype(np.float32) / np.float32(1000)
"""The same as shares."""

GREY_LEVELS = 2
"""Levels by which chroma may be off grey where no tissue Doppler can be found: red and blue are then less than
``MIN_WARMTH`` apart, as 1.402 and 1.772 of the two chromas are (ITU-T T.871)."""

PALE_LEVELS = 6
"""Levels by which chroma may be off grey where no flow can be found: a tint is then no farther from grey, so that no
pixel is ``MIN_CHROMA`` beyond it."""

TINT_LEVELS = 16
"""Levels of brightness at which the tint is measured, each of 16 grey levels. Our choice."""

MIN_TINT_PIXELS = 16
"""Pixels of one level from which its tint is measured; else it is interpolated. Our choice."""

TINT_SMOOTHING = 5
"""Levels over which the tint's median is taken, so that a patch of flow that outnumbers the grey of its own brightness
is no tint. Tuned on drawn jets (tests/dicom/test_sector.py)."""


def shows_flow(pictures: Iterable[np.ndarray], sector: np.ndarray, snapshots: Snapshots) -> bool:
    """Return whether any of ``pictures``, uint8 RGB, shows flow, or whether their tint changes in time.

    Tissue Doppler may paint everything lit red in systole and blue in diastole: that is a tint that changes. Where it
    is faint, ``tissue_doppler`` finds it.
    ``sector`` is bool (rows, columns), as large as the frames of ``snapshots``.
    """
    seen: list[np.ndarray] = []
    letters = functools.cache(lambda: _possible_letters(snapshots))
    inside, is_coloured, is_pale = sector, False, False
    for rgb in pictures:
        if inside.shape != rgb.shape[:2]:
            inside = _resized(sector, rgb.shape[:2])
        seen.append(rgb)
        widest, every, far = _count_chroma(rgb, inside)
        is_pale |= widest > MIN_WARMTH
        if widest <= MIN_CHROMA:
            continue
        is_coloured = True
        if _may_show_flow(every, far) and flow_share(rgb, inside, letters()) > MIN_FLOW_SHARE:
            return True
    if is_pale and shows_tissue_doppler(seen, inside):
        return True
    if not is_coloured:
        return False
    usual = _tint_of_lit(seen[0], inside)
    return bool(np.ptp([_median_chroma(rgb, inside, usual) for rgb in seen], axis=0).max() > 2 * MIN_CHROMA)


def flow_share(rgb: np.ndarray, sector: np.ndarray, letters: np.ndarray) -> float:
    """Return the share of the sector under colour that lies in blobs: 0 for grey or tinted pictures, and where it is
    no flow anyhow.

    A tint is one colour for each brightness; flow has many. So chroma is measured from the median chroma of the pixels
    equally bright, and the colour left must hold together in a patch wider than text or a caliper's line; where
    ``letters``, bool (rows, columns), says that letters may be, wider than large letters' strokes.
    """
    inside = _resized(sector, rgb.shape[:2])
    chroma, brightness = _chroma(rgb[inside])
    tint = _tint_by_brightness(chroma, brightness)
    is_far = np.abs(chroma if tint is None else chroma - tint[brightness.astype(np.intp)]) > MIN_CHROMA
    is_coloured, area = is_far[:, 0] | is_far[:, 1], len(brightness)
    if np.count_nonzero(is_coloured) <= MIN_FLOW_SHARE * area:  # blobs are fewer still
        return 0.0
    coloured = np.zeros_like(inside)
    coloured[inside] = is_coloured
    coloured &= ~_resized(letters, rgb.shape[:2]) | open_mask(coloured, LETTER_STROKE)
    return np.count_nonzero(open_mask(coloured, MIN_PATCH)) / float(area)


def _count_chroma(rgb: np.ndarray, inside: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the widest range between the three colours of a pixel ``inside``, and how many pixels there are at each
    level of brightness, and how many of them are farther from grey than half of ``MIN_CHROMA``: int32 (levels,).

    Brightness is counted in whole thousandths, so that the compiled loop and NumPy count alike.
    """
    counts, far = np.zeros((2, TINT_LEVELS), np.int32), 1000 * MIN_CHROMA // 2
    if compiled is not None:
        return compiled.count_chroma(np.ascontiguousarray(rgb), inside, far, counts), *counts
    pixels = rgb[inside].astype(np.int32)
    if not len(pixels):
        return 0, *counts
    brightness = pixels @ LUMA_THOUSANDTHS
    level = brightness // (256000 // TINT_LEVELS)
    is_far = (np.abs(1000 * pixels[:, ::2] - brightness[:, None]) > far).any(axis=1)
    counts[:] = [np.bincount(which, minlength=TINT_LEVELS) for which in (level, level[is_far])]
    return int(np.ptp(pixels, axis=1).max()), *counts


def _may_show_flow(every: np.ndarray, far: np.ndarray) -> bool:
    """Whether enough pixels may be coloured: a quick test that :func:`flow_share` would answer the same way.

    Of the pixels at each brightness, ``far`` are farther from grey than half of ``MIN_CHROMA``. Where these are less
    than half of ``every``, no tint is as far, and none but these pixels can be coloured.
    """
    if far.sum() > MIN_FLOW_SHARE * every.sum():
        return True
    return bool((2 * far >= every)[every >= MIN_TINT_PIXELS].any())


def _tint_of_lit(rgb: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the tint at each brightness ``inside``, float (256, 2), from every second pixel."""
    tint = _tint_by_brightness(*_chroma(rgb[::2, ::2][inside[::2, ::2]]))
    return np.zeros((256, 2)) if tint is None else tint


def _median_chroma(rgb: np.ndarray, inside: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Return the median chroma (red and blue less brightness) of the lit pixels ``inside`` beyond the tint that is
    ``usual`` at their brightness, float (2,): pseudo-colour gives dark and bright tissue colours of their own."""
    chroma, brightness = _chroma(rgb[::2, ::2][inside[::2, ::2]])
    lit = brightness > LIT
    if np.count_nonzero(lit) < MIN_LIT_PIXELS:
        return np.zeros(2)
    return np.asarray(np.median(chroma[lit] - usual[brightness[lit].astype(np.intp)], axis=0))


def _possible_letters(snapshots: Snapshots) -> np.ndarray:
    """Return where letters and marks may be, bool (rows, columns): lit and still, with a fringe for the codec."""
    lit = snapshots.darkest > LIT
    if len(snapshots.frames) < MIN_SNAPSHOTS:
        return np.zeros_like(lit)
    still = lit & (snapshots.motion < MIN_FLOW_MOTION)
    return maximum(still.view(np.uint8), 2 * LETTER_FRINGE + 1).view(bool)


def _chroma(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return red and blue less brightness, float32 (..., 2), and brightness."""
    wide = rgb.astype(np.float32)
    brightness = np.einsum("...c,c->...", wide, LUMA_WEIGHTS)  # `@` may start threads, which take longer than the sum
    return np.stack([wide[..., 0] - brightness, wide[..., 2] - brightness], axis=-1), brightness


def _tint_by_brightness(chroma: np.ndarray, brightness: np.ndarray) -> np.ndarray | None:
    """Return the chroma of equally bright grey at each brightness, float (256, 2): medians by level of the pixels'
    ``chroma`` (n, 2), smoothed and joined by lines, since pseudo-colour changes within a level; None where there are
    too few pixels, or nothing is tinted."""
    from scipy import ndimage

    level = _levels(brightness)
    counts = np.bincount(level, minlength=TINT_LEVELS)
    ends, known = np.cumsum(counts), np.flatnonzero(counts >= MIN_TINT_PIXELS)
    if not len(known):
        return None
    by_level = np.ascontiguousarray(chroma[np.argsort(level, kind="stable")].T)
    starts = ends - counts
    medians = np.array([medians_of(by_level[:, starts[step] : ends[step]]) for step in known.tolist()])
    if _is_untinted(medians, known, counts):
        return None
    levels = np.arange(TINT_LEVELS)
    every = np.stack([np.interp(levels, known, medians[:, channel]) for channel in (0, 1)], axis=1)
    smooth = ndimage.median_filter(every, size=(TINT_SMOOTHING, 1), mode="nearest")
    centres = (levels + 0.5) * (256 / TINT_LEVELS)
    return np.stack([np.interp(np.arange(256), centres, smooth[:, channel]) for channel in (0, 1)], axis=1)


def _is_untinted(medians: np.ndarray, known: np.ndarray, counts: np.ndarray) -> bool:
    """Whether the darker half of what is lit is so grey that a tint, which grows with brightness, would not make white
    coloured: then an ECG or flow that outnumbers the grey of its own brightness is no tint of it.

    ``medians`` are the chromas of the levels ``known``, of all of which ``counts`` says how many pixels they have.
    """
    lit = known[known > 0]
    if not len(lit):
        return False
    half = int(np.searchsorted(np.cumsum(counts[lit]), counts[lit].sum() / 2)) + 1
    most = MIN_CHROMA * (lit[:half] + 0.5) / TINT_LEVELS
    return bool((np.abs(medians[known > 0][:half]).max(axis=1) <= most).all())


def _levels(brightness: np.ndarray) -> np.ndarray:
    """Return the level of each brightness, uint8."""
    return np.asarray((brightness / (256 / TINT_LEVELS)).astype(np.uint8))


def _resized(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return ``mask`` at ``shape``, by the nearest pixel above and to the left."""
    if mask.shape == shape:
        return mask
    if mask.shape[0] % shape[0] == mask.shape[1] % shape[1] == 0:
        return np.ascontiguousarray(mask[:: mask.shape[0] // shape[0], :: mask.shape[1] // shape[1]])
    rows = np.arange(shape[0]) * mask.shape[0] // shape[0]
    columns = np.arange(shape[1]) * mask.shape[1] // shape[1]
    return np.asarray(mask[rows[:, None], columns])
