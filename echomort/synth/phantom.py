"""A beating, speckled heart as a phased-array scanner shows it: exact volumes, four views, polar grid to pixels.

The left ventricle is an ellipsoid of revolution truncated at the mitral plane, its apex fixed. At emptying ``s`` (0 at
end-diastole, 1 at end-systole) its length is (1 - EF s)^0.25 and its radius (1 - EF s)^0.375 of the diastolic ones, so
that the volume is EDV (1 - EF s) exactly. Scatterers are complex Gaussian, fixed in the tissue and moved with it; their
sum over the point spread function has a Rayleigh envelope, which is log compressed and scan converted.

The left atrium lies in the plane of the apical and parasternal long-axis views. A short-axis cut at papillary level
does not pass through it: there the picture carries ejection fraction, size and wall alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse

VIEWS = ("apical_4", "parasternal_long", "apical_2", "short_axis_mid")
SYSTOLE = 0.38
"""Share of a beat from end-diastole to end-systole."""
TRUNCATION = 1.5
"""Length of the ventricle from apex to mitral plane, in long semi-axes."""
VOLUME_FACTOR = np.pi * 1.125
"""Volume of the truncated ellipsoid / (radius^2 x long semi-axis): pi times the integral of 1 - t^2 from -1 to 0.5."""

BLOOD, TISSUE, MUSCLE, BRIGHT = 0.03, 0.26, 0.65, 1.8
"""Scatterer amplitudes."""
EDGE_CM = 0.14
CHUNK = 6
"""Frames rendered together: small enough for the processor's cache."""
BANK = 1 << 21


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


@dataclass(frozen=True)
class Pose:
    """How the probe was held and the scanner set: depth factor, rotation (rad), shifts (cm), gain and range (dB)."""

    zoom: float = 1.0
    rotation: float = 0.0
    lateral: float = 0.0
    deeper: float = 0.0
    gain: float = 0.0
    dynamic_range: float = 54.0


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
SECTORS = {
    "small": Sector(300, 400, 17, 243, HALF_ANGLE, 160, 96),
    "full": Sector(600, 800, 34, 486, HALF_ANGLE, 256, 128),
}


@dataclass(frozen=True)
class Acquisition:
    """What was recorded: a view, the instants of its frames (s), and how."""

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


class Ventricle(NamedTuple):
    """Shape at given instants (cm): apex to mitral plane, largest radius, wall; and the two scales to diastole."""

    length: np.ndarray
    radius: np.ndarray
    wall: np.ndarray
    length_scale: np.ndarray
    radius_scale: np.ndarray

    @property
    def volume(self) -> np.ndarray:
        """mL."""
        return VOLUME_FACTOR * self.radius**2 * self.length / TRUNCATION


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
    return (clock - starts[beat]) / intervals[beat]


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


def draw_pose(generator: np.random.Generator, jitter: float) -> Pose:
    """Return a random pose; ``jitter`` 1 is a busy laboratory, 0.4 a careful one, 0 a phantom in a water tank."""
    draw = generator.uniform(-1, 1, 6) * jitter
    return Pose(
        zoom=1 + 0.09 * draw[0],
        rotation=float(np.deg2rad(8)) * draw[1],
        lateral=0.6 * draw[2],
        deeper=0.4 * draw[3],
        gain=4 * draw[4],
        dynamic_range=54 + 6 * draw[5],
    )


def render(heart: Heart, acquisition: Acquisition, generator: np.random.Generator) -> np.ndarray:
    """Return the cine loop of ``heart`` as uint8 (frames, rows, columns); pixels outside the sector are 0.

    Raises :class:`KeyError` for a view that is not in :data:`VIEWS`.
    """
    return scan_convert(render_polar(heart, acquisition, generator), acquisition.sector)


def render_polar(heart: Heart, acquisition: Acquisition, generator: np.random.Generator) -> np.ndarray:
    """Return the same loop before scan conversion: float32 (samples, lines, frames), grey levels 0..255."""
    phase = beat_phase(heart, acquisition.times, generator)
    plane = _plane(acquisition)
    speckle = _Speckle(plane, generator)
    chunks = []
    for first in range(0, len(phase), CHUNK):
        scene = _Scene(heart, acquisition.view, plane, phase[first : first + CHUNK])
        chunks.append(_compressed(scene.scatter(speckle), plane, acquisition.pose, speckle))
    return np.ascontiguousarray(np.concatenate(chunks).transpose(1, 2, 0))


def scan_convert(polar: np.ndarray, sector: Sector) -> np.ndarray:
    """Return (samples, lines, frames) as uint8 (frames, rows, columns), bilinear between beams and samples."""
    weights, inside = _scan_map(sector)
    values = weights @ polar.reshape(-1, polar.shape[-1])
    pixels = np.zeros((polar.shape[-1], sector.rows * sector.columns), np.uint8)
    pixels[:, inside] = values.astype(np.uint8).T
    return pixels.reshape(-1, sector.rows, sector.columns)


