"""From one object to one clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from echomort.dicom import colour, regions
from echomort.dicom.frames import Frames, open_frames
from echomort.dicom.headers import MAX_INFLATED_BYTES, Header, boundary, opened
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.regions import Box
from echomort.dicom.timing import blend, resample
from echomort.settings import ClipSettings

LOOKS = 12
"""Frames, evenly spread over those the clip needs, from which the sector is found."""

COLOUR_LOOKS = 4


@dataclass(frozen=True)
class Clip:
    """A clip and where it came from.

    ``pixels`` is uint8 (frames, height, width): grey, 0 outside the sector; ``sector`` is bool (height, width);
    ``frames`` counts the frames in the file; ``region`` is the tissue region (x0, y0, x1, y1), corners inclusive;
    ``outline`` is the sector's polygon, float (n, 2), in pixels of the image.
    """

    pixels: np.ndarray = field(repr=False)
    fps: float
    fps_source: str
    frames: int
    region: Box
    view: str
    view_source: str
    notes: tuple[str, ...] = ()
    sector: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool), repr=False)
    outline: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)), repr=False)


def read_clip(path: Path | str, settings: ClipSettings | None = None) -> Clip:
    """Return the clip of the cine loop at ``path``, or raise :class:`Rejected` with the reason; nothing else.

    The tissue region is cut out, all outside the sector is made 0, and each frame needed is scaled into
    height x width with its physical aspect kept (bars of 0 on two sides), then resampled in time to ``settings.fps``
    and cut or padded with zeros at its end. A file of unknown origin belongs in :func:`read_clips`, which adds limits
    of time and memory.
    """
    with boundary(Reason.UNREADABLE), opened(path, MAX_INFLATED_BYTES) as source:
        try:
            return _clip(open_frames(source), settings or ClipSettings())
        except Rejected as error:
            raise Rejected(error.reason, error.detail, source.header) from error


def lit_outside_sector(clip: Clip) -> int:
    """Return how many pixels of ``clip`` are lit outside its sector: 0, always."""
    return int(np.count_nonzero(clip.pixels[:, ~clip.sector]))


def _clip(frames: Frames, settings: ClipSettings) -> Clip:
    header = frames.header
    timing = header.timing
    plan = resample(header.frames, timing.fps or 0.0, timing.times, settings.fps, settings.frames)
    declared, notes = regions.declared_box(header)
    looks = _looks(frames, plan.needed)
    sector = regions.find_sector(looks, declared)
    region = declared or regions.bounding_box(sector, header.rows, header.columns)
    mask = regions.without_overlays(sector.mask(header.rows, header.columns), looks)
    notes += _refuse_colour(frames, plan.needed, mask, settings)
    aspect, aspect_notes = regions.pixel_aspect(header, region)
    placed = Placing.of(region, aspect, settings)
    small = {index: placed.shrink(frames.luma(index), mask, settings.resize) for index in plan.needed}
    pixels = np.zeros(settings.shape, np.uint8)
    moved = blend(small, plan)
    pixels[: len(moved), placed.rows, placed.columns] = moved
    shape = np.zeros(settings.shape[1:], bool)
    shape[placed.rows, placed.columns] = placed.shrink(np.where(mask, 255, 0).astype(np.uint8), mask, "area") > 0
    pixels[:, ~shape] = 0
    return Clip(
        pixels=pixels,
        fps=timing.fps or 0.0,
        fps_source=timing.source,
        frames=header.frames,
        region=region,
        view=header.view,
        view_source=header.view_source,
        notes=tuple((*header.notes, *timing.notes, *frames.notes, *notes, *aspect_notes, *_short(header, settings))),
        sector=shape,
        outline=sector.outline,
    )


def _looks(frames: Frames, needed: Sequence[int]) -> np.ndarray:
    chosen = sorted({needed[round(at)] for at in np.linspace(0, len(needed) - 1, min(LOOKS, len(needed)))})
    return np.stack([frames.luma(index) for index in chosen])


def _refuse_colour(frames: Frames, needed: Sequence[int], mask: np.ndarray, settings: ClipSettings) -> list[str]:
    """Colour flow pulses with the heart, so several moments are looked at."""
    chosen = sorted({needed[round(at)] for at in np.linspace(0, len(needed) - 1, min(COLOUR_LOOKS, len(needed)))})
    for index in chosen:
        rgb = frames.colour(index)
        if rgb is not None and colour.flow_share(rgb, mask) > colour.MIN_FLOW_SHARE:
            if settings.colour == "reject":
                raise Rejected(Reason.COLOUR_DOPPLER)
            return ["colour_doppler_kept"]
    return []


def _short(header: Header, settings: ClipSettings) -> list[str]:
    seconds = header.frames / (header.timing.fps or 1.0)
    notes = ["shorter_than_a_second"] if seconds < 1 else []
    return [*notes, "padded"] if round(seconds * settings.fps) < settings.frames else notes


@dataclass(frozen=True)
class Placing:
    """Where in the clip's frame the region goes: scaled alike in both directions, centred."""

    region: Box
    rows: slice
    columns: slice

    @classmethod
    def of(cls, region: Box, aspect: float, settings: ClipSettings) -> Placing:
        """Fit a region whose pixels are ``aspect`` times as high as wide into the clip's frame."""
        across, down = region[2] - region[0] + 1, (region[3] - region[1] + 1) * aspect
        scale = min(settings.width / across, settings.height / down)
        width, height = max(1, round(across * scale)), max(1, round(down * scale))
        left, top = (settings.width - width) // 2, (settings.height - height) // 2
        return cls(region, slice(top, top + height), slice(left, left + width))

    def shrink(self, luma: np.ndarray, mask: np.ndarray, filter_name: str) -> np.ndarray:
        """Return the region of ``luma``, 0 outside ``mask``, scaled to its place: uint8 (height, width)."""
        x0, y0, x1, y1 = self.region
        inside = slice(y0, y1 + 1), slice(x0, x1 + 1)
        cut = luma[inside] * mask[inside]
        size = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return FILTERS[filter_name](cut, *size)


def _area(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Mean over the area of each new pixel."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def _linear(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear between the four nearest pixel centres, without a low-pass, as OpenCV's INTER_LINEAR."""
    (top, bottom, down), (left, right, along) = (
        _neighbours(old, new) for old, new in zip(picture.shape, (height, width), strict=True)
    )
    rows = picture[top].astype(np.float32) * (1 - down)[:, None] + picture[bottom] * down[:, None]
    blended = rows[:, left] * (1 - along) + rows[:, right] * along
    return (blended + 0.5).astype(np.uint8)


def _neighbours(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    before = np.floor(centre).astype(np.intp)
    return before, np.minimum(before + 1, old - 1), (centre - before).astype(np.float32)


FILTERS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {"area": _area, "linear": _linear}
