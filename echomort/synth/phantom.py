"""A beating, speckled heart as a phased-array scanner shows it, in four views.

The left atrium lies in the plane of the apical and parasternal long-axis views. A short-axis cut at papillary level
does not pass through it: there the picture carries ejection fraction, size and wall alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from echomort.synth.beam import DEPTH_CM, Acquisition, Plane, Speckle, form_image, polar_plane, scan_convert
from echomort.synth.heart import TRUNCATION, Heart, beat_phase, emptying, tilt, valve_opening, ventricle

VIEWS = tuple(DEPTH_CM)
BLOOD, TISSUE, MUSCLE, BRIGHT = 0.03, 0.26, 0.65, 1.8
"""Scatterer amplitudes: relative echo of each tissue, blood nearly black."""
EDGE_CM = 0.14
"""Width over which a structure's edge blends into its surroundings (cm)."""
AXIS_DEPTH = 6.7
"""Depth of the left ventricle's axis below the probe in parasternal views (cm), under the chest wall and the right
ventricle."""
CHUNK = 6
"""Frames rendered together: small enough for the processor's cache."""


def render(heart: Heart, acquisition: Acquisition, generator: np.random.Generator) -> np.ndarray:
    """Return the cine loop of ``heart`` as uint8 (frames, rows, columns); pixels outside the sector are 0.

    Raises :class:`KeyError` for a view that is not in :data:`VIEWS`.
    """
    return scan_convert(render_polar(heart, acquisition, generator), acquisition.sector)


def render_polar(heart: Heart, acquisition: Acquisition, generator: np.random.Generator) -> np.ndarray:
    """Return the same loop before scan conversion: float32 (samples, lines, frames), grey levels 0..255."""
    phase = beat_phase(heart, acquisition.times, generator)
    plane = polar_plane(acquisition)
    speckle = Speckle(plane, generator)
    chunks = []
    breathing = acquisition.pose.breathing(acquisition.times)
    for first in range(0, len(phase), CHUNK):
        frames = slice(first, first + CHUNK)
        moved = _shifted(plane, acquisition.pose.breath * breathing[frames])
        scene = _Scene(heart, acquisition.view, moved, phase[frames])
        chunks.append(form_image(scene.scatter(speckle), plane, acquisition.pose, speckle, breathing[frames]))
    return np.ascontiguousarray(np.concatenate(chunks).transpose(1, 2, 0))


def _shifted(plane: Plane, shift: np.ndarray) -> Plane:
    """Return ``plane`` as a heart sees it that lies ``shift`` (frames,) cm deeper and half as much to the side."""
    down = shift.astype(np.float32)[:, None, None]
    return Plane(plane.x - down / 2, plane.z - down, plane.range)


def cavity(heart: Heart, acquisition: Acquisition, at: float) -> np.ndarray:
    """Return where the left ventricle's cavity lies in the image at emptying ``at``: bool (rows, columns)."""
    along, across = _axes(acquisition.view, polar_plane(acquisition))
    shape = _shape(heart, np.array([at], np.float32), 0.0)
    inside = _ventricle_distance(acquisition.view, along, across, shape) < 0
    if acquisition.view != "short_axis_mid":
        inside &= along < shape.length
    grey = inside.astype(np.float32).transpose(1, 2, 0) * 255
    return np.asarray(scan_convert(grey, acquisition.sector)[0] > 127)


class _Shape(NamedTuple):
    """The moving dimensions: radius, wall and radius_scale at each pixel's side of the ventricle, (frames, samples,
    lines) or less; the others (frames, 1, 1)."""

    length: np.ndarray
    radius: np.ndarray
    wall: np.ndarray
    length_scale: np.ndarray
    radius_scale: np.ndarray
    atrium: np.ndarray


def _shape(heart: Heart, at: np.ndarray, skew: np.ndarray | float) -> _Shape:
    at = at.reshape(-1, 1, 1)
    left = ventricle(heart, at, skew)
    reserve = 0.42 - 0.1 * np.clip((heart.la_volume - 55) / 55, -0.5, 1.5)
    atrial = heart.la_volume * (1 - reserve * (1 - at))
    atrium = (atrial / (4 / 3 * np.pi * 1.1)) ** (1 / 3)
    return _Shape(*(np.asarray(part, np.float32) for part in (*left, atrium)))


