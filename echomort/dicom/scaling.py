"""Scales the region of a frame into the frame of a clip, with its aspect kept, and blends frames in time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from echomort.dicom.geometry import Grid
from echomort.dicom.header.regions import Box
from echomort.dicom.header.timing import Resampling
from echomort.settings import ClipSettings

try:
    import echomort.dicom._scaling as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]

ROW_BLOCK = 32
"""Columns of float32: two cache lines of 64 bytes. Hardware."""

ROW_PADDING = 48
"""Columns of float32 by which a working row of whole ``ROW_BLOCK`` is longer: an odd number of cache lines in all. A
stride of a power of two made the transpose five times slower when this was measured on x86-64."""

SIDE_BY_SIDE = (4, 8)
"""Taps that the compiled loop multiplies at once; shorter filters get weights of 0. Its registers."""

FILTERS_KEPT = 64
"""Filters kept for the next loop: an archive's loops have few sizes. Our choice."""


@dataclass(frozen=True)
class Placing:
    """The region, and the rows and columns of the clip's frame that it fills; bars of 0 remain on two sides.

    ``canvas``: rows and columns that a frame is cropped or padded to first (None: it stays as it is); the region is
    then one of the canvas.
    """

    region: Box
    rows: slice
    columns: slice
    canvas: tuple[int, int] | None = None

    @classmethod
    def of(cls, region: Box, aspect: float, settings: ClipSettings, view: str) -> Placing:
        """Return the placing of a loop of ``view`` as ``settings.fit`` says: of its tissue's ``region``, whose pixels
        are ``aspect`` times as high as wide, or of the whole frame."""
        _, height, width = settings.shape_of(view)
        if settings.fit == "inside":
            return cls.fit(region, aspect, (height, width))
        rows, columns = settings.size_of(view)
        return cls((0, 0, columns - 1, rows - 1), slice(0, height), slice(0, width), (rows, columns))

    @classmethod
    def fit(cls, region: Box, aspect: float, frame: tuple[int, int]) -> Placing:
        """Return the placing of a region whose pixels are ``aspect`` times as high as wide in a ``frame`` (height,
        width): centred, with one scale."""
        across, down = region[2] - region[0] + 1, (region[3] - region[1] + 1) * aspect
        scale = min(frame[1] / across, frame[0] / down)
        width, height = max(1, round(across * scale)), max(1, round(down * scale))
        left, top = (frame[1] - width) // 2, (frame[0] - height) // 2
        return cls(region, slice(top, top + height), slice(left, left + width))

    def grid(self, rows: int, columns: int) -> Grid:
        """Return where the pixels of the clip's frame lie in the image of ``rows`` x ``columns``."""
        x0, y0, x1, y1 = self.region
        across = (x1 - x0 + 1) / (self.columns.stop - self.columns.start)
        down = (y1 - y0 + 1) / (self.rows.stop - self.rows.start)
        left, top = 0, 0
        if self.canvas is not None:
            (cut, padded), (cut_across, padded_across) = map(_overlap, (rows, columns), self.canvas)
            left, top = cut_across.start - padded_across.start, cut.start - padded.start
        x, y = x0 + left - self.columns.start * across, y0 + top - self.rows.start * down
        return Grid(float(x), float(y), float(across), float(down))

    def on_canvas(self, picture: np.ndarray) -> np.ndarray:
        """Return ``picture`` (rows, columns) on the canvas, if there is one."""
        return picture if self.canvas is None else crop_or_pad(picture, self.canvas)


