"""Whether a loop is one scene without holes: black, frozen or changed frames, and gaps in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echomort.dicom.tissue.morphology import medians_of, sum_of

BLACK = 4
"""Grey level: a frame whose mean in the sector is lower shows nothing. Our choice, below any frame of tissue."""

MIN_MEAN = 10
"""Grey level of the usual one of the frames that show something at least: darker loops have no black frames to tell.
Our choice."""

FROZEN_FRAMES = 10
"""Frames in succession without a change that make a freeze: a third of a second at 30 a second. Our choice: in slower
loops the blends between two frames change with each."""

BLOCK = 4
"""Pixels that are looked at, of a side of the blocks whose means are compared: speckle averages out. Our choice for
clips of 100 rows."""

MIN_LIKENESS = 0.4
"""Correlation of the blocks of one scene's frames at least. Our choice: real loops keep above 0.8, a page of text is at
0.1 (tests/clips/test_export.py)."""

MIN_BLOCKS = 60
"""Blocks of a sector at least: in clips of fewer a change of scene can't be told from a beat. Our choice: a clip of
109x150 has over a hundred."""

MIN_DROP = 0.3
"""By how much less than is usual in the loop two frames of different scenes are alike at least: fast walls and coarse
speckle make all frames of a loop less alike. Tuned on drawn loops (tests/dicom/test_examination.py)."""

APART = 2
"""A frame is compared with the second one after it, since resampling may have blended two scenes into the one between;
the heart moves little in so short a time. Geometry."""

STEP = 2
"""Of so many rows and columns one is looked at for a change of scene, to save time. Our choice."""

SPARSE = 4
"""Pixels between two at which a frame's brightness is measured, to save time. Our choice."""

MIN_GAP = 250.0
"""Milliseconds of a gap in time at least. Our choice: a beat at 240 a minute."""

GAP_STEPS = 5.0
"""A gap has at least this many times the median step between frames. Our choice."""


def continuity_notes(pixels: np.ndarray, sector: np.ndarray, times: Sequence[float]) -> tuple[str, ...]:
    """Return the notes of a clip's recorded frames ``pixels``, uint8 (frames, height, width), whose sector is bool
    (height, width); ``times`` (ms) are those of the loop's frames where they are uneven: ``black_frames``, ``frozen``,
    ``scene_change``, ``gap``."""
    sampled = pixels[:, ::SPARSE, ::SPARSE][:, sector[::SPARSE, ::SPARSE]]
    means = sampled.mean(axis=1) if sampled.size else np.zeros(len(pixels))
    lit = means[means >= BLACK]
    is_black = (means < BLACK) & bool(len(lit) and medians_of(lit) >= MIN_MEAN)
    has_black = bool(is_black.any())
    shown, sampled = (pixels[~is_black], sampled[~is_black]) if has_black else (pixels, sampled)
    applies = {
        "black_frames": has_black,
        "frozen": _longest_still(shown, sampled) >= FROZEN_FRAMES,
        "scene_change": _changes_scene(shown, sector),
        "gap": _has_gap(times),
    }
    return tuple(note for note, is_true in applies.items() if is_true)


def _longest_still(pixels: np.ndarray, sampled: np.ndarray) -> int:
    """Return the most frames in succession that equal the one before; ``sampled`` holds a few pixels of each."""
    longest = run = 0
    for index, may_equal in enumerate((sampled[1:] == sampled[:-1]).all(axis=1).tolist()):
        run = run + 1 if may_equal and np.array_equal(pixels[index], pixels[index + 1]) else 0
        longest = max(longest, run)
    return longest


def _changes_scene(pixels: np.ndarray, sector: np.ndarray) -> bool:
    inside = block_means(sector[None, ::STEP, ::STEP].astype(np.uint8), BLOCK)[0] == 1
    if np.count_nonzero(inside) < MIN_BLOCKS or len(pixels) <= APART:
        return False
    blocks = block_means(pixels[:, ::STEP, ::STEP], BLOCK)[:, inside]
    alike = _likenesses(blocks[:-APART], blocks[APART:])
    return bool(alike.min() < min(MIN_LIKENESS, float(medians_of(alike)) - MIN_DROP))


def _has_gap(times: Sequence[float]) -> bool:
    steps = np.diff(times)
    return bool(len(steps) and steps.max() >= max(MIN_GAP, GAP_STEPS * float(medians_of(steps))))


def block_means(pictures: np.ndarray, side: int) -> np.ndarray:
    """Return the means of the whole blocks of ``side`` (at most 16) pixels: float32 (frames, rows, columns)."""
    rows, columns = pictures.shape[1] // side, pictures.shape[2] // side
    whole = pictures[:, : rows * side, : columns * side]
    high = sum_of([whole[:, place::side] for place in range(side)])
    return np.asarray(sum_of([high[:, :, place::side] for place in range(side)]) / np.float32(side * side))


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two pictures of equal shape; 1 where both are flat."""
    return float(_likenesses(one.reshape(1, -1), other.reshape(1, -1))[0])


def _likenesses(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of ``some`` with that of ``others``: float (rows,); 1 where both are flat."""
    one, other = (each - each.mean(axis=1, keepdims=True) for each in map(np.ascontiguousarray, (some, others)))
    size = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1)).astype(float)
    is_flat = ~one.any(axis=1) & ~other.any(axis=1)
    return np.asarray(np.divide((one * other).sum(axis=1), size, out=is_flat.astype(float), where=size > 0))
