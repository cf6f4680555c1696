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
    if _is_swept(strip) or _scrolls(strip):
        lit = float((strip[-1] > 32).mean())
        raise Rejected(Reason.SPECTRAL_DOPPLER if lit < SPECTRUM_LIT_SHARE else Reason.M_MODE)


def _is_swept(strip: np.ndarray) -> bool:
    changed = np.abs(np.diff(strip.astype(np.int16), axis=0)) > CHANGED
    columns = changed.mean(axis=1) > 0.05
    ever = np.count_nonzero(columns.any(axis=0))
    return bool(ever > 0.5 * strip.shape[2] and np.median(columns.sum(axis=1)) < MAX_SWEPT_SHARE * ever)


def _scrolls(strip: np.ndarray) -> bool:
    """Whether each look is the one before, shifted to one side, better than it is the one before unshifted."""
    few = strip[: PAIRS + 1, ::2, ::2].astype(np.int16)
    still = float(np.abs(few[1:] - few[:-1]).mean())
    if still < 2.0:
        return False
    shifts = [shift for size in range(1, few.shape[2] // 2) for shift in (size, -size)]
    return min(_shifted_error(few, shift) for shift in shifts) < MAX_SCROLL_ERROR * still


def _shifted_error(strip: np.ndarray, shift: int) -> float:
    before, after = (
        (strip[:-1, :, shift:], strip[1:, :, :-shift]) if shift > 0 else (strip[:-1, :, :shift], strip[1:, :, -shift:])
    )
    return float(np.abs(after - before).mean())
