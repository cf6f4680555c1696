"""The frame rate of a loop, and the published resampling to a common rate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

MIN_FPS = 5.0
"""Frames a second at least: a slower loop shows no motion of the valves. Our choice."""

MAX_FPS = 200.0
"""Frames a second at most, above what two-dimensional tissue imaging of the whole heart reaches. Our choice."""

MAX_DISAGREEMENT = 0.10
"""Share by which two tags' frame rates may differ without a note. Our choice: rates are often written as integers."""

MAX_UNEVENNESS = 0.05
"""Share of the median step by which a step of FrameTimeVector may differ in an even loop. Our choice."""

SAME_INSTANT = 1e-9
"""Weight below which a position lies on a source frame: rounding of float64. Geometry."""

FRAME_TIME = 0x00181063
"""FrameTime (PS3.6), as FrameIncrementPointer names it."""

FRAME_TIME_VECTOR = 0x00181065
"""FrameTimeVector (PS3.6), as FrameIncrementPointer names it."""


@dataclass(frozen=True)
class TimingTags:
    """The tags that give time: milliseconds a frame (``frame_time``, ``frame_time_vector``) or frames a second."""

    frames: int
    pointers: tuple[int, ...] = ()
    frame_time: float | None = None
    frame_time_vector: tuple[float, ...] = ()
    cine_rate: float | None = None
    display_rate: float | None = None


@dataclass(frozen=True)
class Timing:
    """Mean frames a second, the tag that gave it, and the time of each frame (ms) where they are uneven."""

    fps: float | None
    source: str
    times: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


NO_TIMING = Timing(None, "none")


@dataclass(frozen=True)
class Resampling:
    """For each output frame, the two source frames it lies between and the weight of the later one."""

    before: np.ndarray
    after: np.ndarray
    weight: np.ndarray

    @property
    def needed(self) -> tuple[int, ...]:
        """Source frames that must be decoded, in order."""
        return tuple(sorted({*self.before.tolist(), *self.after.tolist()}))


def resolve_timing(tags: TimingTags) -> Timing:
    """Return the loop's timing.

    FrameIncrementPointer names the tag to use (PS3.3 C.7.6.5). Without it, or where that tag is unusable, the first
    usable one counts of FrameTimeVector, FrameTime, CineRate, RecommendedDisplayFrameRate. Rates outside 5 to 200 are
    not used. ``notes`` say which tag was not used and which two differ by more than 10 %.

    >>> resolve_timing(TimingTags(frames=30, frame_time=40.0, cine_rate=50.0))
    Timing(fps=25.0, source='FrameTime', times=(), notes=('fps_disagrees:CineRate',))
    """
    rates = _rates(tags)
    usable = [(source, fps) for source, fps in rates if MIN_FPS <= fps <= MAX_FPS]
    notes = [f"fps_outside_limits:{source}" for source, fps in rates if (source, fps) not in usable]
    if (pointed := _pointed_tag(tags.pointers)) and (not usable or usable[0][0] != pointed):
        notes.append(f"fps_pointer_unusable:{pointed}")
    if not usable:
        return Timing(None, "none", notes=tuple(notes))
    source, fps = usable[0]
    notes += [f"fps_disagrees:{other}" for other, rate in usable[1:] if abs(rate - fps) > MAX_DISAGREEMENT * fps]
    times = _uneven_times(tags) if source == "FrameTimeVector" else ()
    return Timing(fps, source, times, (*notes, "uneven_frame_times") if times else tuple(notes))


