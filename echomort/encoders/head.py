"""A linear model on the mean embedding of each study's clips, in nested cross-validation."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from echomort.core.files import atomic_folder
from echomort.models.cross_fit import CrossFit, LeftOut, folds_left_out
from echomort.models.logistic import Coefficients, fit_logistic
from echomort.models.rows import LabelledRows


@dataclass(frozen=True)
class Head:
    """``scores`` in the order of the rows, and the coefficients by the fold left out."""

    scores: CrossFit
    coefficients: Mapping[int, Coefficients]


def pooled(embeddings: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the mean, float64 (numbers,), of the embeddings of a study's clips: at least one."""
    return np.asarray(np.mean([embeddings[key] for key in sorted(embeddings)], axis=0, dtype=np.float64))


def fit_head(embeddings: np.ndarray, rows: LabelledRows, ridge: float) -> Head:
    """Cross-fit a logistic regression on ``embeddings`` (n, numbers) of ``rows``; held-out rows are scored too."""
    columns = tuple(f"e{number}" for number in range(embeddings.shape[1]))
    fitted: dict[LeftOut, Coefficients] = {}
    with threadpool_limits(1):  # sums do not depend on the machine's cores
        for left_out in folds_left_out(rows.trained_folds):
            training = rows.training(*left_out)
            fitted[left_out] = fit_logistic(embeddings[training], rows.labels[training], columns, ridge)
        scores = CrossFit.of_models(rows.folds, {left_out: one.logits(embeddings) for left_out, one in fitted.items()})
    return Head(scores, {fold: fitted[fold,] for fold in rows.trained_folds})


def save_heads(heads: Mapping[str, Head], folder: Path) -> None:
    """Write ``folder`` atomically: coefficients.json, by encoder and fold left out."""
    table = {
        encoder: {str(fold): asdict(fitted) for fold, fitted in head.coefficients.items()}
        for encoder, head in heads.items()
    }
    with atomic_folder(folder) as whole:
        (whole / "coefficients.json").write_text(json.dumps(table) + "\n")
