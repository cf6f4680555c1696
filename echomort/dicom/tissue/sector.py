"""The ultrasound sector, found by motion: tissue moves, overlays stand still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echomort.dicom.header.regions import Box
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.beyond import outline_beyond
from echomort.dicom.tissue.morphology import maximum
from echomort.dicom.tissue.noise import EXCESS, NO_NOISE
from echomort.dicom.tissue.outline import polygon_area, polygon_mask, trace_outline
from echomort.dicom.tissue.panels import reject_two_panels
from echomort.dicom.tissue.parts import find_parts, join_walls, without_drawn
from echomort.dicom.tissue.snapshots import GRID_COLUMNS, LIT, Grid, Snapshots
from echomort.dicom.tissue.sweeps import reject_scrolls, reject_sweeps

MIN_MOTION = 4
"""Grey levels: a pixel moves where its brightest and its darkest value differ by more. Lossless coding keeps a still
pixel at 0; JPEG moves it by a few levels. Tuned on drawn loops, native and JPEG (tests/dicom/test_sector.py)."""

FAINT_MOTIONS = (2, 0)
"""Grey levels of fainter motion that may widen the outline, tried in this order. Tuned on drawn loops and on the real
loop of pydicom-data, whose dark side is tissue (tests/dicom/test_sector.py, test_dicom_real.py)."""

MIN_FAINT_AREA = 0.05
"""Fainter motion counts only where it adds more than this share of the outline's area. Tuned as ``FAINT_MOTIONS``."""

MIN_FAINT_LIT = 0.1
"""Fainter motion counts only where more than this share of what it adds is lit (brighter than ``MIN_MOTION``): a codec
moves black pixels by a level or two. Tuned as ``FAINT_MOTIONS`` and on drawn codec noise in the dark."""

MIN_GROWTH_FILL = 0.6
"""Fainter motion must fill more than this share of the area by which it widens the outline: codec noise lies along
blocks of 8 and 16 pixels and leaves gaps. Tuned as ``FAINT_MOTIONS``."""

MIN_FILL = 0.8
"""Moving (or lit) pixels must fill more than this share of their outline to be a whole sector; also the share of the
clearly moving pixels that an outline by fainter motion must hold. Tuned on drawn loops
(tests/dicom/test_sector.py)."""

MIN_AREA_OF_LARGEST = 0.87
"""Of several outlines, the one by the clearest motion is taken if its area exceeds this share of the largest one's:
fainter motion then adds a codec's noise rather than tissue. Tuned on drawn loops (tests/dicom/test_sector.py)."""

MAX_SMALL_PART = 0.25
"""Share of the grid: only a moving part smaller than this may be a small moving piece of still tissue. Our choice, to
save time: on common screens a whole sector is larger."""

MIN_STILL_GAIN = 1.3
"""Lit still tissue round a moving part counts where its area is at least this many times that of the part's outline.
Tuned on a drawn loop of still tissue (tests/dicom/test_sector.py)."""

MAX_LIT_SHARE = 0.9
"""Lit pixels over more than this share of the grid are a bright background, no tissue. Our choice."""

MIN_SECTOR_AREA = 0.01
"""Share of the grid: a smaller moving part is no sector (``NO_SECTOR``). Our choice, far below any sector seen."""

MIN_MOVING_SHARE = 0.002
"""Share of the grid: where fewer pixels move, the loop is a still (``STILL``), perhaps with a running ECG. Tuned on a
drawn frozen loop with an ECG (tests/dicom/test_sector.py)."""

MIN_FULL_BOX = 0.9
"""A sector that covers more than this share of its box, or of the picture without one, must prove itself tissue.
Geometry: a cone covers two thirds of its box."""

GROUND = 0.05
"""Quantile of a picture's brightness that is its ground: what is darkest for good, but for a few pixels. Our choice."""

MIN_TISSUE_LIT = 0.7
"""Share of such a sector that must be brighter than its ground by ``LIT``: tissue that fills a box is, a dark screen
with letters on it is not. Tuned on drawn screens (tests/dicom/test_noise.py)."""

MIN_SMALL_LIT = 0.25
"""Share of a small sector that is lit unless it moves clearly: letters fill a fifth of their lines. Tuned on drawn
screens of letters (tests/dicom/test_noise.py)."""

FEWEST, NEIGHBOURS = 2, 3
"""Snapshots over which many a speckle happens not to change; and side, in grid pixels, of the square in which one that
did stands then for those about it that are lit. Tuned on drawn hearts and on pairs of frames of the real loop of
pydicom-data (tests/dicom/test_real.py)."""


