"""The frame rate of a loop, and the published resampling to a common rate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

MIN_FPS = 5.0
"""Frames a second at least: a slower loop shows no motion of the valves. Our choice."""

MAX_FPS = 400.0
"""Frames a second at most: narrow sectors and matrix probes reach 250 and more. Our choice."""

MAX_FPS_IN_SECONDS = 1000.0
"""Frames a second from which a frame time may have been written in seconds, since no scanner is as fast. Our choice."""

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
    with_commas: tuple[str, ...] = ()
    site_rate: float | None = None


@dataclass(frozen=True)
class Timing:
    """Mean frames a second, the tag that gave it, and the time of each frame (ms) where they are uneven.

    ``source`` is ``settings`` where ``imaging.frame_rates`` gave the rate, ``stream`` where the video stream did.
    """

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
    usable one counts of FrameTimeVector, FrameTime, CineRate, RecommendedDisplayFrameRate. Rates outside 5 to 400 are
    not used; where none is left, a frame time that can only be in seconds is read so. Where no tag says anything, the
    site's own rate of that device counts. ``notes`` say what was not used and which two differ by more than 10 %.

    >>> resolve_timing(TimingTags(frames=30, frame_time=40.0, cine_rate=50.0))
    Timing(fps=25.0, source='FrameTime', times=(), notes=('fps_disagrees:CineRate',))
    """
    rates = _rates(tags)
    usable = [(source, fps) for source, fps in rates if MIN_FPS <= fps <= MAX_FPS]
    notes = [f"fps_outside_limits:{source}" for source, fps in rates if (source, fps) not in usable]
    if (pointed := _pointed_tag(tags.pointers)) and (not usable or usable[0][0] != pointed):
        notes.append(f"fps_pointer_unusable:{pointed}")
    notes += [f"decimal_comma:{source}" for source in tags.with_commas]
    if not usable:
        return _timing_in_seconds(tags) or _timing_of_site(tags, rates) or Timing(None, "none", notes=tuple(notes))
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


def _timing_in_seconds(tags: TimingTags) -> Timing | None:
    """Return the timing of frame times that are written in seconds, as only impossible ones in milliseconds may be."""
    impossible = {source for source, fps in _rates(tags) if fps > MAX_FPS_IN_SECONDS}
    if not impossible & {"FrameTime", "FrameTimeVector"}:
        return None
    milliseconds = replace(
        tags,
        frame_time=1000 * (tags.frame_time or 0.0),
        frame_time_vector=tuple(1000 * step for step in tags.frame_time_vector),
        site_rate=None,
    )
    found = resolve_timing(milliseconds)
    if found.source not in impossible & {"FrameTime", "FrameTimeVector"}:
        return None
    return replace(found, notes=(*found.notes, f"seconds_for_milliseconds:{found.source}"))


def _timing_of_site(tags: TimingTags, rates: list[tuple[str, float]]) -> Timing | None:
    if tags.site_rate is None or rates:
        return None
    return Timing(tags.site_rate, "settings", notes=("fps_from_settings",))


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
