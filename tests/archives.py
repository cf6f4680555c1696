"""A small archive in a warehouse, without files of its own: what experiments read, with a planted truth."""

import copy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import yaml

from assets.accept import _PlainProcess
from assets.project import Project
from echomort.clips.store import artifact_of, write_study
from echomort.ehr.variable_sets import TEN
from warehouse import ledger
from warehouse.ledger import Entry

SHAPE = (27, 27, 27)
"""Frames, height and width of the clips: the smallest that the 3-D networks take."""
SETTINGS: dict[str, Any] = {
    "preset": "demo",
    "imaging": {"clip": {"frames": SHAPE[0], "height": SHAPE[1], "width": SHAPE[2]}},
    "training": {"max_epochs": 1, "min_clips": 20, "min_deaths": 3, "fold_processes": 1},
    "evaluation": {"suppress_below_events": 3},
    "tabular": {"rounds": 5},
    "experiments": {"patients": [12, 30]},
}


@dataclass(frozen=True)
class Archive:
    """A home with a warehouse."""

    home: Path
    settings: dict[str, Any]

    @property
    def project(self) -> Project:
        """The project, its settings read anew."""
        (self.home / "echomort.yaml").write_text(yaml.safe_dump(self.settings))
        return Project(home=str(self.home))

    def context(self) -> Any:
        """Return what stands for a run's step."""
        said: list[str] = []
        resources = SimpleNamespace(project=self.project, pipes=_PlainProcess())
        log = SimpleNamespace(info=said.append, warning=said.append)
        return SimpleNamespace(log=log, resources=resources, get_mapping_key=lambda: None)


def small_archive(home: Path, patients: int = 60, views: tuple[str, ...] = ("apical_4", "parasternal_long")) -> Archive:
    """Return an archive of ``patients``; a third of them dies. Every fourth has two studies, every fifth no
    parasternal_long. Clips of those who die are brighter, and they are older."""
    home.mkdir(parents=True, exist_ok=True)
    archive, generator = Archive(home, copy.deepcopy(SETTINGS)), np.random.default_rng(1)
    cohort, clips, features, entries = [], [], [], []
    for number in range(patients):
        patient, label = f"{number:08x}", int(number % 3 == 0)
        for visit in range(2 if number % 4 == 0 else 1):
            study = f"{patient}s{visit}"
            shown = [view for view in views if view != "parasternal_long" or number % 5]
            keys = {view: f"{study}{view}" for view in shown}
            pixels = {key: _clip(generator, label) for key in keys.values()}
            artifact = artifact_of(patient, study)
            write_study(home / artifact, pixels, [], "made")
            entries.append(Entry(study, "made", study, artifact))
            cohort.append((study, patient, "development", number % 4, label, 100, bool(label), visit == 0, visit == 0))
            clips += [(key, study, patient, view) for view, key in keys.items()]
            features.append(
                {"study_key": study, **dict.fromkeys(TEN, 1.0), "age": 60 + 10 * label + generator.normal()}
            )
    with archive.project.writer() as connection:
        connection.append("cohort", pd.DataFrame(cohort))
        table = pd.DataFrame(clips, columns=["clip_key", "study_key", "patient_key", "view"])
        accepted = table.assign(
            instance_key=table["clip_key"], status="accepted", digest="pixels of " + table["clip_key"]
        )
        connection.append("clip", accepted, by_name=True)
        connection.append("clip_view", table[["clip_key", "study_key", "view"]].assign(view_source="tag"), by_name=True)
        connection.append("feature", pd.DataFrame(features), by_name=True)
        ledger.record(connection, "clips", entries)
    return archive


def _clip(generator: np.random.Generator, label: int) -> np.ndarray:
    return generator.integers(0, 120 + 60 * label, SHAPE, dtype=np.uint8)
