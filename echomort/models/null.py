"""The permuted null: what models find in labels that mean nothing."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from echomort.models.cross_fit import CrossFit
from echomort.models.fusion import fit_stack
from echomort.models.rows import HELD_OUT, LabelledRows, TooFewRowsError, chance_error, mean_fold_auc
from echomort.settings import Settings
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, VIDEO_EHR

DRAWS = 100
"""Permutations that are drawn until one allows every model to be trained: one or two do, unless deaths are very few."""


@dataclass(frozen=True)
class PermutedNull:
    """What models found in one permutation of the labels: AUC by model, of ``n`` studies with ``events`` deaths; and
    the standard error of the fullest model's AUC under chance."""

    auc: Mapping[str, float]
    chance_error: float
    n: int
    events: int

    @property
    def fullest(self) -> float:
        """The AUC of the model with the most inputs: video and records, or the records where there is no video."""
        return self.auc.get(VIDEO_EHR, self.auc[EHR])

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, content: str) -> "PermutedNull":
        """Return what :meth:`to_json` wrote."""
        return cls(**json.loads(content))


def permute_labels(rows: LabelledRows, parts: Sequence[np.ndarray], seed: tuple[int, ...]) -> LabelledRows:
    """Return ``rows`` with labels permuted by patient within the folds, such that all rows, and those of each of
    ``parts`` (n,) bool, can be trained on. Held-out rows keep theirs, and unknown labels stay unknown. Raises
    :class:`TooFewRowsError` where no permutation allows it."""
    generator = np.random.default_rng(seed)
    inside = rows.is_labelled & (rows.folds != HELD_OUT)
    labels = rows.labels.copy()
    for _ in range(DRAWS):
        labels[inside] = rows.subset(inside).permuted(generator).labels
        shuffled = LabelledRows(labels, rows.folds, rows.patients)
        if all(part.is_trainable for part in (shuffled, *map(shuffled.subset, parts))):
            return shuffled
    raise TooFewRowsError(
        "there are too few deaths to permute labels", "raise training.min_deaths, or use more studies"
    )


def permuted_null(
    views: Mapping[str, CrossFit], features: pd.DataFrame, rows: LabelledRows, settings: Settings
) -> PermutedNull:
    """Return the mean fold AUC of each model on the permuted labels of ``rows``, and what chance allows.

    ``views`` are the scores of video models that were trained on these labels; the trees on ``features`` and both
    stacks are fitted here. Without leakage each AUC is 0.5 on average. Raises
    :class:`TooFewRowsError` where no fold has both outcomes.
    """
    from echomort.ehr.catalogue import site_catalogue
    from echomort.models.tabular import encode, fit_nested

    own, columns = site_catalogue(settings.sources.variables).own, tuple(map(str, features.columns))
    ehr = fit_nested(encode(features), columns, rows, settings.tabular, own).scores
    scores = {EHR: ehr}
    if views:
        scores[ALL_VIEWS] = fit_stack(views, rows, settings.fusion).scores
        scores[VIDEO_EHR] = fit_stack({**views, EHR: ehr}, rows, settings.fusion).scores
    areas = {model: mean_fold_auc(one.logits, rows) for model, one in scores.items()}
    if any(map(math.isnan, areas.values())):
        raise TooFewRowsError("no fold holds deaths and survivors whose labels were permuted", "use more studies")
    fullest = scores.get(VIDEO_EHR, ehr)
    error = chance_error(fullest.logits, rows, settings.evaluation.seed)
    evaluated = rows.labels[rows.is_labelled & (rows.folds != HELD_OUT)]
    return PermutedNull(areas, error, n=len(evaluated), events=int(evaluated.sum()))
