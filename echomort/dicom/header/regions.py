"""Where in the picture the header says the tissue is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from echomort.dicom.header.fields import Header, Region
from echomort.dicom.reasons import Reason, Rejected

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, corners inclusive as in DICOM."""

TWO_DIMENSIONAL = 1
TISSUE, COLOUR_FLOW, UNDECLARED = 1, 2, 0
MAX_OVERHANG = 0.25
"""A box that leaves the image by more than this share of its side was drawn for another image: not clamped, refused."""

MIN_BOX_SHARE = 0.05
MIN_BOX_SIDE = 32


def declared_box(header: Header) -> tuple[Box | None, list[str]]:
    """Return the tissue region that the header declares, clamped to the image, and notes; None where there is none
    or it is absurd.

    Two-dimensional regions of tissue are taken, else those of undeclared data, the largest first (PS3.3 C.8.5.5: the
    order of items means nothing, and some scanners put a placeholder first). Two such regions side by side are two
    pictures: raises :class:`Rejected` with ``DUAL_PANEL``.
    """
    flat = [region for region in header.regions if region.spatial_format == TWO_DIMENSIONAL]
    candidates = [(region, clamped(region, header.rows, header.columns)) for region in flat]
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


def clamped(region: Region, rows: int, columns: int) -> Box | None:
    """Return the part of ``region`` inside the image, or None where the box is absurd: turned round, tiny, or
    reaching so far out that it was drawn for another image."""
    width, height = region.x1 - region.x0 + 1, region.y1 - region.y0 + 1
    box = max(0, region.x0), max(0, region.y0), min(columns - 1, region.x1), min(rows - 1, region.y1)
    outside = max(-region.x0, region.x1 - columns + 1) / columns, max(-region.y0, region.y1 - rows + 1) / rows
    if min(width, height) <= 0 or max(outside) > MAX_OVERHANG:
        return None
    inside_width, inside_height = box[2] - box[0] + 1, box[3] - box[1] + 1
    smallest = min(MIN_BOX_SIDE, rows // 4, columns // 4)
    if min(inside_width, inside_height) < smallest or _area(box) < MIN_BOX_SHARE * rows * columns:
        return None
    return box


def pixel_aspect(header: Header, box: Box) -> tuple[float, list[str]]:
    """Return the height of a pixel over its width, from the region's physical deltas (cm), else PixelAspectRatio.

    Deltas may be negative (they then give the direction of the axis); what lies beyond 1:4 is not believed.
    """
    declared = next((region for region in header.regions if _matches(region, box)), None)
    ratio = header.pixel_aspect
    if declared and declared.in_centimetres and declared.delta_x and declared.delta_y:
        ratio = abs(declared.delta_y / declared.delta_x)
    if not math.isfinite(ratio) or not 0.25 <= ratio <= 4:
        return 1.0, ["pixel_aspect_ignored"]
    return ratio, ["pixels_not_square"] if abs(ratio - 1) > 0.01 else []


def _side_by_side(boxes: Sequence[Box]) -> bool:
    """Whether two boxes of like size hardly overlap."""
    return any(
        _area(_shared(one, other)) < 0.2 * min(_area(one), _area(other))
        and min(_area(one), _area(other)) > 0.25 * max(_area(one), _area(other))
        for index, one in enumerate(boxes)
        for other in boxes[index + 1 :]
    )


def _shared(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Box) -> int:
    return max(0, box[2] - box[0] + 1) * max(0, box[3] - box[1] + 1)


def _matches(region: Region, box: Box) -> bool:
    near = (abs(max(0, one) - other) for one, other in zip((region.x0, region.y0), box[:2], strict=True))
    return region.spatial_format == TWO_DIMENSIONAL and region.data_type in {TISSUE, UNDECLARED} and max(near) <= 1
