"""Where the pixels show the ultrasound sector: overlays stand still, tissue moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from echomort.dicom.header.regions import Box
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.outline import outline_of, polygon_area
from echomort.dicom.tissue.sweeps import MIN_TRACE_WIDTH, refuse_scroll, refuse_swept

GRID = 320
"""The sector is sought at about this many columns."""

MOTION = 4
"""Grey levels between its darkest and brightest moment that make a pixel moving, whatever the coding."""

FAINT_MOTION = (2, 0)
MIN_BEYOND, SEEN = 0.05, 0.1
"""Fainter motion counts where it adds so much to the outline and so much of that is seen: codecs move what is black."""

GROWTH_FILLED = 0.6
"""It must fill so much of what an outline grows by: smears are drawn out along the codec's blocks."""

LARGE_SHARE = 0.25
FILLED = 0.8
SMEARED = 0.87
MIN_SECTOR_SHARE = 0.01
FROZEN_SHARE = 0.002
LIT = 16
STILL = 8
"""An island whose every pixel changes less than this is an overlay; lossy coding moves a still pixel a little."""

SMALL = 22
"""Rows of the grid that no recorded trace is without."""

TAPERED = 0.25
"""A part whose ends are lower than this share of its usual height is no strip."""

MIN_WALL_SHARE = 0.1
FLAT = 5.0
"""A part so much smaller than the largest, or so much wider than high, is no wall of the same heart."""

MAX_BELOW = 0.15
WHOLE = 0.75
"""What reaches farther below the largest part, in shares of its height, is no wall of it; a cone so wide for its height
is a whole sector, which needs none."""

MIN_PANEL_HEIGHT = 0.2
MIN_PANEL_WIDTH = 0.45
BOX = 0.85
"""A part lower in shares of the picture, or narrower for its height, is no second picture; one that fills so much of
its box is a box."""


@dataclass(frozen=True)
class Looks:
    """Several moments of a loop, and each pixel's brightest and darkest: all uint8 (rows, columns)."""

    brightest: np.ndarray
    darkest: np.ndarray
    frames: tuple[np.ndarray, ...]

    @classmethod
    def at(cls, frames: Iterable[np.ndarray]) -> Looks:
        """Look at ``frames``, each uint8 (rows, columns)."""
        looks = tuple(frames)
        if not looks:
            raise Rejected(Reason.FRAME_COUNT, "no frames")
        brightest, darkest = looks[0].copy(), looks[0].copy()
        for frame in looks[1:]:
            np.maximum(brightest, frame, out=brightest)
            np.minimum(darkest, frame, out=darkest)
        return cls(brightest, darkest, looks)

    @cached_property
    def motion(self) -> np.ndarray:
        """Grey levels each pixel moves through, uint8 (rows, columns)."""
        return self.brightest - self.darkest

    @cached_property
    def moments(self) -> np.ndarray:
        """The moments at about GRID / 2 columns, uint8 (looks, ...)."""
        from PIL import Image

        factor = max(1, round(self.brightest.shape[1] / (GRID / 2)))
        return np.stack([np.asarray(Image.fromarray(frame).reduce(factor)) for frame in self.frames])


@dataclass(frozen=True)
class Sector:
    """The ultrasound sector as a polygon (x, y) in image pixels, float (n, 2)."""

    outline: np.ndarray
    is_cone: bool

    def mask(self, rows: int, columns: int) -> np.ndarray:
        """Return bool (rows, columns), true inside."""
        from PIL import Image, ImageDraw

        canvas = Image.new("L", (columns, rows))
        ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in self.outline], fill=1)
        return np.asarray(canvas).view(bool)

    def bounding_box(self, rows: int, columns: int) -> Box:
        """Return the smallest box that holds the sector, inside the image."""
        x0, y0 = np.floor(self.outline.min(axis=0)).astype(int)
        x1, y1 = np.ceil(self.outline.max(axis=0)).astype(int)
        return max(0, int(x0)), max(0, int(y0)), min(columns - 1, int(x1)), min(rows - 1, int(y1))


