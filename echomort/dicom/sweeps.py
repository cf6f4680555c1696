"""M-mode and spectral Doppler recordings, told by how they move: a time axis is swept or scrolls."""

from __future__ import annotations

import numpy as np

from echomort.dicom.reasons import Reason, Rejected

MIN_LOOKS = 4
MIN_TRACE_WIDTH = 0.25
"""Share of the picture's width: no scanner runs a time axis over less."""

PAIRS = 3
CHANGED = 10
MAX_SWEPT_SHARE = 0.4
"""Between two looks a sweep renews a band of columns and leaves the rest exactly as it was; tissue moves everywhere."""

MAX_SCROLL_ERROR = 0.35
SPECTRUM_BANDS = 3.0


def refuse_sweep(moments: np.ndarray, window: tuple[float, float, float, float]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where ``window`` of ``moments`` is a swept strip.

    ``moments`` is uint8 (looks, rows, columns), in time order; ``window`` is (top, bottom, left, right) in shares.
    """
    rows, columns = moments.shape[1:]
    top, bottom, left, right = window
    strip = moments[:, round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
    if len(strip) < MIN_LOOKS or min(strip.shape[1:]) < 12 or right - left < MIN_TRACE_WIDTH:
        return
    if not _is_strip(strip):
        return
    is_trace = bottom - top < 0.8 or _is_layered(strip)  # what scrolls over the whole screen must look like one
    if _is_swept(strip) or (is_trace and _scrolls(strip, right - left)):
        raise Rejected(Reason.M_MODE if _bands(strip[-1]) > SPECTRUM_BANDS else Reason.SPECTRAL_DOPPLER)


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
    """Whether brightness changes along depth or velocity more than along time, as in any trace."""
    last = strip[-1].astype(np.int16)
    return bool(np.abs(np.diff(last, axis=0)).mean() > 1.2 * np.abs(np.diff(last, axis=1)).mean())


def _is_swept(strip: np.ndarray) -> bool:
    """Whether a band of columns is renewed between looks, and stays as it was left."""
    looks = strip.astype(np.int16)
    renewed = (np.abs(np.diff(looks, axis=0)) > CHANGED).mean(axis=1) > 0.05
    ever = renewed.any(axis=0)
    stays = (np.abs(looks[-1] - looks[0]) > CHANGED).mean(axis=0) > 0.05
    wide = np.count_nonzero(ever) > 0.5 * len(ever) and np.count_nonzero(ever & stays) > 0.7 * np.count_nonzero(ever)
    return bool(wide and np.median(renewed.sum(axis=1)) < MAX_SWEPT_SHARE * np.count_nonzero(ever))


def _scrolls(strip: np.ndarray, width_share: float) -> bool:
    """Whether the whole strip moves sideways by one and the same step from look to look."""
    even = strip[: PAIRS + 1, : strip.shape[1] // 2 * 2, : strip.shape[2] // 2 * 2].astype(np.int16)
    few = (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]) // 4
    still = np.abs(few[1:] - few[:-1]).mean(axis=1)
    if width_share < 0.5 or (still > 2.0).mean() < 0.9:
        return False
    shifts = [shift for size in range(1, few.shape[2] // 2) for shift in (size, -size)]
    errors = np.array([_shifted_errors(few, shift) for shift in shifts])
    steps = np.array(shifts)[errors.argmin(axis=0)]
    steady = abs(steps.sum()) == np.abs(steps).sum() and np.abs(steps).max() < 2 * np.abs(steps).min()
    return bool(steady and errors.min(axis=0).mean() < MAX_SCROLL_ERROR * still.mean())


def _shifted_errors(strip: np.ndarray, shift: int) -> np.ndarray:
    before, after = (
        (strip[:-1, :, shift:], strip[1:, :, :-shift]) if shift > 0 else (strip[:-1, :, :shift], strip[1:, :, -shift:])
    )
    return np.asarray(np.abs(after - before).mean(axis=(1, 2)))
