"""How fast the heart beat while a loop was recorded, where a tag says it."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RATES = (20.0, 300.0)
"""Beats a minute that are believed. Physiology: from complete block to the fastest tachycardia; trigger simulators and
empty tags write 0."""

MINUTE = 60_000.0
"""Milliseconds of a minute."""


@dataclass(frozen=True)
class RhythmTags:
    """The tags that tell of beats (PS3.3 C.8.5.6, C.7.6.18): times of R waves (ms from the first frame), beats a
    minute, and the nominal interval between beats (ms)."""

    r_waves: tuple[float, ...] = ()
    heart_rate: float | None = None
    nominal_interval: float | None = None


def beat_milliseconds(tags: RhythmTags) -> float | None:
    """Return the milliseconds of a beat, None where no tag says it or what it says is impossible.

    The median interval between R waves counts before HeartRate, which may be an average of minutes, and that before
    NominalInterval.

    >>> beat_milliseconds(RhythmTags(heart_rate=75.0))
    800.0
    """
    intervals = [after - before for before, after in itertools.pairwise(tags.r_waves)]
    waves = statistics.median(intervals) if intervals and min(intervals) > 0 else None
    stated = MINUTE / tags.heart_rate if tags.heart_rate else None
    return next(filter(_is_possible, (waves, stated, tags.nominal_interval)), None)


def frames_a_beat(tags: RhythmTags, fps: float, times: Sequence[float] = ()) -> float | None:
    """Return how many frames a beat has at ``fps``, None where no tag tells of beats.

    Where frames are unevenly timed (``times``, ms) and R waves are known, frames are counted from the first R wave to
    the last.
    """
    beat = beat_milliseconds(tags)
    if beat is None or fps <= 0:
        return None
    waves = [wave for wave in tags.r_waves if times and times[0] <= wave <= times[-1]]
    if len(waves) > 1:
        first, last = (bisect.bisect_left(times, wave) for wave in (waves[0], waves[-1]))
        return (last - first) / (len(waves) - 1)
    return fps * beat / 1000


def _is_possible(interval: float | None) -> bool:
    lowest, highest = RATES
    return interval is not None and math.isfinite(interval) and MINUTE / highest <= interval <= MINUTE / lowest
