"""A clip made from a clip: of another size and frame rate."""

import numpy as np

from echomort.dicom.header.timing import resample
from echomort.dicom.scaling import Placing, Scaler, blend
from echomort.settings import ClipSettings


def count_recorded(pixels: np.ndarray) -> int:
    """Return the number of frames before the padding of zeros."""
    lit = np.flatnonzero(pixels.reshape(len(pixels), -1).any(axis=1))
    return int(lit[-1]) + 1 if len(lit) else len(pixels)


def converted(pixels: np.ndarray, fps: float, wanted: ClipSettings, shape: tuple[int, int, int]) -> np.ndarray:
    """Return ``pixels``, uint8 (frames, height, width) at ``fps`` a second, at the rate and with the filter of
    ``wanted``, uint8 ``shape``: the frames scaled with their aspect kept, in the middle, and zeros after the last."""
    plan = resample(count_recorded(pixels), fps, (), wanted.fps, shape[0])
    placing = Placing.fit((0, 0, pixels.shape[2] - 1, pixels.shape[1] - 1), 1.0, shape[1:])
    scale = Scaler(placing, np.ones(pixels.shape[1:], bool), wanted.resize)
    blended = blend({index: scale(pixels[index]) for index in plan.needed}, plan)
    made = np.zeros(shape, np.uint8)
    made[: len(blended), placing.rows, placing.columns] = blended
    return made
