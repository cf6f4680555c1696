"""How a clip looks, in three numbers: what a new scanner, another gain or another compression changes."""

import numpy as np
from numpy.typing import NDArray

NOISE_OF_SECOND_DIFFERENCE = 6.0**0.5
"""Standard deviation of a[t-1] - 2 a[t] + a[t+1] for independent noise of 1."""
MAD_OF_NORMAL = 0.6745
"""Median absolute value of standard normal noise."""


def appearance(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return ``brightness`` and ``contrast`` (mean and standard deviation of grey levels, 0 to 255, where any frame is
    not black) and ``noise`` (grey levels, from second differences in time) of a clip (frames, height, width)."""
    tissue = pixels.max(axis=0) > 0
    if not tissue.any() or len(pixels) < 3:
        return {"brightness": float("nan"), "contrast": float("nan"), "noise": float("nan")}
    seen = pixels[:, tissue].astype(np.float32)
    differences = np.abs(seen[:-2] - 2 * seen[1:-1] + seen[2:])
    noise = float(np.median(differences)) / MAD_OF_NORMAL / NOISE_OF_SECOND_DIFFERENCE
    return {"brightness": float(seen.mean()), "contrast": float(seen.std()), "noise": noise}
