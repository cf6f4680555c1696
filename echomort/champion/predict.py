"""The champion's risks of single files, and of the studies that they are of."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from echomort.champion.model import NEEDS_VIDEO, RECORDS_ALONE, Champion, ClipRisk
from echomort.champion.ranges import AGE
from echomort.core.errors import UserError
from echomort.dicom import Clip, Job, Rejected, discover, read_clips
from echomort.dicom.header.age import age_at_study
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import read_header
from echomort.dicom.header.views import UNKNOWN, check_group
from echomort.dicom.index import source_digest
from echomort.dicom.inspect import in_order
from echomort.dicom.saved import SavedClip, Unusable, check_tissue, convert_pixels, load_clip
from echomort.models.view_naming import CLASSIFIER
from echomort.settings import ClipSettings, Execution, Imaging, Scoring, Views

SAVED = ".npy"
"""Suffix of a saved clip."""
GIVEN = "given"
"""``view_source`` of a view that the caller named."""
WITHHELD = "risks of what is beyond the development cohort are withheld (scoring.beyond)"
"""Note of a prediction without its risk."""
CONFLICTING = "files of one object differ, of which none counts"
"""Note of a study of which an object has several files."""
BESIDE_SAVED = {".png", ".json"}
"""Suffixes of files that ``inspect --save`` writes beside a clip; ignored in a folder."""


@dataclass(frozen=True)
class Prediction:
    """The prediction of one file. Fields are None where they are unknown, or where the file was rejected."""

    path: str
    status: Literal["accepted", "rejected"]
    reason: str | None
    """Code of the reason for a rejection."""
    frames: int | None
    fps: float | None
    """Frames a second, rounded to three digits."""
    view: str | None
    view_source: str | None
    """Source of the view: a tag, the caller (``given``), or the ``classifier``."""
    logit: float | None
    risk: float | None
    """Probability of death within one year, 0 to 1."""
    model: str | None
    """The view whose model scored the clip, or ``all views``."""
    synthetic: bool
    """Whether the champion was trained on the synthetic archive."""
    note: str | None
    beyond: tuple[str, ...] = ()
    """What of it is beyond what the development cohort holds."""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return asdict(self)

    def served(self, settings: Scoring) -> "Prediction":
        """Return it as ``settings`` have it: without a risk if it is beyond, and such risks are withheld."""
        return replace(self, logit=None, risk=None, note=WITHHELD) if settings.withholds(self.beyond) else self


@dataclass(frozen=True)
class StudyPrediction:
    """The prediction of one study, from those of its files that were accepted. Risks are None where none was."""

    study: int
    """The number of the study among those of this call, from 1; no identifier."""
    place: str
    """The folder of its first file."""
    files: int
    scored: int
    """How many of the ``files`` count: they have a view with a model, or no file has one."""
    logit: float | None
    risk: float | None
    """Probability of death within one year, calibrated, 0 to 1."""
    low: float | None
    high: float | None
    """The smallest and the largest risk by the networks of each fold alone: how far trainings differ."""
    model: str | None
    """The name of the stack, a view, or ``all views``."""
    missing: tuple[str, ...]
    """What the champion learnt from and the study lacks: views, and ``health record``, which files never have."""
    synthetic: bool
    """Whether the champion was trained on the synthetic archive."""
    note: str | None
    beyond: tuple[str, ...] = ()
    """What of it is beyond what the development cohort holds: the age, and how most of its files look."""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them."""
        return asdict(self)

    def served(self, settings: Scoring) -> "StudyPrediction":
        """Return it as ``settings`` have it: without a risk if it is beyond, and such risks are withheld."""
        withheld = settings.withholds(self.beyond)
        return replace(self, logit=None, risk=None, low=None, high=None, note=WITHHELD) if withheld else self


@dataclass(frozen=True)
class FileScore:
    """The prediction of a file, the score behind it and the ``digest`` of its bytes (None if it was rejected), what
    tells its study and its object from others, and the age that its header tells; these three are shown nowhere."""

    prediction: Prediction
    risk: ClipRisk | None
    study: str = field(repr=False)
    object: str = field(repr=False)
    digest: str | None = None
    age: float | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Loop:
    """The properties of a loop, from its file."""

    frames: int | None = None
    fps: float | None = None
    view: str | None = None
    view_source: str | None = None


