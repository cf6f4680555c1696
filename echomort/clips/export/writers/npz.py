"""NPZ: pixels and geometry of one loop as NumPy arrays."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from echomort.clips.export.loops import Loop

NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the first that a ZIP file can hold, so that equal loops give equal files."""


def write_npz(loop: Loop, target: Path) -> None:
    """Write ``loop`` to ``target``: ``pixels`` uint8 (frames, height, width), ``sector`` bool (height, width),
    ``outline`` float (n, 2), ``region`` int (4,), ``fps``, ``times`` (ms; empty where frames are even), ``cm`` (2,)
    across and down a pixel (NaN where unknown)."""
    arrays = {
        "pixels": loop.pixels(),
        "sector": loop.sector,
        "outline": loop.outline,
        "region": np.array(loop.region),
        "fps": np.array(loop.fps),
        "times": np.array(loop.times, float),
        "cm": np.array(loop.cm or (np.nan, np.nan)),
    }
    with zipfile.ZipFile(target, "w") as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(member, content.getbuffer(), compresslevel=COMPRESSION)


COMPRESSION = 1
"""Level of DEFLATE: the fastest. Our choice: speckle hardly shrinks, black does at any level."""
