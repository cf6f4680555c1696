"""The heart's shapes and its beat: an exact volume law, in centimetres and millilitres.

The left ventricle is an ellipsoid truncated at the mitral plane, its apex fixed. At emptying ``s`` (0 at end-diastole,
1 at end-systole) its length is (1 - EF s)^0.25 and its radius (1 - EF s)^0.375 of the diastolic ones: the volume is
EDV (1 - EF s) exactly. Where its walls move differently, the squared radius is larger by the *tilt* towards the free
wall, smaller by as much towards the septum, and in between follows the cosine of the angle around the axis. Its mean,
and so the volume, stays as it was: ejection fraction, size, shape and the pattern of motion vary independently.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SYSTOLE = 0.38
"""Share of a beat from end-diastole to end-systole."""
TRUNCATION = 1.5
"""Length of the ventricle from apex to mitral plane, in long semi-axes."""
VOLUME_FACTOR = np.pi * 1.125
"""Volume of the truncated ellipsoid / (radius^2 x long semi-axis): pi times the integral of 1 - t^2 from -1 to 0.5."""
LEAST_AREA = 0.04
"""Least squared radius towards any side, as a share of the diastolic one: opposite walls never meet. Chosen here; the
hearts of :mod:`echomort.synth.cohort` stay above it."""


@dataclass(frozen=True)
class Heart:
    """What a loop shows: ejection fraction (0..1), end-diastolic volume and largest left atrial volume (mL), wall
    thickness in diastole (cm), beats a minute, and whether the rhythm is regular.

    ``slenderness``: length of the ventricle over its radius, in diastole. ``hypokinesis``: twice the share of its
    excursion (of the squared radius) that the free wall lacks, and that the septum makes up for. ``delay``: how much
    later the free wall moves than the septum, as a share of a beat. ``opening``: how far the mitral leaflets open, as a
    share of a healthy valve's.
    """

    ef: float
    edv: float
    la_volume: float
    wall: float
    heart_rate: float
    regular: bool = True
    slenderness: float = 3.3
    hypokinesis: float = 0.0
    delay: float = 0.0
    opening: float = 1.0


class Ventricle(NamedTuple):
    """Shape at given instants (cm): apex to mitral plane, largest radius, wall; and the two scales to diastole."""

    length: np.ndarray
    radius: np.ndarray
    wall: np.ndarray
    length_scale: np.ndarray
    radius_scale: np.ndarray

    @property
    def volume(self) -> np.ndarray:
        """Volume (mL)."""
        return np.asarray(VOLUME_FACTOR * self.radius**2 * self.length / TRUNCATION)


def ventricle(heart: Heart, emptying: np.ndarray, skew: np.ndarray | float = 0.0) -> Ventricle:
    """Return the left ventricle at ``emptying`` (0 end-diastole .. 1 end-systole); the wall keeps its own volume.

    ``skew`` is added to the squared radius, as a share of the diastolic one: :func:`tilt` times the cosine of the angle
    to the free wall.
    """
    radius = (heart.edv * TRUNCATION / (VOLUME_FACTOR * heart.slenderness)) ** (1 / 3)
    remaining = (1 - heart.ef * np.asarray(emptying)).astype(np.float32)
    radius_scale, length_scale = np.sqrt(np.maximum(remaining**0.75 + skew, LEAST_AREA)), remaining**0.25
    muscle = ((radius + heart.wall) ** 2 - radius**2) / length_scale
    inner = radius * radius_scale
    wall = np.sqrt(inner**2 + muscle) - inner
    return Ventricle(heart.slenderness * radius * length_scale, inner, wall, length_scale, radius_scale)


def tilt(heart: Heart, phase: np.ndarray) -> np.ndarray:
    """Return how much larger than on average the squared radius is towards the free wall at ``phase``, as a share of
    the diastolic one: float32. It is 0 in a heart whose walls move alike, and in one that does not move."""

    def area(at: np.ndarray) -> np.ndarray:
        return np.asarray((1 - heart.ef * emptying(at % 1, heart.regular)) ** 0.75)

    lacking = 0.5 * heart.hypokinesis * (1 - area(phase))
    late = 0.5 * (area(phase - heart.delay / 2) - area(phase + heart.delay / 2))
    return np.asarray(lacking + late, np.float32)


def beat_phase(heart: Heart, times: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the phase of the beat (0..1, 0 at end-diastole) at ``times`` (s), from a random start.

    An irregular rhythm draws every R-R interval anew (coefficient of variation 0.18), as atrial fibrillation does.
    """
    beats = int(np.ceil((times[-1] + 3) * heart.heart_rate / 60)) + 3
    spread = 0.02 if heart.regular else 0.18
    intervals = 60 / heart.heart_rate * np.clip(generator.normal(1, spread, beats), 0.6, 1.6)
    starts = np.concatenate([[0.0], np.cumsum(intervals)])
    clock = times + generator.uniform(0, intervals[0])
    beat = np.searchsorted(starts, clock, side="right") - 1
    return np.asarray((clock - starts[beat]) / intervals[beat])


def emptying(phase: np.ndarray, atrial_kick: bool = True) -> np.ndarray:
    """Return how far the ventricle has emptied at ``phase``: 0 at 0 and 1, exactly 1 at the end of systole."""
    systolic = np.sin(np.pi / 2 * np.clip(phase / SYSTOLE, 0, 1)) ** 2
    diastole = np.clip((phase - SYSTOLE) / (1 - SYSTOLE), 0, 1)
    kick = 0.22 if atrial_kick else 0.0
    filled = (1 - kick) * _smoothstep(diastole / 0.5) + kick * _smoothstep((diastole - 0.75) / 0.25)
    return np.where(phase < SYSTOLE, systolic, 1 - filled).astype(np.float32)


def valve_opening(phase: np.ndarray, atrial_kick: bool = True) -> np.ndarray:
    """Return how far healthy mitral leaflets are open (0..1) at ``phase``: the E wave, then the A wave."""
    diastole = np.clip((phase - SYSTOLE) / (1 - SYSTOLE), 0, 1)
    early = np.exp(-(((diastole - 0.25) / 0.16) ** 2))
    late = 0.7 * np.exp(-(((diastole - 0.86) / 0.09) ** 2)) if atrial_kick else 0.0
    return np.where(phase < SYSTOLE, 0, np.maximum(np.maximum(early, late), 0.15)).astype(np.float32)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
