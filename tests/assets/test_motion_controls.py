"""A control of motion that can't be trained ends with its reason, and the others are kept."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from archives import SHAPE, Archive, small_archive

from assets.incremental import commit_units, stale_units
from assets.training import motion_controls, process
from assets.training.motion_controls import MOTION_CONTROLS, control_scores
from echomort.core.errors import Interruption, UserError
from echomort.training import Task


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = small_archive(tmp_path / "home")
    archive.settings["evaluation"] = {"controls": "all"}
    return archive


def train(errors: dict[str, UserError]) -> Any:
    """Stand for the process that trains: the first control (shuffled frames) has an error, the other scores."""

    def train_in_child(context: Any, project: Any, tasks: list[Path]) -> dict[Path, UserError]:
        failed = {}
        for number, file in enumerate(tasks):
            task = Task.read(file)
            samples = pd.read_parquet(task.samples).drop_duplicates("study_key")
            assert all((project.root / path).is_file() for path in samples["path"]), "its clips are there"
            if number == 0 and errors:
                failed[file] = next(iter(errors.values()))
                continue
            task.output.mkdir(parents=True)
            scores = samples[["study_key", "patient_key", "fold"]].assign(kind="out_of_fold", logit=0.5)
            scores.to_parquet(task.output / "scores.parquet")
        return failed

    return train_in_child


@pytest.mark.parametrize(("kind", "again"), [(UserError, 0), (Interruption, 1)])
def test_it_has_no_scores_and_the_others_have(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, kind: type[UserError], again: int
) -> None:
    monkeypatch.setattr(process, "clip_shapes", lambda project: dict.fromkeys(("apical_4", "parasternal_long"), SHAPE))
    for errors, left in (({"first": kind("the loss is no longer a number", "lower the rate")}, again), ({}, 0)):
        monkeypatch.setattr(motion_controls, "train_in_child", train(errors))
        stale, gone, _ = stale_units(archive.project, MOTION_CONTROLS)
        commit_units(archive.project, MOTION_CONTROLS, fit(archive, stale) if stale else [], gone)
        assert len(stale_units(archive.project, MOTION_CONTROLS)[0]) == left, "an interruption is tried again"
        if errors:
            assert set(control_scores(archive.project)["control"]) >= {"brightness", "still_frame", "still_loop"}
            assert "shuffled_loop" not in set(control_scores(archive.project)["control"])
    assert ("shuffled_loop" in set(control_scores(archive.project)["control"])) == bool(again)
    kept = [path for path in (archive.home / "models/controls").iterdir() if path.suffix != ".parquet"]
    assert kept == [], "what was only for training is gone"


def fit(archive: Archive, units: list[str]) -> Any:
    return motion_controls.fit_controls(archive.project, units, archive.context())
