"""From one object to one clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.philips import NativeEcho, open_native
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import MAX_INFLATED_BYTES, boundary, opened
from echomort.dicom.header.regions import COLOUR_FLOW, Box, declared_box, pixel_aspect
from echomort.dicom.header.timing import Resampling, blend, resample
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.scaling import Placing, Scaler
from echomort.dicom.tissue import colour
from echomort.dicom.tissue.lettering import without_lettering
from echomort.dicom.tissue.sector import Looks, find_sector, without_overlays
from echomort.settings import ClipSettings

LOOKS = 12
"""At most so many moments, evenly spaced over the frames that the clip needs, show the sector."""

COLOUR_LOOKS = (0, 2, 3, 5, 7, 8, 10)
"""Which of the looks are searched for colour flow, which comes and goes with the beat: no two in a row are left out,
and they are unevenly apart, so that no heart rate hides it from all. Where a tag declares colour, all are searched."""


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


@dataclass(frozen=True)
class _Sight:
    """What was seen of the loop before the clip is made: where to cut, what to blank, what was odd."""

    placing: Placing
    mask: np.ndarray
    outline: np.ndarray
    notes: tuple[str, ...]


def read_clip(path: Path | str, settings: ClipSettings | None = None) -> Clip:
    """Return the clip of the cine loop at ``path``, or raise :class:`Rejected` with the reason; nothing else.

    The tissue region is cut out, all outside the sector is made 0, and each frame needed is scaled into
    height x width with its physical aspect kept (bars of 0 on two sides), then resampled in time to ``settings.fps``
    and cut or padded with zeros at its end. A file of unknown origin belongs in :func:`read_clips`, which adds limits
    of time and memory.
    """
    with boundary(Reason.UNREADABLE), opened(path, MAX_INFLATED_BYTES) as source:
        try:
            wanted = settings or ClipSettings()
            return _clip(open_native(source) if wanted.source == "raw" else open_frames(source), wanted)
        except Rejected as error:
            raise Rejected(error.reason, error.detail, source.header) from error


def lit_outside_sector(clip: Clip) -> int:
    """Return how many pixels of ``clip`` are lit outside its sector: 0, always."""
    return int(np.count_nonzero(clip.pixels[:, ~clip.sector]))


def _clip(frames: Frames, settings: ClipSettings) -> Clip:
    header, timing = frames.header, frames.header.timing
    plan = resample(header.frames, timing.fps or 0.0, timing.times, settings.fps, settings.frames)
    seen = {index: frames.luma(index) for index in plan.needed[:: -(-len(plan.needed) // LOOKS)]}
    sight = _native(frames, settings) if isinstance(frames, NativeEcho) else _see(frames, seen, settings)
    pixels, sector = _pixels(frames, seen, plan, sight, settings)
    return Clip(
        pixels=pixels,
        fps=timing.fps or 0.0,
        fps_source=timing.source,
        frames=header.frames,
        region=sight.placing.region,
        view=header.view,
        view_source=header.view_source,
        notes=(*header.notes, *timing.notes, *frames.notes, *sight.notes, *_length_notes(header, settings)),
        sector=sector,
        outline=sight.outline,
    )


def _see(frames: Frames, seen: dict[int, np.ndarray], settings: ClipSettings) -> _Sight:
    header, looks = frames.header, Looks.at(seen.values())
    declared, notes = declared_box(header)
    aspect, aspect_notes = pixel_aspect(header, declared or (0, 0, header.columns - 1, header.rows - 1))
    sector = find_sector(looks, declared, aspect)
    region = declared or sector.bounding_box(header.rows, header.columns)
    mask = without_lettering(without_overlays(sector.mask(header.rows, header.columns), looks), looks)
    colour_notes = _refuse_colour(frames, sorted(seen), mask, looks, settings)
    placing = Placing.of(region, aspect, settings)
    return _Sight(placing, mask, sector.outline, (*notes, *colour_notes, *aspect_notes))


def _native(frames: NativeEcho, settings: ClipSettings) -> _Sight:
    """Native pictures are tissue and nothing else: the whole of them is the sector, their pixels are square."""
    if frames.has_colour_flow and settings.colour == "reject":
        raise Rejected(Reason.COLOUR_DOPPLER, "native stream")
    right, bottom = frames.header.columns - 1, frames.header.rows - 1
    mask = np.ones((frames.header.rows, frames.header.columns), bool)
    outline = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], float)
    placing = Placing.of((0, 0, right, bottom), 1.0, settings)
    return _Sight(placing, mask, outline, ("colour_doppler_kept",) if frames.has_colour_flow else ())


def _pixels(
    frames: Frames, seen: dict[int, np.ndarray], plan: Resampling, sight: _Sight, settings: ClipSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the clip's pixels and its sector; frames are decoded, scaled and let go one by one."""
    scale = Scaler(sight.placing, sight.mask, settings.resize)
    small = {}
    for index in plan.needed:
        small[index] = scale(seen.pop(index) if index in seen else frames.luma(index))
    blended = blend(small, plan)
    pixels = np.zeros(settings.shape, np.uint8)
    pixels[: len(blended), sight.placing.rows, sight.placing.columns] = blended
    sector = np.zeros(settings.shape[1:], bool)
    sector[sight.placing.rows, sight.placing.columns] = scale.covered()
    return pixels, sector


def _refuse_colour(
    frames: Frames, seen: list[int], mask: np.ndarray, looks: Looks, settings: ClipSettings
) -> list[str]:
    pictures = map(frames.colour, _colour_looks(frames.header, seen))
    if not colour.shows_flow((rgb for rgb in pictures if rgb is not None), mask, looks):
        return []
    if settings.colour == "reject":
        raise Rejected(Reason.COLOUR_DOPPLER)
    return ["colour_doppler_kept"]


def _colour_looks(header: Header, seen: list[int]) -> list[int]:
    if header.declares_colour or any(region.data_type == COLOUR_FLOW for region in header.regions):
        return seen
    return [seen[look] for look in COLOUR_LOOKS if look < len(seen)]


def _length_notes(header: Header, settings: ClipSettings) -> list[str]:
    seconds = header.frames / (header.timing.fps or 1.0)
    notes = ["shorter_than_a_second"] if round(seconds, 2) < 1 else []  # FrameTime is written to a few digits
    return [*notes, "padded"] if round(seconds * settings.fps) < settings.frames else notes
