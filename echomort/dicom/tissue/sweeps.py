"""M-mode and spectral Doppler recordings without a declared region: their time axis sweeps or scrolls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.morphology import count_along

# --- a sweep: a bar runs over the picture and renews it column by column -----------------------------------------

MIN_SWEEP_SNAPSHOTS = 6
"""Snapshots from which a sweep is recognised: with fewer, too few columns are renewed between two of them. Tuned on
drawn sweeps (tests/dicom/test_sector.py)."""

SAMPLED = (32, 96)
"""Rows and columns at which a sweep is looked for: a sweep renews whole columns, so a sample shows it. Our choice."""

MIN_CHANGE = 10
"""Grey levels: a pixel has changed where two snapshots differ by more. Above a codec's noise on still pixels; tuned on
drawn traces, native and JPEG (tests/dicom/test_sector.py)."""

MAX_RENEWALS = 2
"""Changes between snapshots that a renewed pixel has at most: the bar arrives, the bar leaves. Geometry."""

MIN_RENEWED_COLUMNS = 0.1
"""Share of the picture's columns that one row of a sweep renews at least. Tuned on drawn sweeps
(tests/dicom/test_sector.py)."""

MIN_RENEWED_ROWS = 0.12
"""Share of the picture's rows that a sweep covers at least: an eighth of the height, as docs/imaging.md says. Tuned on
drawn sweeps (tests/dicom/test_sector.py)."""

MIN_RENEWED_OF_CHANGED = 0.5
"""Share of a row's changed pixels that are renewed for good in a sweep; moving tissue changes again and again. Tuned on
drawn sweeps and drifting textures (tests/dicom/test_sector.py)."""

MAX_DISORDER = 0.1
"""Share of neighbouring columns that may be renewed in the wrong order; the sweep may start anew at the left. Tuned on
drawn sweeps (tests/dicom/test_sector.py)."""

# --- a scroll: the whole trace moves sideways --------------------------------------------------------------------

MIN_SCROLL_SNAPSHOTS = 4
"""Snapshots from which a scroll is recognised. Tuned on drawn scrolls (tests/dicom/test_sector.py)."""

MIN_TRACE_WIDTH = 0.25
"""Share of the picture's width: no scanner runs a time axis over less. Our knowledge of common screens."""

MIN_TRACE_HEIGHT = 0.15
"""Share of the picture's height: no scanner draws an M-mode or a spectrum lower than this. Our knowledge of common
screens."""

WIDE = 0.5
"""Share of the picture's width. A trace is wider than this or higher than ``TALL``; an ECG is neither, usually
(docs/imaging.md names the exception)."""

TALL = 0.3
"""Share of the picture's height; see ``WIDE``."""

LOWER_PART = 0.4
"""Share of a moving part's height, from below, that is searched once more alone: a strip may touch the live picture
above it. Tuned on drawn live sectors over a trace (tests/dicom/test_sector.py)."""

MIN_STRIP_PIXELS = 12
"""Pixels of the small snapshots: a strip with a shorter side holds too little to compare. Our choice."""

STRIP_ENDS = 10
"""The left and the right end of a strip are one in this many of its columns. Our choice."""

MIN_END_MOTION = 0.5
"""A strip moves at its ends over at least this share of the height over which it moves in the median column; a sector
tapers off to both sides. Tuned on drawn loops (tests/dicom/test_sector.py)."""

COMPARED_PAIRS = 5
"""Pairs of neighbouring snapshots that are compared, the first ones. Our choice, to save time."""

BANDS = 10
"""Bands of rows over which a strip is averaged before it is shifted, about: depth blurs less than a beat. Our
choice."""

MIN_BAND_CHANGE = 1
"""Grey levels by which a column of a band has changed from snapshot to snapshot. Our choice: rounding changes less."""

MIN_SCROLLED_COLUMNS = 0.5
"""Share of the strip's columns that must have changed: a scroll moves all of it. Tuned on drawn scrolls
(tests/dicom/test_sector.py)."""

MAX_SCROLL_ERROR = 0.7
"""A strip scrolls where one shift sideways leaves less than this share of the difference between snapshots; tissue
leaves more than all of it. Tuned on drawn scrolls and drifting textures (tests/dicom/test_sector.py)."""

