"""A loop ready to be written: its frames with everything outside the sector 0, its geometry and its timing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from echomort.clips.export.request import COPIES, ExportRequest
from echomort.clips.export.windows import Window, find_windows
from echomort.dicom.clip import Clip, read_clip
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.philips import open_native
from echomort.dicom.geometry import Apex, Form
from echomort.dicom.header import values
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import MAX_INFLATED_BYTES, OpenObject, open_object, reject_errors_as
from echomort.dicom.header.regions import Box, pixel_aspect
from echomort.dicom.header.views import check_group
from echomort.dicom.reasons import Reason, Rejected

CUT = "cut_at_change"
"""Note: the loop ends where its scene changes; see :mod:`echomort.clips.export.windows`."""


@dataclass(frozen=True)
class Loop:
    """One loop. ``shape`` is (frames, height, width); ``times`` are those of its frames (ms) where they are uneven.

    ``region`` and ``outline`` (float (n, 2) as x, y) are in pixels of the loop, corners inclusive; ``sector`` is bool
    (height, width); ``cm`` is the centimetres across and down a pixel, None where unknown; ``aspect`` is its height
    over its width. ``lossy`` is the source's LossyImageCompression, ``compression`` how many bytes of unpacked pixels
    each of its bytes holds. ``pictures()`` yields uint8 (height, width) once for each frame, or raises
    :class:`Rejected`.
    """

    header: Header = field(repr=False)
    shape: tuple[int, int, int]
    fps: float
    times: tuple[float, ...]
    region: Box
    outline: np.ndarray = field(repr=False)
    sector: np.ndarray = field(repr=False)
    cm: tuple[float, float] | None
    aspect: float
    form: Form
    apex: Apex
    fps_source: str
    source_fps: float
    source_frames: int
    view: str
    view_source: str
    notes: tuple[str, ...]
    lossy: str
    compression: float
    pictures: Callable[[], Iterator[np.ndarray]] = field(repr=False)

    def pixels(self) -> np.ndarray:
        """Return all frames, uint8 (frames, height, width)."""
        pixels = np.empty(self.shape, np.uint8)
        for index, picture in enumerate(self.pictures()):
            pixels[index] = picture
        return pixels


@contextlib.contextmanager
def open_loop(path: Path, view: str | None, request: ExportRequest) -> Iterator[Loop]:
    """Yield the loop of the file at ``path`` as ``request`` wants it; ``view`` replaces the header's.

    Raises :class:`Rejected`, with the header where it could be read: for whatever gives no clip.
    """
    group = None if view is None else check_group(view)
    clip = read_clip(path, request.clip, group, request.imaging.frame_rates)
    if group is not None:
        clip = replace(clip, view=group, view_source="view_table")
    with _opened(path, request) as source:
        yield _whole_loop(source, clip, request) if request.size is None else _short_loop(source, clip, request)


@contextlib.contextmanager
def _opened(path: Path, request: ExportRequest) -> Iterator[OpenObject]:
    with open_object(path, MAX_INFLATED_BYTES, how=request.imaging.header_reading) as source:
        try:
            yield source
        except Rejected as error:
            raise Rejected(error.reason, error.detail, error.header or source.header) from None


def _short_loop(source: OpenObject, clip: Clip, request: ExportRequest) -> Loop:
    """Return the clip itself; a copy for viewers ends with the loop, not with black frames."""
    settings = request.clip
    recorded = min(max(1, round(clip.frames * settings.fps / clip.fps)), settings.frames)
    pixels = clip.pixels[:recorded] if request.form in COPIES else clip.pixels
    notes = tuple(note for note in clip.notes if note != "padded") if request.form in COPIES else clip.notes
    aspect = 1.0 if settings.fit == "inside" else pixel_aspect(source.header, clip.region)[0]
    return Loop(
        shape=(len(pixels), *pixels.shape[1:]),
        fps=settings.fps,
        times=(),
        region=_inside(clip.grid.box(clip.region), pixels.shape[1:]),
        outline=clip.grid.from_image(clip.outline),
        sector=clip.sector,
        cm=clip.cm,
        aspect=aspect,
        notes=notes,
        pictures=lambda: iter(pixels),
        **_common(source, clip),
    )


def _whole_loop(source: OpenObject, clip: Clip, request: ExportRequest) -> Loop:
    """Return every frame at the resolution of the image."""
    with reject_errors_as(Reason.UNREADABLE):
        frames = open_native(source) if request.clip.source == "raw" else open_frames(source)
        windows = find_windows(frames, request.clip)
    header, count = frames.header, windows[-1].end
    notes = clip.notes if count == header.frames else (*clip.notes, CUT)
    cm = None if clip.cm is None else (clip.cm[0] / clip.grid.across, clip.cm[1] / clip.grid.down)
    times = header.timing.times[:count]
    return Loop(
        shape=(count, header.rows, header.columns),
        fps=header.timing.fps or 0.0,
        times=times,
        region=clip.region,
        outline=clip.outline,
        sector=windows[0].mask,
        cm=cm,
        aspect=cm[1] / cm[0] if cm else pixel_aspect(header, clip.region)[0],
        notes=tuple(note for note in notes if note != "padded"),
        pictures=lambda: _masked(frames, windows),
        **_common(source, clip),
    )


def _masked(frames: Frames, windows: list[Window]) -> Iterator[np.ndarray]:
    for window in windows:
        for index in range(window.first, window.end):
            with reject_errors_as(Reason.UNREADABLE):
                luma = frames.luma(index)
            yield np.where(window.mask, luma, np.uint8(0))


def _common(source: OpenObject, clip: Clip) -> dict[str, Any]:
    header, stored = source.header, max(1, source.size - source.pixels.offset)
    return {
        "header": header,
        "form": clip.form,
        "apex": clip.apex,
        "fps_source": clip.fps_source,
        "source_fps": clip.fps,
        "source_frames": clip.frames,
        "view": clip.view,
        "view_source": clip.view_source,
        "lossy": values.text(source.dataset, "LossyImageCompression"),
        "compression": clip.frames * header.rows * header.columns * header.samples / stored,
    }


def _inside(box: Box, size: tuple[int, ...]) -> Box:
    return max(0, box[0]), max(0, box[1]), min(size[1] - 1, box[2]), min(size[0] - 1, box[3])
