"""The two stacks of the method: all views together, and the views with the health record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.core.files import atomic_folder
from echomort.models.fusion import FusionModel, permuted_null, stack_rows
from echomort.models.rows import HELD_OUT, Rows
from echomort.settings import Settings
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR, ModelName


@dataclass(frozen=True)
class StudyScores:
    """Out-of-fold logits by study: ``keys`` (study_key, patient_key, fold, label), ``views`` one column a view (NaN
    where a study has no clip of it), ``ehr`` (n,)."""

    keys: pd.DataFrame
    views: pd.DataFrame
    ehr: np.ndarray

    @classmethod
    def of(cls, long: pd.DataFrame) -> "StudyScores":
        """Take one row a study and model: the columns of ``keys``, model (``view:<view>`` or ``ehr``) and logit."""
        names = ["study_key", "patient_key", "fold", "label"]
        keys = long[names].drop_duplicates("study_key").reset_index(drop=True)
        wide = long.dropna(subset=["model"]).pivot(index="study_key", columns="model", values="logit")
        wide = wide.reindex(keys["study_key"]).reset_index(drop=True)
        views = {str(name): view for name in wide.columns if (view := ModelName.parse(str(name)).view)}
        return cls(keys, wide[list(views)].rename(columns=views), wide[EHR].to_numpy())

    @property
    def rows(self) -> Rows:
        """Labels, folds and patients."""
        return Rows.of(*(self.keys[name].tolist() for name in ("label", "fold", "patient_key")))


@dataclass(frozen=True)
class Stacks:
    """What stacking gave: logits by model in the order of the studies, the stacks, and the planted null."""

    scores: Mapping[str, np.ndarray]
    models: Mapping[str, FusionModel]
    null: Mapping[str, object]

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: one JSON a stack, and null.json."""
        with atomic_folder(folder) as whole:
            for name, model in self.models.items():
                (whole / f"{name}.json").write_bytes(model.to_json())
            (whole / "null.json").write_text(json.dumps(self.null, indent=1) + "\n")


def stack_all(studies: StudyScores, features: pd.DataFrame, settings: Settings) -> Stacks:
    """Fit both stacks inside the folds, and refit everything but the networks on permuted labels.

    ``features`` has the studies' rows in the same order. Without any view there is nothing to stack, and the null is
    that of the health-record model alone.
    """
    rows, views = studies.rows, studies.views
    columns = {ALL_VIEWS: views, VIDEO_EHR: views.assign(**{EHR: studies.ehr})} if len(views.columns) else {}
    results = {name: stack_rows(table, rows, settings.fusion) for name, table in columns.items()}
    drawn = permuted_null(features, views, rows, settings)
    inside = rows.folds != HELD_OUT
    null = {
        "aucs": drawn[VIDEO_EHR if columns else EHR].tolist(),
        "n": int(inside.sum()),
        "events": int(rows.labels[inside].sum()),
    }
    scores = {name: result.scores for name, result in results.items()}
    return Stacks(scores, {name: result.model for name, result in results.items()}, null)
