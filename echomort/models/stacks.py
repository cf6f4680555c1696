"""The two stacks of the method: of all views, and of all views with the health record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.core.files import atomic_folder
from echomort.models.fusion import FusionModel, fit_stack, permuted_null_aucs
from echomort.models.rows import HELD_OUT, LabelledRows
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
        """Pivot ``long``, one row a study and model: the columns of ``keys``, model (``view:<view>`` or ``ehr``),
        logit."""
        names = ["study_key", "patient_key", "fold", "label"]
        keys = long[names].drop_duplicates("study_key").reset_index(drop=True)
        wide = long.dropna(subset=["model"]).pivot(index="study_key", columns="model", values="logit")
        wide = wide.reindex(keys["study_key"]).reset_index(drop=True)
        views = {str(name): view for name in wide.columns if (view := ModelName.parse(str(name)).view)}
        return cls(keys, wide[list(views)].rename(columns=views), wide[EHR].to_numpy())

    @property
    def rows(self) -> LabelledRows:
        """Labels, folds and patients."""
        return LabelledRows.of(*(self.keys[name].tolist() for name in ("label", "fold", "patient_key")))


@dataclass(frozen=True)
class PermutedNull:
    """AUCs of models refitted on permuted labels, and the studies and deaths that they are of."""

    aucs: list[float]
    n: int
    events: int


@dataclass(frozen=True)
class FittedStacks:
    """Logits by model in the order of the studies, the stacks, and the permuted null."""

    scores: Mapping[str, np.ndarray]
    models: Mapping[str, FusionModel]
    null: PermutedNull

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: one JSON a stack, and null.json."""
        with atomic_folder(folder) as whole:
            for name, model in self.models.items():
                (whole / f"{name}.json").write_bytes(model.to_json())
            (whole / "null.json").write_text(json.dumps(asdict(self.null), indent=1) + "\n")


def fit_stacks(studies: StudyScores, features: pd.DataFrame, settings: Settings) -> FittedStacks:
    """Fit both stacks in cross-validation, and refit all but the networks on permuted labels.

    ``features`` has one row a study, in the order of ``studies``. Without views there is no stack, and the null is that
    of the health-record model alone.
    """
    rows, views = studies.rows, studies.views
    columns = {ALL_VIEWS: views, VIDEO_EHR: views.assign(**{EHR: studies.ehr})} if len(views.columns) else {}
    results = {name: fit_stack(table, rows, settings.fusion) for name, table in columns.items()}
    null_aucs = permuted_null_aucs(features, views, rows, settings)
    inside = rows.folds != HELD_OUT
    aucs = null_aucs[VIDEO_EHR if columns else EHR].tolist()
    null = PermutedNull(aucs, n=int(inside.sum()), events=int(rows.labels[inside].sum()))
    scores = {name: result.scores for name, result in results.items()}
    return FittedStacks(scores, {name: result.model for name, result in results.items()}, null)