def crop_or_pad(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return ``pictures`` (..., rows, columns) with the rows and columns of ``size``: each axis is cut at both ends, or
    padded there with zeros, so that the middle stays in the middle; an odd pixel is one of the end.

    >>> crop_or_pad(np.array([[1, 2, 3]]), (2, 2))
    array([[1, 2],
           [0, 0]])
    """
    if pictures.shape[-2:] == size:
        return pictures
    framed = np.zeros((*pictures.shape[:-2], *size), pictures.dtype)
    (rows, to_rows), (columns, to_columns) = map(_overlap, pictures.shape[-2:], size)
    framed[..., to_rows, to_columns] = pictures[..., rows, columns]
    return framed


def _overlap(old: int, new: int) -> tuple[slice, slice]:
    """Return which of ``old`` pixels are kept along an axis, and where they lie among the ``new`` ones."""
    cut, padding, kept = max(0, old - new) // 2, max(0, new - old) // 2, min(old, new)
    return slice(cut, cut + kept), slice(padding, padding + kept)


class Scaler:
    """Scales the region of each frame of a loop by one filter down the rows and one along the columns.

    ``covered`` is bool (height, width): the pixels that hold any of the mask. A compiled loop (``_scaling.c``) does
    this where it could be built, two sparse products otherwise; both give the same bytes.
    """

    def __init__(self, placing: Placing, mask: np.ndarray, filter_name: str) -> None:
        x0, y0, x1, y1 = placing.region
        self._placing = placing
        self._inside = slice(y0, y1 + 1), slice(x0, x1 + 1)
        self._mask = np.ascontiguousarray(placing.on_canvas(mask)[self._inside])
        sizes = (y1 - y0 + 1, placing.rows), (x1 - x0 + 1, placing.columns)
        self._filters = [(filter_name, old, new.stop - new.start) for old, new in sizes]
        self._down, self._along = (_filter_matrix(*each) for each in self._filters)
        self._scaled, self.covered = self._by_products() if compiled is None else self._by_loop((y0, x0))

    def __call__(self, luma: np.ndarray) -> np.ndarray:
        """Return the region of ``luma``, 0 outside the mask, scaled and rounded: uint8 (height, width)."""
        return self._scaled(self._placing.on_canvas(luma))

    def _by_products(self) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        rows, columns = self._mask.shape
        cut = np.empty(self._mask.shape, np.uint8)
        lit = np.zeros((rows, columns // ROW_BLOCK * ROW_BLOCK + ROW_PADDING), np.float32)

        def scaled(luma: np.ndarray) -> np.ndarray:
            lit[:, :columns] = np.multiply(luma[self._inside], self._mask, out=cut)
            narrow = np.ascontiguousarray((self._down @ lit).T[:columns])
            return np.ascontiguousarray(((self._along @ narrow).T + 0.5).astype(np.uint8))

        covered = (self._along @ (self._down @ self._mask.astype(np.float32)).T).T > 0
        return scaled, np.asarray(covered)

    def _by_loop(self, corner: tuple[int, int]) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        mask = self._mask.view(np.uint8) * np.uint8(255)
        filters = *_bands(*self._filters[0]), *_bands(*self._filters[1])
        shape = self._down.shape[0], self._along.shape[0]
        spans, covered = np.empty((len(mask), 2), np.int32), np.empty(shape, bool)
        compiled.cover(mask, spans, *filters, covered.view(np.uint8))

        def scaled(luma: np.ndarray) -> np.ndarray:
            out = np.empty(shape, np.uint8)
            compiled.scale(np.ascontiguousarray(luma), luma.shape[1], *corner, mask, spans, *filters, out)
            return out

        return scaled, covered


def blend(frames: dict[int, np.ndarray], resampling: Resampling) -> np.ndarray:
    """Return uint8 (output frames, height, width): the blends of uint8 ``frames`` (by source index), truncated."""
    first = frames[int(resampling.before[0])]
    blended = np.empty((len(resampling.before), *first.shape), np.uint8)
    each = zip(resampling.before.tolist(), resampling.after.tolist(), resampling.weight.tolist(), strict=True)
    for out, (before, after, weight) in zip(blended, each, strict=True):
        if weight == 0.0:
            out[:] = frames[before]
        elif compiled is None:
            _blend_two(frames[before], frames[after], weight, out)
        else:
            one, other = (np.ascontiguousarray(frames[index]) for index in (before, after))
            compiled.blend(one, other, weight, out)
    return blended


def _blend_two(before: np.ndarray, after: np.ndarray, weight: float, out: np.ndarray) -> None:
    # before + (after - before) * w: exact where both are equal, so still tissue does not flicker by one level.
    start, blended = before.astype(np.float64), after.astype(np.float64)
    blended -= start
    blended *= weight
    blended += start
    out[:] = blended.astype(np.uint8)


@functools.lru_cache(maxsize=FILTERS_KEPT)
def _filter_matrix(filter_name: str, old: int, new: int) -> Any:
    """Return the filter along one axis as a sparse float32 (new, old)."""
    from scipy import sparse

    weights = {"area": _area_weights, "linear": _linear_weights}[filter_name](old, new)
    return sparse.csr_matrix(weights.astype(np.float32))


@functools.lru_cache(maxsize=FILTERS_KEPT)
def _bands(filter_name: str, old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a filter as each output's first tap, int32 (new,), and the weights from there, float32 (new, taps): those
    of taps that it does not have are 0."""
    dense = _filter_matrix(filter_name, old, new).toarray()
    lit = dense != 0
    first, last = lit.argmax(axis=1), dense.shape[1] - 1 - lit[:, ::-1].argmax(axis=1)
    widest = int((last - first).max()) + 1
    taps = min(next((taps for taps in SIDE_BY_SIDE if taps >= widest), widest), dense.shape[1])
    start = np.minimum(first, dense.shape[1] - taps)
    weights = np.take_along_axis(dense, start[:, None] + np.arange(taps), axis=1)
    return start.astype(np.int32), np.ascontiguousarray(weights)


def _area_weights(old: int, new: int) -> np.ndarray:
    """Return weights (new, old) of the mean over each new pixel's area; pixels partly covered count by their share."""
    edges = np.arange(new + 1) * (old / new)
    pixel = np.arange(old)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(np.maximum(shared, 0) * (new / old))


def _linear_weights(old: int, new: int) -> np.ndarray:
    """Return weights (new, old) between the two nearest pixel centres, without a low-pass: OpenCV's INTER_LINEAR."""
    centre = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    before = np.floor(centre).astype(np.intp)
    weights = np.zeros((new, old))
    weights[np.arange(new), before] = 1 - (centre - before)
    weights[np.arange(new), np.minimum(before + 1, old - 1)] += centre - before
    return weights
