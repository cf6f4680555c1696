"""The view of every clip of an archive: by its tag, else by a classifier that learnt from the tagged clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from echomort.clips.store import read_study
from echomort.dicom.header.views import UNKNOWN
from echomort.models.view_classifier import ViewClassifier, appearance_of, fit_view_classifier
from echomort.settings import Views

CLASSIFIER = "classifier"
"""Source of a view that was read from the clip's pixels."""


@dataclass(frozen=True)
class Named:
    """``views``: clip_key, study_key, view, view_source, one row a clip; and what named the untagged ones."""

    views: pd.DataFrame
    classifier: ViewClassifier


def name_views(clips: pd.DataFrame, home: Path, settings: Views) -> Named:
    """Return the view of every row of ``clips`` (clip_key, study_key, patient_key, view, view_source, artifact).

    A tagged clip keeps its view. Clips are read from the store under ``home``.
    """
    classifier = _learnt(clips, home, settings) if settings.classify else ViewClassifier()
    views = clips[["clip_key", "study_key", "view", "view_source"]].copy()
    untagged = clips[clips["view"] == UNKNOWN]
    if classifier.names_any and len(untagged):
        found = np.array(classifier.name(appearances(untagged, home)), object)
        told = untagged.index[found != UNKNOWN]
        views.loc[told, "view"] = found[found != UNKNOWN]
        views.loc[told, "view_source"] = CLASSIFIER
    return Named(views, classifier)


def appearances(clips: pd.DataFrame, home: Path) -> np.ndarray:
    """Return the appearance of every row of ``clips`` (clip_key, artifact), float64 (n, features), in their order."""
    found: dict[str, np.ndarray] = {}
    for artifact, part in clips.groupby("artifact"):
        pixels = read_study(home / str(artifact), part["clip_key"].tolist())
        found |= {key: appearance_of(clip) for key, clip in pixels.items()}
    return np.array([found[key] for key in clips["clip_key"]])


def _learnt(clips: pd.DataFrame, home: Path, settings: Views) -> ViewClassifier:
    """Learn from tagged clips, of each view the first by their keys, which are as good as random."""
    tagged = clips[clips["view"] != UNKNOWN].sort_values("clip_key").groupby("view").head(settings.max_clips)
    return fit_view_classifier(
        appearances(tagged, home), tagged["view"].tolist(), tagged["patient_key"].tolist(), settings
    )
