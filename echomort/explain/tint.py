"""What each part of a clip adds to its risk, as colour over the clip: red where it raises the risk, blue where it
lowers it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_TINTED = 0.6
"""Share of colour in the picture where a part adds most to the logit. Our choice: the tissue below stays visible."""

RAISES, LOWERS = np.array([230.0, 60.0, 40.0]), np.array([50.0, 110.0, 240.0])
"""Colours (RGB) of parts that raise and lower the risk: red and blue, which people who see no green tell apart."""


def coloured(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return a clip (frames, height, width) as grey colours, (frames, height, width, 3)."""
    return np.repeat(pixels[..., None], 3, axis=3).astype(float)


def tinted(pixels: NDArray[np.uint8], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frames of ``pixels`` (frames, height, width), as colours (frames, height, width, 3), tinted by what
    each block adds, ``part``: -1 to 1, (rows, columns), or (times, rows, columns) of equal parts of the time."""
    maps = part[None] if part.ndim == 2 else part
    smooth = np.stack([_enlarged(one, pixels.shape[1:]) for one in maps])
    share = smooth[np.arange(len(pixels)) * len(maps) // len(pixels)][..., None]
    colour = np.where(share > 0, RAISES, LOWERS)
    weight = MOST_TINTED * np.abs(share)
    mixed: NDArray[np.float64] = (1 - weight) * coloured(pixels) + weight * colour
    return mixed


def _enlarged(part: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.float32]:
    image = Image.fromarray(part.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)
