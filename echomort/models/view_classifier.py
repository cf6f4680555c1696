"""Which view a loop shows, from its pixels: learnt from the archive's own tagged loops, for those that no tag names.

A loop's *appearance* is its mean picture and how each pixel moves, both small. Each view is a Gaussian about its mean
appearance, all of one shape (linear discriminant analysis with Ledoit and Wolf's shrinkage, J Multivariate Anal
2004;88:365). A loop is named only where the nearest view is nearer than the next by a margin that patients never seen
have shown to be enough, and not farther than such patients' own loops: what is of no view learnt stays unnamed.
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
FEATURES = 2 * GRID[0] * GRID[1]
"""Rows and columns of the small pictures: the clip's aspect (ours)."""

FOLDS = 5
REACH = 0.99
"""Share of unseen patients' own loops that lie near enough to their view to be named (ours)."""

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class ViewClassifier:
    """``views`` with their mean appearances, float64 (views, features); ``whitening``, float64 (features, features),
    turns a difference of appearances into one of unit covariance. ``margin`` and ``reach`` are squared distances."""

    views: tuple[str, ...] = ()
    means: np.ndarray = field(default_factory=lambda: np.zeros((0, FEATURES)), repr=False)
    whitening: np.ndarray = field(default_factory=lambda: np.zeros((FEATURES, FEATURES)), repr=False)
    margin: float = float("inf")
    reach: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was seen on patients left out: loops, accuracy, share named, precision of the named, confusion."""

    @property
    def names_any(self) -> bool:
        """Whether it names any loop at all."""
        return len(self.views) > 1 and bool(np.isfinite(self.margin))

    @property
    def shown(self) -> dict[str, Any]:
        """What is told of it in one line each: no more than counts and shares."""
        return {f"classifier {key}": value for key, value in self.facts.items() if not isinstance(value, dict)}

    def name(self, appearances: np.ndarray) -> list[str]:
        """Return one view a row of ``appearances``, float64 (n, features); ``unknown`` where it can't be told."""
        if not self.names_any:
            return [UNKNOWN] * len(appearances)
        nearest, distance, margin = _nearest(self._distances(appearances))
        sure = (margin >= self.margin) & (distance <= self.reach)
        return [self.views[view] if told else UNKNOWN for view, told in zip(nearest, sure, strict=True)]

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
        """Read what :meth:`save` wrote, or raise :class:`UserError`: a file's SHA-256 is verified before its weights
        are parsed; names, shapes and finiteness after."""
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
        """Squared Mahalanobis distances, float64 (n, views)."""
        whitened, centres = appearances @ self.whitening, self.means @ self.whitening
        return np.asarray(np.square(whitened[:, None] - centres[None]).sum(axis=2))


def appearance_of(clip: np.ndarray) -> np.ndarray:
    """Return what ``clip``, uint8 (frames, height, width), looks like: float64 (features,), whatever its gain.

    The frames of zeros at the end of a short loop do not count.
    """
    lit = np.flatnonzero(clip.reshape(len(clip), -1).any(axis=1))
    shown = clip[: int(lit[-1]) + 1 if len(lit) else 1].astype(np.float32)
    return np.concatenate([_small(shown.mean(axis=0)), _small(shown.std(axis=0))])


def fit_view_classifier(
    appearances: np.ndarray, views: Sequence[str], patients: Sequence[str], settings: Views
) -> ViewClassifier:
    """Learn the views of which there are ``settings.min_clips`` tagged loops of enough patients.

    ``appearances`` is float64 (n, features), ``views`` and ``patients`` name the view and the patient of each row. The
    margin is the least at which, among loops of patients left out, the lower 95 % bound (Wilson) of the share named
    rightly is ``settings.precision``. Without two such views, or such a margin, the classifier names nothing.
    """
    named, groups = np.asarray(views, object), np.asarray(patients, object)
    learnt = sorted(str(view) for view in set(views) - {UNKNOWN} if _is_enough(named == view, groups, settings))
    kept = np.isin(named, learnt)
    if len(learnt) < 2:
        return ViewClassifier(facts={"loops": int(kept.sum()), "why": "fewer than two views have enough tagged loops"})
    rows, truth = appearances[kept], np.searchsorted(learnt, named[kept].astype(str))
    distances = _out_of_fold(rows, truth, groups[kept], len(learnt))
    nearest, distance, margin = _nearest(distances)
    reach = float(np.quantile(distances[np.arange(len(truth)), truth], REACH))
    right, near = nearest == truth, distance <= reach
    least = _least_margin(margin[near], right[near], settings.precision)
    facts = _facts(learnt, truth, nearest, near & (margin >= least))
    return ViewClassifier(tuple(learnt), *_gaussians(rows, truth, len(learnt)), least, reach, facts)


def _small(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    rows, columns = GRID
    small = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX), np.float64).ravel()
    length = float(np.sqrt(np.square(small).sum()))
    return small / length if length else small


def _is_enough(own: np.ndarray, patients: np.ndarray, settings: Views) -> bool:
    return int(own.sum()) >= settings.min_clips and len(set(patients[own])) >= FOLDS


def _gaussians(rows: np.ndarray, truth: np.ndarray, views: int) -> tuple[np.ndarray, np.ndarray]:
    """The views' means and the whitening of what is left about them."""
    from sklearn.covariance import LedoitWolf

    means = np.stack([rows[truth == view].mean(axis=0) for view in range(views)])
    precision = LedoitWolf(assume_centered=True).fit(rows - means[truth]).precision_
    return means, np.linalg.cholesky((precision + precision.T) / 2)


def _out_of_fold(rows: np.ndarray, truth: np.ndarray, patients: np.ndarray, views: int) -> np.ndarray:
    """Distances to every view by Gaussians that never saw the row's patient: float64 (n, views)."""
    from sklearn.model_selection import StratifiedGroupKFold

    distances = np.full((len(rows), views), np.inf)
    for seen, unseen in StratifiedGroupKFold(FOLDS).split(rows, truth, patients):
        there, own = np.unique(truth[seen], return_inverse=True)
        model = ViewClassifier(tuple(map(str, there)), *_gaussians(rows[seen], own, len(there)))
        distances[np.ix_(unseen, there)] = model._distances(rows[unseen])
    return distances


def _nearest(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest view, its distance, and by how much the next is farther."""
    ordered = np.sort(distances, axis=1)
    return distances.argmin(axis=1), ordered[:, 0], ordered[:, 1] - ordered[:, 0]


def _least_margin(margin: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The least margin at which what is named is right often enough; infinite where there is none."""
    from statsmodels.stats.proportion import proportion_confint

    order = np.argsort(-margin, kind="stable")
    named = np.arange(1, len(order) + 1)
    low, _ = proportion_confint(right[order].cumsum(), named, alpha=0.05, method="wilson")
    enough = np.flatnonzero(np.asarray(low) >= precision)
    return float(margin[order][enough[-1]]) if len(enough) else float("inf")


def _facts(views: Sequence[str], truth: np.ndarray, nearest: np.ndarray, told: np.ndarray) -> dict[str, Any]:
    right = nearest == truth
    counts = np.zeros((len(views), len(views)), int)
    np.add.at(counts, (truth, nearest), 1)
    confusion = {view: dict(zip(views, map(int, row), strict=True)) for view, row in zip(views, counts, strict=True)}
    return {
        "loops": len(truth),
        "accuracy": round(float(right.mean()), 4),
        "named": round(float(told.mean()), 4),
        "precision": round(float(right[told].mean()), 4) if told.any() else None,
        "confusion": confusion,
    }
