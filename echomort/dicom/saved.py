"""Clips saved as files: ``inspect --save`` writes them, ``predict`` reads them.

``NNNNN.npy`` holds the pixels; ``NNNNN.json`` beside it holds the settings they were made with and what the DICOM file
said. Names are numbers; neither file holds an identifier.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from echomort.core.files import atomic_path, write_text
from echomort.dicom.clip import SNAPSHOTS, Clip
from echomort.dicom.conversion import converted, count_recorded
from echomort.dicom.header.views import UNKNOWN
from echomort.dicom.scaling import crop_or_pad
from echomort.dicom.tissue.noise import is_noise_alone
from echomort.settings import ClipSettings

MAX_BYTES = 1 << 30
"""Bytes (1 GiB) of a saved clip at most; a larger file is not opened. Our choice: a usual clip has one million."""


NO_PIXELS = {"view_tags", "min_seconds", "leave_out"}
"""Settings of a clip that decide its view or whether it is made, but none of its pixels."""
OTHER_TAGS = "saved with another imaging.clip.view_tags than the champion's: its view may have another name there"
"""Note of a clip whose view was read with other tags."""


class Unusable(Exception):
    """Raised where a file that may hold a clip can't be scored: ``reason`` is one of our words, ``remedy`` a
    sentence."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason, remedy)


@dataclass(frozen=True)
class SavedClip:
    """A clip read from a file.

    ``pixels`` is uint8 (frames, height, width), made with the settings ``clip`` (None where no file says); the rest is
    what the loop's DICOM file said, where it is known.
    """

    pixels: np.ndarray = field(repr=False)
    clip: ClipSettings | None = None
    frames: int | None = None
    fps: float | None = None
    view: str = UNKNOWN
    view_source: str = "none"
    notes: tuple[str, ...] = ()


def save_clip(target: Path, clip: Clip, settings: ClipSettings) -> None:
    """Write the pixels of ``clip`` to ``target`` (.npy) and what is known of it beside them (.json)."""
    with atomic_path(target) as temporary:
        np.save(temporary, clip.pixels, allow_pickle=False)
    known = {"frames": clip.frames, "fps": clip.fps, "view": clip.view, "view_source": clip.view_source}
    known |= {"notes": clip.notes}
    write_text(target.with_suffix(".json"), json.dumps({"clip": settings.model_dump(mode="json"), **known}) + "\n")


def load_clip(path: Path) -> SavedClip:
    """Return the clip saved at ``path`` (.npy), or raise :class:`Unusable`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError
        pixels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise Unusable("not_a_clip", "the file is not a NumPy array that can be read") from None
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or 0 in pixels.shape:
        raise Unusable("not_a_clip", "a clip is uint8 (frames, height, width)")
    return SavedClip(pixels, **_read_description(path.with_suffix(".json"), pixels.shape))


def check_tissue(pixels: np.ndarray) -> None:
    """Raise :class:`Unusable` for a clip, uint8 (frames, height, width), all of whose recorded frames are alike, or
    hardly two of them: nothing in it beats, or it is noise."""
    recorded = pixels[: count_recorded(pixels)]
    if not (recorded != recorded[0]).any():
        raise Unusable("still", "all frames of the clip are alike: nothing moves in it")
    if is_noise_alone(recorded[:: -(-len(recorded) // SNAPSHOTS)], np.asarray(recorded.any(axis=0))):
        raise Unusable("no_sector", "the frames of the clip have nothing in common: it shows noise, no tissue")


def convert_pixels(saved: SavedClip, wanted: ClipSettings, view: str = UNKNOWN) -> tuple[np.ndarray, str | None]:
    """Return the pixels of ``saved``, of a loop of ``view``, in the form that ``wanted`` sets, and a note if they were
    converted.

    A clip made with other settings is scaled and resampled once more, which loses little where it is longer, larger and
    faster; whole frames are cropped to the size of ``view``. Raises :class:`Unusable` for one that is shorter, smaller
    or slower, or that was made with another fit, framing or reduction.
    """
    if saved.frames and saved.fps and round(saved.frames / saved.fps, 2) < wanted.min_seconds:
        raise Unusable("too_short", f"the champion takes loops of {wanted.min_seconds:g} s or more")
    if left_out := [note for note in saved.notes if note in wanted.leave_out]:
        raise Unusable("left_out", f"the champion takes no loops with the note {left_out[0]}")
    made = saved.clip or _guess_settings(saved.pixels.shape, wanted, view)
    taken = _describe(wanted, wanted.shape_of(view))
    if made is None or not _is_convertible(saved, made, wanted, view):
        raise Unusable("clip_shape", f"the champion takes {taken}; save it so with `inspect --home HOME`")
    if _pixel_settings(made) == _pixel_settings(wanted) and saved.pixels.shape == wanted.shape_of(view):
        return saved.pixels, None if made.view_tags == wanted.view_tags else OTHER_TAGS
    given = _describe(made, saved.pixels.shape)
    note = f"converted from {given} to {taken}: scores differ slightly from those of the loop itself"
    shape = wanted.shape_of(view)
    pixels = saved.pixels if wanted.fit == "inside" else crop_or_pad(saved.pixels, shape[1:])
    return converted(pixels, made.fps, wanted, shape), note


def _read_description(path: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what the JSON file beside an array says; nothing where it is missing or belongs to another array."""
    try:
        description = json.loads(path.read_text())
        clip = ClipSettings.written(description["clip"])
        known = {key: description[key] for key in ("frames", "fps", "view", "view_source")}
        known["notes"] = tuple(description.get("notes", ()))
    except (OSError, ValueError, KeyError, TypeError, pydantic.ValidationError):
        return {}
    return {"clip": clip, **known} if clip.shape_of(str(known["view"])) == shape else {}


def _guess_settings(shape: tuple[int, ...], wanted: ClipSettings, view: str) -> ClipSettings | None:
    return next((clip for clip in (wanted, ClipSettings()) if clip.shape_of(view) == shape), None)


def _pixel_settings(clip: ClipSettings) -> dict[str, Any]:
    """Return the settings that decide the pixels of a clip whose view's size is known to be right."""
    return {key: value for key, value in clip.deciding.items() if key not in NO_PIXELS}


def _is_convertible(saved: SavedClip, made: ClipSettings, wanted: ClipSettings, view: str) -> bool:
    """Whether ``saved`` holds all that a clip with ``wanted`` shows; a loop that ended early is whole at any length."""
    whole = made.frames / made.fps >= wanted.frames / wanted.fps or count_recorded(saved.pixels) < made.frames
    return whole and made.fps >= wanted.fps and _shows_as_much(saved, made, wanted, view)


def _shows_as_much(saved: SavedClip, made: ClipSettings, wanted: ClipSettings, view: str) -> bool:
    """Whether a clip's frames show as much as is wanted: they are at least as large, whole frames before reduction."""
    if made.fit == wanted.fit == "inside":
        return made.framing == wanted.framing and made.height >= wanted.height and made.width >= wanted.width
    if made.fit != wanted.fit or made.reduction != wanted.reduction:
        return False
    sizes = zip(made.size_of(saved.view if saved.clip else view), wanted.size_of(view), strict=True)
    return all(shown >= needed for shown, needed in sizes)


def _describe(clip: ClipSettings, shape: tuple[int, ...]) -> str:
    fitted = "" if clip.fit == "inside" else ", whole frames"
    return f"{'x'.join(map(str, shape))} at {clip.fps:g} frames a second{fitted}"
