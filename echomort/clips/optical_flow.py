"""Dense optical flow of a clip as colours: direction as hue, speed as value (preprint, p. 21-22)."""

from __future__ import annotations

from typing import Any

import numpy as np

from echomort.core.errors import UserError

PYRAMID_SCALE = 0.5
"""Size of a level of the pyramid over that of the level below (preprint, p. 22)."""
LEVELS = 3
"""Levels of the pyramid, the frame itself included (preprint, p. 22)."""
WINDOW = 5
"""Pixels of the averaging window's side (preprint, p. 22)."""
ITERATIONS = 3
"""Iterations at each level. Ours: that of OpenCV's examples."""
NEIGHBOURHOOD = 5
"""Pixels of the side over which a frame is taken for a polynomial. Ours: OpenCV's documentation names 5 or 7."""
SMOOTHING = 1.1
"""Standard deviation, in pixels, of the polynomial's weights. Ours: OpenCV's documentation names 1.1 for 5 pixels."""
FULL_SPEED = 1.4
"""Speed that has the full value 255, in heights of the picture a second; faster is as bright. Ours: at a depth of 16 cm
about 22 cm/s, faster than the heart's wall and slower than its valves; at 109 rows and 30 frames a second 5 pixels a
frame. It is the same for every clip, so that brightness tells speeds of different clips apart."""
LEVELS_OF_VALUE = 255
"""Highest value of a colour, uint8."""


def require_opencv() -> Any:
    """Return OpenCV. Raises :class:`UserError` where it is not installed."""
    try:
        import cv2
    except ImportError:
        raise UserError(
            "optical flow is computed by OpenCV, which is not installed", "pip install 'echomort[flow]'"
        ) from None
    return cv2


def flow_colours(pixels: np.ndarray, fps: float) -> np.ndarray:
    """Return the optical flow of a clip, uint8 (frames, height, width, 3), RGB; ``pixels`` is uint8 (frames, height,
    width), ``fps`` its frames a second.

    A frame shows the motion from the one before it, the first none. Hue is the direction on the screen, clockwise from
    right (red), value the speed up to :data:`FULL_SPEED`, saturation full. Where no frame is lit, and before and after
    an empty frame, all is 0: the edge of a loop that ended is no motion. Raises :class:`UserError` without OpenCV.
    """
    cv2 = require_opencv()
    frames, height, width = pixels.shape
    colours = np.zeros((frames, height, width, 3), np.uint8)
    lit, sector = np.asarray(pixels.any(axis=(1, 2))), np.asarray(pixels.any(axis=0))
    for index in range(1, frames):
        if lit[index - 1] and lit[index]:
            motion = _motion(cv2, pixels[index - 1], pixels[index])
            colours[index] = _colours(cv2, motion * (fps / (FULL_SPEED * height))) * sector[..., None]
    return colours


def _motion(cv2: Any, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return by how many pixels each pixel moves to the right and down, float32 (height, width, 2)."""
    motion = cv2.calcOpticalFlowFarneback(
        before,
        after,
        None,
        pyr_scale=PYRAMID_SCALE,
        levels=LEVELS,
        winsize=WINDOW,
        iterations=ITERATIONS,
        poly_n=NEIGHBOURHOOD,
        poly_sigma=SMOOTHING,
        flags=0,
    )
    return np.asarray(motion)


def _colours(cv2: Any, motion: np.ndarray) -> np.ndarray:
    """Return the colours of ``motion`` (1: full value), uint8 (height, width, 3)."""
    speed, degrees = cv2.cartToPolar(motion[..., 0], motion[..., 1], angleInDegrees=True)
    value = np.minimum(speed, 1)
    hsv = np.stack([degrees % 360, np.ones_like(value), value], axis=-1).astype(np.float32)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * LEVELS_OF_VALUE + 0.5).astype(np.uint8)
