"""Erosion, dilation, openings and connected parts of masks and pictures; extremes, medians and quantiles.

Written by hand because the search for the sector calls them for every loop: a compiled loop (``_pictures.c``) where it
could be built, NumPy otherwise, both tens of times as fast as ``scipy.ndimage`` and with equal output
(tests/dicom/test_sector.py compares them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

try:
    import echomort.dicom.tissue._pictures as compiled
except ImportError:  # installed without a C compiler
    compiled = None  # type: ignore[assignment]


def erode(mask: np.ndarray) -> np.ndarray:
    """Return the erosion of bool ``mask`` by 3x3; pixels beyond the border count as false."""
    return _extreme(mask, 3, np.logical_and, "constant")


def dilate(mask: np.ndarray) -> np.ndarray:
    """Return the dilation of bool ``mask`` by 3x3."""
    return _extreme(mask, 3, np.logical_or, "constant")


def _framed(picture: np.ndarray, margin: int) -> np.ndarray:
    """Return ``picture`` within ``margin`` rows and columns of zeros: ``np.pad`` spends more on its options."""
    rows, columns = picture.shape
    framed = np.zeros((rows + 2 * margin, columns + 2 * margin), picture.dtype)
    framed[margin : margin + rows, margin : margin + columns] = picture
    return framed


def block_maximum(picture: np.ndarray, step: int) -> np.ndarray:
    """Return the maximum of each step x step block of ``picture``, so that a thin line is not lost between samples."""
    rows = _maximum([picture[start::step] for start in range(step)])
    return _maximum([rows[:, start::step] for start in range(step)])


def _maximum(parts: list[np.ndarray]) -> np.ndarray:
    """Return the maximum of ``parts``; later ones may be a row or a column shorter than the first."""
    largest = parts[0].copy()
    for part in parts[1:]:
        shared = largest[: part.shape[0], : part.shape[1]]
        np.maximum(shared, part, out=shared)
    return largest


def sum_of(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum of ``pictures`` of equal shape: uint16, which 256 of them in uint8 do not fill."""
    total = pictures[0].astype(np.uint16)
    for picture in pictures[1:]:
        total += picture
    return total


def count_along(mask: np.ndarray, axis: int) -> np.ndarray:
    """Return how many of bool ``mask`` are true along ``axis``, of 65,535 at most (no side of a DICOM image is longer):
    uint16, as ``np.count_nonzero`` does in three times the time."""
    return np.asarray(mask.view(np.uint8).sum(axis=axis, dtype=np.uint16))


