"""What the champion says of files at hand."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from echomort.champion.store import Champion
from echomort.core.errors import UserError
from echomort.dicom import Clip, Job, Rejected, discover, read_clips
from echomort.dicom.header.views import UNKNOWN, check_group
from echomort.dicom.inspect import in_order
from echomort.dicom.saved import SavedClip, Unusable, convert_pixels, load_clip
from echomort.settings import Execution, Imaging

SAVED = ".npy"
BESIDE_SAVED = {".png", ".json"}
"""What ``inspect --save`` writes beside a clip; passed over in a folder."""

Known = dict[str, Any]


def predict_paths(paths: Sequence[Path], registry: Path, view: str | None = None) -> Iterator[Known]:
    """Yield one record a file of ``paths`` (folders are searched), in order, scored by the champion of ``registry``.

    Files are DICOM objects, or clips saved by ``inspect`` (.npy). ``view`` is taken where a file does not say its own.
    A record has path, status ("accepted" or "rejected"), reason, frames, fps, view, view_source, logit, risk (0 to 1),
    model (the view whose model scored the clip, or "all views"), synthetic (whether the champion learnt from the
    embedded archive) and note. Raises :class:`UserError` where a path does not exist, ``view`` is no view, or no
    champion stands.
    """
    champion, given, files = Champion.load(registry), _checked(view), list(_files(paths))
    objects = [path for path in files if path.suffix != SAVED]
    jobs = [Job(path, key=str(number)) for number, path in enumerate(objects)]
    loops = in_order(read_clips(jobs, Imaging(clip=champion.clip), min(Execution().cores, len(jobs))))
    for path in files:
        found = _loaded(path) if path.suffix == SAVED else next(loops)[1]
        yield {"path": str(path)} | _scored(found, champion, given)


def _scored(found: Clip | SavedClip | Rejected | Unusable, champion: Champion, given: str) -> Known:
    if isinstance(found, Rejected):
        return _rejected(found.reason.value, found.reason.meaning, champion, _of_header(found))
    if isinstance(found, Unusable):
        return _rejected(found.reason, found.remedy, champion, {})
    try:
        pixels, note = (found.pixels, None) if isinstance(found, Clip) else convert_pixels(found, champion.clip)
    except Unusable as unusable:
        return _rejected(unusable.reason, unusable.remedy, champion, _of_loop(found, given))
    known = _of_loop(found, given)
    if known["view"] == UNKNOWN and (view := champion.view_of(pixels)) != UNKNOWN:
        known |= {"view": view, "view_source": "classifier"}
    scored = champion.score_clip(pixels, known["view"])
    notes = "; ".join(text for text in (note, scored["note"]) if text)
    figures = {key: scored[key] for key in ("logit", "risk", "model", "synthetic")}
    return {"status": "accepted", "reason": None} | known | figures | {"note": notes or None}


def _rejected(reason: str, meaning: str, champion: Champion, known: Known) -> Known:
    empty = dict.fromkeys(("frames", "fps", "view", "view_source", "logit", "risk", "model"))
    return (
        {"status": "rejected", "reason": reason} | empty | known | {"synthetic": champion.is_synthetic, "note": meaning}
    )


def _of_loop(found: Clip | SavedClip, given: str) -> Known:
    view, source = (given, "given") if found.view == UNKNOWN != given else (found.view, found.view_source)
    fps = None if found.fps is None else round(found.fps, 3)
    return {"frames": found.frames, "fps": fps, "view": view, "view_source": source}


def _of_header(found: Rejected) -> Known:
    if found.header is None:
        return {}
    header = found.header
    fps = None if header.fps is None else round(header.fps, 3)
    return {"frames": header.frames or None, "fps": fps, "view": header.view, "view_source": header.view_source}


def _loaded(path: Path) -> SavedClip | Unusable:
    try:
        return load_clip(path)
    except Unusable as unusable:
        return unusable


def _checked(view: str | None) -> str:
    try:
        return check_group(view or UNKNOWN)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise UserError(f"--view: {problem}", remedy) from None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (path / name for name in discover(path) if Path(name).suffix not in BESIDE_SAVED)
        elif path.exists():
            yield path
        else:
            raise UserError(f"{path} does not exist", "name a file or a folder that does")
