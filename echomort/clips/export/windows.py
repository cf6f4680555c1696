"""Which frames of a whole loop may be shown, and what of each: the sector is looked for again every few seconds.

A clip shows the first seconds of a loop, and its sector was found in them. Later the screen may change: another depth,
a second picture, a page of text with a name on it. So every stretch of the loop must show the same sector once more,
and every frame must resemble those before it; the loop ends where one does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from echomort.dicom.clip import SNAPSHOTS, find_tissue, read_snapshots
from echomort.dicom.frames.frames import Frames
from echomort.dicom.header.timing import resample
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.continuity import MIN_LIKENESS, block_means, likeness
from echomort.dicom.tissue.sector import Sector
from echomort.settings import ClipSettings

SECONDS = 2.0
"""Seconds of a stretch at least: two beats or more. Our choice, the length of the method's clips."""

MIN_SHARED = 0.7
"""Intersection over union of the sectors of two stretches of one scene at least. Our choice: the outlines of a scene's
stretches share nine tenths and more, those of two depths or places less than this."""

FROZEN_LEVELS = 12
"""Grey levels by which a pixel of a frozen picture differs from the last live one at most: lossy coding. Our choice."""

FROZEN_SHARE = 0.995
"""Share of a frozen picture's pixels that differ no more: a line of small letters is more than the rest. Our choice."""

BLOCK = 8
"""Pixels of a side of the blocks whose means are compared: speckle, which changes by the frame, averages out. Our
choice."""

MEMORY = 0.2
"""Weight of the newest frame in what the next is compared with: about five frames. Our choice: a swept probe changes
the picture over many more."""

BLACK = 24
"""Grey level: a frame whose blocks are all darker shows nothing. Our choice, above a codec's noise in the dark."""


@dataclass(frozen=True)
class Window:
    """Frames ``first`` to before ``end``, what may be shown of them, and which of their sector is drawn over: bool
    (rows, columns)."""

    first: int
    end: int
    mask: np.ndarray
    drawn: np.ndarray


def find_windows(frames: Frames, settings: ClipSettings) -> list[Window]:
    """Return the windows of a loop from its first frame to its last, or to where its scene changes.

    The first is that of the clip that ``settings`` make. Raises :class:`Rejected` as making the clip does.
    """
    timing, count = frames.header.timing, frames.header.frames
    needed = resample(count, timing.fps or 0.0, timing.times, settings.fps, settings.frames).needed
    seen: Sequence[int] = needed[:: -(-len(needed) // SNAPSHOTS)]
    pictures = read_snapshots(frames, seen)
    length = min(count, max(needed[-1] + 1, math.ceil(SECONDS * (timing.fps or 0.0))))
    windows = [Window(0, length, *_searched(frames, pictures, settings))]
    last = pictures[seen[-1]]
    while windows[-1].end < count:
        first = windows[-1].end
        end = min(count, first + length)
        seen = _spread(max(0, end - length), end)
        pictures = read_snapshots(frames, seen)
        found = _shown(frames, pictures, settings, windows, last)
        if found is None:
            break
        windows.append(Window(first, end, *found))
        last = pictures[seen[-1]]
    return _cut(_without_neighbours_letters(windows), _count_alike(frames, windows))


def _searched(frames: Frames, pictures: dict[int, np.ndarray], settings: ClipSettings) -> tuple[np.ndarray, np.ndarray]:
    tissue = find_tissue(frames, dict(pictures), settings)
    return tissue.mask, Sector(tissue.outline, False).mask(*tissue.mask.shape) & ~tissue.mask


def _without_neighbours_letters(windows: list[Window]) -> list[Window]:
    """Return the windows without what is drawn over the sector in the one before or after: letters may have appeared
    within a window, where only those that stand through it are found."""
    drawn = [window.drawn for window in windows]
    around = [np.any(drawn[max(0, at - 1) : at + 2], axis=0) for at in range(len(windows))]
    return [replace(window, mask=window.mask & ~near) for window, near in zip(windows, around, strict=True)]


def _cut(windows: list[Window], count: int) -> list[Window]:
    return [replace(window, end=min(window.end, count)) for window in windows if window.first < count]


def _count_alike(frames: Frames, windows: list[Window]) -> int:
    """Return how many frames, from the first, resemble those before them."""
    mask = block_means(windows[0].mask[None].astype(np.uint8), BLOCK)[0] == 1
    former: np.ndarray | None = None
    for index in range(windows[-1].end):
        blocks = block_means(frames.luma(index)[None], BLOCK)[0][mask]
        if not (blocks >= BLACK).any():
            continue
        if former is not None and likeness(blocks, former) < MIN_LIKENESS:
            return index
        former = blocks if former is None else (1 - MEMORY) * former + MEMORY * blocks
    return windows[-1].end


def _spread(first: int, end: int) -> Sequence[int]:
    return sorted({round(at) for at in np.linspace(first, end - 1, SNAPSHOTS).tolist()})


def _shown(
    frames: Frames,
    pictures: dict[int, np.ndarray],
    settings: ClipSettings,
    windows: list[Window],
    last: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what may be shown of the frames of ``pictures``, and what is drawn over; None of another scene."""
    base, former = windows[0].mask, windows[-1]
    try:
        mask, drawn = _searched(frames, pictures, settings)
    except Rejected as rejected:
        is_same = rejected.reason is Reason.STILL and all(
            _is_frozen(picture, last, former.mask) for picture in pictures.values()
        )
        return (former.mask, former.drawn) if is_same else None
    shared, either = np.count_nonzero(mask & base), np.count_nonzero(mask | base)
    return (mask & base, drawn) if shared >= MIN_SHARED * either else None


def _is_frozen(picture: np.ndarray, last: np.ndarray, mask: np.ndarray) -> bool:
    """Whether ``picture`` is the last picture of the stretch before, within ``mask``."""
    differs = np.abs(picture[mask].astype(np.int16) - last[mask]) <= FROZEN_LEVELS
    return bool(differs.mean() >= FROZEN_SHARE)
