"""The champion as a model: the risk of a clip and of a study."""

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from echomort.champion.ranges import Ranges
from echomort.champion.store import (
    HOW_TO_GET_ONE,
    NO_CHAMPION,
    VIDEO,
    candidate_folder,
    clip_of,
    pointer_to,
    read_files,
    read_manifest,
    read_pointer,
)
from echomort.core.errors import UserError
from echomort.dicom.header.views import UNKNOWN
from echomort.dicom.scaling import crop_or_pad
from echomort.models.platt import Platt, sigmoid
from echomort.settings import ClipSettings
from echomort.vocabulary.model_names import EHR, VIDEO_EHR

if TYPE_CHECKING:
    from echomort.models.fusion import FusionModel
    from echomort.models.tabular import TabularModel
    from echomort.models.view_classifier import ViewClassifier
    from echomort.models.view_model import ViewModel

ALL_VIEWS = "all views"
"""``model`` of a risk that is the mean over the models of all views."""
NO_MODEL_OF_VIEW = "the view is unknown or has no model: mean over the models of all views"
"""Note of such a risk."""

NO_CLIP, GIVE_A_LOOP = "there is no clip to score", "give at least one accepted echo loop"
RECORDS_ALONE = "the champion learnt from health records alone, and can't score echo files"
NEEDS_VIDEO = "train on echo loops (docs/pilot.md says how many); `echomort scores` has its risks of the studies"

Logits = NDArray[np.floating]

Pick = Callable[[Logits], Any]
"""Makes logits (folds, ...) those of one fold, or their mean: (...)."""

MEAN_OVER_FOLDS: Pick = functools.partial(np.mean, axis=0)

Clips = NDArray[np.uint8]
"""Pixels of one clip (frames, height, width), or of several (clips, frames, height, width)."""


@dataclass(frozen=True)
class ClipRisk:
    """The risk of one clip."""

    view: str
    """The view of the clip, ``unknown`` where it is not known."""
    model: str
    """The view whose model scored the clip, or ``all views``."""
    logit: float
    risk: float
    """Probability of death within one year, calibrated, 0 to 1."""
    synthetic: bool
    """Whether the champion was trained on the synthetic archive."""
    by_fold: Mapping[str, Logits]
    """View of each model that scored the clip -> the logits (folds,) of its networks."""
    note: str | None = None
    beyond: tuple[str, ...] = ()
    """What of it is beyond what the development cohort holds (:mod:`echomort.champion.ranges`)."""


@dataclass(frozen=True)
class StudyRisk:
    """The risk of one study."""

    model: str
    """The name of the stack, a view, or ``all views``."""
    logit: float
    risk: float
    """Probability of death within one year, calibrated, 0 to 1."""
    views: Mapping[str, float]
    """View -> mean logit of its clips."""
    clips: int
    """Number of scored clips."""
    synthetic: bool
    """Whether the champion was trained on the synthetic archive."""
    note: str | None = None
    low: float = math.nan
    high: float = math.nan
    """The smallest and the largest risk, where the models of each fold alone score the study. They show how far
    trainings on other patients differ; they are no confidence interval."""


@dataclass(frozen=True)
class _CombinedScore:
    """The score of a study over its views: the model that gave it, logit and calibrated risk."""

    model: str
    logit: float
    risk: float