def medians_of(values: np.ndarray) -> np.ndarray:
    """Return the median of each row of ``values``, as ``np.median`` does in several times the time."""
    ordered, count = np.sort(values, axis=-1), values.shape[-1]
    return np.asarray(ordered[..., (count - 1) // 2] * 0.5 + ordered[..., count // 2] * 0.5)


def quantiles_of(values: np.ndarray, *shares: float) -> list[float]:
    """Return quantiles of ``values``, uint8 or uint16, not empty, as ``np.quantile`` does in several times the time."""
    ends = np.cumsum(np.bincount(values))
    places = np.array(shares) * (len(values) - 1)
    below, above = (np.searchsorted(ends, each, side="right") for each in (np.floor(places), np.ceil(places)))
    return [float(each) for each in below + (above - below) * (places % 1)]


def extremes_of(pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's smallest and its largest value in ``pictures``, uint8 of equal shape."""
    if compiled is None:
        return np.minimum.reduce(pictures), np.maximum.reduce(pictures)
    smallest, largest = np.empty(pictures[0].shape, np.uint8), np.empty(pictures[0].shape, np.uint8)
    compiled.extremes([np.ascontiguousarray(picture) for picture in pictures], smallest, largest)
    return smallest, largest


def find_still(
    pictures: Sequence[np.ndarray], mask: np.ndarray, least: int, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of bool ``mask`` are never darker than ``least`` in ``pictures``, uint8 of its shape, and
    change by ``most`` levels at most: bool (rows, columns), and how many of each row are so, int32 (rows,)."""
    if compiled is None:
        smallest, largest = extremes_of(pictures)
        still = mask & (smallest >= least) & (largest - smallest <= most)
        return still, still.sum(axis=1, dtype=np.int32)
    still, counts = np.empty(mask.shape, bool), np.zeros(len(mask), np.int32)
    compiled.find_still([np.ascontiguousarray(picture) for picture in pictures], mask, least, most, still, counts)
    return still, counts


def opening(picture: np.ndarray, side: int) -> np.ndarray:
    """Return the grey opening of uint8 ``picture`` by a square of ``side`` (odd) pixels: what is narrower than that and
    brighter than its ground takes the ground's value. Beyond the border the picture goes on as at the border."""
    return maximum(minimum(picture, side), side)


def open_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """Return the opening of bool ``mask`` by a square of ``side`` (odd) pixels; beyond the border it is false, as for
    ``scipy.ndimage.binary_opening``, which takes ten times as long."""
    return _extreme(_extreme(mask, side, np.logical_and, "constant"), side, np.logical_or, "constant")


def minimum(picture: np.ndarray, side: int) -> np.ndarray:
    """Return the minimum of ``picture`` over the square of ``side`` (odd) pixels about each."""
    return _extreme(picture, side, np.minimum)


def maximum(picture: np.ndarray, side: int) -> np.ndarray:
    """Return the maximum of ``picture`` over the square of ``side`` (odd) pixels about each."""
    return _extreme(picture, side, np.maximum)


def box_of(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the rows and columns that hold bool ``mask``, which is not empty, and a ``margin`` about them."""
    rows = rows_of(mask)
    columns = rows_of(mask[rows].T)
    return slice(max(0, rows.start - margin), rows.stop + margin), slice(
        max(0, columns.start - margin), columns.stop + margin
    )


def rows_of(mask: np.ndarray) -> slice:
    """Return the rows that hold bool ``mask``, which is not empty."""
    lit = np.asarray(mask.any(axis=1))
    return slice(int(lit.argmax()), len(lit) - int(lit[::-1].argmax()))


def label(mask: np.ndarray, corners: bool = True) -> tuple[np.ndarray, int]:
    """Return the number of the connected part of bool ``mask`` that each pixel belongs to, int32 (rows, columns) from
    1, 0 outside, and how many there are; with ``corners``, pixels that touch at a corner are connected.

    A compiled loop does this where it could be built, ``scipy.ndimage`` otherwise, in six times the time; both number
    the parts alike.
    """
    if compiled is None:
        from scipy import ndimage

        return ndimage.label(mask, np.ones((3, 3)) if corners else None)
    labels = np.empty(mask.shape, np.int32)
    return labels, compiled.label(np.ascontiguousarray(mask), max(1, mask.shape[1]), corners, labels)


def count_by_label(labels: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
    """Return how many pixels of bool ``mask`` carry each of the ``labels``, int32 of the same shape, from 0 to
    ``count``: int64 (count + 1,)."""
    if compiled is None:
        return np.bincount(labels[mask], minlength=count + 1)
    counts = np.zeros(count + 1, np.int64)
    compiled.count_labels(np.ascontiguousarray(labels, np.int32), np.ascontiguousarray(mask), counts)
    return counts


def boxes_of(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the first row, the one after the last, the first column and the one after the last of the pixels that
    carry each of ``labels``, int32 (rows, columns), from 1 to ``count``: int32 (count, 4)."""
    boxes = np.zeros((count, 4), np.int32)
    if compiled is not None:
        compiled.find_boxes(np.ascontiguousarray(labels, np.int32), max(1, labels.shape[1]), boxes)
        return boxes
    from scipy import ndimage

    for box, (down, along) in zip(boxes, ndimage.find_objects(labels), strict=True):
        box[:] = down.start, down.stop, along.start, along.stop
    return boxes


def parts_of(seeds: np.ndarray, mask: np.ndarray, share: float) -> np.ndarray:
    """Return the connected parts of bool ``mask`` and ``seeds``, diagonals included, of which more than ``share`` are
    seeds; ``mask`` reaches no farther than two pixels from them."""
    box = box_of(seeds, 2)
    every = (mask | seeds)[box]
    labels, count = label(every)
    held = count_by_label(labels, seeds[box], count) > share * count_by_label(labels, every, count)
    held[0] = False
    found = np.zeros_like(mask)
    found[box] = held[labels]
    return found


def count_lit(mask: np.ndarray, side: int) -> np.ndarray:
    """Return how many pixels of bool ``mask`` are true in the square of ``side`` pixels (a power of two, at most 8)
    about each: uint8 (rows, columns); pixels beyond the border count as false."""
    counts = _framed(mask, side // 2)[:-1, :-1].view(np.uint8)
    for axis in (0, 1):
        counts, span = counts.swapaxes(0, axis), 1
        while span < side:
            counts = counts[:-span] + counts[span:]
            span *= 2
        counts = counts.swapaxes(0, axis)
    return counts


def _extreme(
    picture: np.ndarray, side: int, choose: np.ufunc, beyond: Literal["edge", "constant"] = "edge"
) -> np.ndarray:
    """Return the minimum or the maximum of uint8 or bool ``picture`` over squares of ``side`` pixels; ``beyond`` is
    what lies beyond its border: what is there, or 0."""
    if compiled is not None and picture.size:
        over = np.empty(picture.shape, picture.dtype)
        is_largest, goes_on = choose in {np.maximum, np.logical_or}, beyond == "edge"
        compiled.over_squares(np.ascontiguousarray(picture), picture.shape[1], side, is_largest, goes_on, over)
        return over
    half = side // 2
    framed = _framed(picture, half)
    if half and beyond == "edge":
        framed[:half], framed[-half:] = framed[half], framed[-half - 1]
        framed[:, :half], framed[:, -half:] = framed[:, [half]], framed[:, [-half - 1]]
    for axis in (0, 1):
        framed = _along_rows(framed.swapaxes(0, axis), side, choose).swapaxes(0, axis)
    return np.ascontiguousarray(framed)


def _along_rows(framed: np.ndarray, side: int, choose: np.ufunc) -> np.ndarray:
    """Return the extremes of ``side`` rows in succession, by spans that double."""
    span = 1
    while 2 * span <= side:
        framed = choose(framed[:-span], framed[span:])
        span *= 2
    rest = side - span
    return np.asarray(choose(framed[:-rest], framed[rest:]) if rest else framed)
