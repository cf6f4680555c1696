"""The champion's risks of files at hand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from echomort.champion.model import Champion
from echomort.core.errors import UserError
from echomort.dicom import Clip, Job, Rejected, discover, read_clips
from echomort.dicom.header.views import UNKNOWN, check_group
from echomort.dicom.inspect import in_order
from echomort.dicom.saved import SavedClip, Unusable, convert_pixels, load_clip
from echomort.settings import ClipSettings, Execution, Imaging

SAVED = ".npy"
BESIDE_SAVED = {".png", ".json"}
"""What ``inspect --save`` writes beside a clip; passed over in a folder."""


@dataclass(frozen=True)
class Prediction:
    """What is said of one file. Fields are None where they are not known, or where the file was rejected."""

    path: str
    status: Literal["accepted", "rejected"]
    reason: str | None
    """Why it was rejected, as a code."""
    frames: int | None
    fps: float | None
    """Frames a second, rounded to three digits."""
    view: str | None
    view_source: str | None
    """What named the view: a tag, the person who asked (``given``), or the ``classifier``."""
    logit: float | None
    risk: float | None
    """Probability of death within one year, 0 to 1."""
    model: str | None
    """The view whose model scored the clip, or ``all views``."""
    synthetic: bool
    """Whether the champion learnt from the embedded archive."""
    note: str | None

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return asdict(self)


@dataclass(frozen=True)
class _Loop:
    """What a file says of its loop."""

    frames: int | None = None
    fps: float | None = None
    view: str | None = None
    view_source: str | None = None


def predict_paths(paths: Sequence[Path], registry: Path, view: str | None = None) -> Iterator[Prediction]:
    """Yield the prediction of each file of ``paths`` (folders are searched), in order, by the champion of ``registry``.

    Files are DICOM objects, or clips saved by ``inspect`` (.npy). ``view`` is taken where a file does not say its own.
    Raises :class:`UserError` where a path does not exist, ``view`` is no view, or there is no champion.
    """
    champion, given, files = Champion.load(registry), _checked(view), list(_files(paths))
    objects = [path for path in files if path.suffix != SAVED]
    jobs = [Job(path, key=str(number)) for number, path in enumerate(objects)]
    loops = in_order(read_clips(jobs, Imaging(clip=champion.clip), min(Execution().cores, len(jobs))))
    for path in files:
        found = _loaded(path) if path.suffix == SAVED else next(loops)[1]
        yield _predicted(str(path), found, champion, given)


def _predicted(path: str, found: Clip | SavedClip | Rejected | Unusable, champion: Champion, given: str) -> Prediction:
    if isinstance(found, Rejected):
        return _rejected(path, found.reason.value, found.reason.meaning, _rejected_loop(found), champion)
    if isinstance(found, Unusable):
        return _rejected(path, found.reason, found.remedy, _Loop(), champion)
    loop = _loop(found, given)
    try:
        pixels, note = _pixels(found, champion.clip)
    except Unusable as unusable:
        return _rejected(path, unusable.reason, unusable.remedy, loop, champion)
    if loop.view == UNKNOWN and (view := champion.view_of(pixels)) != UNKNOWN:
        loop = replace(loop, view=view, view_source="classifier")
    return _accepted(path, pixels, note, loop, champion)


def _accepted(path: str, pixels: NDArray[np.uint8], note: str | None, loop: _Loop, champion: Champion) -> Prediction:
    scored = champion.score_clip(pixels, str(loop.view))
    return Prediction(
        path=path,
        status="accepted",
        reason=None,
        **vars(loop),
        logit=scored.logit,
        risk=scored.risk,
        model=scored.model,
        synthetic=scored.synthetic,
        note="; ".join(text for text in (note, scored.note) if text) or None,
    )


def _rejected(path: str, reason: str, meaning: str, loop: _Loop, champion: Champion) -> Prediction:
    return Prediction(
        path=path,
        status="rejected",
        reason=reason,
        **vars(loop),
        logit=None,
        risk=None,
        model=None,
        synthetic=champion.is_synthetic,
        note=meaning,
    )


def _pixels(found: Clip | SavedClip, wanted: ClipSettings) -> tuple[NDArray[np.uint8], str | None]:
    """Return the pixels as the champion takes them, and a note where they were converted; raises :class:`Unusable`."""
    return (found.pixels, None) if isinstance(found, Clip) else convert_pixels(found, wanted)


def _loop(found: Clip | SavedClip, given: str) -> _Loop:
    view, source = (given, "given") if found.view == UNKNOWN != given else (found.view, found.view_source)
    return _Loop(found.frames, _rounded(found.fps), view, source)


def _rejected_loop(found: Rejected) -> _Loop:
    header = found.header
    if header is None:
        return _Loop()
    return _Loop(header.frames or None, _rounded(header.fps), header.view, header.view_source)


def _rounded(fps: float | None) -> float | None:
    return None if fps is None else round(fps, 3)


def _loaded(path: Path) -> SavedClip | Unusable:
    try:
        return load_clip(path)
    except Unusable as unusable:
        return unusable


def _checked(view: str | None) -> str:
    return check_group(view or UNKNOWN)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (path / name for name in discover(path) if Path(name).suffix not in BESIDE_SAVED)
        elif path.exists():
            yield path
        else:
            raise UserError(f"{path} does not exist", "name a file or a folder that does")
