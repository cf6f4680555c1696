"""A clip that a person keeps: ``inspect --save`` writes it, ``predict`` reads it.

``NNNNN.npy`` holds the pixels; ``NNNNN.json`` beside it says how they were made and what the file said of itself. Names
are numbers and neither file holds an identifier.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from echomort.core.files import atomic_path, write_text
from echomort.dicom.clip import Clip
from echomort.dicom.header.timing import blend, resample
from echomort.dicom.scaling import Placing, Scaler
from echomort.settings import ClipSettings

MAX_BYTES = 1 << 30
"""No clip is larger; what is, is not opened."""


class Unusable(Exception):
    """Raised where a saved clip can't be scored: ``reason`` is a word of ours, ``remedy`` a sentence."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason, remedy)


@dataclass(frozen=True)
class SavedClip:
    """``pixels`` uint8 (frames, height, width) made with ``clip`` (None where no file says how); the rest is what the
    loop's own file said, where it is known."""

    pixels: np.ndarray = field(repr=False)
    clip: ClipSettings | None = None
    frames: int | None = None
    fps: float | None = None
    view: str = "unknown"
    view_source: str = "none"


def save_clip(target: Path, clip: Clip, settings: ClipSettings) -> None:
    """Write the pixels of ``clip`` to ``target`` (.npy) and what is known of it beside them (.json)."""
    with atomic_path(target) as temporary:
        np.save(temporary, clip.pixels, allow_pickle=False)
    known = {"frames": clip.frames, "fps": clip.fps, "view": clip.view, "view_source": clip.view_source}
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
    return SavedClip(pixels, **_read_card(path.with_suffix(".json"), pixels.shape))


def fitted(saved: SavedClip, wanted: ClipSettings) -> tuple[np.ndarray, str | None]:
    """Return the pixels of ``saved`` as clips of ``wanted`` are, and a note where they had to be converted.

    A clip that was made otherwise is scaled and resampled once more, which a longer, larger and faster clip allows
    with little loss; from a shorter, smaller or slower one nothing honest can be made: :class:`Unusable`.
    """
    made = saved.clip or _guessed(saved.pixels.shape, wanted)
    if made is None or not _holds(saved, made, wanted):
        raise Unusable("clip_shape", f"the champion takes {_spoken(wanted)}; save it so with `inspect --home HOME`")
    if made == wanted:
        return saved.pixels, None
    note = f"converted from {_spoken(made)} to {_spoken(wanted)}: scores differ slightly from those of the loop itself"
    return _converted(saved.pixels, made, wanted), note


def _read_card(path: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """An array without a card, or with one that is not of this array, says nothing of itself."""
    try:
        card = json.loads(path.read_text())
        clip = ClipSettings.model_validate(card["clip"])
        known = {key: card[key] for key in ("frames", "fps", "view", "view_source")}
    except (OSError, ValueError, KeyError, TypeError, pydantic.ValidationError):
        return {}
    return {"clip": clip, **known} if clip.shape == shape else {}


def _guessed(shape: tuple[int, ...], wanted: ClipSettings) -> ClipSettings | None:
    return next((clip for clip in (wanted, ClipSettings()) if clip.shape == shape), None)


def _holds(saved: SavedClip, made: ClipSettings, wanted: ClipSettings) -> bool:
    """Whether nothing that a clip of ``wanted`` shows is missing; a loop that ended early is whole at any length."""
    whole = made.frames / made.fps >= wanted.frames / wanted.fps or _filled(saved.pixels) < made.frames
    return whole and made.fps >= wanted.fps and made.height >= wanted.height and made.width >= wanted.width


def _filled(pixels: np.ndarray) -> int:
    """Frames before the padding of zeros at the end."""
    lit = np.flatnonzero(pixels.reshape(len(pixels), -1).any(axis=1))
    return int(lit[-1]) + 1 if len(lit) else len(pixels)


def _converted(pixels: np.ndarray, made: ClipSettings, wanted: ClipSettings) -> np.ndarray:
    plan = resample(_filled(pixels), made.fps, (), wanted.fps, wanted.frames)
    placing = Placing.of((0, 0, made.width - 1, made.height - 1), 1.0, wanted)
    scale = Scaler(placing, np.ones(pixels.shape[1:], bool), wanted.resize)
    blended = blend({index: scale(pixels[index]) for index in plan.needed}, plan)
    converted = np.zeros(wanted.shape, np.uint8)
    converted[: len(blended), placing.rows, placing.columns] = blended
    return converted


def _spoken(clip: ClipSettings) -> str:
    return f"{'x'.join(map(str, clip.shape))} at {clip.fps:g} frames a second"
