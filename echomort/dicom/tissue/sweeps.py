"""M-mode and spectral Doppler recordings, told by how they move: a time axis is swept or scrolls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echomort.dicom.reasons import Reason, Rejected

MIN_LOOKS = 4
MIN_TRACE_WIDTH, MIN_TRACE_HEIGHT = 0.25, 0.15
WIDE, TALL = 0.5, 0.3
LOWER = 0.4
"""Shares of the picture: no scanner runs a time axis over less, and none but an ECG's that is neither wide nor tall.
So much of what moves, its lower part, may be a strip that touches the live picture above it."""

PAIRS = 5
CHANGED = 10
MIN_SWEEP_LOOKS = 6
SAMPLED = 32, 96
RENEWED_COLUMNS, RENEWED_ROWS = 0.1, 0.12
MAX_DISORDER = 0.1
"""A sweep renews each pixel once, in the order of the columns: so many rows and columns are looked at, such shares of
them are renewed at least, and such a share of columns may be out of order."""

SCROLLED_COLUMNS, MAX_SCROLL_ERROR = 0.5, 0.7
"""Shifted back, a scrolling strip differs by less than this share of what it differed by; tissue by more than all."""

SPECTRUM_BANDS = 2.5
TRACE_COLUMNS = 160
WHOLE_SCREEN, LAYERED = 0.8, 0.15
"""What scrolls over so much of the picture's height must look like a trace: means of its rows that vary by such a share
of what its pixels do."""


def refuse_swept(looks: Sequence[np.ndarray]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where part of ``looks``, each uint8 (rows, columns)
    and in time order, is renewed column after column and then stays as it was left; tissue moves everywhere, always."""
    if len(looks) < MIN_SWEEP_LOOKS:
        return
    down, along = (max(1, side // sampled) for side, sampled in zip(looks[0].shape, SAMPLED, strict=True))
    few = np.stack([look[::down, ::along] for look in looks])
    renewed, when = _renewed(few)
    rows = np.flatnonzero(renewed.any(axis=1))
    if len(rows) < RENEWED_ROWS * len(renewed) or not _in_order([when[row][renewed[row]] for row in rows]):
        return
    columns = np.flatnonzero(renewed.any(axis=0))
    strip = looks[-1][rows[0] * down : (rows[-1] + 1) * down, columns[0] * along : (columns[-1] + 1) * along]
    raise Rejected(_reason(_reduced(strip, max(1, round(looks[0].shape[1] / TRACE_COLUMNS)))))


def _renewed(few: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels changed at one time and for good, in rows where most that changed did, and when each changed first:
    (rows, columns) of uint8 (looks, rows, columns)."""
    changes = _apart(few[1:], few[:-1]) > CHANGED
    times = changes.sum(axis=0, dtype=np.uint8)
    renewed = (times > 0) & (times <= 2) & (_apart(few[-1], few[0]) > CHANGED)
    count = np.count_nonzero(renewed, axis=1)
    full = (count > RENEWED_COLUMNS * few.shape[2]) & (count > 0.5 * np.count_nonzero(times, axis=1))
    return renewed & full[:, None], changes.argmax(axis=0)


def _in_order(rows: list[np.ndarray]) -> bool:
    """Whether the columns of ``rows`` changed one after the other, at several times; the sweep may start anew."""
    disorder = sum(np.count_nonzero(row[1:] < row[:-1]) for row in rows) / sum(map(len, rows))
    return disorder < MAX_DISORDER and bool(np.median([len(np.unique(row)) for row in rows]) > MIN_SWEEP_LOOKS / 2)


def _reduced(strip: np.ndarray, factor: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(strip)).reduce(factor))


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far uint8 ``one`` is from ``other``, uint8."""
    return np.maximum(one, other) - np.minimum(one, other)


def refuse_scroll(moments: np.ndarray, window: tuple[float, float, float, float]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where ``window`` of ``moments`` is a strip that
    scrolls.

    ``moments`` is uint8 (looks, rows, columns), in time order; ``window`` is (top, bottom, left, right) in shares.
    """
    top, bottom, left, right = window
    if len(moments) < MIN_LOOKS or right - left < MIN_TRACE_WIDTH:
        return
    for start in (top, bottom - LOWER * (bottom - top)):
        strip = _cropped(moments, (start, bottom, left, right))
        is_large = right - left > WIDE or bottom - start > TALL
        if min(strip.shape[1:]) < 12 or bottom - start < MIN_TRACE_HEIGHT or not is_large:
            return
        if _is_strip(strip) and _scrolls(strip):
            if bottom - start > WHOLE_SCREEN and not _is_layered(strip):
                return
            raise Rejected(_reason(strip[-1]))


def _cropped(moments: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    (top, bottom), (left, right) = (
        (round(side * low), round(side * high))
        for side, (low, high) in zip(moments.shape[1:], (window[:2], window[2:]), strict=True)
    )
    return moments[:, top:bottom, left:right]


def _reason(trace: np.ndarray) -> Reason:
    return Reason.M_MODE if _bands(trace) > SPECTRUM_BANDS else Reason.SPECTRAL_DOPPLER


def _is_strip(strip: np.ndarray) -> bool:
    """Whether it moves as high at its ends as in its middle; a sector tapers off to both sides."""
    moved = (np.ptp(strip, axis=0) > CHANGED).sum(axis=0)
    end = max(1, len(moved) // 10)
    return bool(min(moved[:end].mean(), moved[-end:].mean()) > 0.5 * np.median(moved))


def _bands(trace: np.ndarray) -> float:
    """How often a column changes between lit and dark: a spectrum is one band about its baseline, an M-mode many."""
    from scipy import ndimage

    smooth = ndimage.uniform_filter(trace.astype(np.float32), 3)
    lit = smooth > 0.4 * np.percentile(smooth, 90)
    return float(np.abs(np.diff(lit.astype(np.int8), axis=0)).sum(axis=0).mean())


def _is_layered(strip: np.ndarray) -> bool:
    """Whether brightness depends on depth or velocity, as in any trace."""
    last = strip[-1].astype(np.float32)
    return bool(last.mean(axis=1).std() > LAYERED * last.std())


def _scrolls(strip: np.ndarray) -> bool:
    """Whether the whole strip moves sideways by about one step from look to look."""
    height = max(1, strip.shape[1] // 10)
    bands = strip[: PAIRS + 1, : strip.shape[1] // height * height]
    few = bands.reshape(len(bands), -1, height, strip.shape[2]).mean(axis=2, dtype=np.float32)
    changed = np.abs(few[1:] - few[:-1]).mean(axis=1)
    still = changed.mean(axis=1)
    if (changed > 1).mean() < SCROLLED_COLUMNS:
        return False
    farthest = max(4, few.shape[2] // 4)  # a screen holds a second or more, and looks are a sixth of one apart
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
