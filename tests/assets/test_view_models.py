"""Every view ends alone, with its models or with the reason; the models of a former network are kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from archives import SETTINGS, SHAPE, Archive, small_archive

from assets.incremental import commit_units, stale_units
from assets.status import project_warnings
from assets.training import process, view_models
from assets.training.view_models import VIEW_MODELS
from echomort.core.errors import HomeError, Interruption, UserError
from echomort.training import Task, partial_folder
from warehouse import ledger

VIEWS = ["apical_4", "parasternal_long"]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return small_archive(tmp_path / "home")


class Trainer:
    """Stands for the process that trains: each network gives scores of its own; ``errors`` has those of views."""

    def __init__(self) -> None:
        self.errors: dict[str, UserError] = {}
        self.trained: list[tuple[str, str]] = []

    def __call__(self, context: Any, project: Any, tasks: list[Path]) -> dict[Path, UserError]:
        failed = {}
        for file in tasks:
            task = Task.read(file)
            if task.view in self.errors:
                partial_folder(task.output).mkdir(exist_ok=True)
                failed[file] = self.errors[task.view]
            elif not task.output.exists():
                self.trained.append((task.training.network, task.view))
                self._write(task)
        return failed

    def _write(self, task: Task) -> None:
        samples = pd.read_parquet(task.samples).drop_duplicates("study_key")
        task.output.mkdir(parents=True)
        scores = samples[["study_key", "patient_key", "fold"]].assign(
            kind="out_of_fold", logit=float(len(task.training.network)), without=[[0.0] * 4] * len(samples)
        )
        scores.to_parquet(task.output / "scores.parquet")
        curves = {"loss": [0.7, 0.6], "auc": [0.5, 0.7], "validation_loss": [None] * 2, "validation_auc": [None] * 2}
        (task.output / "model.json").write_text(json.dumps({"history": {"0": curves, "1": curves}}))


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    trainer = Trainer()
    monkeypatch.setattr(view_models, "train_in_child", trainer)
    monkeypatch.setattr(process, "clip_shapes", lambda project: dict.fromkeys(VIEWS, SHAPE))
    return trainer


def make(archive: Archive) -> dict[str, Any]:
    """Make and commit the stale views; return the asset's metadata."""
    project = archive.project
    stale, gone, _ = stale_units(project, VIEW_MODELS)
    made = VIEW_MODELS.work(project, stale, archive.context()) if stale else []
    return dict(commit_units(project, VIEW_MODELS, made, gone)[0])


def scores(archive: Archive) -> dict[str, float]:
    """View -> the logit that all its studies have."""
    with archive.project.reader() as connection:
        rows = connection.execute("SELECT view, min(logit), max(logit) FROM score GROUP BY view").fetchall()
    assert all(low == high for _, low, high in rows)
    return {view: low for view, low, _ in rows}


def version(archive: Archive) -> str:
    with archive.project.reader() as connection:
        return ledger.asset_digest(connection, "view_models")


def units(archive: Archive) -> set[str]:
    with archive.project.reader() as connection:
        return set(ledger.fingerprints(connection, "view_models"))


@pytest.mark.parametrize(("kind", "again"), [(UserError, 0), (Interruption, 1)])
def test_a_view_that_can_not_be_trained_has_the_reason_and_the_others_are_committed(
    archive: Archive, trainer: Trainer, kind: type[UserError], again: int
) -> None:
    trainer.errors["apical_4"] = kind("the loss is no longer a number", "lower the rate")
    shown = make(archive)
    assert list(scores(archive)) == ["parasternal_long"]
    assert [name for name in shown if name.startswith("curves of ")] == ["curves of parasternal_long"]
    assert shown["curves of parasternal_long"].value.startswith("![curves of parasternal_long](data:image/png;base64,")
    reason = "the loss is no longer a number: lower the rate"
    assert shown["no models of apical_4"] == reason
    assert ("view_models", f"the view Apical four-chamber (apical_4) has no models: {reason}") in project_warnings(
        archive.project
    )
    left = list((archive.home / "models").glob("*.partial"))
    assert len(left) == again, "what will go on is kept, and nothing else"
    assert len(stale_units(archive.project, VIEW_MODELS)[0]) == again, "an interruption is tried again"
    trainer.errors.clear()
    shown = make(archive)
    assert len(scores(archive)) == 1 + again
    assert ("no models of apical_4" in shown) == (not again)


