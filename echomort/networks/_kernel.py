"""The compiled convolutions of the 3-D networks (``_unit.cpp``), where they were built, and their arguments.

Nothing here imports torch, so that the kernel's name is known without it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

try:
    import echomort.networks._unit as compiled
except ImportError:  # installed without a C++ compiler
    compiled = None  # type: ignore[assignment]

TORCH = "torch"
"""The name of the kernel where nothing compiled is used."""
TAPS = 27
"""Weights of a filter a channel: 3 x 3 x 3."""
FILTERS = 4
"""Filters that the kernel computes at a time; it takes multiples of that. As in ``_unit.cpp``."""
ROW = 16
"""Floats: rows of the kept maps are multiples of it, the widest vector. As in ``_unit.cpp``."""
LEAST_EDGE, MOST_EDGE = 3, 4096
"""Voxels of a clip that the kernel takes: a pooling needs three; the other bounds its sizes. As in ``_unit.cpp``."""


def instruction_sets() -> tuple[str, ...]:
    """Return those of this processor that the kernel was compiled for, the fastest first; none without the kernel."""
    return () if compiled is None else tuple(compiled.levels())


LEVEL = next(iter(instruction_sets()), None)
"""The instruction set in use, or None without the kernel."""


def takes_edges(edges: tuple[int, ...]) -> bool:
    """Return whether there is a kernel for a clip of these edges."""
    return LEVEL is not None and all(LEAST_EDGE <= edge <= MOST_EDGE for edge in edges)


def packed(weight: np.ndarray) -> np.ndarray:
    """Return weights (filters, channels, 3, 3, 3) as the kernel reads them: float32 (filters / 4, channels, 3, 3, 3,
    4)."""
    filters, channels = weight.shape[:2]
    grouped = weight.reshape(filters // FILTERS, FILTERS, channels, 3, 3, 3)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 5, 1), dtype=np.float32)


def unpacked(weight: np.ndarray) -> np.ndarray:
    """Return (filters, channels, 3, 3, 3) of what :func:`packed` returns."""
    groups, channels = weight.shape[:2]
    return weight.transpose(0, 5, 1, 2, 3, 4).reshape(groups * FILTERS, channels, 3, 3, 3)


def turned(weight: np.ndarray) -> np.ndarray:
    """Return the weights by which a convolution's gradient goes back: channels and filters exchanged, taps in reverse
    order."""
    return weight[:, :, ::-1, ::-1, ::-1].swapaxes(0, 1)


def kept_row(width: int) -> int:
    """Return the floats of one row of the maps that training keeps, of ``width`` voxels."""
    return -(-width // ROW) * ROW


def call(function: str, *arguments: Any) -> None:
    """Run a function of ``_unit.cpp`` in the instruction set in use."""
    getattr(compiled, function)(LEVEL, *arguments)


def over_clips(count: int, work: Callable[[int], object]) -> None:
    """Call ``work`` for each of ``count`` clips, on as many threads as torch uses; each call writes what is its own, so
    that the number of threads changes no byte."""
    import torch

    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        for i in range(count):
            work(i)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(count)))
