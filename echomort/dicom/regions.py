"""Where in the picture the tissue is: the region that the header declares, and the sector that the pixels show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echomort.dicom.headers import Header, Region
from echomort.dicom.reasons import Reason, Rejected

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, corners inclusive as in DICOM."""

TWO_DIMENSIONAL = 1
TISSUE, COLOUR_FLOW, UNDECLARED = 1, 2, 0
MAX_OVERHANG = 0.25
"""A box that leaves the image by more than this share of its side was drawn for another image: not clamped, refused."""

MIN_BOX_SHARE = 0.05
MIN_BOX_SIDE = 32
GRID = 320
"""The sector is sought at about this many columns."""

MOTION = 4
"""Grey levels between darkest and brightest moment that make a pixel moving."""

FAINT_MOTION = (0, 1, 2)
FILLED = 0.8
MIN_SECTOR_SHARE = 0.02
LIT = 16
STILL = 8
"""An island whose every pixel changes less than this is an overlay; lossy coding moves a still pixel a little."""


@dataclass(frozen=True)
class Sector:
    """The ultrasound sector as a polygon (x, y) in image pixels, float (n, 2)."""

    outline: np.ndarray
    is_cone: bool

    def mask(self, rows: int, columns: int) -> np.ndarray:
        """Return bool (rows, columns), true inside."""
        from PIL import Image, ImageDraw

        canvas = Image.new("1", (columns, rows))
        ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in self.outline], fill=1)
        return np.asarray(canvas, bool)


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