def test_a_view_that_can_no_longer_be_trained_keeps_no_scores(archive: Archive, trainer: Trainer) -> None:
    make(archive)
    assert list(sorted(scores(archive))) == VIEWS
    archive.settings["training"] = SETTINGS["training"] | {"max_epochs": 2}
    trainer.errors["apical_4"] = UserError("too few patients for a validation split", "set training.stopping: fixed")
    make(archive)
    assert list(scores(archive)) == ["parasternal_long"]


def test_an_error_that_all_would_meet_ends_the_step(
    archive: Archive, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise HomeError("no space left", "free some")

    monkeypatch.setattr(view_models, "train_in_child", full)
    with pytest.raises(HomeError):
        make(archive)


def test_a_view_with_too_few_clips_is_a_row_and_comes_back_with_the_setting(archive: Archive, trainer: Trainer) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"min_clips": 70}
    assert make(archive)["no models of parasternal_long"] == "60 clips, training.min_clips is 70"
    assert list(scores(archive)) == ["apical_4"] and trainer.trained == [("cnn_3d", "apical_4")]
    assert stale_units(archive.project, VIEW_MODELS)[0] == []
    archive.settings["training"] = SETTINGS["training"]
    assert "no models of parasternal_long" not in make(archive)
    assert sorted(scores(archive)) == VIEWS and len(trainer.trained) == 2, "the other view is not trained again"


def test_views_that_nobody_asked_for_are_no_units(archive: Archive, trainer: Trainer) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"views": ["apical_4"]}
    make(archive)
    assert units(archive) == {"cnn_3d/apical_4"}


def test_another_network_and_back_trains_nothing_twice_and_shows_the_chosen_one(
    archive: Archive, trainer: Trainer
) -> None:
    make(archive)
    first = version(archive)
    archive.settings["training"] = SETTINGS["training"] | {"network": "cnn_2d_gap"}
    assert make(archive)["of former networks"] == 2
    assert scores(archive) == dict.fromkeys(VIEWS, float(len("cnn_2d_gap")))
    second = version(archive)
    archive.settings["training"] = SETTINGS["training"]
    make(archive)
    assert scores(archive) == dict.fromkeys(VIEWS, float(len("cnn_3d")))
    assert len(trainer.trained) == 4 and len(units(archive)) == 4
    assert second not in (first, version(archive)), "what lies below is made again with the chosen network"
    assert stale_units(archive.project, VIEW_MODELS)[:2] == ([], [])


def test_a_former_network_is_forgotten_with_the_clips_that_it_was_trained_on(
    archive: Archive, trainer: Trainer
) -> None:
    make(archive)
    archive.settings["training"] = SETTINGS["training"] | {"network": "cnn_2d_gap"}
    make(archive)
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip SET digest = 'new' WHERE clip_key = (SELECT max(clip_key) FROM clip)")
    make(archive)
    assert units(archive) == {"cnn_3d/apical_4", *(f"cnn_2d_gap/{view}" for view in VIEWS)}
    assert sorted(scores(archive)) == VIEWS, "the chosen network's scores stay"


def test_a_view_that_went_takes_scores_and_models_of_all_networks_away(archive: Archive, trainer: Trainer) -> None:
    make(archive)
    archive.settings["training"] = SETTINGS["training"] | {"network": "cnn_2d_gap"}
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip_view SET view = 'unknown' WHERE view = 'apical_4'")
    make(archive)
    assert list(scores(archive)) == ["parasternal_long"]
    assert units(archive) == {"cnn_3d/parasternal_long", "cnn_2d_gap/parasternal_long"}


def test_a_former_network_whose_files_are_gone_is_forgotten(archive: Archive, trainer: Trainer) -> None:
    make(archive)
    archive.settings["training"] = SETTINGS["training"] | {"network": "cnn_2d_gap"}
    make(archive)
    with archive.project.reader() as connection:
        entry = ledger.entries(connection, "view_models")["cnn_3d/apical_4"]
    (archive.home / str(entry.artifact)).rename(archive.home / "elsewhere")
    make(archive)
    assert "cnn_3d/apical_4" not in units(archive)
    assert np.isfinite(list(scores(archive).values())).all()
