"""Traces drawn over drawn hearts: ECGs that scroll or that a cursor renews, and a breathing curve."""

from __future__ import annotations

import numpy as np

LUMA = {"green": 150, "yellow": 226, "white": 255, "cyan": 179}
"""Luma of pure colours (ITU-R BT.601)."""


def ecg(phase: np.ndarray) -> np.ndarray:
    """The height of a trace at each phase of a beat: 1 at the R wave."""
    wave = np.exp(-(((phase - 0.3) / 0.012) ** 2)) - 0.2 * np.exp(-(((phase - 0.33) / 0.012) ** 2))
    return wave + 0.15 * np.exp(-(((phase - 0.15) / 0.03) ** 2)) + 0.25 * np.exp(-(((phase - 0.6) / 0.05) ** 2))


def breath(phase: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


def pen(mask: np.ndarray, heights: np.ndarray, drawn: np.ndarray, base: int, high: int, wide: int) -> None:
    """Join the points of a trace in ``mask``, bool (rows, columns), where ``drawn``."""
    rows = np.rint(base - high * heights).astype(int)
    for x in range(1, len(rows)):
        if drawn[x] and drawn[x - 1]:
            low, top = sorted((rows[x - 1], rows[x]))
            mask[max(0, low) : top + wide, x - 1 : x - 1 + wide] = True


def trace(
    shape: tuple[int, int],
    times: np.ndarray,
    kind: str,
    screen_seconds: float = 3.0,
    beat: float = 0.8,
    at: float = 0.7,
    high: float = 0.08,
    wide: int = 0,
    span: tuple[float, float] = (0.0, 1.0),
    curve=ecg,
) -> np.ndarray:
    """Where a trace is drawn at each of ``times`` (seconds): bool (times, rows, columns)."""
    rows, columns = shape
    left, right = int(span[0] * columns), int(span[1] * columns)
    width, x = right - left, np.arange(right - left)
    wide = wide or (1 if rows < 480 else 2)
    found = np.zeros((len(times), rows, columns), bool)
    for index, now in enumerate(times):
        if kind == "scroll":
            then, drawn = now - (width - x) * screen_seconds / width, np.ones(width, bool)
        else:
            cursor = (now / screen_seconds + 0.13) % 1 * width
            back = (cursor - x) % width
            then, drawn = now - back * screen_seconds / width, back < 0.97 * width
        pen(
            found[index][:, left:right],
            curve((then + 10 * beat) / beat % 1),
            drawn,
            int(at * rows),
            int(high * rows),
            wide,
        )
        if kind == "cursor":
            c = left + int(cursor)
            found[index][int((at - high) * rows) - 4 : int(at * rows) + 4, c : c + wide] = True
    return found
