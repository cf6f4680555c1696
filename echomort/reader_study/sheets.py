"""Contact sheets: all frames of a loop in one still image, so that a page can pause it and step through it.

A browser gives no control over an animation; from a sheet a page draws one frame after the other.
"""

import io
import math
from dataclasses import dataclass

import numpy as np

from echomort.report.drawing.loops import without_padding

SHOWN_WIDTH = 320
"""Pixels: width to which frames of smaller clips are enlarged, so that the page's smoothing starts from a smooth
picture. Chosen here."""
LONGEST_SIDE = 16383
"""Pixels: longest side of a WebP image (its format)."""
QUALITY = 90
"""WebP's quality, 0 to 100. Chosen here: no block is seen at twice the size."""


@dataclass(frozen=True)
class Sheet:
    """A WebP of ``frames`` pictures of ``width`` by ``height`` pixels, ``columns`` in a row, in reading order."""

    content: bytes
    frames: int
    columns: int
    width: int
    height: int


def contact_sheet(pixels: np.ndarray) -> Sheet:
    """Return uint8 (frames, height, width) as a sheet, without the black frames at the end; deterministic."""
    from PIL import Image

    shown = without_padding(pixels)
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    width, height = _frame_size(pixels.shape[1:], columns, rows)
    sheet = Image.new("L", (columns * width, rows * height))
    for number, frame in enumerate(shown):
        place = (number % columns * width, number // columns * height)
        sheet.paste(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC), place)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=QUALITY, method=4)
    return Sheet(buffer.getvalue(), len(shown), columns, width, height)


def _frame_size(size: tuple[int, ...], columns: int, rows: int) -> tuple[int, int]:
    height, width = size
    scale = min(max(1.0, SHOWN_WIDTH / width), LONGEST_SIDE / (columns * width), LONGEST_SIDE / (rows * height))
    return max(1, int(width * scale)), max(1, int(height * scale))