SHIFT_SHARE = 4
"""Shifts up to one in this many columns are tried. Physics: a screen holds a second or more, and snapshots lie a sixth
of a second apart."""

MIN_SHIFTS = 4
"""Pixels of the small snapshots that are tried at least, on a narrow strip. Our choice."""

# --- M-mode or spectrum ------------------------------------------------------------------------------------------

TRACE_COLUMNS = 160
"""Columns to which a swept strip is scaled down before its bands are counted: as wide as the small snapshots that a
scroll is judged on. Our choice."""

MAX_SPECTRUM_BANDS = 2.5
"""Changes between lit and dark down a column, on average: a spectrum is one band about its baseline (two changes), an
M-mode has many. Tuned on drawn traces (tests/dicom/test_sector.py)."""

MAX_SPECTRUM_LIT = 0.75
"""Share of a trace that is lit in a spectrum at most: it is one band in the dark, and an M-mode is lit at nearly every
depth. Tuned as ``MAX_SPECTRUM_BANDS``."""

LIT_PERCENTILE = 90
"""Percentile of a trace's brightness that its lit pixels are measured by. Tuned as ``MAX_SPECTRUM_BANDS``."""

MIN_LIT_LEVEL = 0.4
"""Share of that percentile above which a pixel of a trace is lit. Tuned as ``MAX_SPECTRUM_BANDS``."""

WHOLE_SCREEN = 0.8
"""Share of the picture's height: what scrolls over more must also be layered, since it may be a panned picture. Tuned
on drawn loops (tests/dicom/test_sector.py)."""

MIN_LAYERING = 0.15
"""A trace is layered where the standard deviation of its rows' means exceeds this share of that of its pixels:
brightness depends on depth or velocity. Tuned on drawn traces and textures (tests/dicom/test_sector.py)."""


def reject_sweeps(snapshots: Sequence[np.ndarray]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where a time axis sweeps over ``snapshots``.

    ``snapshots``, each uint8 (rows, columns), are in time order. A sweep renews column after column, which then stay as
    they are; tissue moves everywhere, always.
    """
    if len(snapshots) < MIN_SWEEP_SNAPSHOTS:
        return
    down, along = (max(1, side // sampled) for side, sampled in zip(snapshots[0].shape, SAMPLED, strict=True))
    few = np.stack([snapshot[::down, ::along] for snapshot in snapshots])
    renewed, when = _renewed(few)
    rows = np.flatnonzero(renewed.any(axis=1))
    if len(rows) < MIN_RENEWED_ROWS * len(renewed) or not _in_order([when[row][renewed[row]] for row in rows]):
        return
    columns = np.flatnonzero(renewed.any(axis=0))
    strip = snapshots[-1][rows[0] * down : (rows[-1] + 1) * down, columns[0] * along : (columns[-1] + 1) * along]
    raise Rejected(_trace_reason(_reduced(strip, max(1, round(snapshots[0].shape[1] / TRACE_COLUMNS)))))


def _renewed(few: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of ``few``, uint8 (snapshots, rows, columns), are renewed, and when each changed first.

    A renewed pixel changed once and for good, in a row where most that changed did: bool and int (rows, columns).
    """
    changes = _difference(few[1:], few[:-1]) > MIN_CHANGE
    times = changes.sum(axis=0, dtype=np.uint8)
    renewed = (times > 0) & (times <= MAX_RENEWALS) & (_difference(few[-1], few[0]) > MIN_CHANGE)
    count = count_along(renewed, 1)
    full = (count > MIN_RENEWED_COLUMNS * few.shape[2]) & (count > MIN_RENEWED_OF_CHANGED * count_along(times > 0, 1))
    return renewed & full[:, None], changes.argmax(axis=0)


def _in_order(rows: list[np.ndarray]) -> bool:
    """Whether the columns of ``rows`` changed one after the other, at several times."""
    disorder = sum(np.count_nonzero(row[1:] < row[:-1]) for row in rows) / sum(map(len, rows))
    return disorder < MAX_DISORDER and bool(np.median([len(np.unique(row)) for row in rows]) > MIN_SWEEP_SNAPSHOTS / 2)


def _reduced(strip: np.ndarray, factor: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(strip)).reduce(factor))


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the absolute difference of two uint8 arrays as uint8."""
    return np.asarray(np.maximum(one, other) - np.minimum(one, other))


def reject_scrolls(snapshots: np.ndarray, window: tuple[float, float, float, float]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where a trace scrolls in ``window``.

    ``snapshots`` is uint8 (snapshots, rows, columns), in time order; ``window`` is (top, bottom, left, right) as shares
    of the picture.
    """
    top, bottom, left, right = window
    if len(snapshots) < MIN_SCROLL_SNAPSHOTS or right - left < MIN_TRACE_WIDTH:
        return
    for start in (top, bottom - LOWER_PART * (bottom - top)):
        strip = _cropped(snapshots, (start, bottom, left, right))
        is_large = right - left > WIDE or bottom - start > TALL
        if min(strip.shape[1:]) < MIN_STRIP_PIXELS or bottom - start < MIN_TRACE_HEIGHT or not is_large:
            return
        if _is_strip(strip) and _scrolls(strip):
            if bottom - start > WHOLE_SCREEN and not _is_layered(strip):
                return
            raise Rejected(_trace_reason(strip[-1]))


