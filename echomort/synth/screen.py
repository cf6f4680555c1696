"""What a scanner's screen shows round the sector, and the pictures that are no tissue loops.

Every identifier on it belongs to nobody. Text, logo, depth ticks and the electrocardiogram lie outside the sector, some
of them inside the box that the header gives for the region, as on real screens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from echomort.synth.beam import Acquisition, Sector, scan_convert
from echomort.synth.heart import Heart, beat_phase, emptying
from echomort.synth.phantom import render_polar

GREEN, AMBER, PALE, GREY = (70, 220, 90), (230, 190, 60), (205, 210, 205), (120, 120, 120)


@dataclass(frozen=True)
class Labels:
    """The texts of a screen."""

    hospital: str
    patient: str
    moment: str
    frame_rate: float
    depth: float
    heart_rate: float


def draw_surroundings(sector: Sector, labels: Labels) -> np.ndarray:
    """Return what lies round the sector as uint8 RGB (rows, columns, 3); black elsewhere."""
    image = Image.new("RGB", (sector.columns, sector.rows))
    pen, unit = ImageDraw.Draw(image), sector.rows / 300
    font = _font(max(8, int(8 * unit)))
    pen.text((4 * unit, 2 * unit), labels.hospital, PALE, font)
    pen.text((sector.columns * 0.60, 2 * unit), labels.patient, PALE, font)
    pen.text((sector.columns * 0.68, 11 * unit), labels.moment, PALE, font)
    for line, text in enumerate(
        (f"FR {labels.frame_rate:.0f}Hz", f"{labels.depth:.0f}cm", "2D", "68%", "C 50", "P Low")
    ):
        pen.text((4 * unit, (24 + 11 * line) * unit), text, AMBER if line < 2 else PALE, font)
    pen.text((sector.columns - 52 * unit, sector.rows - 50 * unit), f"{labels.heart_rate:.0f} bpm", GREEN, font)
    _logo(pen, sector, unit)
    _ticks(pen, sector, labels.depth, unit)
    _electrocardiogram(pen, sector, labels.heart_rate, unit)
    return np.asarray(image)


def split_planes(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return full-range Y (rows, columns) and Cb, Cr (rows, columns / 2) of an RGB image, as JPEG stores 4:2:2."""
    luma, blue, red = (np.asarray(band) for band in Image.fromarray(rgb).convert("YCbCr").split())
    return luma, np.ascontiguousarray(blue[:, ::2]), np.ascontiguousarray(red[:, ::2])


