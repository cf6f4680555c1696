"""Hearts of speckle, drawn, and what a lossy code makes of them."""

import numpy as np
import simplejpeg
from echo_files import cone_of
from scipy import ndimage


def heart(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """A sector of speckle that sways, as sharp as a beam makes it: uint8 (12, rows, columns)."""
    random = np.random.default_rng(seed)
    grain = rows / 240
    texture = ndimage.gaussian_filter(random.normal(size=(rows + 40, columns + 40)), (grain, 2 * grain))
    texture /= texture.std()
    inside, frames = cone_of(rows, columns).mask(rows, columns), []
    for index in range(12):
        sway = rows / 100 * np.sin(2 * np.pi * index / 12)
        moved = ndimage.shift(texture, (sway, 0.6 * sway), order=1)[20:-20, 20:-20]
        frames.append(np.where(inside, np.clip(90 * (1 + 0.6 * moved), 0, 255), 0))
    return np.stack(frames).astype(np.uint8)


def coded(movie: np.ndarray, quality: int) -> np.ndarray:
    if not quality:
        return movie
    frames = [simplejpeg.encode_jpeg(frame[..., None].copy(), quality, "GRAY", "Gray") for frame in movie]
    return np.stack([simplejpeg.decode_jpeg(frame, "GRAY")[..., 0] for frame in frames])
