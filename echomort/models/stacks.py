"""The two stacks of the method: of all views, and of all views with the health record."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.core.files import atomic_folder
from echomort.models.cross_fit import CrossFit, without_of
from echomort.models.fusion import FusionModel, fit_stack
from echomort.models.rows import LabelledRows
from echomort.settings import Fusion
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR, ModelName


@dataclass(frozen=True)
class StudyScores:
    """Scores of studies: ``keys`` (study_key, patient_key, fold, label), by view those of its model (NaN where a study
    has no clip of it), and those of the health record."""

    keys: pd.DataFrame
    views: Mapping[str, CrossFit]
    ehr: CrossFit

    @classmethod
    def of(cls, long: pd.DataFrame) -> "StudyScores":
        """Take ``long``, one row a study and model: the columns of ``keys``, model (``view:<view>`` or ``ehr``), logit,
        and ``without``, the list that :attr:`CrossFit.without` is a row of."""
        names = ["study_key", "patient_key", "fold", "label"]
        keys = long[names].drop_duplicates("study_key").reset_index(drop=True)
        by_model = {str(model): scores for model, scores in long.dropna(subset=["model"]).groupby("model")}
        scores = {model: cross_fit_of(keys, table) for model, table in by_model.items()}
        views = {view: scores[model] for model in scores if (view := ModelName.parse(model).view)}
        return cls(keys, views, scores[EHR])

    @property
    def rows(self) -> LabelledRows:
        """Labels, folds and patients."""
        return LabelledRows.of(*(self.keys[name].tolist() for name in ("label", "fold", "patient_key")))


def cross_fit_of(keys: pd.DataFrame, scores: pd.DataFrame) -> CrossFit:
    """Return the scores of one model in the order of the studies ``keys``; ``scores`` has study_key, logit, without."""
    place = pd.Series(range(len(keys)), index=keys["study_key"])
    cells = without_of(scores["without"])
    logits, without = np.full(len(keys), np.nan), np.full((len(keys), max(map(len, cells))), np.nan)
    for study, logit, values in zip(scores["study_key"], scores["logit"], cells, strict=True):
        logits[place[study]] = logit
        without[place[study], : len(values)] = values
    return CrossFit.of_scores(keys["fold"].to_numpy(), logits, without)


@dataclass(frozen=True)
class FittedStacks:
    """Scores by model in the order of the studies, and the stacks."""

    scores: Mapping[str, CrossFit]
    models: Mapping[str, FusionModel]

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: one JSON a stack."""
        with atomic_folder(folder) as whole:
            for name, model in self.models.items():
                (whole / f"{name}.json").write_bytes(model.to_json())


def fit_stacks(studies: StudyScores, settings: Fusion) -> FittedStacks:
    """Fit both stacks in nested cross-validation. Without views there is no stack."""
    views = studies.views
    parts = {ALL_VIEWS: views, VIDEO_EHR: {**views, EHR: studies.ehr}} if views else {}
    results = {name: fit_stack(scores, studies.rows, settings) for name, scores in parts.items()}
    scores = {name: result.scores for name, result in results.items()}
    return FittedStacks(scores, {name: result.model for name, result in results.items()})