def draw_cursor(luma: np.ndarray) -> None:
    """Draw the bar that runs along the electrocardiogram into each frame of ``luma`` (frames, rows, columns)."""
    frames, rows, columns = luma.shape
    for frame in range(frames):
        at = int(columns * (0.08 + 0.8 * (frame + 1) / frames))
        luma[frame, int(rows * 0.905) : int(rows * 0.985), at : at + max(1, columns // 400)] = 200


def colour_flow(
    heart: Heart, acquisition: Acquisition, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a colour Doppler loop's Y (frames, rows, columns) and Cb, Cr (frames, rows, columns / 2), all uint8."""
    state = generator.bit_generator.state
    polar = render_polar(heart, acquisition, generator)
    generator.bit_generator.state = state
    emptied = emptying(beat_phase(heart, acquisition.times, generator), heart.regular)
    velocity = _velocity(polar, emptied, generator)
    speed = np.abs(velocity)
    luma = scan_convert(np.maximum(polar * (speed < 20), speed * 0.75), acquisition.sector)
    towards = scan_convert(np.maximum(velocity, 0), acquisition.sector)[:, :, ::2]
    away = scan_convert(np.maximum(-velocity, 0), acquisition.sector)[:, :, ::2]
    blue = 128 - towards * 0.28 + away * 0.45
    red = 128 + towards * 0.45 - away * 0.28
    return luma, blue.astype(np.uint8), red.astype(np.uint8)


def m_mode(heart: Heart, acquisition: Acquisition, generator: np.random.Generator) -> np.ndarray:
    """Return an M-mode picture: the middle beam through four seconds, uint8 (rows, columns)."""
    sector = acquisition.sector
    polar = render_polar(heart, replace(acquisition, times=np.arange(160) / 40), generator)
    beam = polar[:, polar.shape[1] // 2, :]
    x0, y0, x1, y1 = sector.box
    row = np.linspace(0, beam.shape[0] - 1, y1 - y0).astype(int)
    column = np.linspace(0, beam.shape[1] - 1, x1 - x0).astype(int)
    picture = np.zeros((sector.rows, sector.columns), np.uint8)
    picture[y0:y1, x0:x1] = beam[row][:, column]
    return picture


def spectrum(sector: Sector, heart_rate: float, generator: np.random.Generator) -> np.ndarray:
    """Return a pulsed-wave Doppler picture of mitral inflow, uint8 (rows, columns)."""
    x0, y0, x1, y1 = sector.box
    seconds = np.linspace(0, 4, x1 - x0)
    phase = seconds * heart_rate / 60 % 1
    early, late = np.exp(-(((phase - 0.5) / 0.09) ** 2)), 0.7 * np.exp(-(((phase - 0.88) / 0.06) ** 2))
    height = np.linspace(1, -0.4, y1 - y0)[:, None]
    profile = np.maximum(early, late)[None] * 0.8
    power = np.exp(-(((height - profile * 0.85) / 0.07) ** 2)) * (profile > 0.05) + 0.08 * (height < profile) * (
        height > 0
    )
    grain = generator.exponential(1, power.shape)
    picture = np.zeros((sector.rows, sector.columns), np.uint8)
    picture[y0:y1, x0:x1] = np.clip(235 * np.sqrt(power * grain), 0, 255)
    picture[y0 + int((y1 - y0) / 1.4), x0:x1] = 160
    return picture


def scroll(picture: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Return a recording that scrolls across the screen: uint8 (frames, rows, columns)."""
    x0, y0, x1, y1 = acquisition.sector.box
    frames = np.repeat(picture[None], len(acquisition.times), axis=0)
    for frame, seconds in enumerate(acquisition.times):
        shift = int(seconds / 4 * (x1 - x0))
        frames[frame, y0:y1, x0:x1] = np.roll(picture[y0:y1, x0:x1], -shift, axis=1)
    return frames


def _velocity(polar: np.ndarray, emptied: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return flow in a box over the blood: signed 0..255 (samples, lines, frames), towards the probe in filling."""
    samples, lines, _ = polar.shape
    velocity = np.zeros_like(polar)
    deep, wide = slice(samples // 3, samples * 4 // 5), slice(lines // 3, lines * 3 // 4)
    blood = polar[deep, wide] < 70
    direction = np.where(np.gradient(emptied) > 0, -1, 1).astype(np.float32)
    grain = generator.uniform(0.6, 1.0, (*blood.shape[:2], 1)).astype(np.float32)
    velocity[deep, wide] = blood * direction * grain * 230
    return velocity


def _logo(pen: ImageDraw.ImageDraw, sector: Sector, unit: float) -> None:
    centre, top = sector.columns / 2, sector.apex_row
    pen.ellipse([centre - 30 * unit, top, centre - 22 * unit, top + 8 * unit], outline=AMBER)
    pen.text((centre - 28 * unit, top - 1), "P", AMBER, _font(max(8, int(8 * unit))))


def _ticks(pen: ImageDraw.ImageDraw, sector: Sector, depth: float, unit: float) -> None:
    x = sector.box[2] + 8 * unit
    for centimetre in range(int(depth) + 1):
        y = sector.apex_row + centimetre / depth * sector.radius
        size = (2.0 if centimetre % 5 == 0 else 1.0) * unit
        pen.rectangle([x, y, x + size, y + size / 2], fill=PALE)
        if centimetre % 5 == 0 and centimetre:
            pen.text((x + 6 * unit, y - 4 * unit), str(centimetre), GREY, _font(max(8, int(8 * unit))))


def _electrocardiogram(pen: ImageDraw.ImageDraw, sector: Sector, heart_rate: float, unit: float) -> None:
    x = np.linspace(sector.columns * 0.08, sector.columns * 0.88, 400)
    phase = np.linspace(0, 3 * heart_rate / 60, 400) % 1
    waves = ((0.80, 0.025, 0.15), (0.955, 0.008, -0.15), (0.98, 0.012, 1.0), (0.01, 0.010, -0.25), (0.30, 0.05, 0.3))
    voltage = np.sum([height * np.exp(-(((phase - at) / width) ** 2)) for at, width, height in waves], axis=0)
    y = sector.rows * 0.97 - voltage * 14 * unit
    pen.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=GREEN)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
