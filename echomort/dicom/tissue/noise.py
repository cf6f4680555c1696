"""The noise of an analog grabber, which makes every pixel of the screen change: its strength, and what exceeds it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from echomort.dicom.tissue.morphology import count_along, dilate, erode, extremes_of, quantiles_of, sum_of

try:
    import echomort.dicom.tissue._pictures as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

MIN_CHANGE = 2.0
"""Grey levels: where pixels change by more on average over their neighbourhood, there may be noise. Above a codec's
changes in the black; tuned on drawn noise (tests/dicom/test_noise.py)."""

NEIGHBOURHOOD = 5
"""Side, in grid pixels, of the square over which changes are averaged: of 25 pixels, the mean of noise varies by a
twentieth. Our choice."""

MIN_FILL = 0.8
"""Share of the box that holds all change which changes: noise fills it, a cone fills two thirds. Geometry; tuned on
drawn loops (tests/dicom/test_noise.py)."""

MIN_SPARSE_FILL = 0.68
"""Share of that box that changes in a sparse sample, without averaging: weak noise leaves a quarter of it unchanged.
Tuned as ``MIN_FILL``."""

ENDS = 0.01
"""Share of what changes that may lie beyond either side of that box: a clock or a pointer. Our choice."""

DARK_SHARE = 0.25
"""Share of what changes, the darkest pixels, on which noise is measured: the black of the screen. Geometry: a cone
leaves a third of its box black."""

MAX_LEVEL = 30.0
"""Grey levels that noise changes a pixel by, on average, at most: a standard deviation of 8. Our choice, twice as much
as analog grabbers were seen to add."""

MAX_SPREAD = 0.9
"""Range between the quarters of that change, as a share of its median: noise changes all pixels alike but for the
blocks of a codec, tissue does not. Tuned on drawn loops with and without noise (tests/dicom/test_noise.py)."""

MAX_DARK = 48.0
"""Grey level of those pixels, in the median, at most: a screen's background. Our choice."""

MAX_CORRELATION = 0.65
"""Correlation of the changes of a pixel and of the one below it, at most: noise differs from line to line (0 native,
0.4 once JPEG has smoothed it), the speckle of a picture that fills its box does not (0.76 in a real one)."""

EXCESS = 1.35
"""What moves changes by more than this many times the noise, over its neighbourhood. Tuned on drawn noise, native and
JPEG (tests/dicom/test_noise.py)."""

SLACK = 2.0
"""Grey levels beyond that: what a codec does to still letters. Tuned as ``EXCESS``."""

LARGEST = 2.5
"""The largest change by noise among the pixels of a letter, as a multiple of the average one. Statistics: of 12 normal
values the range is 3.3 standard deviations on average and seldom over 7."""

MIN_LIKENESS = 0.35
"""Correlation of half of the snapshots with the one that each resembles most, at least. Tissue returns with the beat:
0.80 to 0.97 in the real loops that pydicom and pydicom-data ship. Noise does not: 0.02, or 0.14 where it is blurred
(tests/dicom/test_noise.py)."""


