"""Luma and a small picture in colour of the usual baseline JPEG, and how far from grey its chroma may be, from one pass
over its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

try:
    import echomort.dicom.frames._baseline as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

BLOCK = 8
"""Pixels of a side of the blocks that JPEG transforms (ITU-T T.81, A.1.3)."""

SMALLER = 4
"""The small picture has a row for so many rows: two by two pixels of a block (libjpeg's reduced transform)."""

WITH_SMALL = 2
"""The compiled decoder's word for having written the small picture too."""


NOTHING = np.empty(0, np.uint8)
"""The compiled decoder's word for what is not asked for."""


class Chroma(NamedTuple):
    """What is known of a JPEG's colours from decoding its luma.

    ``off_grey``: uint8, by how many levels the chroma of each block of 8x8 pixels may be off grey at most; 255 stands
    for more. ``small``: uint8 RGB (height / 4, width / 4, 3), rounded up; None where it was not asked for, or where
    only the library makes it.
    """

    off_grey: np.ndarray
    small: np.ndarray | None


def decode(data: bytes, height: int, width: int, with_small: bool = False) -> tuple[np.ndarray, Chroma] | None:
    """Return the luma of a JPEG as uint8 (height, width), and what its chroma tells; ``with_small``, a small picture
    too.

    Luma and the small picture are bit for bit what :func:`~echomort.dicom.frames.codestreams.jpeg_luma` and
    :func:`~echomort.dicom.frames.codestreams.jpeg_colour` return, in less time (docs/imaging_speed.md). None where the
    JPEG is of another size, or anything but a whole baseline JPEG of one scan, or where there is no compiled module:
    the library then decides.
    """
    if compiled is None:
        return None
    luma = np.empty((height, width), np.uint8)
    off_grey = np.empty((-(-height // BLOCK), -(-width // BLOCK)), np.uint8)
    small = np.empty((-(-height // SMALLER), -(-width // SMALLER), 3), np.uint8) if with_small else NOTHING
    written = compiled.decode(data, width, luma, off_grey, small, NOTHING)
    return (luma, Chroma(off_grey, small if written == WITH_SMALL else None)) if written else None


def decode_shown(data: bytes, height: int, width: int, shown: np.ndarray) -> np.ndarray | None:
    """Return the luma of a JPEG as :func:`decode` does, black in the blocks that ``shown``, bool (rows / 8, columns /
    8), rounded up, says false of: these are passed over, which takes half of the time."""
    luma = np.zeros((height, width), np.uint8)
    return luma if compiled is not None and compiled.decode(data, width, luma, NOTHING, NOTHING, shown) else None


def blocks_of(mask: np.ndarray) -> np.ndarray:
    """Return which blocks hold any of bool ``mask`` (rows, columns): bool (rows / 8, columns / 8), rounded up."""
    eights = _whole_blocks(mask).view(np.uint64)[..., 0]  # a row of a block is one number
    return np.asarray(eights.any(axis=1))


def coloured_share(off_grey: Sequence[np.ndarray], mask: np.ndarray, levels: int) -> float:
    """Return what share of ``mask``, bool (rows, columns), lies in blocks whose chroma may be more than ``levels`` off
    grey: in the picture with most of them, of which ``off_grey`` has one array each."""
    coloured = np.stack(off_grey) > levels
    y, x = np.nonzero(coloured.any(axis=0) & blocks_of(mask))
    pixels = np.count_nonzero(_whole_blocks(mask)[y, :, x], axis=(1, 2))
    return float(np.max(coloured[:, y, x] @ pixels)) / max(1, int(np.count_nonzero(mask)))


def _whole_blocks(mask: np.ndarray) -> np.ndarray:
    """Return bool ``mask`` by blocks, false beyond it: bool (rows / 8, 8, columns / 8, 8), rounded up."""
    rows, columns = (-(-side // BLOCK) for side in mask.shape)
    whole = np.zeros((rows * BLOCK, columns * BLOCK), bool)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    return whole.reshape(rows, BLOCK, columns, BLOCK)
