"""``python -m echomort.study_model TASK.json ERROR.json``: fit the study models of all folds.

The networks that left out fold k describe the clips of all studies. The study model of fold k learns from the studies
of the other folds, and scores those of fold k: no label of fold k reaches their scores.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from echomort.core.child import do_task
from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, atomic_path, write_bytes
from echomort.core.fingerprint import digest
from echomort.core.supervision import folder_lock
from echomort.models.view_model import ViewModel, save_network
from echomort.study_model.features import clip_features
from echomort.study_model.fitting import Studies, fit
from echomort.study_model.task import StudyTask, logit_column, partial_folder
from echomort.training.pictures import read_index, write_index

SCORES = "scores.parquet"
"""study_key, patient_key, fold, and for each end of an interval the log odds of death by then: logit_<days>."""


def main() -> None:
    """Fit the task named on the command line; leave an error in the file named after it."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    do_task(_fit_file)


def _fit_file(file: Path) -> None:
    task = StudyTask.model_validate_json(file.read_bytes())
    with folder_lock(partial_folder(task.output)):
        fit_folds(task)


def fit_folds(task: StudyTask) -> None:
    """Fit the models of ``task`` and write its output: fold_<k>.safetensors and :data:`SCORES`. A run that was killed
    goes on after its last finished part, and gives the same bytes."""
    folder = partial_folder(task.output)
    clips = pd.read_parquet(task.clips)
    studies = clips.drop_duplicates("study_key").sort_values("study_key", ignore_index=True)
    views = {view: _view(task, view, clips, studies, folder) for view in sorted(task.models)}
    folds = sorted(int(fold) for fold in studies["fold"].unique())
    tables = [_fold(task, fold, studies, views, folder) for fold in folds]
    scores = pd.concat([pd.read_parquet(table) for table in tables]).sort_values("study_key", ignore_index=True)
    with atomic_folder(task.output) as whole:
        for fold in folds:
            shutil.copyfile(folder / _weights(fold), whole / _weights(fold))
        scores.to_parquet(whole / SCORES, index=False)
    shutil.rmtree(folder)


@dataclass(frozen=True)
class View:
    """The clips of one view: where they are (``index``), the number of each one's study, and the view's networks by
    fold."""

    name: str
    index: Path
    study: np.ndarray
    networks: Mapping[int, nn.Module]


def _view(task: StudyTask, name: str, clips: pd.DataFrame, studies: pd.DataFrame, folder: Path) -> View:
    model = ViewModel.load(task.home / task.models[name])
    rows = clips[clips["view"] == name]
    index = folder / f"{name}.npz"
    write_index(index, task.home, rows["path"].tolist(), rows["clip_key"].tolist(), model.shape)
    return View(name, index, np.searchsorted(studies["study_key"].to_numpy(str), rows["study_key"]), model.folds)


def _fold(task: StudyTask, fold: int, studies: pd.DataFrame, views: Mapping[str, View], folder: Path) -> Path:
    """Fit the model that leaves out ``fold``, unless it is there; return the file of its scores."""
    table = folder / f"fold_{fold}.parquet"
    if table.exists():
        return table
    known = Studies(
        patient=studies["patient_key"].to_numpy(),
        fold=studies["fold"].to_numpy(),
        days=studies["days"].to_numpy(),
        event=studies["event"].to_numpy(bool),
        ends=task.ends,
    )
    features = {name: _features(view, fold, folder) for name, view in views.items()}
    seed = int(digest("study model", task.seed, fold)[:8], 16)
    network, log_odds = fit(known, features, {name: view.study for name, view in views.items()}, fold, seed)
    write_bytes(folder / _weights(fold), save_network(network))
    scores = studies.loc[studies["fold"] == fold, ["study_key", "patient_key", "fold"]]
    with atomic_path(table) as path:
        scores.assign(**dict(zip(map(logit_column, task.ends), log_odds.T, strict=True))).to_parquet(path, index=False)
    return table


def _features(view: View, fold: int, folder: Path) -> np.ndarray:
    """Return the features of the view's clips by its network that left out ``fold``, made once."""
    if fold not in view.networks:
        raise UserError(f"the view {view.name} has no network that leaves out fold {fold}", "train the views again")
    file = folder / f"{view.name}.fold_{fold}.npy"
    if not file.exists():
        with atomic_path(file) as path:
            np.save(path, clip_features(view.networks[fold], read_index(view.index)))
    features: np.ndarray = np.load(file)
    return features


def _weights(fold: int) -> str:
    return f"fold_{fold}.safetensors"


if __name__ == "__main__":
    main()
