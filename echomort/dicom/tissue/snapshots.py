"""A few frames of a loop, and how much each pixel changes over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.morphology import extremes_of, sum_of
from echomort.dicom.tissue.noise import NO_NOISE, Noise, may_be_noisy, measure_noise

GRID_COLUMNS = 320
"""Columns of the grid on which the sector is searched, about: a quarter of the pixels of a 640-column picture. Our
choice; thresholds of this room in grid pixels are tuned at this size (tests/dicom/test_sector.py)."""

SPARSE = 4
"""Grid pixels between two at which noise is looked for before it is measured, to save time. Our choice."""

BLANK_SPARSE = 8
"""Pixels between two at which a frame is judged to be blank, to save time. Our choice."""

LIT = 16
"""Grey level above which a pixel is lit. Our choice: black of studio-range video (ITU-R BT.601), above a codec's noise
in the dark."""

MIN_LIT = 0.25
"""Share of the usual count of lit pixels that a frame has at least: a black screen with letters has a tenth. Our
choice, below what tissue does in a beat."""

FULL, MAX_USUAL = 0.98, 0.9
"""A frame is one white or grey screen where more than the first share of it is lit, and usually less than the second
is. Our choice: a picture of tissue has a black border."""

Grid = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Motion and brightness on the grid, and how many pixels of the image lie between grid pixels (across, down)."""


def without_blanks(frames: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Return ``frames``, each uint8 (rows, columns), without those that show a black, grey or white screen: with one
    among them nothing seems to stand still, and what is drawn can't be told from tissue. All where most are alike."""
    lit = [np.count_nonzero(frame[::BLANK_SPARSE, ::BLANK_SPARSE] > LIT) for frame in frames.values()]
    usual, whole = sorted(lit)[len(lit) // 2], next(iter(frames.values()))[::BLANK_SPARSE, ::BLANK_SPARSE].size
    most = whole if usual > MAX_USUAL * whole else FULL * whole
    return {
        index: frame
        for (index, frame), count in zip(frames.items(), lit, strict=True)
        if MIN_LIT * usual <= count <= most
    }


@dataclass(frozen=True)
class Snapshots:
    """Several frames of a loop in time order, each pixel's brightest and its darkest value: uint8 (rows, columns).

    ``grids`` keeps what :func:`~echomort.dicom.tissue.sector.grid` finds, by the aspect of pixels.
    """

    brightest: np.ndarray
    darkest: np.ndarray
    frames: tuple[np.ndarray, ...]
    grids: dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def from_frames(cls, frames: Iterable[np.ndarray]) -> Snapshots:
        """Return the snapshots ``frames``, each uint8 (rows, columns); raises :class:`Rejected` where there is none."""
        snapshots = tuple(frames)
        if not snapshots:
            raise Rejected(Reason.FRAME_COUNT, "no frames")
        darkest, brightest = extremes_of(snapshots)
        return cls(brightest, darkest, snapshots)

    @cached_property
    def motion(self) -> np.ndarray:
        """Grey levels between each pixel's darkest and brightest value, uint8 (rows, columns)."""
        return np.asarray(self.brightest - self.darkest)

    @cached_property
    def noise(self) -> Noise:
        """The noise of the loop, measured on the grid."""
        step = max(1, round(self.brightest.shape[1] / GRID_COLUMNS))
        if not may_be_noisy(self.motion[:: SPARSE * step, :: SPARSE * step]):
            return NO_NOISE
        return measure_noise([np.ascontiguousarray(frame[::step, ::step]) for frame in self.frames])

    @cached_property
    def level(self) -> np.ndarray:
        """Each pixel's mean over the snapshots, float32 (rows, columns)."""
        return np.asarray(sum_of(self.frames) / np.float32(len(self.frames)))

    @cached_property
    def small(self) -> np.ndarray:
        """The snapshots scaled down to about half of ``GRID_COLUMNS``, uint8 (snapshots, rows, columns)."""
        from PIL import Image

        factor = max(1, round(self.brightest.shape[1] / (GRID_COLUMNS / 2)))
        return np.stack([np.asarray(Image.fromarray(frame).reduce(factor)) for frame in self.frames])