MARKED = Scoring()
"""The default: a risk of what is beyond says so, and is given."""


def score_files(
    paths: Sequence[Path], champion: Champion, view: str | None = None, scoring: Scoring = MARKED
) -> Generator[FileScore]:
    """Yield the score of each file of ``paths``, as :func:`score_clips_of`."""
    with closing(score_clips_of(paths, champion, view, scoring)) as scored:
        for one, _ in scored:
            yield one


def score_clips_of(
    paths: Sequence[Path], champion: Champion, view: str | None = None, scoring: Scoring = MARKED
) -> Generator[tuple[FileScore, NDArray[np.uint8] | None]]:
    """Yield the score of each file of ``paths`` (folders are searched), in order, by ``champion``, with the clip that
    was scored, uint8 (frames, height, width); None where the file was rejected. Closing it ends the processes that
    read.

    Files are DICOM objects, or clips saved by ``inspect`` (.npy). ``view`` is used for files that name none;
    ``scoring``: whether predictions of what is beyond the development cohort have a risk.
    Raises :class:`UserError` where a path does not exist, there is no file, ``view`` is no view, or the champion has no
    video model.
    """
    if not champion.views:
        raise UserError(RECORDS_ALONE, NEEDS_VIDEO)
    default_view, files = _checked(view), list(_files(paths))
    if not files:
        raise UserError("no file is in the folders that were named", "name a file, or a folder that holds one")
    objects = [path for path in files if path.suffix != SAVED]
    jobs = [Job(path, key=str(number)) for number, path in enumerate(objects)]
    imaging = Imaging(clip=_clip_of(champion, default_view), views=Views(classify=False))
    with closing(in_order(read_clips(jobs, imaging, min(Execution().cores, len(jobs))))) as loops:
        for path in files:
            loaded = _loaded(path) if path.suffix == SAVED else next(loops)[1]
            prediction, risk, pixels = _predicted(str(path), loaded, champion, default_view)
            age = None if risk is None or path.suffix == SAVED else age_at_study(path)
            if risk is not None:
                beyond = champion.ranges.beyond_in_study({AGE: age}, [risk.beyond])
                prediction = replace(prediction, beyond=beyond).served(scoring)
            content = None if risk is None else source_digest(path)
            yield FileScore(prediction, risk, *_uids(path), content, age), pixels


def predict_studies(
    files: Sequence[FileScore], champion: Champion, scoring: Scoring = MARKED
) -> Iterator[StudyPrediction]:
    """Yield the prediction of each study of ``files``, in the order of their first files, as ``scoring`` has it."""
    for number, of_study in enumerate(files_of_studies(files), start=1):
        yield _study(number, of_study, champion).served(scoring)


def files_of_studies(files: Iterable[FileScore]) -> list[list[FileScore]]:
    """Return the files of each study, in the order of their first files."""
    studies: dict[str, list[FileScore]] = {}
    for one in files:
        studies.setdefault(one.study, []).append(one)
    return list(studies.values())


def counted_files(files: Iterable[FileScore], champion: Champion) -> list[FileScore]:
    """Return those of one study's ``files`` that its risk rests on (:meth:`Champion.counted`)."""
    scored = _scored_once(files)
    counted = {id(risk) for risk in champion.counted([risk for _, risk in scored])}
    return [one for one, risk in scored if id(risk) in counted]


def _scored_once(files: Iterable[FileScore]) -> list[tuple[FileScore, ClipRisk]]:
    """Return the files that were scored, with their scores: of several files of one object the first if they are alike,
    and none if they differ, as linkage has it."""
    objects: dict[str, list[tuple[FileScore, ClipRisk]]] = {}
    for one in files:
        if one.risk is not None:
            objects.setdefault(one.object, []).append((one, one.risk))
    return [copies[0] for copies in objects.values() if len({one.digest for one, _ in copies}) == 1]


