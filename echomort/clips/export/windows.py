"""Which frames of a whole loop may be shown, and what of each: the sector is looked for again every few seconds.

A clip shows the first seconds of a loop, and its sector was found in them. Later the screen may change: another depth,
a second picture, a page of text with a name on it. So every stretch of the loop must show the same sector once more;
the loop ends where one does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echomort.dicom.clip import SNAPSHOTS, find_tissue
from echomort.dicom.frames.frames import Frames
from echomort.dicom.header.timing import resample
from echomort.dicom.reasons import Reason, Rejected
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


@dataclass(frozen=True)
class Window:
    """Frames ``first`` to before ``end``, and what may be shown of them: bool (rows, columns)."""

    first: int
    end: int
    mask: np.ndarray


def find_windows(frames: Frames, settings: ClipSettings) -> list[Window]:
    """Return the windows of a loop from its first frame to its last, or to where its scene changes.

    The first is that of the clip that ``settings`` make. Raises :class:`Rejected` as making the clip does.
    """
    timing, count = frames.header.timing, frames.header.frames
    needed = resample(count, timing.fps or 0.0, timing.times, settings.fps, settings.frames).needed
    seen: Sequence[int] = needed[:: -(-len(needed) // SNAPSHOTS)]
    pictures = {index: frames.luma(index) for index in seen}
    length = min(count, max(needed[-1] + 1, math.ceil(SECONDS * (timing.fps or 0.0))))
    windows = [Window(0, length, find_tissue(frames, dict(pictures), settings).mask)]
    last = pictures[seen[-1]]
    while windows[-1].end < count:
        first = windows[-1].end
        end = min(count, first + length)
        seen = _spread(max(0, end - length), end)
        pictures = {index: frames.luma(index) for index in seen}
        mask = _shown(frames, pictures, settings, windows, last)
        if mask is None:
            break
        windows.append(Window(first, end, mask))
        last = pictures[seen[-1]]
    return windows


def _spread(first: int, end: int) -> Sequence[int]:
    return sorted({round(at) for at in np.linspace(first, end - 1, SNAPSHOTS).tolist()})


def _shown(
    frames: Frames,
    pictures: dict[int, np.ndarray],
    settings: ClipSettings,
    windows: list[Window],
    last: np.ndarray,
) -> np.ndarray | None:
    """Return what may be shown of the frames of ``pictures``, None where they show another scene."""
    base = windows[0].mask
    try:
        mask = find_tissue(frames, dict(pictures), settings).mask
    except Rejected as rejected:
        former = windows[-1].mask
        is_same = rejected.reason is Reason.STILL and all(
            _is_frozen(picture, last, former) for picture in pictures.values()
        )
        return former if is_same else None
    shared, either = np.count_nonzero(mask & base), np.count_nonzero(mask | base)
    return mask & base if shared >= MIN_SHARED * either else None


def _is_frozen(picture: np.ndarray, last: np.ndarray, mask: np.ndarray) -> bool:
    """Whether ``picture`` is the last picture of the stretch before, within ``mask``."""
    differs = np.abs(picture[mask].astype(np.int16) - last[mask]) <= FROZEN_LEVELS
    return bool(differs.mean() >= FROZEN_SHARE)
