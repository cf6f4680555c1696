"""The scanner: probe and sector, speckle, point spread, log compression, and from beams to pixels.

Scatterers are complex Gaussian, fixed in the tissue and moved with it; their sum over the point spread function has a
Rayleigh envelope, which is log compressed and scan converted.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse

DEPTH_CM = {"apical_4": 17.5, "apical_2": 17.5, "parasternal_long": 15.0, "short_axis_mid": 14.0}
"""Depth of the picture in each view."""
BANK = 1 << 21
"""Complex Gaussians drawn once, from which every loop takes its scatterers and noise."""


@dataclass(frozen=True)
class Pose:
    """How the probe was held and the scanner set: depth factor, rotation (rad), shifts (cm), gain and range (dB).

    ``breath``: how far breathing shifts the heart to either side (cm), and ``contact`` by how much it changes the gain
    (dB), both in a sine of period ``breath_seconds`` that starts at ``breath_phase`` (0..1).
    """

    zoom: float = 1.0
    rotation: float = 0.0
    lateral: float = 0.0
    deeper: float = 0.0
    gain: float = 0.0
    dynamic_range: float = 54.0
    breath: float = 0.0
    contact: float = 0.0
    breath_phase: float = 0.0
    breath_seconds: float = 4.0

    def breathing(self, times: np.ndarray) -> np.ndarray:
        """Return the course of breathing at ``times`` (s): -1 to 1."""
        return np.sin(2 * np.pi * (times / self.breath_seconds + self.breath_phase))


@dataclass(frozen=True)
class Sector:
    """Where the sector lies in the image, in pixels, and the polar grid it is made from."""

    rows: int
    columns: int
    apex_row: float
    radius: float
    half_angle: float
    samples: int
    lines: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) of the smallest box that holds the sector, bounds included."""
        reach = self.radius * np.sin(self.half_angle)
        centre = self.columns / 2
        return (
            int(centre - reach) - 2,
            int(self.apex_row) - 2,
            int(np.ceil(centre + reach)) + 2,
            int(np.ceil(self.apex_row + self.radius)) + 1,
        )


HALF_ANGLE = float(np.deg2rad(42))
"""Half of the sector's opening (rad): a phased array's 84 degrees."""
SECTORS = {
    "small": Sector(300, 400, 17, 243, HALF_ANGLE, 160, 96),
    "full": Sector(600, 800, 34, 486, HALF_ANGLE, 256, 128),
}


@dataclass(frozen=True)
class Acquisition:
    """What was recorded: the view, the times of its frames (s), the sector and the pose."""

    view: str
    times: np.ndarray
    sector: Sector
    pose: Pose

    @property
    def depth(self) -> float:
        """Depth of the picture in cm."""
        return DEPTH_CM[self.view] * self.pose.zoom

    @property
    def frame_rate(self) -> float:
        """Frames a second on average; 0 for a single frame."""
        return (len(self.times) - 1) / float(self.times[-1] - self.times[0]) if len(self.times) > 1 else 0.0

    @property
    def cm_per_pixel(self) -> float:
        """Size of a (square) pixel."""
        return self.depth / self.sector.radius


BREATH_CM = 1.5
"""How far breathing shifts the heart to either side in a busy laboratory, on average (cm). Chosen here: the diaphragm
moves one to two centimetres in quiet breathing."""
CONTACT_DB = 6.0
"""By how much the probe's contact changes the gain with breathing in a busy laboratory, on average (dB). Chosen here.
Both make frames differ for another reason than the beat, so that a loop is more than the set of its frames."""
BREATH_SECONDS = 3.0, 5.0
"""Shortest and longest breath (s): 12 to 20 a minute, as adults at rest breathe."""


def draw_pose(generator: np.random.Generator, jitter: float) -> Pose:
    """Return a random pose; ``jitter`` 1 is a busy laboratory, 0.4 a careful one, 0 a phantom in a water tank."""
    draw = generator.uniform(-1, 1, 6) * jitter
    breath = [float(part) for part in generator.uniform(size=4)]
    return Pose(
        zoom=1 + 0.09 * draw[0],
        rotation=float(np.deg2rad(8)) * draw[1],
        lateral=0.6 * draw[2],
        deeper=0.4 * draw[3],
        gain=4 * draw[4],
        dynamic_range=54 + 6 * draw[5],
        breath=BREATH_CM * jitter * (0.5 + breath[0]),
        contact=CONTACT_DB * jitter * (0.5 + breath[1]),
        breath_phase=breath[2],
        breath_seconds=float(np.interp(breath[3], (0, 1), BREATH_SECONDS)),
    )


class Plane(NamedTuple):
    """The polar grid in the heart's own plane: lateral and depth (cm, (samples, lines)), and depth below the probe."""

    x: np.ndarray
    z: np.ndarray
    range: np.ndarray


def polar_plane(acquisition: Acquisition) -> Plane:
    """Return the polar grid of ``acquisition`` in the heart's own plane."""
    view, sector, pose, depth = acquisition.view, acquisition.sector, acquisition.pose, acquisition.depth
    ranges = np.linspace(0, depth, sector.samples, dtype=np.float32)[:, None]
    angle = np.linspace(-sector.half_angle, sector.half_angle, sector.lines, dtype=np.float32)[None]
    x, z = ranges * np.sin(angle) - pose.lateral, ranges * np.cos(angle) - pose.deeper
    middle = DEPTH_CM[view] / 2
    cosine, sine = np.float32(np.cos(pose.rotation)), np.float32(np.sin(pose.rotation))
    turned_x = cosine * x - sine * (z - middle)
    turned_z = sine * x + cosine * (z - middle) + middle
    return Plane(turned_x.astype(np.float32), turned_z.astype(np.float32), np.broadcast_to(ranges, x.shape))