@dataclass(frozen=True)
class Champion:
    """The model that predicts."""

    name: str
    clip: ClipSettings
    """The settings of the clips that it was trained on, with the sizes of views where those decide."""
    views: Mapping[str, "ViewModel"]
    stacks: Mapping[str, "FusionModel"]
    calibrations: Mapping[str, Platt]
    tabular: "TabularModel | None"
    classifier: "ViewClassifier | None"
    manifest: Mapping[str, Any]

    @classmethod
    def load(cls, root: Path, candidate: str = "") -> "Champion":
        """Read the champion of the registry at ``root``, or another ``candidate``; every file is verified first. Raises
        :class:`UserError`."""
        from echomort.models.fusion import FusionModel
        from echomort.models.tabular import TabularModel
        from echomort.models.view_classifier import ViewClassifier
        from echomort.models.view_model import ViewModel

        pointer = pointer_to(root, candidate) if candidate else read_pointer(root)
        if pointer is None:
            raise UserError(NO_CHAMPION, HOW_TO_GET_ONE)
        manifest = read_manifest(root, pointer)
        folder = candidate_folder(root, pointer.candidate)
        contents = read_files(folder, manifest)
        return cls(
            name=pointer.candidate,
            clip=clip_of(manifest),
            views={view: ViewModel.load(folder / "views" / view) for view in manifest["views"]},
            stacks={name: FusionModel.from_json(contents[f"stacks/{name}.json"]) for name in manifest["stacks"]},
            calibrations={name: Platt(**fields) for name, fields in manifest["calibrations"].items()},
            tabular=TabularModel.load(folder / "tabular") if manifest.get("tabular") else None,
            classifier=ViewClassifier.load(folder / "classifier") if manifest.get("classifier") else None,
            manifest=manifest,
        )

    @cached_property
    def is_synthetic(self) -> bool:
        """Whether it was trained on the synthetic archive: its risks then mean nothing for a patient."""
        return bool(self.manifest["synthetic"])

    @cached_property
    def ranges(self) -> Ranges:
        """What the development cohort holds; nothing is known of it in a candidate of an earlier release."""
        return Ranges.of_record(self.manifest.get("ranges", {}))

    def view_of(self, pixels: Clips) -> str:
        """Return the view of a clip from its ``pixels``, uint8 (frames, height, width); ``unknown`` where uncertain."""
        from echomort.models.view_classifier import appearance_of

        return UNKNOWN if self.classifier is None else self.classifier.name(appearance_of(pixels)[None])[0]

    def score_clip(self, pixels: Clips, view: str) -> ClipRisk:
        """Return the risk of one clip: ``pixels`` uint8 (frames, height, width), made with the settings
        :attr:`clip`."""
        if not self.views:
            raise UserError(RECORDS_ALONE, NEEDS_VIDEO)
        beyond = self.ranges.beyond_in_loop(pixels, view)
        if view in self.views:
            by_fold = {view: self.views[view].score_by_fold(pixels[None])[:, 0]}
            logit = float(np.mean(by_fold[view]))
            risk = float(self.calibrations[view].risk(logit))
            return ClipRisk(view, view, logit, risk, self.is_synthetic, by_fold, beyond=beyond)
        by_fold = {name: model.score_by_fold(self._framed(pixels, name))[:, 0] for name, model in self.views.items()}
        mean = self._mean_over_views({name: float(np.mean(part)) for name, part in by_fold.items()}, ALL_VIEWS)
        return ClipRisk(view, mean.model, mean.logit, mean.risk, self.is_synthetic, by_fold, NO_MODEL_OF_VIEW, beyond)

    def combine_clips(self, clips: Sequence[ClipRisk]) -> StudyRisk:
        """Return the risk of one study from its scored ``clips``, as :meth:`score_study`.

        Raises :class:`UserError` without a clip.
        """
        if not clips:
            raise UserError(NO_CLIP, GIVE_A_LOOP)
        folds = min(len(part) for one in clips for part in one.by_fold.values())
        return _with_range(lambda pick: self._combined_clips(clips, pick), folds)

    def _combined_clips(self, clips: Sequence[ClipRisk], pick: Pick) -> StudyRisk:
        """Return the risk of one study, whose clips have the logit that ``pick`` makes of those of the folds."""
        counted = self.counted(clips)
        if counted[0].view not in self.views:
            scored = [{view: float(pick(part)) for view, part in one.by_fold.items()} for one in counted]
            return self._mean_over_clips([self._mean_over_views(one, ALL_VIEWS) for one in scored])
        by_view: dict[str, list[float]] = {}
        for one in counted:
            by_view.setdefault(one.view, []).append(float(pick(one.by_fold[one.view])))
        views = {view: np.array(part) for view, part in by_view.items()}
        return self._combined_views(views, None, len(clips) - len(counted))

    def counted(self, clips: Sequence[ClipRisk]) -> list[ClipRisk]:
        """Return those of one study's ``clips`` that its risk rests on: of views with a model; if none is, all."""
        return [one for one in clips if one.view in self.views] or list(clips)

    def score_study(self, clips: Mapping[str, Sequence[Clips]], ehr: Logits | None = None) -> StudyRisk:
        """Return the risk of one study from its ``clips`` by view, and ``ehr``, the logits (folds,) of its health
        record, if any.

        Clips of views without a model are used only if there are no others. Raises :class:`UserError` without a clip.
        """
        by_view = {view: np.stack(part) for view, part in clips.items() if view in self.views and len(part)}
        others = [pixels for view, part in clips.items() if view not in self.views for pixels in part]
        if not by_view:
            return self.combine_clips([self.score_clip(pixels, UNKNOWN) for pixels in others])
        logits = {view: self.views[view].score_by_fold(part) for view, part in by_view.items()}
        return self.combine_views(logits, ehr, len(others))

    def score_record(self, ehr: Logits) -> StudyRisk:
        """Return the risk of one study from ``ehr``, the logits (folds,) of its health record, alone."""
        return _with_range(lambda pick: self._scored_record(float(pick(ehr))), len(ehr))

    def _scored_record(self, ehr: float) -> StudyRisk:
        risk = float(self.calibrations[EHR].risk(ehr))
        return StudyRisk(EHR, ehr, risk, {}, 0, self.is_synthetic)

    def combine_views(self, logits: Mapping[str, Logits], ehr: Logits | None = None, others: int = 0) -> StudyRisk:
        """Return the risk of one study, as :meth:`score_study`, from the ``logits`` (folds, clips) of its clips by view
        (views with a model only); ``others`` is the number of clips that are not used."""

        def risk_of(pick: Pick) -> StudyRisk:
            of_record = None if ehr is None else float(pick(ehr))
            return self._combined_views({view: pick(part) for view, part in logits.items()}, of_record, others)

        return _with_range(risk_of, min(map(len, (*logits.values(), *([] if ehr is None else [ehr])))))

    def _combined_views(self, logits: Mapping[str, Logits], ehr: float | None, others: int) -> StudyRisk:
        """Return the risk of one study from one logit a clip, by view."""
        means = {view: float(np.mean(part)) for view, part in logits.items()}
        fused = self._combined(means, ehr)
        note = f"{others} clips of other views were left out" if others else None
        scored = sum(map(len, logits.values()))
        return StudyRisk(fused.model, fused.logit, fused.risk, means, scored, self.is_synthetic, note)

    def _combined(self, logits: Mapping[str, float], ehr: float | None) -> _CombinedScore:
        name = VIDEO_EHR if ehr is not None and VIDEO_EHR in self.stacks else VIDEO
        if name not in self.stacks:
            return self._mean_over_views(logits, ALL_VIEWS if len(logits) > 1 else next(iter(logits)))
        row = pd.DataFrame([{**logits, **({EHR: ehr} if ehr is not None else {})}])
        logit = float(self.stacks[name].score(row)[0])
        return _CombinedScore(name, logit, float(self.calibrations[name].risk(logit)))

    def _framed(self, pixels: Clips, view: str) -> Clips:
        """Return a clip of another view as the model of ``view`` takes it, (1, frames, height, width): as it is, or,
        where frames have the size of their view, cropped or padded to that of ``view``."""
        _, height, width = self.clip.shape_of(view)
        return crop_or_pad(pixels, (height, width))[None] if self.clip.fit == "view_size" else pixels[None]

    def _mean_over_views(self, logits: Mapping[str, float], model: str) -> _CombinedScore:
        """Return the mean of the views' logits, and the risk of the mean of their calibrated logits."""
        calibrated = [float(self.calibrations[view].logit(logit)) for view, logit in logits.items()]
        return _CombinedScore(model, float(np.mean(list(logits.values()))), float(sigmoid(np.mean(calibrated))))

    def _mean_over_clips(self, scored: Sequence[_CombinedScore]) -> StudyRisk:
        """Return the risk of a study of whose clips no view has a model."""
        risk = float(sigmoid(np.mean([np.log(one.risk / (1 - one.risk)) for one in scored])))
        logit = float(np.mean([one.logit for one in scored]))
        return StudyRisk(ALL_VIEWS, logit, risk, {}, len(scored), self.is_synthetic, NO_MODEL_OF_VIEW)


def _with_range(risk_of: Callable[[Pick], StudyRisk], folds: int) -> StudyRisk:
    """Return the risk by all folds together, with the smallest and the largest by one of them alone; ``risk_of`` makes
    a risk of what is picked of the logits of the folds."""
    alone = [risk_of(operator.itemgetter(fold)).risk for fold in range(folds)]
    return replace(risk_of(MEAN_OVER_FOLDS), low=min(alone), high=max(alone))
