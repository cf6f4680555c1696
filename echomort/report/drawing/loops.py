"""Cine loops as small animations, embedded in the page."""

import base64
import io
from typing import Any

import numpy as np

SHOWN_WIDTH = 200
"""Pixels: width to which smaller clips are enlarged; larger ones keep theirs. Chosen here, to fit the page."""
SHORTEST_FRAME = 20
"""Milliseconds: shortest duration of a frame, since browsers slow down faster animations."""


def animation(pixels: np.ndarray, fps: float) -> str:
    """Return a loop, uint8 (frames, height, width) or, in colour, (frames, height, width, 3), as a looping WebP in a
    data URI; equal loops give equal text."""
    return _uri(looping(pixels, fps))


def looping(pixels: np.ndarray, fps: float) -> bytes:
    """Return a loop, as :func:`animation` takes it, as a looping WebP; equal loops give equal bytes."""
    frames = _images(pixels)
    buffer = io.BytesIO()
    duration = max(SHORTEST_FRAME, round(1000 / fps))
    options = {"duration": duration, "loop": 0, "quality": 70, "method": 4, "minimize_size": False}
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def still(pixels: np.ndarray) -> str:
    """Return the first frame as a WebP data URI: for print, and for browsers set to reduced motion."""
    buffer = io.BytesIO()
    _images(pixels[:1])[0].save(buffer, "WEBP", quality=75, method=4)
    return _uri(buffer.getvalue())


def _images(pixels: np.ndarray) -> list[Any]:
    from PIL import Image

    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or not len(pixels):
        raise ValueError("a loop is uint8 of shape (frames, height, width), or with colours, with at least one frame")
    height, width = pixels.shape[1:3]
    scale = max(1.0, SHOWN_WIDTH / width)
    size = (round(width * scale), round(height * scale))
    return [Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC) for frame in without_padding(pixels)]


def without_padding(pixels: np.ndarray) -> np.ndarray:
    """Return a loop without the black frames at its end; at least one frame."""
    lit = np.flatnonzero(pixels.reshape(len(pixels), -1).any(axis=1))
    return pixels[: lit[-1] + 1] if len(lit) else pixels[:1]


def _uri(content: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(content).decode()