@dataclass(frozen=True)
class Sector:
    """The ultrasound sector as a polygon (x, y) in image pixels, float (n, 2), and whether it is a cone."""

    outline: np.ndarray
    is_cone: bool

    def mask(self, rows: int, columns: int) -> np.ndarray:
        """Return bool (rows, columns), true inside."""
        return polygon_mask(self.outline, rows, columns)

    def bounding_box(self, rows: int, columns: int) -> Box:
        """Return the smallest box that holds the sector, inside the image."""
        x0, y0 = np.floor(self.outline.min(axis=0)).astype(int)
        x1, y1 = np.ceil(self.outline.max(axis=0)).astype(int)
        return max(0, int(x0)), max(0, int(y0)), min(columns - 1, int(x1)), min(rows - 1, int(y1))


def find_sector(snapshots: Snapshots, box: Box | None, aspect: float = 1.0) -> Sector:
    """Return the sector that moves in ``snapshots``, inside ``box`` where one is given.

    ``aspect`` is the height of a pixel over its width: an arc is round only where pixels are square.

    The sector is the moving area, completed: the cone through its two straight sides and its far arc where it has them,
    else its convex hull. Dim tissue hardly moves, so the faintest motion that still fills a sector counts, and so does
    lit still tissue round a small moving part. Raises :class:`Rejected`: ``STILL`` where nothing moves, ``DUAL_PANEL``
    for two sectors, ``M_MODE`` or ``SPECTRAL_DOPPLER`` for a time axis, ``NO_SECTOR`` where what moves is no sector.
    """
    motion, brightest, steps = grid(snapshots, box, aspect)
    moving = motion > MIN_MOTION
    parts, count = find_parts(moving), int(np.count_nonzero(moving))
    if not parts or count < MIN_MOVING_SHARE * motion.size:
        raise Rejected(Reason.STILL)
    reject_sweeps(snapshots.frames)
    for part in parts:
        if part.may_be_trace:
            reject_scrolls(snapshots.small, part.window())
    reject_two_panels(parts)
    joined = join_walls(parts)
    clear = without_drawn(motion, brightest, parts, joined)
    traced = trace_outline(joined)
    main = _add_still_tissue(joined, polygon_area(traced[0]), brightest)
    if np.count_nonzero(main) < MIN_SECTOR_AREA * main.size:
        raise Rejected(Reason.NO_SECTOR)
    first = traced if main is joined else trace_outline(main)
    outline, is_cone = _best_outline(clear, main, first, brightest, count if clear is motion and main is joined else 0)
    outline, is_cone = outline_beyond(clear, brightest, main, outline) or (outline, is_cone)
    _prove_tissue(outline, brightest, box, steps)
    sector = Sector(outline * steps + (steps - 1) / 2, is_cone)
    if polygon_area(outline) < MAX_SMALL_PART * main.size:
        _prove_no_letters(sector.mask(*snapshots.brightest.shape), snapshots)
    return sector


def _prove_tissue(outline: np.ndarray, brightest: np.ndarray, box: Box | None, steps: np.ndarray) -> None:
    """Raise :class:`Rejected` (``NO_SECTOR``) where what moves fills the whole box but is not lit as tissue is."""
    x0, y0, x1, y1 = (0, 0, 0, 0) if box is None else box
    whole = brightest.size if box is None else (x1 - x0 + 1) * (y1 - y0 + 1) / float(steps.prod())
    if polygon_area(outline) < MIN_FULL_BOX * whole:
        return
    within = brightest[Sector(outline, False).mask(*brightest.shape)]
    if np.count_nonzero(within > LIT + np.quantile(within, GROUND)) < MIN_TISSUE_LIT * within.size:
        raise Rejected(Reason.NO_SECTOR, "dark")


def _prove_no_letters(mask: np.ndarray, snapshots: Snapshots) -> None:
    """Raise :class:`Rejected` (``NO_SECTOR``) where most of a small sector is dark and moves no more than noise does:
    then lines of letters flicker in a codec, and there is no tissue."""
    is_lit = np.count_nonzero(snapshots.brightest[mask] > LIT) > MIN_SMALL_LIT * np.count_nonzero(mask)
    if not is_lit and np.median(snapshots.motion[mask]) <= max(MIN_MOTION, EXCESS * snapshots.noise.lit):
        raise Rejected(Reason.NO_SECTOR, "letters")