class Speckle:
    """Scatterers fixed in tissue, noise, and the gain of each beam, for one loop."""

    SIDE = 512
    """Scatterers along either side of the field, which repeats beyond it; a power of two."""
    SPACING = 0.09
    """Distance of neighbouring scatterers (cm)."""

    def __init__(self, plane: Plane, generator: np.random.Generator) -> None:
        offset = int(generator.integers(0, BANK - self.SIDE**2))
        self.field = _gaussian_bank()[offset : offset + self.SIDE**2]
        self.generator = generator
        lines = plane.x.shape[1]
        bumps = np.convolve(generator.normal(0, 1, lines + 14), np.hanning(15) / np.hanning(15).sum(), "valid")
        edge = np.minimum(np.arange(lines), np.arange(lines)[::-1]) / lines
        self.line_gain = (10 ** (bumps * 5 / 20) * np.clip(0.45 + edge * 8, 0, 1)).astype(np.float32)

    def at(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the scatterers (complex64) at material coordinates (cm)."""
        column = (x * (1 / self.SPACING) + 4096).astype(np.int32) & (self.SIDE - 1)
        row = (z * (1 / self.SPACING) + 4096).astype(np.int32) & (self.SIDE - 1)
        row *= self.SIDE
        row += column
        return self.field.take(row)

    def noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return receiver noise (complex64), new in every frame."""
        count = int(np.prod(shape))
        offset = int(self.generator.integers(0, BANK - count))
        return _gaussian_bank()[offset : offset + count].reshape(shape)


def form_image(signal: np.ndarray, plane: Plane, pose: Pose, speckle: Speckle, breathing: np.ndarray) -> np.ndarray:
    """Return float32 grey levels (frames, samples, lines) of ``signal``, which is overwritten; ``breathing`` (frames,)
    is that of the pose."""
    signal *= np.exp(-0.055 * plane.range).astype(np.float32) * speckle.line_gain
    signal = _spread(signal)
    signal += speckle.noise(signal.shape) * np.float32(0.012)
    power = signal.real**2
    power += signal.imag**2
    level = np.log10(power + 1e-7)
    level *= 10
    level += 38 + pose.gain + (pose.dynamic_range - 54)
    level += np.float32(pose.contact) * breathing.astype(np.float32)[:, None, None]
    level *= 255 / pose.dynamic_range
    return np.clip(level, 0, 255, out=level)


def _spread(signal: np.ndarray) -> np.ndarray:
    """Apply the point spread function: 3 samples along the beam, 5 beams across, of unit energy."""
    axial = signal * np.float32(0.76)
    axial[:, 1:] += signal[:, :-1] * np.float32(0.46)
    axial[:, :-1] += signal[:, 1:] * np.float32(0.46)
    lateral = axial * np.float32(0.62)
    for beams, weight in ((1, 0.48), (2, 0.27)):
        lateral[:, :, beams:] += axial[:, :, :-beams] * np.float32(weight)
        lateral[:, :, :-beams] += axial[:, :, beams:] * np.float32(weight)
    return lateral


def scan_convert(polar: np.ndarray, sector: Sector) -> np.ndarray:
    """Return (samples, lines, frames) as uint8 (frames, rows, columns), bilinear between beams and samples."""
    weights, inside = _scan_map(sector)
    values = weights @ polar.reshape(-1, polar.shape[-1])
    pixels = np.zeros((polar.shape[-1], sector.rows * sector.columns), np.uint8)
    pixels[:, inside] = values.astype(np.uint8).T
    return pixels.reshape(-1, sector.rows, sector.columns)


@lru_cache(maxsize=4)
def _scan_map(sector: Sector) -> tuple[sparse.csr_array, np.ndarray]:
    """Return bilinear weights (pixels inside, samples x lines) and the flat indices of the pixels inside."""
    row, column = np.mgrid[: sector.rows, : sector.columns]
    x, z = column + 0.5 - sector.columns / 2, row + 0.5 - sector.apex_row
    sample = np.hypot(x, z) / sector.radius * (sector.samples - 1)
    line = (np.arctan2(x, z) / sector.half_angle + 1) / 2 * (sector.lines - 1)
    inside = np.flatnonzero((sample <= sector.samples - 1) & (line >= 0) & (line <= sector.lines - 1))
    sample, line = sample.ravel()[inside], line.ravel()[inside]
    first = np.minimum(sample.astype(int), sector.samples - 2)
    beam = np.minimum(line.astype(int), sector.lines - 2)
    down, right = sample - first, line - beam
    corner = first * sector.lines + beam
    weights = np.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], 1)
    indices = np.stack([corner, corner + 1, corner + sector.lines, corner + sector.lines + 1], 1)
    starts = np.arange(0, 4 * len(inside) + 1, 4)
    shape = (len(inside), sector.samples * sector.lines)
    return sparse.csr_array((weights.astype(np.float32).ravel(), indices.ravel(), starts), shape), inside


@lru_cache(maxsize=1)
def _gaussian_bank() -> np.ndarray:
    """Return unit complex Gaussians, the same in every process; each loop takes a piece of them."""
    generator = np.random.default_rng(20261123)
    parts = generator.standard_normal((BANK, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))
    return parts.view(np.complex64)[:, 0]