def resample(frames: int, fps: float, times: Sequence[float], target: float, keep: int) -> Resampling:
    """Return how the first ``keep`` output frames at ``target`` a second arise from ``frames`` at ``fps``.

    The published semantics: n' = round(n * target / fps) frames on an even grid that includes both end points, first
    and last frame copied, a linear blend between; nothing is done where the rates are equal. ``times`` (ms, from 0)
    replaces the even grid of the source where its frames are uneven.
    """
    if fps == target and not times:
        kept = np.arange(min(frames, keep))
        return Resampling(kept, kept, np.zeros(len(kept)))
    count = max(1, round(frames * target / fps))
    position = np.linspace(0.0, 1.0, count)[:keep]
    grid = np.asarray(times) / times[-1] if times else np.linspace(0.0, 1.0, frames)
    before = np.clip(np.searchsorted(grid, position, side="right") - 1, 0, max(0, frames - 2))
    after = np.minimum(before + 1, frames - 1)
    gap = grid[after] - grid[before]
    weight = np.divide(position - grid[before], gap, out=np.zeros(len(position)), where=gap > 0)
    return _snap_to_frames(before, after, weight)


def blend(frames: dict[int, np.ndarray], resampling: Resampling) -> np.ndarray:
    """Return uint8 (output frames, height, width): the blends of ``frames`` (by source index), truncated."""
    return np.stack(
        [
            _blend_two(frames[before], frames[after], weight)
            for before, after, weight in zip(
                resampling.before.tolist(), resampling.after.tolist(), resampling.weight.tolist(), strict=True
            )
        ]
    )


def _blend_two(before: np.ndarray, after: np.ndarray, weight: float) -> np.ndarray:
    if weight == 0.0:
        return before
    # before + (after - before) * w: exact where both are equal, so still tissue does not flicker by one level.
    start, blended = before.astype(np.float64), after.astype(np.float64)
    blended -= start
    blended *= weight
    blended += start
    return blended.astype(np.uint8)


def _snap_to_frames(before: np.ndarray, after: np.ndarray, weight: np.ndarray) -> Resampling:
    """Return the resampling in which a position that lies on a source frame copies it; its neighbour is not decoded."""
    on_after, on_before = weight > 1 - SAME_INSTANT, weight < SAME_INSTANT
    before = np.where(on_after, after, before)
    return Resampling(
        before, np.where(on_after | on_before, before, after), np.where(on_after | on_before, 0.0, weight)
    )


def _rates(tags: TimingTags) -> list[tuple[str, float]]:
    """Return frames a second by tag, best first, without tags that hold no positive finite value."""
    vector = _frame_steps(tags)
    rates = {
        "FrameTimeVector": 1000 * len(vector) / sum(vector) if vector else 0.0,
        "FrameTime": 1000 / tags.frame_time if tags.frame_time and tags.frame_time > 0 else 0.0,
        "CineRate": tags.cine_rate or 0.0,
        "RecommendedDisplayFrameRate": tags.display_rate or 0.0,
    }
    order: Iterable[str] = rates
    if pointed := _pointed_tag(tags.pointers):
        order = sorted(rates, key=lambda source: source != pointed)
    return [(source, rates[source]) for source in order if math.isfinite(rates[source]) and rates[source] > 0]


def _pointed_tag(pointers: tuple[int, ...]) -> str | None:
    named = {FRAME_TIME: "FrameTime", FRAME_TIME_VECTOR: "FrameTimeVector"}
    return next((named[pointer] for pointer in pointers if pointer in named), None)


def _frame_steps(tags: TimingTags) -> tuple[float, ...]:
    """Return the steps between frames (ms): FrameTimeVector without its first value, which belongs to no interval
    (C.7.6.5.1.2); some scanners leave that value out."""
    vector = tags.frame_time_vector
    without_first = len(vector) == tags.frames - 1 and vector[:1] != (0,)
    steps = vector[1:] if len(vector) == tags.frames else vector if without_first else ()
    is_usable = bool(steps) and all(math.isfinite(step) and step >= 0 for step in steps) and sum(steps) > 0
    return tuple(steps) if is_usable else ()


def _uneven_times(tags: TimingTags) -> tuple[float, ...]:
    steps = _frame_steps(tags)
    middle = sorted(steps)[len(steps) // 2]
    if all(abs(step - middle) <= MAX_UNEVENNESS * middle for step in steps):
        return ()
    return tuple(itertools.accumulate(steps, initial=0.0))