@dataclass(frozen=True)
class Noise:
    """What noise does to still pixels: grey levels between the darkest and the brightest value, on average, where the
    picture is black (``dark``) and where it is lit (``lit``), and the grey level of its ground; all 0 without noise.
    Black clips half of the noise."""

    dark: float = 0.0
    lit: float = 0.0
    ground: float = 0.0

    @property
    def largest(self) -> float:
        """Grey levels that noise may change a still lit pixel by."""
        return LARGEST * self.lit

    def moving(self, motion: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Return where ``motion``, uint8 (rows, columns), exceeds the noise about a mean ``level``, as bool."""
        expected = self.dark + (self.lit - self.dark) * np.clip(level / max(self.dark, 1.0), 0, 1)
        exceeds = _sums(motion) > NEIGHBOURHOOD**2 * (EXCESS * expected + SLACK)
        grown = erode(erode(exceeds))  # the average reaches two pixels beyond what moves
        return np.asarray(grown | (dilate(grown) & exceeds & (motion > 2 * expected + SLACK)))


NO_NOISE = Noise()


def may_be_noisy(motion: np.ndarray) -> bool:
    """Return whether ``motion``, a sparse sample of how much pixels change, may be that of noise: a quick test."""
    return _fills_its_box(motion >= MIN_CHANGE, MIN_SPARSE_FILL)


def measure_noise(frames: Sequence[np.ndarray]) -> Noise:
    """Return the noise of ``frames``, each uint8 (rows, columns); :data:`NO_NOISE` where it is weak or none.

    Noise changes all pixels of a screen, or of the picture within it, and all dark ones alike.
    """
    count, (darkest, brightest) = len(frames), extremes_of(frames)
    motion = brightest - darkest
    changes = _sums(motion)
    changing = changes > int(MIN_CHANGE * NEIGHBOURHOOD**2)
    if not _fills_its_box(changing, MIN_FILL):
        return NO_NOISE
    levels = sum_of(frames)
    (limit,) = quantiles_of(levels[changing], DARK_SHARE)
    dark = changing & (levels <= int(limit))
    low, middle, high = (each / NEIGHBOURHOOD**2 for each in quantiles_of(changes[dark], 0.25, 0.5, 0.75))
    if middle > MAX_LEVEL or high - low > MAX_SPREAD * middle or limit > count * MAX_DARK:
        return NO_NOISE
    if _correlation(frames, dark) > MAX_CORRELATION:
        return NO_NOISE
    ground = quantiles_of(levels[dark], 0.5)[0] / count
    return Noise(high, 2 * high if ground < middle else high, ground)


def is_noise_alone(frames: Iterable[np.ndarray], sector: np.ndarray) -> bool:
    """Return whether hardly one of ``frames``, uint8 (rows, columns), resembles another in ``sector``, bool (rows,
    columns): then noise fills it, and no tissue. Blank frames resemble none and are left out."""
    inner = erode(sector)  # the dark beyond an edge is alike in all frames
    if not inner.any():
        return False
    shown = np.stack([frame[inner] for frame in frames]).astype(np.float32)
    shown -= shown.mean(axis=1, keepdims=True)
    strength = np.sqrt((shown**2).sum(axis=1))
    shown = shown[strength > 0] / strength[strength > 0, np.newaxis]
    if len(shown) < 2:
        return False
    likeness = shown @ shown.T
    np.fill_diagonal(likeness, -1)
    return bool(np.median(likeness.max(axis=1)) < MIN_LIKENESS)


def _correlation(frames: Sequence[np.ndarray], where: np.ndarray) -> float:
    """Return the correlation of what ``frames``, each uint8 (rows, columns), differ from their mean by, from row to row
    within ``where``."""
    totals = np.zeros(3, np.int64)
    if compiled is None:
        totals += _sum_products(np.array(frames, np.int64), where[1:] & where[:-1])
    else:
        compiled.sum_products([np.ascontiguousarray(frame) for frame in frames], where.shape[1], where, totals)
    ones, others, products = totals.tolist()
    return products / math.sqrt(ones * others) if ones and others else 0.0


def _sum_products(frames: np.ndarray, both: np.ndarray) -> list[int]:
    away = len(frames) * frames - frames.sum(axis=0)
    one, other = away[:, 1:][:, both], away[:, :-1][:, both]
    return [int((each * another).sum()) // len(frames) for each, another in ((one, one), (other, other), (one, other))]


def _fills_its_box(changing: np.ndarray, share: float) -> bool:
    """Whether nearly all pixels change in the box that holds the change, but for a few of them."""
    sides = []
    for axis in (0, 1):
        cumulated = np.cumsum(count_along(changing, 1 - axis), dtype=np.int64)
        if not len(cumulated) or cumulated[-1] == 0:
            return False
        low, high = np.searchsorted(cumulated, (ENDS * cumulated[-1], (1 - ENDS) * cumulated[-1]))
        sides.append(slice(int(low), int(high) + 1))
    box = changing[sides[0], sides[1]]
    return bool(np.count_nonzero(box) > share * box.size)


def _sums(motion: np.ndarray) -> np.ndarray:
    """Return the sum of uint8 ``motion`` over its neighbourhood, which is mirrored at the border: uint16."""
    padded, (rows, columns) = np.pad(motion, NEIGHBOURHOOD // 2, mode="symmetric"), motion.shape
    high = sum_of([padded[shift : shift + rows] for shift in range(NEIGHBOURHOOD)])
    return sum_of([high[:, shift : shift + columns] for shift in range(NEIGHBOURHOOD)])