def grid(snapshots: Snapshots, box: Box | None, aspect: float) -> Grid:
    """Return motion and brightness on a grid of square pixels, 0 outside the box, and how many pixels of the image
    lie between grid pixels (across, down); what moves no more than noise does has no motion."""
    if aspect not in snapshots.grids:
        snapshots.grids[aspect] = _whole_grid(snapshots, aspect)
    motion, brightest, steps = snapshots.grids[aspect]
    if box is None:
        return motion, brightest, steps
    corners = (np.array(box) // np.tile(steps, 2)).astype(int).tolist()
    return _zero_outside(motion, corners), _zero_outside(brightest, corners), steps


def _whole_grid(snapshots: Snapshots, aspect: float) -> Grid:
    step = max(1, round(snapshots.brightest.shape[1] / GRID_COLUMNS))
    steps = np.array([step, step / aspect])
    rows: slice | np.ndarray = slice(None, None, step)
    if aspect != 1:
        rows = np.arange(0, snapshots.brightest.shape[0], steps[1]).astype(np.intp)
    brightest = np.ascontiguousarray(snapshots.brightest[rows, ::step])
    motion = brightest - snapshots.darkest[rows, ::step]
    if snapshots.noise != NO_NOISE:
        moving = snapshots.noise.moving(motion, snapshots.level[rows, ::step])
        motion = np.where(moving, np.maximum(motion, MIN_MOTION + 1), 0).astype(np.uint8)
    elif len(snapshots.frames) == FEWEST:
        motion = np.where(brightest > MIN_MOTION, maximum(motion, NEIGHBOURS), motion)
    return motion, brightest, steps


def _zero_outside(picture: np.ndarray, box: list[int]) -> np.ndarray:
    kept = np.zeros_like(picture)
    inside = slice(box[1], box[3] + 1), slice(box[0], box[2] + 1)
    kept[inside] = picture[inside]
    return kept


def _add_still_tissue(main: np.ndarray, area: float, brightest: np.ndarray) -> np.ndarray:
    """Return ``main``, whose outline has an ``area``, or the lit part that holds it where that is much larger and as
    compact as a sector."""
    if np.count_nonzero(main) > MAX_SMALL_PART * main.size:
        return main
    lit = next((part for part in find_parts((brightest > LIT) | main) if part.meets(main)), None)
    if lit is None or lit.area < MIN_STILL_GAIN * area:
        return main
    is_background = lit.area > MAX_LIT_SHARE * main.size
    return main if is_background or lit.area < MIN_FILL * polygon_area(trace_outline(lit.mask)[0]) else lit.mask


def _best_outline(
    motion: np.ndarray, main: np.ndarray, first: tuple[np.ndarray, bool], brightest: np.ndarray, searched: int
) -> tuple[np.ndarray, bool]:
    """Return the outline of ``main``, which is ``first``, or of it and the fainter motion round it, and whether it is a
    cone.

    Fainter motion counts where both together fill a convex shape and what it adds is lit: a lossy codec spreads motion
    into the dark, over whole blocks and more. Of outlines nearly as large the one by the clearest motion is taken.
    Where no more pixels than the ``searched`` ones move, in which ``main`` was found, nothing moves more faintly.
    """
    area = polygon_area(first[0])
    inside = Sector(*first).mask(*main.shape)
    fainter = []
    for faint in FAINT_MOTIONS:
        moving = motion > faint
        before, searched = searched, int(np.count_nonzero(moving))
        if searched == before:
            continue
        if not _may_be_lit(moving & ~inside, brightest, area):  # parts are of what moves: they add no more
            continue
        whole = join_walls(find_parts(moving))
        added = whole & ~inside
        if not _is_lit(added, brightest, area):
            continue
        outline, is_cone = trace_outline(whole)
        grown = polygon_area(outline)
        holds = np.count_nonzero(whole & main) > MIN_FILL * np.count_nonzero(main)
        fills = np.count_nonzero(added) > MIN_GROWTH_FILL * (grown - area)
        if holds and fills and np.count_nonzero(whole) > MIN_FILL * grown:
            fainter.append((outline, is_cone))
    is_filled = np.count_nonzero(main) > MIN_FILL * area
    outlines = [first, *fainter] if is_filled or not fainter else fainter
    areas = [polygon_area(outline) for outline, _ in outlines]
    smallest = MIN_AREA_OF_LARGEST * max(areas)
    return next(outline for outline, size in zip(outlines, areas, strict=True) if size > smallest)


def _is_lit(added: np.ndarray, brightest: np.ndarray, area: float) -> bool:
    """Whether what lies outside an outline is large against its ``area``, and lit for more than a tenth."""
    count = np.count_nonzero(added)
    lit = np.count_nonzero(added & (brightest > MIN_MOTION))
    return bool(count > MIN_FAINT_AREA * area and lit > MIN_FAINT_LIT * count)


def _may_be_lit(added: np.ndarray, brightest: np.ndarray, area: float) -> bool:
    """Whether a part of ``added`` may be as large and as lit as :func:`_is_lit` wants it: a quick test."""
    least = MIN_FAINT_AREA * area
    return bool(
        np.count_nonzero(added) > least and np.count_nonzero(added & (brightest > MIN_MOTION)) > MIN_FAINT_LIT * least
    )
