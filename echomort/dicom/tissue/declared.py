"""The declared regions, judged by the picture: boxes of another image, and traces of an earlier mode."""

from __future__ import annotations

import numpy as np

from echomort.dicom.header.fields import Header
from echomort.dicom.header.regions import Box, trace_boxes
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.morphology import dilate
from echomort.dicom.tissue.parts import find_parts, join_walls
from echomort.dicom.tissue.sector import GROUND, MIN_MOTION, Sector, find_sector, grid
from echomort.dicom.tissue.snapshots import LIT, Snapshots

MIN_INSIDE = 0.9
"""Share of what moves that lies in a declared box at least, else the box was drawn for another image. Our choice; a box
at half resolution holds a quarter (tests/dicom/test_declared.py), a right one all but digits."""

CLEARLY_INSIDE = 0.95
"""Share of all moving pixels in the box from which no parts are searched, to save time. Our choice: above
``MIN_INSIDE``."""

MAX_BESIDE = 0.02
"""Share of what moves below which it lies beside the box: another picture, which the box leaves out. Our choice."""

MIN_OTHER = 0.4
"""What moves in the box then has at least this share of the area of what moves beside it. As
``panels.MIN_SECOND_AREA``."""

MIN_TRACE_LIT = 0.1
"""Share of a declared trace, without the sector, that is lit where a trace was drawn: a spectrum fills a fifth of its
strip, an M-mode most of it; letters and a line less. Tuned on drawn traces (tests/dicom/test_declared.py)."""

MAX_SECTOR_INSIDE = 0.9
"""Share of what moves above which it lies within the declared trace: then it is the trace, unless it is a cone. Our
choice."""

EDGE = 2
"""Grid pixels about the sector that are not counted to a trace: a codec's ringing. Our choice."""

SPARSE = 2
"""Pixels between two of a trace that are looked at, to save time. Our choice."""


def holds_the_tissue(box: Box, snapshots: Snapshots, aspect: float) -> bool:
    """Return whether the declared ``box`` holds what moves in ``snapshots``, pixels ``aspect`` times as high as wide.

    A box at half resolution, with its size in place of a corner, or with x and y exchanged cuts the tissue.
    """
    motion, _, steps = grid(snapshots, None, aspect)
    x0, y0, x1, y1 = (np.array(box) / np.tile(steps, 2)).round().astype(int).tolist()
    inside = slice(max(0, y0 - EDGE), y1 + 1 + EDGE), slice(max(0, x0 - EDGE), x1 + 1 + EDGE)
    moving = motion > MIN_MOTION
    if np.count_nonzero(moving[inside]) >= CLEARLY_INSIDE * np.count_nonzero(moving):
        return True
    parts = find_parts(moving)
    if not parts:
        return True
    main = join_walls(parts)
    area, held = np.count_nonzero(main), np.count_nonzero(main[inside])
    if held <= MAX_BESIDE * area:
        return any(
            np.count_nonzero(part.mask[inside]) > MIN_INSIDE * part.area and part.area > MIN_OTHER * area
            for part in parts
        )
    return bool(held > MIN_INSIDE * area)


def find_live_sector(
    header: Header, snapshots: Snapshots, box: Box | None, aspect: float
) -> tuple[Sector, tuple[str, ...]]:
    """Return the sector as :func:`find_sector` does, and a note where a declared trace is none.

    Raises :class:`Rejected` with ``M_MODE`` or ``SPECTRAL_DOPPLER`` where one is: lit beside the sector, or nothing
    else moves. A trace that the picture does not show was left over from another mode.
    """
    traces = [(trace, Reason.SPECTRAL_DOPPLER) for trace in trace_boxes(header, Reason.SPECTRAL_DOPPLER)]
    traces += [(trace, Reason.M_MODE) for trace in trace_boxes(header, Reason.M_MODE)]
    try:
        sector = find_sector(snapshots, box, aspect)
    except Rejected:
        if traces:
            raise Rejected(traces[0][1]) from None
        raise
    if not traces:
        return sector, ()
    mask = sector.mask(*snapshots.brightest.shape)
    for trace, reason in traces:
        if _shows_trace(trace, sector, mask, snapshots):
            raise Rejected(reason)
    return sector, ("trace_region_refused",)


def _shows_trace(trace: Box, sector: Sector, mask: np.ndarray, snapshots: Snapshots) -> bool:
    x0, y0, x1, y1 = trace
    inside = slice(y0, y1 + 1), slice(x0, x1 + 1)
    if not sector.is_cone and np.count_nonzero(mask[inside]) > MAX_SECTOR_INSIDE * np.count_nonzero(mask):
        return True
    few = slice(None, None, SPARSE), slice(None, None, SPARSE)
    beside = ~dilate(dilate(mask[few]))
    ground = float(np.quantile(snapshots.brightest[few], GROUND))
    lit = (snapshots.brightest[few] > ground + LIT) & beside
    cut = slice(y0 // SPARSE, y1 // SPARSE + 1), slice(x0 // SPARSE, x1 // SPARSE + 1)
    return bool(np.count_nonzero(lit[cut]) > MIN_TRACE_LIT * lit[cut].size)
