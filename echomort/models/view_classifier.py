"""A classifier of the view from pixels, trained on the archive's tagged loops, for loops whose view no tag names.

The *appearance* of a loop is the mean and the standard deviation of its frames, at a small size. Each view is a
Gaussian around its mean appearance, with one covariance for all views (linear discriminant analysis with Ledoit and
Wolf's shrinkage, J Multivariate Anal 2004;88:365). A loop is named only if the nearest view is nearer than the second
by a margin, and not farther than a reach. Both are chosen on patients that the classifier was not trained on, so that a
loop of another view stays unnamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from echomort.core.errors import UserError
from echomort.core.files import atomic_folder
from echomort.core.verified import REMEDY, read_card, read_verified
from echomort.dicom.header.views import UNKNOWN
from echomort.settings import Views

GRID = 10, 14
"""Rows and columns of the small pictures. Chosen here: about the aspect of a clip."""
FEATURES = 2 * GRID[0] * GRID[1]
"""Numbers in an appearance: mean and standard deviation of every small pixel."""
FOLDS = 5
"""Folds of the cross-validation that chooses margin and reach, and fewest patients of a view. Chosen here, as is
usual."""
REACH = 0.99
"""Share of loops of patients not trained on whose distance to their view is within the reach. Chosen here."""
ALPHA = 0.05
"""1 less the level of the interval whose lower limit must reach ``imaging.views.precision``. Chosen here, as is
usual."""
WEIGHTS = "weights.safetensors"
"""File of the weights in the folder of a classifier."""
TOO_FEW_VIEWS = "fewer than two views have enough tagged loops"
"""Why a classifier names no loop."""


@dataclass(frozen=True)
class ViewClassifier:
    """``views`` with their mean appearances ``means``, float64 (views, features). ``whitening``, float64 (features,
    features), maps differences of appearances to unit covariance. ``margin`` and ``reach`` are squared distances."""

    views: tuple[str, ...] = ()
    means: np.ndarray = field(default_factory=lambda: np.zeros((0, FEATURES)), repr=False)
    whitening: np.ndarray = field(default_factory=lambda: np.zeros((FEATURES, FEATURES)), repr=False)
    margin: float = float("inf")
    reach: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Results of cross-validation by patient: loops, accuracy, share named, precision of the named, confusion."""

    @property
    def can_name(self) -> bool:
        """Whether it can name a loop at all."""
        return len(self.views) > 1 and bool(np.isfinite(self.margin))

    @property
    def metadata(self) -> dict[str, Any]:
        """Counts and shares of ``facts``, for the metadata of an asset."""
        return {f"classifier {key}": value for key, value in self.facts.items() if not isinstance(value, dict)}

    def name(self, appearances: np.ndarray) -> list[str]:
        """Return the view of each row of ``appearances``, float64 (n, features); ``unknown`` where it is uncertain."""
        if not self.can_name:
            return [UNKNOWN] * len(appearances)
        nearest, distance, margin = _nearest(self._distances(appearances))
        sure = (margin >= self.margin) & (distance <= self.reach)
        return [self.views[view] if is_sure else UNKNOWN for view, is_sure in zip(nearest, sure, strict=True)]

    def save(self, folder: Path) -> None:
        """Write ``folder`` atomically: the weights (safetensors) and model.json with their SHA-256."""
        import safetensors.numpy

        content = safetensors.numpy.save({"means": self.means, "whitening": self.whitening})
        margin = self.margin if np.isfinite(self.margin) else None
        card: dict[str, Any] = {"model": "view_classifier", "views": self.views, "margin": margin, "reach": self.reach}
        card |= {"facts": dict(self.facts), "weights": hashlib.sha256(content).hexdigest()}
        with atomic_folder(folder) as whole:
            (whole / WEIGHTS).write_bytes(content)
            (whole / "model.json").write_text(json.dumps(card, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> ViewClassifier:
        """Read a folder that :meth:`save` wrote, or raise :class:`UserError`. The SHA-256 of the weights is verified
        before they are parsed; names, shapes and finiteness afterwards."""
        import safetensors.numpy
        from safetensors import SafetensorError

        card = read_card(folder, ("views", "margin", "reach", "facts", "weights"))
        try:
            weights = safetensors.numpy.load(read_verified(folder, WEIGHTS, card["weights"]))
            means, whitening = weights["means"], weights["whitening"]
        except (SafetensorError, KeyError):
            raise UserError("a weight file does not hold a view classifier", REMEDY) from None
        if means.shape != (len(card["views"]), FEATURES) or whitening.shape != (FEATURES, FEATURES):
            raise UserError("the weights of a view classifier have another shape than its card says", REMEDY)
        if not (np.isfinite(means).all() and np.isfinite(whitening).all()):
            raise UserError("the weights of a view classifier are not all numbers", REMEDY)
        margin = float("inf") if card["margin"] is None else float(card["margin"])
        return cls(tuple(card["views"]), means, whitening, margin, float(card["reach"]), card["facts"])

    def _distances(self, appearances: np.ndarray) -> np.ndarray:
        """Return squared Mahalanobis distances, float64 (n, views)."""
        whitened, centres = appearances @ self.whitening, self.means @ self.whitening
        return np.asarray(np.square(whitened[:, None] - centres[None]).sum(axis=2))


def appearance_of(clip: np.ndarray) -> np.ndarray:
    """Return the appearance of ``clip``, uint8 (frames, height, width): float64 (features,), independent of the gain.

    Frames of zeros at the end of a short loop are ignored.
    """
    nonzero = np.flatnonzero(clip.reshape(len(clip), -1).any(axis=1))
    shown = clip[: int(nonzero[-1]) + 1 if len(nonzero) else 1].astype(np.float32)
    return np.concatenate([_small(shown.mean(axis=0)), _small(shown.std(axis=0))])


def fit_view_classifier(
    appearances: np.ndarray, views: Sequence[str], patients: Sequence[str], settings: Views
) -> ViewClassifier:
    """Train a classifier on the views with at least ``settings.min_clips`` tagged loops and ``FOLDS`` patients.

    ``appearances`` is float64 (n, features), ``views`` and ``patients`` name the view and the patient of each row. The
    margin is the smallest at which the share named correctly, in cross-validation by patient, has a lower 95 % limit
    (Wilson) of at least ``settings.precision``. Without two views or without such a margin, it names nothing.
    """
    named, groups = np.asarray(views, object), np.asarray(patients, object)
    trained_views = sorted(str(view) for view in set(views) - {UNKNOWN} if _has_enough(named == view, groups, settings))
    kept = np.isin(named, trained_views)
    if len(trained_views) < 2:
        return ViewClassifier(facts={"loops": int(kept.sum()), "why": TOO_FEW_VIEWS})
    rows, truth = appearances[kept], np.searchsorted(trained_views, named[kept].astype(str))
    distances = _out_of_fold(rows, truth, groups[kept], len(trained_views))
    nearest, distance, margin = _nearest(distances)
    reach = float(np.quantile(distances[np.arange(len(truth)), truth], REACH))
    correct, near = nearest == truth, distance <= reach
    least = _least_margin(margin[near], correct[near], settings.precision)
    facts = _facts(trained_views, truth, nearest, near & (margin >= least))
    return ViewClassifier(tuple(trained_views), *_gaussians(rows, truth, len(trained_views)), least, reach, facts)


def _small(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    rows, columns = GRID
    small = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX), np.float64).ravel()
    length = float(np.sqrt(np.square(small).sum()))
    return small / length if length else small


def _has_enough(is_of_view: np.ndarray, patients: np.ndarray, settings: Views) -> bool:
    return int(is_of_view.sum()) >= settings.min_clips and len(set(patients[is_of_view])) >= FOLDS


def _gaussians(rows: np.ndarray, truth: np.ndarray, views: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of the views and the whitening of the residuals."""
    from sklearn.covariance import LedoitWolf

    means = np.stack([rows[truth == view].mean(axis=0) for view in range(views)])
    precision = LedoitWolf(assume_centered=True).fit(rows - means[truth]).precision_
    return means, np.linalg.cholesky((precision + precision.T) / 2)


def _out_of_fold(rows: np.ndarray, truth: np.ndarray, patients: np.ndarray, views: int) -> np.ndarray:
    """Return the distances to every view, float64 (n, views), by Gaussians not fitted on the row's patient."""
    from sklearn.model_selection import StratifiedGroupKFold

    distances = np.full((len(rows), views), np.inf)
    for training, test in StratifiedGroupKFold(FOLDS).split(rows, truth, patients):
        views_in_training, view_numbers = np.unique(truth[training], return_inverse=True)
        model = ViewClassifier(
            tuple(map(str, views_in_training)), *_gaussians(rows[training], view_numbers, len(views_in_training))
        )
        distances[np.ix_(test, views_in_training)] = model._distances(rows[test])
    return distances


def _nearest(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the nearest view, its distance, and the margin to the second nearest; each (n,)."""
    ordered = np.sort(distances, axis=1)
    return distances.argmin(axis=1), ordered[:, 0], ordered[:, 1] - ordered[:, 0]


def _least_margin(margin: np.ndarray, correct: np.ndarray, precision: float) -> float:
    """Return the smallest margin at which the lower limit of precision is reached; infinite where none is."""
    from statsmodels.stats.proportion import proportion_confint

    order = np.argsort(-margin, kind="stable")
    named = np.arange(1, len(order) + 1)
    low, _ = proportion_confint(correct[order].cumsum(), named, alpha=ALPHA, method="wilson")
    enough = np.flatnonzero(np.asarray(low) >= precision)
    return float(margin[order][enough[-1]]) if len(enough) else float("inf")


def _facts(views: Sequence[str], truth: np.ndarray, nearest: np.ndarray, named_mask: np.ndarray) -> dict[str, Any]:
    correct = nearest == truth
    counts = np.zeros((len(views), len(views)), int)
    np.add.at(counts, (truth, nearest), 1)
    confusion = {view: dict(zip(views, map(int, row), strict=True)) for view, row in zip(views, counts, strict=True)}
    return {
        "loops": len(truth),
        "accuracy": round(float(correct.mean()), 4),
        "named": round(float(named_mask.mean()), 4),
        "precision": round(float(correct[named_mask].mean()), 4) if named_mask.any() else None,
        "confusion": confusion,
    }
