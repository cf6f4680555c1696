"""Makes a clip of one object."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from echomort.dicom.frames.baseline import coloured_share
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.philips import NativeEcho, open_native
from echomort.dicom.geometry import Apex, Form, Grid, form_of, pixel_size
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import MAX_INFLATED_BYTES, open_object, reject_errors_as
from echomort.dicom.header.regions import COLOUR_FLOW, Box, declared_box, pixel_aspect
from echomort.dicom.header.rhythm import frames_a_beat
from echomort.dicom.header.timing import Resampling, resample
from echomort.dicom.header.views import UNKNOWN
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.scaling import Placing, Scaler, blend
from echomort.dicom.tissue.continuity import continuity_notes
from echomort.dicom.tissue.declared import find_live_sector, holds_the_tissue
from echomort.dicom.tissue.flow import GREY_LEVELS, MIN_FLOW_SHARE, PALE_LEVELS, shows_flow
from echomort.dicom.tissue.graphics import without_graphics
from echomort.dicom.tissue.leftover import count_lines_of_letters
from echomort.dicom.tissue.lettering import without_lettering
from echomort.dicom.tissue.noise import NO_NOISE
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.snapshots import Snapshots, without_blanks
from echomort.dicom.tissue.traces.strips import without_traces
from echomort.settings import ClipSettings, HeaderReading

SNAPSHOTS = 12
"""Frames, evenly spaced over those that the clip needs, in which the sector is searched, at most: a sixth of a second
apart in a clip of two seconds, so that every phase of a beat is seen. Our choice."""

COLOUR_SNAPSHOTS = (0, 2, 4, 5, 7, 9, 11)
"""The snapshots that are searched for colour flow, which comes and goes with the beat: no two in succession are left
out, and their distances differ, so that no heart rate hides flow from all; the last is one, since colour may be turned
on late. Tuned on drawn jets at six heart rates (tests/dicom/test_sector.py). Where a tag declares colour, all are
searched."""

MAX_DECODED_BYTES = 4 << 30
"""Bytes (4 GiB) of unpacked pixels that a clip may need, else ``BOMB``. Our choice: 120 frames of the largest screens
take a tenth of it."""

KEPT_BYTES = 16 << 20
"""Bytes (16 MiB) of a block that is let go once, untouched, before the first clip: glibc then keeps up to twice as much
freed memory for the next clip, and the kernel needn't clear the same pages anew for each. Our choice: the snapshots of
a screen of 1080x1920 take 24 MiB."""

SHORT_SECONDS = 1
"""Seconds below which a loop gets the note ``shorter_than_a_second``: it may not hold a whole beat. Physiology."""

USUAL = ClipSettings()
"""The settings of a clip where none are given: the published ones."""


@dataclass(frozen=True)
class Clip:
    """A clip and where it came from.

    ``pixels`` is uint8 (frames, height, width): grey, 0 outside the sector; ``sector`` is bool (height, width);
    ``frames`` counts the frames in the file; ``region`` is the tissue region (x0, y0, x1, y1), corners inclusive;
    ``outline`` is the sector's polygon, float (n, 2), in pixels of the image. ``grid`` says where the clip's pixels lie
    in the image; ``cm`` is how many centimetres one is across and down, None where no region says it. ``form`` is what
    the sector looks like, ``apex`` where its probe is; ``examination`` and ``stage`` are words of examination.yaml.
    ``frames_a_beat`` counts the file's frames of a beat, None where no tag tells of beats.
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
    grid: Grid = field(default_factory=Grid)
    cm: tuple[float, float] | None = None
    form: Form = "other"
    apex: Apex = "none"
    examination: str = "unstated"
    stage: str = ""
    frames_a_beat: float | None = None


@dataclass(frozen=True)
class _Tissue:
    """The tissue of a loop: its region and how much higher than wide its pixels are, what to keep, bool (rows,
    columns), its outline, and notes."""

    region: Box
    aspect: float
    mask: np.ndarray
    outline: np.ndarray
    notes: tuple[str, ...]


def read_clip(
    path: Path | str,
    settings: ClipSettings | None = None,
    view: str | None = None,
    frame_rates: Mapping[str, float] | None = None,
) -> Clip:
    """Return the clip of the cine loop at ``path``, or raise :class:`Rejected` with the reason.

    All outside the sector is made 0. The tissue region of each frame needed is scaled into height x width with its
    physical aspect kept (bars of 0 on two sides); or, with fit ``view_size``, the frame is cropped or padded to the
    size of its view, and reduced. Then the loop is resampled to ``settings.fps`` and cut, or padded with zeros at its
    end. ``view`` is used in place of what the header says; ``frame_rates`` is ``imaging.frame_rates``. Raises
    :class:`UserError` where the sizes of views are not known. A file of unknown origin belongs in :func:`read_clips`,
    which adds limits of time and memory.

    >>> from pydicom.data import get_testdata_file
    >>> clip = read_clip(get_testdata_file("examples_ybr_color.dcm"))
    >>> clip.pixels.shape, clip.pixels.dtype, clip.notes
    ((60, 109, 150), dtype('uint8'), ('region_refused', 'padded'))
    """
    wanted = settings or USUAL
    wanted.shape_of(UNKNOWN)  # raises where sizes are not known
    _keep_freed_memory()
    with (
        reject_errors_as(Reason.UNREADABLE),
        open_object(path, MAX_INFLATED_BYTES, how=HeaderReading(wanted.view_tags, frame_rates or {})) as source,
    ):
        try:
            frames = open_native(source) if wanted.source == "raw" else open_frames(source)
            return _make_clip(frames, wanted, view)
        except Rejected as error:
            raise Rejected(error.reason, error.detail, source.header) from error