def _towards_free_wall(view: str, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the cosine of the angle around the ventricle's axis to the free wall: float32 (samples, lines)."""
    if view == "short_axis_mid":
        return np.asarray(across / (np.hypot(along, across) + 1e-3), np.float32)
    return np.asarray(np.sign(across))


def _axes(view: str, plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates from the apex along the ventricle's axis, and across it (positive to the free wall). Where the
    apex and the axis lie is the same in all hearts: else a still frame would tell the size in diastole."""
    if view in ("apical_4", "apical_2"):
        return plane.z - 1.6, plane.x - (1.1 if view == "apical_4" else 0.0)
    if view == "parasternal_long":
        return plane.x + 6.8, plane.z - AXIS_DEPTH
    return plane.x - 0.5, plane.z - AXIS_DEPTH


def _ventricle_distance(view: str, along: np.ndarray, across: np.ndarray, shape: _Shape) -> np.ndarray:
    """Return the distance (cm, first order) outwards from the endocardium: (frames, samples, lines)."""
    if view == "short_axis_mid":
        return np.asarray(np.sqrt(along**2 + across**2) - shape.radius)
    semi = shape.length / TRUNCATION
    u, v = along / semi - 1, across / shape.radius
    squared = u * u + v * v
    u /= semi
    v /= shape.radius
    u *= u
    v *= v
    u += v
    return np.asarray((squared - np.sqrt(squared)) / np.sqrt(u + 1e-6))


def _soft(distance: np.ndarray) -> np.ndarray:
    """Return 1 where ``distance`` is negative, 0 where positive, smooth over the edge."""
    mask = distance * np.float32(-1 / EDGE_CM)
    mask += 0.5
    return np.clip(mask, 0, 1, out=mask)


def _ellipse(x: np.ndarray, z: np.ndarray, half_x: np.ndarray | float, half_z: np.ndarray | float) -> np.ndarray:
    return (np.sqrt((x / half_x) ** 2 + (z / half_z) ** 2) - 1) * ((half_x + half_z) / 2)


class _Scene:
    """The scatterers' amplitude in a few consecutive frames: a canvas on which structures are painted one by one."""

    def __init__(self, heart: Heart, view: str, plane: Plane, phase: np.ndarray) -> None:
        self.view, self.plane = view, plane
        self.along, self.across = _axes(view, plane)
        emptied, tilted = emptying(phase, heart.regular), tilt(heart, phase).reshape(-1, 1, 1)
        self.shape = _shape(heart, emptied, tilted * _towards_free_wall(view, self.along, self.across))
        self.mean = _shape(heart, emptied, 0.0)
        self.septal = _shape(heart, emptied, -tilted)
        self.opening = heart.opening * valve_opening(phase, heart.regular).reshape(-1, 1, 1)
        self.distance = _ventricle_distance(view, self.along, self.across, self.shape)
        self.canvas = np.full((len(phase), *plane.range.shape), TISSUE, np.float32)

    def scatter(self, speckle: Speckle) -> np.ndarray:
        """Return scatterers times amplitude: complex64 (frames, samples, lines)."""
        _PAINTERS[self.view](self)
        self.canvas += 0.5 * np.exp(-((self.plane.range / 1.1) ** 2))  # clutter near the probe
        return speckle.at(*self._material()) * self.canvas

    def _material(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the tissue at each point lies in diastole: it moves with the wall and rests far from it."""
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
        hinge = 0.72 * self.mean.radius
        reach = -(0.35 + 1.5 * self.opening)
        drop = hinge * (0.78 * self.opening - 0.97)
        a, b = self.along - self.shape.length, np.abs(self.across - across) - hinge
        share = np.clip((a * reach + b * drop) / (reach**2 + drop**2), 0, 1)
        self.paint(_soft(np.hypot(a - share * reach, b - share * drop) - 0.09), 1.0)


def _apical_4(scene: _Scene) -> None:
    shape = scene.septal
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
    shape = scene.septal
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
    septal, mean = scene.septal, scene.mean
    bow = np.hypot(scene.along + 1.6, scene.across + 0.9) - (septal.radius + septal.wall + 0.9)
    scene.chamber(bow, 0.3)
    scene.ventricle()
    side = np.abs(scene.along) - 0.62 * mean.radius
    muscles = np.hypot(side, scene.across - 0.45 * mean.radius) - 0.26 * np.sqrt(mean.wall)
    scene.paint(_soft(muscles) * (scene.distance < 0), MUSCLE)


_PAINTERS: dict[str, Callable[[_Scene], None]] = {
    "apical_4": _apical_4,
    "apical_2": _apical_2,
    "parasternal_long": _parasternal_long,
    "short_axis_mid": _short_axis_mid,
}
