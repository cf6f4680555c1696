"""What the risk of a loop rests on: the clip is scored again with one part of it hidden, part after part.

Occlusion, after Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014
(doi:10.1007/978-3-319-10590-1_53). A loop has two things that can be hidden: how a part looks, and how it moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echomort.dicom.conversion import count_recorded

BLOCKS_HIGH = 8
"""Rows of blocks; as many columns as make them square. Our choice: about the thickness of a wall, in a minute a loop at
the published size."""

MOMENTS = 12
"""Parts of equal length that time is cut into. Our choice: at 60 frames five frames, a sixth of a second."""

CLIPS_AT_ONCE = 8
"""Hidden copies of a clip that are scored together. Our choice: 8 MB at the published size."""

Pixels = NDArray[np.uint8]
"""A clip (frames, height, width), or several (clips, frames, height, width)."""

Score = Callable[[Pixels], NDArray[np.floating]]
"""Returns one logit a clip, (clips,)."""


@dataclass(frozen=True)
class Occlusion:
    """How much each part of a clip adds to its logit: the logit of the whole clip less that with the part hidden.

    Above 0: the part raises the risk. Parts add up to the whole for a linear model only.
    """

    logit: float
    picture: NDArray[np.float64]
    """(rows, columns): the block is black in all frames, so that neither look nor movement is left."""
    movement: NDArray[np.float64]
    """(rows, columns): the block shows its mean over time in all frames, so that nothing moves there."""
    moments: NDArray[np.float64]
    """(moments,): the frames of this part of the time show the mean picture of the clip."""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them, to four digits."""
        maps = {name: getattr(self, name).round(4).tolist() for name in ("picture", "movement", "moments")}
        return {"logit": round(self.logit, 4), **maps}


def occlude(pixels: Pixels, score: Score) -> Occlusion:
    """Return what the score of a clip rests on.

    ``pixels``: uint8 (frames, height, width); frames of zeros at its end, which pad a short loop, stay as they are. A
    part that hiding does not change, as outside the sector, adds exactly 0.
    """
    still, black = _still(pixels), np.zeros_like(pixels)
    rows = _edges(pixels.shape[1], BLOCKS_HIGH)
    columns = _edges(pixels.shape[2], max(1, round(BLOCKS_HIGH * pixels.shape[2] / pixels.shape[1])))
    times = _edges(count_recorded(pixels), MOMENTS)
    blocks = [(slice(None), *block) for block in product(rows, columns)]
    logit, shape = float(score(pixels[None])[0]), (len(rows), len(columns))
    return Occlusion(
        logit,
        picture=_added(pixels, logit, blocks, black, score).reshape(shape),
        movement=_added(pixels, logit, blocks, still, score).reshape(shape),
        moments=_added(pixels, logit, [(time,) for time in times], still, score),
    )


def _added(
    pixels: Pixels, logit: float, parts: Sequence[tuple[slice, ...]], other: Pixels, score: Score
) -> NDArray[np.float64]:
    """Return what each of ``parts`` adds to the ``logit`` of ``pixels``: it is hidden by what ``other`` has there."""
    added = np.zeros(len(parts))
    changed = [number for number, part in enumerate(parts) if not np.array_equal(pixels[part], other[part])]
    for start in range(0, len(changed), CLIPS_AT_ONCE):
        some = changed[start : start + CLIPS_AT_ONCE]
        added[some] = logit - score(np.stack([_with(pixels, parts[number], other) for number in some]))
    return added


def _still(pixels: Pixels) -> Pixels:
    """Return the clip with each recorded frame replaced by their mean."""
    recorded = count_recorded(pixels)
    still = pixels.copy()
    still[:recorded] = np.rint(pixels[:recorded].mean(axis=0))
    return still


def _edges(length: int, parts: int) -> list[slice]:
    """Return at most ``parts`` slices of nearly equal length that cover ``length``."""
    edges = np.unique(np.linspace(0, length, parts + 1).round().astype(int))
    return [slice(int(start), int(end)) for start, end in pairwise(edges)]


def _with(pixels: Pixels, part: tuple[slice, ...], other: Pixels) -> Pixels:
    """Return a copy of ``pixels`` that has ``part`` from ``other``."""
    hidden = pixels.copy()
    hidden[part] = other[part]
    return hidden