@functools.cache
def _keep_freed_memory() -> None:
    np.empty(KEPT_BYTES, np.uint8)


def lit_outside_sector(clip: Clip) -> int:
    """Return how many pixels of ``clip`` are lit outside its sector: always 0."""
    return int(np.count_nonzero(clip.pixels[:, ~clip.sector]))


def _make_clip(frames: Frames, settings: ClipSettings, view: str | None) -> Clip:
    header, timing = frames.header, frames.header.timing
    if _seconds(header) < settings.min_seconds:
        raise Rejected(Reason.TOO_SHORT, f"{_seconds(header):g} s")
    plan = resample(header.frames, timing.fps or 0.0, timing.times, settings.fps, settings.frames)
    if header.rows * header.columns * header.samples * len(plan.needed) > MAX_DECODED_BYTES:
        raise Rejected(Reason.BOMB, f"{len(plan.needed)} frames")
    seen = read_snapshots(frames, plan.needed[:: -(-len(plan.needed) // SNAPSHOTS)])
    tissue = find_tissue(frames, seen, settings)
    frames.show_only(tissue.mask)
    shown = view or header.view
    placing = Placing.of(tissue.region, tissue.aspect, settings, shown)
    scale = Scaler(placing, tissue.mask, settings.resize)
    pixels, sector = np.zeros(settings.shape_of(shown), np.uint8), np.zeros(settings.shape_of(shown)[1:], bool)
    blended = _scale_and_resample(frames, seen, plan, scale)
    pixels[: len(blended), placing.rows, placing.columns] = blended
    sector[placing.rows, placing.columns] = scale.covered
    breaks = continuity_notes(blended, sector[placing.rows, placing.columns], timing.times)
    if count_lines_of_letters(pixels[: len(blended)], by_stretch=bool(breaks)):
        raise Rejected(Reason.NO_SECTOR, "letters")
    grid = placing.grid(header.rows, header.columns)
    form, apex = form_of(tissue.outline)
    shape_notes = _shape_notes(form, apex, frames)
    notes = (*header.notes, *timing.notes, *frames.notes, *tissue.notes, *shape_notes, *breaks)
    if found := [note for note in notes if note in settings.leave_out]:
        raise Rejected(Reason.LEFT_OUT, found[0])
    return Clip(
        pixels=pixels,
        fps=timing.fps or 0.0,
        fps_source=timing.source,
        frames=header.frames,
        region=tissue.region,
        view=header.view,
        view_source=header.view_source,
        notes=(*notes, *_length_notes(header, settings)),
        sector=sector,
        outline=tissue.outline,
        grid=grid,
        cm=_centimetres(frames, grid, tissue.notes),
        form=form,
        apex=apex,
        examination=header.examination.kind,
        stage=header.examination.stage,
        frames_a_beat=frames_a_beat(header.rhythm, timing.fps or 0.0, timing.times),
    )


def _shape_notes(form: Form, apex: Apex, frames: Frames) -> tuple[str, ...]:
    if isinstance(frames, NativeEcho):
        return ()
    return (("not_a_cone",) if form != "cone" else ()) + (("apex_below",) if apex == "below" else ())


def read_snapshots(frames: Frames, indices: Sequence[int]) -> dict[int, np.ndarray]:
    """Return index -> luma, uint8 (rows, columns), of the frames in which tissue, and later colour, is searched."""
    frames.searched = _colour_snapshots(frames.header, indices)
    return {index: frames.luma(index) for index in indices}


def find_tissue(frames: Frames, seen: dict[int, np.ndarray], settings: ClipSettings) -> _Tissue:
    """Return the tissue of a loop, searched in the frames ``seen`` (index -> luma); raises :class:`Rejected`."""
    if isinstance(frames, NativeEcho):
        return _native_tissue(frames, settings)
    return _find_tissue(frames, seen, settings)


def _centimetres(frames: Frames, grid: Grid, notes: tuple[str, ...]) -> tuple[float, float] | None:
    """Return the size of a clip's pixel in the body; None where no region that counts says it."""
    size = None if isinstance(frames, NativeEcho) or "region_refused" in notes else pixel_size(frames.header)
    return None if size is None else (size[0] * grid.across, size[1] * grid.down)


def _find_tissue(frames: Frames, seen: dict[int, np.ndarray], settings: ClipSettings) -> _Tissue:
    seen = without_blanks(seen)
    header, snapshots = frames.header, Snapshots.from_frames(seen.values())
    declared, notes = declared_box(header)
    aspect, aspect_notes = pixel_aspect(header, declared or (0, 0, header.columns - 1, header.rows - 1))
    if declared and not holds_the_tissue(declared, snapshots, aspect):
        declared, notes = None, ["region_refused"]
    sector, trace_notes = find_live_sector(header, snapshots, declared, aspect)
    by_region = declared if settings.framing == "region" else None
    region = by_region or sector.bounding_box(header.rows, header.columns)
    mask = without_overlays(sector.mask(header.rows, header.columns), snapshots)
    mask = without_graphics(without_lettering(mask, snapshots), snapshots)
    moments, second = _moments(header, seen)
    mask, strip_notes = without_traces(mask, snapshots, moments, second)  # before colour: traces are green or yellow
    colour_notes = _check_colour(frames, sorted(seen), mask, snapshots, settings)
    noise_notes = () if snapshots.noise == NO_NOISE else ("noisy",)
    found = *notes, *trace_notes, *strip_notes, *colour_notes, *aspect_notes, *noise_notes
    return _Tissue(region, aspect, mask, sector.outline, found)


def _moments(header: Header, frames: Iterable[int]) -> tuple[list[float], float]:
    """Return when ``frames`` were taken, in frames, or in milliseconds where they are uneven, and how many make a
    second."""
    timing = header.timing
    if timing.times:
        return [timing.times[index] for index in frames], 1000.0
    return [float(index) for index in frames], timing.fps or 1.0


def _native_tissue(frames: NativeEcho, settings: ClipSettings) -> _Tissue:
    """Return the tissue of native pictures: all of them is the sector, and their pixels are square."""
    if frames.has_colour_flow and settings.colour == "reject":
        raise Rejected(Reason.COLOUR_DOPPLER, "native stream")
    right, bottom = frames.header.columns - 1, frames.header.rows - 1
    mask = np.ones((frames.header.rows, frames.header.columns), bool)
    outline = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], float)
    notes = ("colour_doppler_kept",) if frames.has_colour_flow else ()
    return _Tissue((0, 0, right, bottom), 1.0, mask, outline, notes)


def _scale_and_resample(frames: Frames, seen: dict[int, np.ndarray], plan: Resampling, scale: Scaler) -> np.ndarray:
    """Return the frames as ``plan`` blends them; they are decoded, scaled and released one by one."""
    small = {}
    for index in plan.needed:
        small[index] = scale(seen.pop(index) if index in seen else frames.luma(index))
    return blend(small, plan)


def _check_colour(
    frames: Frames, seen: list[int], mask: np.ndarray, snapshots: Snapshots, settings: ClipSettings
) -> list[str]:
    searched = _colour_snapshots(frames.header, seen)
    if _is_grey(frames, searched, mask):
        return []
    pictures = map(frames.colour, searched)
    if not shows_flow((rgb for rgb in pictures if rgb is not None), mask, snapshots):
        return []
    if settings.colour == "reject":
        raise Rejected(Reason.COLOUR_DOPPLER)
    return ["colour_doppler_kept"]


def _is_grey(frames: Frames, searched: Sequence[int], mask: np.ndarray) -> bool:
    """Whether it is known from decoding their luma that a search of the frames ``searched`` finds nothing in ``mask``.

    Where no block is more than pale, no flow is found: what the search takes in from beside the mask, or spreads from
    one block into the next, is narrower than its patches. Where few are even pale, no tissue Doppler is.
    """
    known = [off_grey for index in searched if (off_grey := frames.off_grey(index)) is not None]
    if len(known) < len(searched) or coloured_share(known, mask, PALE_LEVELS) > 0:
        return False
    return coloured_share(known, mask, GREY_LEVELS) <= MIN_FLOW_SHARE


def _colour_snapshots(header: Header, seen: Sequence[int]) -> Sequence[int]:
    if header.declares_colour or any(region.data_type == COLOUR_FLOW for region in header.regions):
        return seen
    return [seen[place] for place in COLOUR_SNAPSHOTS if place < len(seen)]


def _length_notes(header: Header, settings: ClipSettings) -> list[str]:
    notes = ["shorter_than_a_second"] if _seconds(header) < SHORT_SECONDS else []
    frames = header.frames / (header.timing.fps or 1.0) * settings.fps
    return [*notes, "padded"] if round(frames) < settings.frames else notes


def _seconds(header: Header) -> float:
    """Return how long the loop lasts, to a hundredth of a second: FrameTime is written to a few digits."""
    return round(header.frames / (header.timing.fps or 1.0), 2)
