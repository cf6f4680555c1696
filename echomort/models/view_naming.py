"""The view of every clip of an archive: from its tag, else from a classifier trained on the tagged clips."""

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
"""``view_source`` of a view that the classifier read from the pixels."""


@dataclass(frozen=True)
class NamedViews:
    """``views``: clip_key, study_key, view, view_source, one row a clip; and the ``classifier`` of the untagged
    clips."""

    views: pd.DataFrame
    classifier: ViewClassifier


def name_views(clips: pd.DataFrame, home: Path, settings: Views) -> NamedViews:
    """Return the view of every row of ``clips`` (clip_key, study_key, patient_key, view, view_source, artifact).

    A tagged clip keeps its view. Clips are read from the clip store under ``home``.
    """
    classifier = _train_classifier(clips, home, settings) if settings.classify else ViewClassifier()
    views = clips[["clip_key", "study_key", "view", "view_source"]].copy()
    untagged = clips[clips["view"] == UNKNOWN]
    if classifier.can_name and len(untagged):
        names = np.array(classifier.name(appearances(untagged, home)), object)
        newly_named = untagged.index[names != UNKNOWN]
        views.loc[newly_named, "view"] = names[names != UNKNOWN]
        views.loc[newly_named, "view_source"] = CLASSIFIER
    return NamedViews(views, classifier)


def appearances(clips: pd.DataFrame, home: Path) -> np.ndarray:
    """Return the appearance of every row of ``clips`` (clip_key, artifact), float64 (n, features), in their order."""
    appearance_by_key: dict[str, np.ndarray] = {}
    for artifact, part in clips.groupby("artifact"):
        pixels = read_study(home / str(artifact), part["clip_key"].tolist())
        appearance_by_key |= {key: appearance_of(clip) for key, clip in pixels.items()}
    return np.array([appearance_by_key[key] for key in clips["clip_key"]])


def _train_classifier(clips: pd.DataFrame, home: Path, settings: Views) -> ViewClassifier:
    """Return a classifier trained on tagged clips: of each view the first by key, which is as good as random."""
    tagged = clips[clips["view"] != UNKNOWN].sort_values("clip_key").groupby("view").head(settings.max_clips)
    return fit_view_classifier(
        appearances(tagged, home), tagged["view"].tolist(), tagged["patient_key"].tolist(), settings
    )
