"""The heart's shapes and its beat: an exact volume law, in centimetres and millilitres.

The left ventricle is an ellipsoid of revolution truncated at the mitral plane, its apex fixed. At emptying ``s`` (0 at
end-diastole, 1 at end-systole) its length is (1 - EF s)^0.25 and its radius (1 - EF s)^0.375 of the diastolic ones, so
that the volume is EDV (1 - EF s) exactly.
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


@dataclass(frozen=True)
class Heart:
    """What a picture shows: ejection fraction (0..1), end-diastolic volume and largest left atrial volume (mL), wall
    thickness in diastole (cm), beats a minute, and whether the rhythm is regular."""

    ef: float
    edv: float
    la_volume: float
    wall: float
    heart_rate: float
    regular: bool = True


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


def ventricle(heart: Heart, emptying: np.ndarray) -> Ventricle:
    """Return the left ventricle at ``emptying`` (0 end-diastole .. 1 end-systole); the wall keeps its own volume."""
    slenderness = 3.5 - 1.1 * (0.6 - heart.ef)  # failing hearts are rounder
    radius = (heart.edv * TRUNCATION / (VOLUME_FACTOR * slenderness)) ** (1 / 3)
    remaining = (1 - heart.ef * np.asarray(emptying)).astype(np.float32)
    radius_scale, length_scale = remaining**0.375, remaining**0.25
    muscle = ((radius + heart.wall) ** 2 - radius**2) / length_scale
    inner = radius * radius_scale
    wall = np.sqrt(inner**2 + muscle) - inner
    return Ventricle(slenderness * radius * length_scale, inner, wall, length_scale, radius_scale)


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
    """Return how far the mitral leaflets are open (0..1) at ``phase``: the E wave, then the A wave."""
    diastole = np.clip((phase - SYSTOLE) / (1 - SYSTOLE), 0, 1)
    early = np.exp(-(((diastole - 0.25) / 0.16) ** 2))
    late = 0.7 * np.exp(-(((diastole - 0.86) / 0.09) ** 2)) if atrial_kick else 0.0
    return np.where(phase < SYSTOLE, 0, np.maximum(np.maximum(early, late), 0.15)).astype(np.float32)


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