def _cropped(snapshots: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    (top, bottom), (left, right) = (
        (round(side * low), round(side * high))
        for side, (low, high) in zip(snapshots.shape[1:], (window[:2], window[2:]), strict=True)
    )
    return snapshots[:, top:bottom, left:right]


def _trace_reason(trace: np.ndarray) -> Reason:
    lit = _lit(trace)
    bands = float(np.abs(np.diff(lit.astype(np.int8), axis=0)).sum(axis=0).mean())  # changes down a column
    is_m_mode = bands > MAX_SPECTRUM_BANDS or lit.mean() > MAX_SPECTRUM_LIT
    return Reason.M_MODE if is_m_mode else Reason.SPECTRAL_DOPPLER


def _is_strip(strip: np.ndarray) -> bool:
    """Whether it moves over about as many rows at its ends as in its middle."""
    moved = (np.ptp(strip, axis=0) > MIN_CHANGE).sum(axis=0)
    end = max(1, len(moved) // STRIP_ENDS)
    return bool(min(moved[:end].mean(), moved[-end:].mean()) > MIN_END_MOTION * np.median(moved))


def _lit(trace: np.ndarray) -> np.ndarray:
    """Return where a trace is lit, as bool, measured by its own brightness."""
    from scipy import ndimage

    smooth = ndimage.uniform_filter(trace.astype(np.float32), 3)
    return np.asarray(smooth > MIN_LIT_LEVEL * np.percentile(smooth, LIT_PERCENTILE))


def _is_layered(strip: np.ndarray) -> bool:
    """Whether brightness depends on depth or velocity, as in any trace."""
    last = strip[-1].astype(np.float32)
    return bool(last.mean(axis=1).std() > MIN_LAYERING * last.std())


def _scrolls(strip: np.ndarray) -> bool:
    """Whether the whole strip moves sideways by about one step from snapshot to snapshot."""
    height = max(1, strip.shape[1] // BANDS)
    bands = strip[: COMPARED_PAIRS + 1, : strip.shape[1] // height * height]
    few = bands.reshape(len(bands), -1, height, strip.shape[2]).mean(axis=2, dtype=np.float32)
    changed = np.abs(few[1:] - few[:-1]).mean(axis=1)
    still = changed.mean(axis=1)
    if (changed > MIN_BAND_CHANGE).mean() < MIN_SCROLLED_COLUMNS:
        return False
    farthest = max(MIN_SHIFTS, few.shape[2] // SHIFT_SHARE)
    for way in (1, -1):
        errors = np.array([_shifted_errors(few, way * shift) for shift in range(1, farthest)]) / still
        near = np.minimum(np.minimum(errors[:-2], errors[1:-1]), errors[2:])
        if near.mean(axis=1).min() < MAX_SCROLL_ERROR:
            return True
    return False


def _shifted_errors(strip: np.ndarray, shift: int) -> np.ndarray:
    before, after = (
        (strip[:-1, :, shift:], strip[1:, :, :-shift]) if shift > 0 else (strip[:-1, :, :shift], strip[1:, :, -shift:])
    )
    return np.asarray(np.abs(after - before).mean(axis=(1, 2)))
