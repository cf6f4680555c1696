"""M-mode and spectral Doppler recordings, told by how they move: a time axis is swept or scrolls."""

from __future__ import annotations

import numpy as np

from echomort.dicom.reasons import Reason, Rejected

MIN_LOOKS = 4
PAIRS = 3
CHANGED = 10
MAX_SWEPT_SHARE = 0.4
"""Between two looks a sweep renews a band of columns and leaves the rest exactly as it was; tissue moves everywhere."""

MAX_SCROLL_ERROR = 0.35
SPECTRUM_LIT_SHARE = 0.45
"""An M-mode trace is lit along all its depth; a spectrum only between baseline and envelope."""


def refuse_sweep(moments: np.ndarray, window: tuple[float, float, float, float]) -> None:
    """Raise :class:`Rejected` (``M_MODE`` or ``SPECTRAL_DOPPLER``) where ``window`` of ``moments`` is a swept strip.

    ``moments`` is uint8 (looks, rows, columns), in time order; ``window`` is (top, bottom, left, right) in shares.
    """
    rows, columns = moments.shape[1:]
    top, bottom, left, right = window
    strip = moments[:, round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
    if len(strip) < MIN_LOOKS or min(strip.shape[1:]) < 12:
        return
    if _is_swept(strip) or (_scrolls(strip, right - left) and _is_layered(strip)):
        lit = float((strip[-1] > 32).mean())
        raise Rejected(Reason.SPECTRAL_DOPPLER if lit < SPECTRUM_LIT_SHARE else Reason.M_MODE)


def _is_layered(strip: np.ndarray) -> bool:
    """Whether brightness changes along depth or velocity more than along time, as in any trace."""
    last = strip[-1].astype(np.int16)
    return bool(np.abs(np.diff(last, axis=0)).mean() > np.abs(np.diff(last, axis=1)).mean())


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
    few = strip[: PAIRS + 1, ::2, ::2].astype(np.int16)
    still = np.abs(few[1:] - few[:-1]).mean(axis=1)
    if width_share < 0.5 or (still > 2.0).mean() < 0.9:
        return False
    shifts = [shift for size in range(1, few.shape[2] // 2) for shift in (size, -size)]
    errors = np.array([_shifted_errors(few, shift) for shift in shifts])
    best = errors.argmin(axis=0)
    return bool(len(set(best.tolist())) == 1 and errors[best[0]].mean() < MAX_SCROLL_ERROR * still.mean())


def _shifted_errors(strip: np.ndarray, shift: int) -> np.ndarray:
    before, after = (
        (strip[:-1, :, shift:], strip[1:, :, :-shift]) if shift > 0 else (strip[:-1, :, :shift], strip[1:, :, -shift:])
    )
    return np.asarray(np.abs(after - before).mean(axis=(1, 2)))