def cavity(heart: Heart, acquisition: Acquisition, at: float) -> np.ndarray:
    """Return where the left ventricle's cavity lies in the image at emptying ``at``: bool (rows, columns)."""
    along, across = _axes(heart, acquisition.view, _plane(acquisition))
    shape = _shape(heart, np.array([at], np.float32))
    inside = _ventricle_distance(acquisition.view, along, across, shape) < 0
    if acquisition.view != "short_axis_mid":
        inside &= along < shape.length
    return scan_convert(inside.astype(np.float32).transpose(1, 2, 0) * 255, acquisition.sector)[0] > 127


class _Plane(NamedTuple):
    """The polar grid in the heart's own plane: lateral and depth (cm, (samples, lines)), and depth below the probe."""

    x: np.ndarray
    z: np.ndarray
    range: np.ndarray


class _Speckle:
    """Scatterers fixed in tissue, noise, and the gain of each beam, for one loop."""

    SIDE = 512
    SPACING = 0.09

    def __init__(self, plane: _Plane, generator: np.random.Generator) -> None:
        offset = int(generator.integers(0, BANK - self.SIDE**2))
        self.field = _gaussian_bank()[offset : offset + self.SIDE**2]
        self.generator = generator
        lines = plane.x.shape[1]
        bumps = np.convolve(generator.normal(0, 1, lines + 14), np.hanning(15) / np.hanning(15).sum(), "valid")
        edge = np.minimum(np.arange(lines), np.arange(lines)[::-1]) / lines
        self.line_gain = (10 ** (bumps * 5 / 20) * np.clip(0.45 + edge * 8, 0, 1)).astype(np.float32)

    def at(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Scatterers (complex64) at material coordinates (cm)."""
        column = (x * (1 / self.SPACING) + 4096).astype(np.int32) & (self.SIDE - 1)
        row = (z * (1 / self.SPACING) + 4096).astype(np.int32) & (self.SIDE - 1)
        row *= self.SIDE
        row += column
        return self.field.take(row)

    def noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Receiver noise (complex64), new in every frame."""
        count = int(np.prod(shape))
        offset = int(self.generator.integers(0, BANK - count))
        return _gaussian_bank()[offset : offset + count].reshape(shape)


class _Shape(NamedTuple):
    """The moving dimensions, each (frames, 1, 1)."""

    length: np.ndarray
    radius: np.ndarray
    wall: np.ndarray
    length_scale: np.ndarray
    radius_scale: np.ndarray
    atrium: np.ndarray


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


@lru_cache(maxsize=1)
def _gaussian_bank() -> np.ndarray:
    """Unit complex Gaussians, the same in every process: loops cut their own pieces out of it."""
    generator = np.random.default_rng(20261123)
    parts = generator.standard_normal((BANK, 2), dtype=np.float32) * np.float32(np.sqrt(0.5))
    return parts.view(np.complex64)[:, 0]


@lru_cache(maxsize=4)
def _scan_map(sector: Sector) -> tuple[sparse.csr_array, np.ndarray]:
    """Bilinear weights (pixels inside, samples x lines) and the flat indices of the pixels inside."""
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


DEPTH_CM = {"apical_4": 17.5, "apical_2": 17.5, "parasternal_long": 15.0, "short_axis_mid": 14.0}


def _plane(acquisition: Acquisition) -> _Plane:
    view, sector, pose, depth = acquisition.view, acquisition.sector, acquisition.pose, acquisition.depth
    ranges = np.linspace(0, depth, sector.samples, dtype=np.float32)[:, None]
    angle = np.linspace(-sector.half_angle, sector.half_angle, sector.lines, dtype=np.float32)[None]
    x, z = ranges * np.sin(angle) - pose.lateral, ranges * np.cos(angle) - pose.deeper
    middle = DEPTH_CM[view] / 2
    cosine, sine = np.float32(np.cos(pose.rotation)), np.float32(np.sin(pose.rotation))
    turned_x = cosine * x - sine * (z - middle)
    turned_z = sine * x + cosine * (z - middle) + middle
    return _Plane(turned_x.astype(np.float32), turned_z.astype(np.float32), np.broadcast_to(ranges, x.shape))


def _shape(heart: Heart, at: np.ndarray) -> _Shape:
    left = ventricle(heart, at)
    reserve = 0.42 - 0.1 * np.clip((heart.la_volume - 55) / 55, -0.5, 1.5)
    atrial = heart.la_volume * (1 - reserve * (1 - at))
    atrium = (atrial / (4 / 3 * np.pi * 1.1)) ** (1 / 3)
    return _Shape(*(np.asarray(part, np.float32).reshape(-1, 1, 1) for part in (*left, atrium)))


def _axes(heart: Heart, view: str, plane: _Plane) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates from the apex along the ventricle's axis, and across it (positive to the free or posterior wall)."""
    still = ventricle(heart, np.zeros(1))
    length, radius = float(still.length[0]), float(still.radius[0])
    if view in ("apical_4", "apical_2"):
        return plane.z - 1.6, plane.x - (1.1 if view == "apical_4" else 0.0)
    top = 3.4 + heart.wall + radius  # the right ventricle lies above and does not give way
    if view == "parasternal_long":
        return plane.x - 1.2 + length, plane.z - top
    return plane.x - 0.5, plane.z - top


def _ventricle_distance(view: str, along: np.ndarray, across: np.ndarray, shape: _Shape) -> np.ndarray:
    """Distance (cm, first order) outwards from the endocardium: (frames, samples, lines)."""
    if view == "short_axis_mid":
        return np.sqrt(along**2 + across**2) - shape.radius
    semi = shape.length / TRUNCATION
    u, v = along / semi - 1, across / shape.radius
    squared = u * u + v * v
    u /= semi
    v /= shape.radius
    u *= u
    v *= v
    u += v
    return (squared - np.sqrt(squared)) / np.sqrt(u + 1e-6)


def _soft(distance: np.ndarray) -> np.ndarray:
    """1 where ``distance`` is negative, 0 where positive, smooth over the edge."""
    mask = distance * np.float32(-1 / EDGE_CM)
    mask += 0.5
    return np.clip(mask, 0, 1, out=mask)


def _ellipse(x: np.ndarray, z: np.ndarray, half_x: np.ndarray | float, half_z: np.ndarray | float) -> np.ndarray:
    return (np.sqrt((x / half_x) ** 2 + (z / half_z) ** 2) - 1) * ((half_x + half_z) / 2)


class _Scene:
    """The amplitude of the scatterers in a few consecutive frames: a canvas on which structures are painted in turn."""

    def __init__(self, heart: Heart, view: str, plane: _Plane, phase: np.ndarray) -> None:
        self.view, self.plane = view, plane
        self.shape = _shape(heart, emptying(phase, heart.regular))
        self.opening = valve_opening(phase, heart.regular).reshape(-1, 1, 1)
        self.along, self.across = _axes(heart, view, plane)
        self.distance = _ventricle_distance(view, self.along, self.across, self.shape)
        self.canvas = np.full((len(phase), *plane.x.shape), TISSUE, np.float32)

    def scatter(self, speckle: _Speckle) -> np.ndarray:
        """Scatterers times amplitude: complex64 (frames, samples, lines)."""
        _PAINTERS[self.view](self)
        self.canvas += 0.5 * np.exp(-((self.plane.range / 1.1) ** 2))  # clutter near the probe
        return speckle.at(*self._material()) * self.canvas

    def _material(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the tissue now at each point lies in diastole: moving with the wall, at rest far from it."""
        grip = 1 / (1 + np.maximum(self.distance, 0) * (1 / 1.6)) ** 2
        squeeze = (1 / self.shape.radius_scale - 1) * grip
        squeeze += 1
        if self.view == "short_axis_mid":
            return self.along * squeeze, self.across * squeeze
        beyond = self.along - self.shape.length
        carried = np.clip(np.minimum(self.along / self.shape.length, 1 - beyond * (1 / 6)), 0, 1)
        shift = self.shape.length * (1 / self.shape.length_scale - 1)
        return self.along + carried * shift, self.across * squeeze

    def paint(self, mask: np.ndarray, amplitude: float) -> None:
        """Blend ``amplitude`` in where ``mask`` is 1."""
        self.canvas += (amplitude - self.canvas) * mask

    def chamber(self, distance: np.ndarray, wall: float) -> None:
        """Paint a thin-walled chamber: blood where ``distance`` is negative, muscle around it."""
        self.paint(_soft(distance - wall), MUSCLE)
        self.paint(_soft(distance), BLOOD)

    def ventricle(self) -> None:
        """Paint the left ventricle: muscle, the bright pericardium on the free side, blood."""
        inside = _soft(self.along - self.shape.length) if self.view != "short_axis_mid" else np.float32(1)
        outer = self.distance - self.shape.wall
        pericardium = np.abs(outer - 0.22) - 0.11 + np.maximum(-self.across, 0)
        self.paint(_soft(pericardium) * inside, BRIGHT)
        self.paint(_soft(outer) * inside, MUSCLE)
        self.paint(_soft(self.distance) * inside, BLOOD)

    def atrium(self, across: float) -> None:
        """Paint the left atrium behind the mitral plane, its centre ``across`` cm off the axis."""
        length = self.shape.atrium * 1.1
        centre = self.along - (self.shape.length + length * 0.95)
        self.chamber(_ellipse(centre, self.across - across, length, self.shape.atrium), 0.25)

    def leaflets(self, across: float) -> None:
        """Paint two leaflets hinged at the annulus: tips together when closed, towards the walls when open."""
        hinge = 0.72 * self.shape.radius
        reach = -(0.35 + 1.5 * self.opening)
        drop = hinge * (0.78 * self.opening - 0.97)
        a, b = self.along - self.shape.length, np.abs(self.across - across) - hinge
        share = np.clip((a * reach + b * drop) / (reach**2 + drop**2), 0, 1)
        self.paint(_soft(np.hypot(a - share * reach, b - share * drop) - 0.09), 1.0)


def _apical_4(scene: _Scene) -> None:
    shape = scene.shape
    centre = scene.across + shape.radius + shape.wall + 1.45
    scene.chamber(_ellipse(scene.along - 0.56 * shape.length, centre, 0.46 * shape.length, 1.45), 0.3)
    scene.chamber(_ellipse(scene.along - shape.length - 2.0, centre + 0.2, 1.9, 1.75), 0.2)
    scene.paint(_soft(np.hypot(scene.along - shape.length + 0.3, centre * 0.07) - 0.09), 0.9)  # tricuspid valve
    _apical_2(scene)


def _apical_2(scene: _Scene) -> None:
    scene.atrium(0.0)
    scene.ventricle()
    scene.leaflets(0.0)


def _parasternal_long(scene: _Scene) -> None:
    shape = scene.shape
    right = _ellipse(scene.along - 0.6 * shape.length, scene.across + shape.radius + shape.wall + 0.8, 4.5, 0.75)
    scene.chamber(right, 0.3)
    scene.atrium(0.9)
    _aorta(scene)
    scene.ventricle()
    scene.leaflets(0.35)


def _aorta(scene: _Scene) -> None:
    """The root leaves the base towards the probe's side; its cusps close to one line in diastole."""
    beyond = scene.along - scene.shape.length
    height = scene.across + 1.35 + 0.15 * beyond
    outside = np.maximum(np.abs(height) - 1.45, -beyond - 0.2)
    scene.chamber(outside, 0.22)
    cusp = np.abs(np.abs(height) - 1.2 * (scene.opening <= 0)) - 0.07 + np.maximum(np.abs(beyond - 0.7) - 0.55, 0)
    scene.paint(_soft(cusp), 0.9)


def _short_axis_mid(scene: _Scene) -> None:
    shape = scene.shape
    bow = np.hypot(scene.along + 1.6, scene.across + 0.9) - (shape.radius + shape.wall + 0.9)
    scene.chamber(bow, 0.3)
    scene.ventricle()
    side = np.abs(scene.along) - 0.62 * shape.radius
    muscles = np.hypot(side, scene.across - 0.45 * shape.radius) - 0.26 * np.sqrt(shape.wall)
    scene.paint(_soft(muscles) * (scene.distance < 0), MUSCLE)


_PAINTERS: dict[str, Callable[[_Scene], None]] = {
    "apical_4": _apical_4,
    "apical_2": _apical_2,
    "parasternal_long": _parasternal_long,
    "short_axis_mid": _short_axis_mid,
}


def _compressed(signal: np.ndarray, plane: _Plane, pose: Pose, speckle: _Speckle) -> np.ndarray:
    """Point spread, attenuation, noise, envelope, log compression: float32 grey levels (frames, samples, lines)."""
    signal *= np.exp(-0.055 * plane.range).astype(np.float32) * speckle.line_gain
    signal = _spread(signal)
    signal += speckle.noise(signal.shape) * np.float32(0.012)
    power = signal.real**2
    power += signal.imag**2
    level = np.log10(power + 1e-7)
    level *= 10
    level += 38 + pose.gain + (pose.dynamic_range - 54)
    level *= 255 / pose.dynamic_range
    return np.clip(level, 0, 255, out=level)


def _spread(signal: np.ndarray) -> np.ndarray:
    """The point spread function: 3 samples along the beam, 5 beams across; unit energy keeps the speckle's power."""
    axial = signal * np.float32(0.76)
    axial[:, 1:] += signal[:, :-1] * np.float32(0.46)
    axial[:, :-1] += signal[:, 1:] * np.float32(0.46)
    lateral = axial * np.float32(0.62)
    for beams, weight in ((1, 0.48), (2, 0.27)):
        lateral[:, :, beams:] += axial[:, :, :-beams] * np.float32(weight)
        lateral[:, :, :-beams] += axial[:, :, beams:] * np.float32(weight)
    return lateral
