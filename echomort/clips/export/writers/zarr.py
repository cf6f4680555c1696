"""Zarr: one loop as a group of version 3, whose frames are compressed a few at a time and can be read so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from echomort.clips.export.loops import Loop
from echomort.core.errors import UserError

CHUNK_FRAMES = 16
"""Frames that are compressed, and read, together. Our choice: half a second."""


def require_zarr() -> Any:
    """Return Zarr. Raises :class:`UserError` where it is not installed."""
    try:
        import zarr
    except ImportError:
        raise UserError("Zarr is not installed", "pip install 'echomort[zarr]'") from None
    return zarr


def write_zarr(loop: Loop, target: Path) -> None:
    """Write ``loop`` into the empty folder ``target``: arrays ``pixels``, ``sector`` and ``outline``, and attributes,
    as :func:`write_npz` does. Frames are written as they are decoded."""
    zarr = require_zarr()
    group = zarr.create_group(target, zarr_format=3, overwrite=True)
    across_down = list(loop.cm) if loop.cm else None
    group.update_attributes(
        {"fps": loop.fps, "times": list(loop.times), "region": list(loop.region), "cm": across_down}
    )
    group.create_array("sector", data=loop.sector)
    group.create_array("outline", data=np.ascontiguousarray(loop.outline, float))
    chunks = (min(CHUNK_FRAMES, loop.shape[0]), *loop.shape[1:])
    pixels = group.create_array("pixels", shape=loop.shape, chunks=chunks, dtype="uint8")
    waiting: list[np.ndarray] = []
    for index, picture in enumerate(loop.pictures(), start=1):
        waiting.append(picture)
        if len(waiting) == CHUNK_FRAMES or index == loop.shape[0]:
            pixels[index - len(waiting) : index] = np.stack(waiting)
            waiting = []