def find_sector(stack: np.ndarray, box: Box | None) -> Sector:
    """Return the sector that moves in ``stack``, uint8 (frames, rows, columns), inside ``box`` if one is given.

    Overlays stand still and tissue does not, so the sector is what moves, made whole: the cone through its two
    straight sides and its far arc where it has them, else its convex hull. Dim tissue hardly moves, so the faintest
    motion that still fills a sector is what counts. Raises :class:`Rejected`: ``STILL`` where nothing moves,
    ``DUAL_PANEL`` where two sectors do, ``NO_SECTOR`` where what moves is no sector.
    """
    step = max(1, round(stack.shape[2] / GRID))
    motion = np.ptp(stack[:, ::step, ::step], axis=0)
    if box is not None:
        motion = _inside(motion, tuple(corner // step for corner in box))
    main = _main_part(motion > MOTION)
    if main.sum() < MIN_SECTOR_SHARE * main.size:
        raise Rejected(Reason.STILL if (motion > MOTION).mean() < 0.002 else Reason.NO_SECTOR)
    outline, is_cone = _whole(motion, main)
    return Sector(outline * step + (step - 1) / 2, is_cone)


def without_overlays(mask: np.ndarray, stack: np.ndarray) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without lit islands that stand still in ``stack``: text, ticks and marks
    inside the sector, which the dark of a cavity or of dropout sets apart from tissue."""
    from scipy import ndimage

    step = max(1, round(mask.shape[1] / (2 * GRID)))
    small = stack[:, ::step, ::step]
    brightest = small.max(axis=0)
    labels, count = ndimage.label((brightest > LIT) & mask[::step, ::step], np.ones((3, 3)))
    if count == 0:
        return mask
    moved = ndimage.maximum(brightest - small.min(axis=0), labels, range(1, count + 1))
    still = np.concatenate([[False], np.asarray(moved) <= STILL])
    if not still.any():
        return mask
    blank = ndimage.binary_dilation(still[labels], np.ones((3, 3)), iterations=2)
    return mask & ~np.kron(blank, np.ones((step, step), bool))[: mask.shape[0], : mask.shape[1]]


def bounding_box(sector: Sector, rows: int, columns: int) -> Box:
    """Return the smallest box that holds the sector, inside the image."""
    x0, y0 = np.floor(sector.outline.min(axis=0)).astype(int)
    x1, y1 = np.ceil(sector.outline.max(axis=0)).astype(int)
    return max(0, int(x0)), max(0, int(y0)), min(columns - 1, int(x1)), min(rows - 1, int(y1))


def _inside(motion: np.ndarray, box: tuple[int, ...]) -> np.ndarray:
    kept = np.zeros_like(motion)
    inside = slice(box[1], box[3] + 1), slice(box[0], box[2] + 1)
    kept[inside] = motion[inside]
    return kept


def _whole(motion: np.ndarray, main: np.ndarray) -> tuple[np.ndarray, bool]:
    """The outline of ``main`` and of the fainter motion round it, if together they fill a convex shape."""
    for faintest in FAINT_MOTION:
        grown = _main_part(motion > faintest)
        outline, is_cone = _outline(grown)
        if grown.sum() > FILLED * _polygon_area(outline) and (grown & main).sum() > FILLED * main.sum():
            return outline, is_cone
    return _outline(main)


def _main_part(moving: np.ndarray) -> np.ndarray:
    """The largest thing that moves, once lines (ECG, sweeps) and letters are opened away."""
    from scipy import ndimage

    solid = ndimage.binary_opening(moving, np.ones((3, 3)))
    labels, count = ndimage.label(ndimage.binary_dilation(solid, iterations=2))
    if count == 0:
        return solid
    parts = ndimage.find_objects(labels)
    areas = ndimage.sum_labels(solid, labels, range(1, count + 1))
    order = np.argsort(areas)[::-1]
    if count > 1 and areas[order[1]] > 0.4 * areas[order[0]]:
        first, second = parts[order[0]], parts[order[1]]
        apart = first[1].stop <= second[1].start or second[1].stop <= first[1].start
        if apart and _overlap(first[0], second[0]) > 0.6:
            raise Rejected(Reason.DUAL_PANEL)
    return solid & (labels == order[0] + 1)


def _overlap(first: slice, second: slice) -> float:
    shared = min(first.stop, second.stop) - max(first.start, second.start)
    return shared / min(first.stop - first.start, second.stop - second.start)


def _outline(main: np.ndarray) -> tuple[np.ndarray, bool]:
    from scipy.spatial import ConvexHull

    points = np.argwhere(main)[:, ::-1].astype(float)
    hull = points[ConvexHull(points).vertices]
    cone = _cone(hull)
    return (cone, True) if cone is not None else (hull, False)


def _cone(hull: np.ndarray) -> np.ndarray | None:
    """The sector through the hull's two straight sides and its far arc; None where the hull is no such shape."""
    sides = _sides(hull)
    if sides is None:
        return None
    apex = _crossing(*sides)
    if apex is None:
        return None
    away = hull - apex
    radius = float(np.hypot(*away.T).max())
    middle = hull.mean(axis=0) - apex
    bearing = math.atan2(middle[1], middle[0])
    turns = (np.arctan2(away[:, 1], away[:, 0]) - bearing + math.pi) % (2 * math.pi) - math.pi
    near = float(np.hypot(*away.T).min())
    arc = np.linspace(turns.min(), turns.max(), 64) + bearing
    edge = apex + radius * np.stack([np.cos(arc), np.sin(arc)], axis=1)
    start = np.linspace(turns.max(), turns.min(), 16) + bearing
    face = apex + max(0.0, near - 0.02 * radius) * np.stack([np.cos(start), np.sin(start)], axis=1)
    cone = np.concatenate([edge, face])
    return cone if _polygon_area(cone) < 1.35 * _polygon_area(hull) else None


def _sides(hull: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None:
    """The longest straight run of the hull on its left and on its right, each as (start, end)."""
    runs = _straight_runs(hull)
    centre = hull.mean(axis=0)
    tall = np.ptp(hull[:, 1])
    left = [run for run in runs if (run[0] + run[1])[0] / 2 < centre[0] and abs(run[1][1] - run[0][1]) > 0.25 * tall]
    right = [run for run in runs if (run[0] + run[1])[0] / 2 > centre[0] and abs(run[1][1] - run[0][1]) > 0.25 * tall]
    if not left or not right:
        return None
    return max(left, key=_length), max(right, key=_length)


def _straight_runs(hull: np.ndarray, tolerance: float = math.radians(5)) -> list[tuple[np.ndarray, np.ndarray]]:
    """Edges of the hull, neighbours joined while they turn by less than ``tolerance`` in all."""
    count = len(hull)
    edges = np.roll(hull, -1, axis=0) - hull
    bearings = np.arctan2(edges[:, 1], edges[:, 0])
    runs = []
    for start in range(count):
        end, turned = start, 0.0
        while end - start < count - 1:
            turn = (bearings[(end + 1) % count] - bearings[end % count] + math.pi) % (2 * math.pi) - math.pi
            if turned + abs(turn) > tolerance:
                break
            turned += abs(turn)
            end += 1
        runs.append((hull[start], hull[(end + 1) % count]))
    return runs


def _length(run: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.hypot(*(run[1] - run[0])))


def _crossing(left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]) -> np.ndarray | None:
    """Where the two sides meet; None where they are nearly parallel (a linear or strongly curved probe)."""
    first, second = left[1] - left[0], right[1] - right[0]
    cross = first[0] * second[1] - first[1] * second[0]
    sine = abs(cross) / (np.hypot(*first) * np.hypot(*second))
    if sine < math.sin(math.radians(20)):
        return None
    offset = right[0] - left[0]
    return np.asarray(left[0] + first * (offset[0] * second[1] - offset[1] * second[0]) / cross)


def _polygon_area(points: np.ndarray) -> float:
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


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
    near = (abs(one - other) for one, other in zip((region.x0, region.y0), box[:2], strict=True))
    return region.spatial_format == TWO_DIMENSIONAL and region.data_type in {TISSUE, UNDECLARED} and max(near) <= 1
