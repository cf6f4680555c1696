"""The tissue region that a header declares, and the shape of its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from echomort.dicom.header.fields import Header, Region
from echomort.dicom.reasons import Reason, Rejected

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, corners inclusive as in DICOM."""

TWO_DIMENSIONAL = 1
"""RegionSpatialFormat: two-dimensional (PS3.3 C.8.5.5.1)."""

TRACES = {2: Reason.M_MODE, 3: Reason.SPECTRAL_DOPPLER}
"""RegionSpatialFormat of recordings over time, tissue or flow, and the reason that rejects each (PS3.3 C.8.5.5.1)."""

UNDECLARED = 0
"""RegionDataType: none (PS3.3 C.8.5.5.1)."""

TISSUE = 1
"""RegionDataType: tissue (PS3.3 C.8.5.5.1)."""

COLOUR_FLOW = 2
"""RegionDataType: colour flow (PS3.3 C.8.5.5.1)."""

MAX_OVERHANG = 0.25
"""Share of the image's side: a box that leaves the image by more was drawn for another image and is not used. Our
choice; scanners that count from 1 or include a margin leave it by a few pixels."""

MIN_BOX_AREA = 0.05
"""Share of the image's area that a tissue box has at least. Our choice: placeholders are a few pixels."""

MIN_BOX_SIDE = 32
"""Pixels of a tissue box's shorter side at least, in an image of 128 pixels or more. Our choice."""

SMALL_IMAGE = 4
"""In smaller images a box's side is at least one in this many pixels of the image's. Our choice."""

MAX_SHARED_AREA = 0.2
"""Two boxes that share less than this part of the smaller one lie side by side. Our choice: declared panels share a
border at most, and zoomed boxes lie inside others."""

MIN_LIKE_AREA = 0.25
"""Two boxes are of like size where the smaller has more than this share of the larger one's area. Our choice."""

ASPECT_RANGE = (0.25, 4)
"""Height of a pixel over its width that is believed; beyond, square pixels are assumed. Our choice: scan lines of old
video are at most doubled."""

SQUARE_TOLERANCE = 0.01
"""Pixels that differ less from a square, as a share, get no note. Our choice: deltas are written to a few digits."""

MAX_CORNER_OFFSET = 1
"""Pixels by which a region's corner may lie off that of its box: clamping to the image. Geometry."""


def declared_box(header: Header) -> tuple[Box | None, list[str]]:
    """Return the tissue region that the header declares, clamped to the image, and notes; None where there is none
    or it is impossible.

    The largest two-dimensional region of tissue is taken, else the largest of undeclared data (PS3.3 C.8.5.5: the order
    of items means nothing, and some scanners write a placeholder first). Two such regions side by side are two
    pictures: raises :class:`Rejected` with ``DUAL_PANEL``.
    """
    flat = [region for region in header.regions if region.spatial_format == TWO_DIMENSIONAL]
    candidates = [(region, clamp_box(region, header.rows, header.columns)) for region in flat]
    boxes = {region: box for region, box in candidates if box is not None}
    if _side_by_side([box for region, box in boxes.items() if region.data_type in {TISSUE, COLOUR_FLOW, UNDECLARED}]):
        raise Rejected(Reason.DUAL_PANEL, header=header)
    for data_type in (TISSUE, UNDECLARED):
        fitting = [(region, box) for region, box in boxes.items() if region.data_type == data_type]
        if fitting:
            region, box = max(fitting, key=lambda pair: _area(pair[1]))
            exact = box == (region.x0, region.y0, region.x1, region.y1)
            return box, [] if exact else ["region_clamped"]
    return None, ["region_refused"] if flat else ["no_region"]


def trace_boxes(header: Header, reason: Reason) -> list[Box]:
    """Return the possible boxes of the declared recordings over time that ``reason`` rejects, clamped to the image."""
    found = [region for region in header.regions if TRACES.get(region.spatial_format) is reason]
    return [box for region in found if (box := clamp_box(region, header.rows, header.columns)) is not None]


def declares_tissue(header: Header) -> bool:
    """Return whether a possible two-dimensional region of tissue, or of undeclared data, is declared."""
    return any(
        region.spatial_format == TWO_DIMENSIONAL
        and region.data_type in {TISSUE, UNDECLARED}
        and clamp_box(region, header.rows, header.columns) is not None
        for region in header.regions
    )


def clamp_box(region: Region, rows: int, columns: int) -> Box | None:
    """Return the part of ``region`` inside the image, None where the box is impossible.

    Impossible boxes have their corners exchanged, are tiny, or lie so far outside that they belong to another image.
    """
    width, height = region.x1 - region.x0 + 1, region.y1 - region.y0 + 1
    box = max(0, region.x0), max(0, region.y0), min(columns - 1, region.x1), min(rows - 1, region.y1)
    outside = max(-region.x0, region.x1 - columns + 1) / columns, max(-region.y0, region.y1 - rows + 1) / rows
    if min(width, height) <= 0 or max(outside) > MAX_OVERHANG:
        return None
    inside_width, inside_height = box[2] - box[0] + 1, box[3] - box[1] + 1
    smallest = min(MIN_BOX_SIDE, rows // SMALL_IMAGE, columns // SMALL_IMAGE)
    if min(inside_width, inside_height) < smallest or _area(box) < MIN_BOX_AREA * rows * columns:
        return None
    return box


def pixel_aspect(header: Header, box: Box) -> tuple[float, list[str]]:
    """Return the height of a pixel over its width, from the region's physical deltas (cm), else PixelAspectRatio.

    Deltas may be negative: the sign is the direction of the axis. Ratios outside ``ASPECT_RANGE`` are ignored.
    """
    declared = next((region for region in header.regions if _matches(region, box)), None)
    ratio = header.pixel_aspect
    if declared and declared.in_centimetres and declared.delta_x and declared.delta_y:
        ratio = abs(declared.delta_y / declared.delta_x)
    lowest, highest = ASPECT_RANGE
    if not math.isfinite(ratio) or not lowest <= ratio <= highest:
        return 1.0, ["pixel_aspect_ignored"]
    return ratio, ["pixels_not_square"] if abs(ratio - 1) > SQUARE_TOLERANCE else []


def _side_by_side(boxes: Sequence[Box]) -> bool:
    """Whether two boxes of like size hardly overlap."""
    return any(
        _area(_shared(one, other)) < MAX_SHARED_AREA * min(_area(one), _area(other))
        and min(_area(one), _area(other)) > MIN_LIKE_AREA * max(_area(one), _area(other))
        for index, one in enumerate(boxes)
        for other in boxes[index + 1 :]
    )


def _shared(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Box) -> int:
    return max(0, box[2] - box[0] + 1) * max(0, box[3] - box[1] + 1)


def _matches(region: Region, box: Box) -> bool:
    near = (abs(max(0, one) - other) for one, other in zip((region.x0, region.y0), box[:2], strict=True))
    return (
        region.spatial_format == TWO_DIMENSIONAL
        and region.data_type in {TISSUE, UNDECLARED}
        and max(near) <= MAX_CORNER_OFFSET
    )