def find_sector(looks: Looks, box: Box | None, aspect: float = 1.0) -> Sector:
    """Return the sector that moves in ``looks``, inside ``box`` if one is given.

    ``aspect`` is the height of a pixel over its width: an arc is round only where pixels are square.

    It is what moves, made whole: the cone through its two straight sides and its far arc where it has them, else its
    convex hull. Dim tissue hardly moves, so the faintest motion that still fills a sector counts, and lit tissue that
    stands still about a small moving part. Raises :class:`Rejected`: ``STILL`` where nothing moves, ``DUAL_PANEL``
    where two sectors do, ``M_MODE`` or ``SPECTRAL_DOPPLER`` where a sweep does, ``NO_SECTOR`` where what moves is no
    sector.
    """
    motion, brightest, steps = _grid(looks, box, aspect)
    parts = _parts(motion > MOTION)
    if not parts or np.count_nonzero(motion > MOTION) < FROZEN_SHARE * motion.size:
        raise Rejected(Reason.STILL)
    refuse_swept(looks.frames)
    for part in parts:
        if part.may_be_strip:
            refuse_scroll(looks.moments, part.window(motion.shape))
    _refuse_second(parts)
    main = _with_still_tissue(_together(parts), brightest)
    if np.count_nonzero(main) < MIN_SECTOR_SHARE * main.size:
        raise Rejected(Reason.NO_SECTOR)
    outline, is_cone = _whole(motion, main, brightest)
    return Sector(outline * steps + (steps - 1) / 2, is_cone)


