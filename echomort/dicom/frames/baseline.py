"""Luma of the usual baseline JPEG, and how far from grey its chroma may be, from one pass over its bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

try:
    import echomort.dicom.frames._baseline as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

BLOCK = 8
"""Pixels of a side of the blocks that JPEG transforms (ITU-T T.81, A.1.3)."""


def decode(data: bytes, height: int, width: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the luma of a JPEG as uint8 (height, width), and by how many levels its chroma may be off grey at most.

    Luma is bit for bit what :func:`~echomort.dicom.frames.codestreams.jpeg_luma` returns, in about four fifths of the
    time (docs/imaging_speed.md). The second is uint8, one for each block of 8x8 pixels; 255 stands for more. None where
    the JPEG is of another size, or anything but a whole baseline JPEG of one scan, or where there is no compiled
    module: the library then decides.
    """
    if compiled is None:
        return None
    luma = np.empty((height, width), np.uint8)
    off_grey = np.empty((-(-height // BLOCK), -(-width // BLOCK)), np.uint8)
    return (luma, off_grey) if compiled.decode(data, width, luma, off_grey) else None


def coloured_share(off_grey: Sequence[np.ndarray], mask: np.ndarray, levels: int) -> float:
    """Return what share of ``mask``, bool (rows, columns), lies in blocks whose chroma may be more than ``levels`` off
    grey: in the picture with most of them, of which ``off_grey`` has one array each."""
    coloured = np.stack(off_grey) > levels
    y, x = np.nonzero(coloured.any(axis=0))
    whole = np.pad(mask, [(0, -side % BLOCK) for side in mask.shape])
    blocks = whole.reshape(coloured.shape[1], BLOCK, coloured.shape[2], BLOCK)
    pixels = np.count_nonzero(blocks[y, :, x], axis=(1, 2))
    return float(np.max(coloured[:, y, x] @ pixels)) / max(1, int(np.count_nonzero(mask)))