def _study(number: int, files: Sequence[FileScore], champion: Champion) -> StudyPrediction:
    scored = _scored_once(files)
    clips = [risk for _, risk in scored]
    found = champion.combine_clips(clips) if clips else None
    differ = {one.object for one in files if one.risk is not None} > {one.object for one, _ in scored}
    note = found.note if found else None if differ else "no file of it was accepted"
    of_views = {view for view in champion.views if any(clip.view == view for clip in clips)}
    ages = [one.age for one in files if one.age is not None]
    loops = [clip.beyond for clip in champion.counted(clips)]
    return StudyPrediction(
        study=number,
        place=str(Path(files[0].prediction.path).parent),
        files=len(files),
        scored=found.clips if found else 0,
        logit=found.logit if found else None,
        risk=found.risk if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        model=found.model if found else None,
        missing=(*sorted(champion.views.keys() - of_views), *(["health record"] if champion.tabular else [])),
        synthetic=champion.is_synthetic,
        note="; ".join(text for text in (note, CONFLICTING if differ else None) if text) or None,
        beyond=champion.ranges.beyond_in_study({AGE: ages[0] if ages else None}, loops),
    )


def _uids(path: Path) -> tuple[str, str]:
    """Return what tells the study of a file from others, and its object: its UIDs, else its folder and its path."""
    header = header_of(path)
    study, sop = (header.study_uid.strip(), header.sop_uid.strip()) if header else ("", "")
    return f"uid {study}" if study else f"folder {path.parent}", f"uid {sop}" if sop else f"file {path}"


def header_of(path: Path) -> Header | None:
    """Return what can be read of a file's header, of a rejected one too; a saved clip has none."""
    if path.suffix == SAVED:
        return None
    try:
        return read_header(path)
    except Rejected as rejected:
        return rejected.header


def _clip_of(champion: Champion, default_view: str) -> ClipSettings:
    """Return the champion's clip settings; loops that name no view get the size of ``default_view``."""
    clip = champion.clip
    if clip.fit == "inside":
        return clip
    return clip.model_copy(update={"view_sizes": clip.view_sizes | {UNKNOWN: clip.size_of(default_view)}})


def _predicted(
    path: str, loaded: Clip | SavedClip | Rejected | Unusable, champion: Champion, default_view: str
) -> tuple[Prediction, ClipRisk | None, NDArray[np.uint8] | None]:
    if isinstance(loaded, Rejected):
        return _rejected(path, loaded.reason.value, loaded.reason.meaning, _rejected_loop(loaded), champion), None, None
    if isinstance(loaded, Unusable):
        return _rejected(path, loaded.reason, loaded.remedy, _Loop(), champion), None, None
    loop = _loop(loaded, default_view)
    try:
        pixels, note = _pixels(loaded, champion.clip, str(loop.view))
    except Unusable as unusable:
        return _rejected(path, unusable.reason, unusable.remedy, loop, champion), None, None
    if loop.view == UNKNOWN and (view := champion.view_of(pixels)) != UNKNOWN:
        loop = replace(loop, view=view, view_source=CLASSIFIER)
    scored = champion.score_clip(pixels, str(loop.view))
    return _accepted(path, scored, note, loop), scored, pixels


def _accepted(path: str, scored: ClipRisk, note: str | None, loop: _Loop) -> Prediction:
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


def _pixels(loaded: Clip | SavedClip, clip_settings: ClipSettings, view: str) -> tuple[NDArray[np.uint8], str | None]:
    """Return the pixels in the champion's clip settings, and a note if they were converted; raises
    :class:`Unusable`."""
    converted = (loaded.pixels, None) if isinstance(loaded, Clip) else convert_pixels(loaded, clip_settings, view)
    check_tissue(loaded.pixels)
    return converted


def _loop(loaded: Clip | SavedClip, default_view: str) -> _Loop:
    view, source = (
        (default_view, GIVEN) if loaded.view == UNKNOWN != default_view else (loaded.view, loaded.view_source)
    )
    return _Loop(loaded.frames, _rounded(loaded.fps), view, source)


def _rejected_loop(loaded: Rejected) -> _Loop:
    header = loaded.header
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