def _grid(looks: Looks, box: Box | None, aspect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Motion and brightness at about GRID columns of square pixels, 0 outside the box, and how many pixels of the image
    each is apart (across, down)."""
    step = max(1, round(looks.brightest.shape[1] / GRID))
    steps = np.array([step, step / aspect])
    rows = np.arange(0, looks.brightest.shape[0], steps[1]).astype(np.intp)
    brightest = looks.brightest[rows, ::step]
    motion = brightest - looks.darkest[rows, ::step]
    if box is None:
        return motion, brightest, steps
    corners = (np.array(box) // np.tile(steps, 2)).astype(int).tolist()
    return _inside(motion, corners), _inside(brightest, corners), steps


def without_overlays(mask: np.ndarray, looks: Looks) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without lit islands that stand still: text, ticks and marks inside the
    sector, which the dark of a cavity or of dropout sets apart from tissue."""
    from scipy import ndimage

    step = max(1, round(mask.shape[1] / GRID))
    lit = _coarse_maximum(looks.brightest, step) > LIT
    labels, count = ndimage.label(lit & _coarse_maximum(mask, step), np.ones((3, 3)))
    moved = np.bincount(labels[_coarse_maximum(looks.motion, step) > STILL], minlength=count + 1) > 0
    moved[0] = True
    if moved.all():
        return mask
    blank = _dilated(~moved[labels]).repeat(step, axis=0).repeat(step, axis=1)
    return mask & ~blank[: mask.shape[0], : mask.shape[1]]


@dataclass(frozen=True)
class _Part:
    """One thing that moves: its mask on the grid, its area and where it lies."""

    mask: np.ndarray
    area: int
    rows: slice
    columns: slice

    @classmethod
    def of(cls, mask: np.ndarray, area: int) -> _Part:
        """A part lies two pixels beyond what moves, as far as it was spread to be told from others."""
        found = (np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1))
        ends = ((int(at[0]) - 2, int(at[-1]) + 3) for at in found)
        return cls(
            mask,
            area,
            *(slice(max(0, low), min(high, side)) for (low, high), side in zip(ends, mask.shape, strict=True)),
        )

    @property
    def may_be_strip(self) -> bool:
        """False for what is low or narrow or tapers off clearly to a side, as sectors do: no trace of a sweep looks
        so."""
        part = self.cut()
        if part.shape[0] < SMALL or part.shape[1] < MIN_TRACE_WIDTH * self.mask.shape[1]:
            return False
        heights = np.count_nonzero(part[:, 2:-2], axis=0)
        end = max(1, len(heights) // 10)
        return bool(min(heights[:end].mean(), heights[-end:].mean()) > TAPERED * np.median(heights))

    def cut(self) -> np.ndarray:
        """Its mask, cut to where it lies."""
        return self.mask[self.rows, self.columns]

    def window(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """(top, bottom, left, right) as shares of the picture."""
        return (
            self.rows.start / shape[0],
            self.rows.stop / shape[0],
            self.columns.start / shape[1],
            self.columns.stop / shape[1],
        )


def _parts(moving: np.ndarray, most: int = 4) -> list[_Part]:
    """What moves, the largest first, once lines (ECG, carets) and letters are opened away."""
    from scipy import ndimage

    solid = _dilated(_eroded(moving))
    labels, count = ndimage.label(_dilated(_dilated(solid)))
    if count == 1:
        return [_Part.of(solid, int(np.count_nonzero(solid)))]
    areas = np.bincount(labels[solid], minlength=count + 1)[1:]
    order = [index for index in np.argsort(areas)[::-1] if areas[index] > 0][:most]
    return [_Part.of(solid & (labels == index + 1), int(areas[index])) for index in order]


def _together(parts: list[_Part]) -> np.ndarray:
    """The largest part with what belongs to it: walls that a dark cavity sets apart, or the near field above them. A
    whole sector needs none; what is small, flat or below (digits, an ECG strip) does not belong."""
    largest = parts[0]
    belong = [part.mask for part in parts[1:] if _belongs(part, largest)]
    return np.logical_or.reduce([largest.mask, *belong]) if belong and not _is_whole(largest) else largest.mask


def _belongs(part: _Part, largest: _Part) -> bool:
    height, width = part.cut().shape
    tall = largest.rows.stop - largest.rows.start
    level = min(part.rows.stop, largest.rows.stop) - max(part.rows.start, largest.rows.start) > 0.5 * height
    above = part.rows.stop <= largest.rows.start + 0.5 * height
    reaches_below = part.rows.stop > largest.rows.stop + MAX_BELOW * tall
    big = part.area > MIN_WALL_SHARE * largest.area and width < FLAT * height
    return big and (level or above) and not reaches_below


def _is_whole(part: _Part) -> bool:
    """Whether it is a cone of the usual opening: half of one, beside a dark cavity, is narrower."""
    outline, is_cone = outline_of(part.mask)
    width, height = np.ptp(outline, axis=0)
    return is_cone and bool(width > WHOLE * height)


def _refuse_second(parts: list[_Part]) -> None:
    """Two sectors side by side or one above the other, nearly as large, are two pictures; so is one with two apexes.
    Two walls about a dark cavity are not: each stands upright, or leans towards the apex between them."""
    if _has_two_tops(parts[0]):
        raise Rejected(Reason.DUAL_PANEL)
    if len(parts) < 2 or parts[1].area < 0.4 * parts[0].area:
        return
    first, second = parts[:2]
    low = min(first.cut().shape[0], second.cut().shape[0]) < MIN_PANEL_HEIGHT * first.mask.shape[0]
    if low or not all(_is_panel(part.cut()) or _is_whole(part) for part in (first, second)):
        return
    if _beside(first.columns, second.columns, first.rows, second.rows):
        raise Rejected(Reason.DUAL_PANEL)
    if _beside(first.rows, second.rows, first.columns, second.columns):
        raise Rejected(Reason.DUAL_PANEL)


def _beside(one: slice, other: slice, across: slice, other_across: slice) -> bool:
    """Whether two stretches lie apart while those across them are nearly level."""
    apart = one.stop <= other.start or other.stop <= one.start
    shared = min(across.stop, other_across.stop) - max(across.start, other_across.start)
    return bool(apart and shared > 0.6 * min(across.stop - across.start, other_across.stop - other_across.start))


def _has_two_tops(part: _Part) -> bool:
    """Whether the upper edge rises to two tops far apart with a deep valley between: two sectors that touch."""
    mask = part.cut()
    height, width = mask.shape
    edge = np.where(mask.any(axis=0), mask.argmax(axis=0), height)
    valley = width // 4 + int(edge[width // 4 : width - width // 4].argmax())
    left, right = int(edge[:valley].argmin()), valley + int(edge[valley:].argmin())
    lower_top = max(edge[left], edge[right])
    deep = right - left > 0.35 * width and edge[valley] - lower_top > 0.35 * height and lower_top < 0.15 * height
    return deep and _is_panel(mask[:, :valley]) and _is_panel(mask[:, valley:])


def _is_panel(mask: np.ndarray) -> bool:
    """Whether a part is a picture of its own: a box, or a sector, whose narrow top stands above its middle."""
    mask = mask[mask.any(axis=1)][:, mask.any(axis=0)]
    height, width = mask.shape
    if mask.size == 0 or width < MIN_PANEL_WIDTH * height:
        return False
    top = np.flatnonzero(mask[: max(1, height // 8)].any(axis=0))
    return bool(mask.mean() > BOX or (np.ptp(top) < 0.6 * width and 0.25 < top.mean() / width < 0.75))


def _inside(motion: np.ndarray, box: list[int]) -> np.ndarray:
    kept = np.zeros_like(motion)
    inside = slice(box[1], box[3] + 1), slice(box[0], box[2] + 1)
    kept[inside] = motion[inside]
    return kept


def _with_still_tissue(main: np.ndarray, brightest: np.ndarray) -> np.ndarray:
    """``main`` with the lit part that holds it, where that is much larger and as compact as a sector, not a lit
    background."""
    if np.count_nonzero(main) > LARGE_SHARE * main.size:
        return main
    lit = next((part for part in _parts((brightest > LIT) | main) if (part.mask & main).any()), None)
    if lit is None or lit.area < 1.3 * polygon_area(outline_of(main)[0]):
        return main
    is_background = lit.area > 0.9 * main.size
    return main if is_background or lit.area < FILLED * polygon_area(outline_of(lit.mask)[0]) else lit.mask


def _whole(motion: np.ndarray, main: np.ndarray, brightest: np.ndarray) -> tuple[np.ndarray, bool]:
    """The outline of ``main``, and of the fainter motion round it if together they fill a convex shape and what lies
    beyond is seen: a lossy codec smears motion into the dark, over whole blocks and more.

    Of filled outlines nearly as large the one drawn by the clearest motion is taken.
    """
    first = outline_of(main)
    area = polygon_area(first[0])
    inside = Sector(*first).mask(*main.shape)
    fainter = []
    for faint in FAINT_MOTION:
        whole = _together(_parts(motion > faint))
        beyond = whole & ~inside
        if not _is_seen(beyond, brightest, area):
            continue
        outline, is_cone = outline_of(whole)
        grown = polygon_area(outline)
        holds = np.count_nonzero(whole & main) > FILLED * np.count_nonzero(main)
        fills = np.count_nonzero(beyond) > GROWTH_FILLED * (grown - area)
        if holds and fills and np.count_nonzero(whole) > FILLED * grown:
            fainter.append((outline, is_cone))
    is_filled = np.count_nonzero(main) > FILLED * area
    outlines = [first, *fainter] if is_filled or not fainter else fainter
    areas = [polygon_area(outline) for outline, _ in outlines]
    return next(found for found, size in zip(outlines, areas, strict=True) if size > SMEARED * max(areas))


def _is_seen(beyond: np.ndarray, brightest: np.ndarray, area: float) -> bool:
    """Whether what lies beyond an outline is a part of its ``area`` worth a look, and not all black."""
    count = np.count_nonzero(beyond)
    return bool(count > MIN_BEYOND * area and np.count_nonzero(beyond & (brightest > MOTION)) > SEEN * count)


def _coarse_maximum(picture: np.ndarray, step: int) -> np.ndarray:
    """The maximum of each step x step block, so that a thin line is not lost between samples."""
    rows = _largest([picture[start::step] for start in range(step)])
    return _largest([rows[:, start::step] for start in range(step)])


def _largest(parts: list[np.ndarray]) -> np.ndarray:
    """The maximum of ``parts``, of which the later may be a row or a column shorter."""
    largest = parts[0].copy()
    for part in parts[1:]:
        shared = largest[: part.shape[0], : part.shape[1]]
        np.maximum(shared, part, out=shared)
    return largest


def _eroded(mask: np.ndarray) -> np.ndarray:
    """3 x 3 erosion; beyond the border nothing is true."""
    framed = np.pad(mask, 1)
    down = framed[:-2] & framed[1:-1] & framed[2:]
    return down[:, :-2] & down[:, 1:-1] & down[:, 2:]


def _dilated(mask: np.ndarray) -> np.ndarray:
    """3 x 3 dilation."""
    framed = np.pad(mask, 1)
    down = framed[:-2] | framed[1:-1] | framed[2:]
    return down[:, :-2] | down[:, 1:-1] | down[:, 2:]
