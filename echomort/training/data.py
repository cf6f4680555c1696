"""The training samples: their table, where their pictures are, and the variables of the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from echomort.core.errors import UserError
from echomort.models.cross_fit import LeftOut, Models, left_out_by, left_out_words
from echomort.models.rows import HELD_OUT, MIN_FOLDS, UNKNOWN, split_patients, split_patients_evenly
from echomort.networks import Branch
from echomort.settings import ValidationClasses
from echomort.training.pictures import index_file, write_index
from echomort.training.task import Task

KEYS = ("clip_key", "study_key", "patient_key")
"""Columns of text of every sample table."""
FEWEST_FOLDS = {"nested": MIN_FOLDS, "folds": 2, "whole": 1}
"""Folds that the models of a kind need at least, so that one remains."""


@dataclass(frozen=True)
class Samples:
    """One row a sample, in the order of the sample table: texts (n,), fold int64 (n,), label int64 (n,).

    ``paths`` and ``keys`` have, for each branch, texts (n,): where the sample's picture is in the clip store; None
    where there is none. ``models`` says which models are trained.
    """

    clip_key: np.ndarray
    study_key: np.ndarray
    patient_key: np.ndarray
    fold: np.ndarray
    label: np.ndarray
    paths: tuple[np.ndarray, ...]
    keys: tuple[np.ndarray, ...]
    models: Models

    def __len__(self) -> int:
        return len(self.fold)

    @property
    def folds(self) -> list[int]:
        """The folds, in order."""
        return [int(fold) for fold in np.unique(self.fold) if fold != HELD_OUT]

    @property
    def left_out(self) -> list[LeftOut]:
        """The folds that each model leaves out."""
        return left_out_by(self.models, self.folds)

    @property
    def present(self) -> np.ndarray:
        """Which sample has a picture of which branch, bool (n, branches)."""
        return np.column_stack([[key is not None for key in keys] for keys in self.keys])

    def training_rows(self, left_out: LeftOut) -> np.ndarray:
        """Return the rows with a known label of the folds outside ``left_out``."""
        return np.flatnonzero((self.label != UNKNOWN) & ~np.isin(self.fold, (*left_out, HELD_OUT)))

    def scored_rows(self, left_out: LeftOut) -> np.ndarray:
        """Return the rows that the model without ``left_out`` scores: those of these folds, and the held-out ones."""
        return np.flatnonzero(np.isin(self.fold, (*left_out, HELD_OUT)))


def read_samples(task: Task) -> Samples:
    """Return the sample table of ``task``, or raise :class:`UserError` where it allows no honest training."""
    names = [branch.name for branch in task.branches]
    paths = ["path"] if len(names) == 1 else [f"path_{name}" for name in names]
    keys = ["clip_key"] if len(names) == 1 else [f"key_{name}" for name in names]
    try:
        table = pq.read_table(task.samples, columns=sorted({*KEYS, *paths, *keys, "fold", "label"}))
    except (FileNotFoundError, pa.ArrowInvalid, KeyError):
        raise UserError("the table of training clips is missing or lacks a column", "run the cohort again") from None
    texts = {name: np.array(table[name].to_pylist(), dtype=object) for name in (*KEYS, *paths, *keys)}
    numbers = {name: table[name].to_numpy().astype(np.int64) for name in ("fold", "label")}
    samples = Samples(
        **{name: texts[name] for name in KEYS},
        **numbers,
        paths=tuple(texts[name] for name in paths),
        keys=tuple(texts[name] for name in keys),
        models=task.models,
    )
    _check(samples)
    return samples


def read_variables(path: Path, samples: Samples) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the variables in the table at ``path``, and their values, float64 (n, variables), NaN where
    missing, in the order of ``samples``. Raises :class:`UserError` where a study is not in the table."""
    try:
        table = pq.read_table(path)
        names = tuple(name for name in table.column_names if name != "study_key")
        row_of = {study: row for row, study in enumerate(table["study_key"].to_pylist())}
        values = np.column_stack([table[name].cast(pa.float64()).to_numpy() for name in names])
        rows = [row_of[study] for study in samples.study_key]
    except (FileNotFoundError, pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, ValueError):
        problem = "the table of variables is missing, lacks a study, or holds something else than numbers"
        raise UserError(problem, "run `echomort run --select clinical_features`") from None
    return names, np.asarray(values[rows], dtype=np.float64)


def index_pictures(samples: Samples, clips: Path, branches: Sequence[Branch], folder: Path) -> list[str]:
    """Write to ``folder`` where in the store ``clips`` the pictures of each branch lie; return the digest of each
    branch's pixels."""
    return [
        write_index(index_file(folder, position), clips, paths.tolist(), keys.tolist(), branch.stored)
        for position, (paths, keys, branch) in enumerate(zip(samples.paths, samples.keys, branches, strict=True))
    ]


def split_validation(
    samples: Samples, rows: np.ndarray, fraction: float, seed: int, classes: ValidationClasses
) -> tuple[np.ndarray, np.ndarray]:
    """Split ``rows`` by patient into (training, validation) rows; ``fraction`` of the patients validate: of each label
    that share, or as many who died as others (``balanced``).

    Raises :class:`UserError` where one side would lack a label.
    """
    split = split_patients_evenly if classes == "balanced" else split_patients
    inside = split(samples.label[rows], samples.patient_key[rows], fraction, seed)
    for side in (inside, ~inside):
        if len(np.unique(samples.label[rows[side]])) < 2:
            raise UserError("too few patients for a validation split", "set training.stopping: fixed")
    return rows[~inside], rows[inside]


def class_weights(labels: np.ndarray) -> tuple[float, float]:
    """Return the weights of label 0 and label 1: N / (2 N_label), which give both the same weight in the loss."""
    died = int(labels.sum())
    return len(labels) / (2 * (len(labels) - died)), len(labels) / (2 * died)


def _check(samples: Samples) -> None:
    if len(samples) == 0:
        raise UserError("the table of training clips is empty", "train a view that has clips")
    if len(np.unique(samples.clip_key)) != len(samples):
        raise UserError("a clip occurs twice in the table of training clips", "run the cohort again")
    if not np.isin(samples.label, (UNKNOWN, 0, 1)).all() or (samples.fold < HELD_OUT).any():
        raise UserError("the table of training clips holds a label or fold that does not exist", "run the cohort again")
    if len(np.unique(samples.patient_key)) != len(set(zip(samples.patient_key, samples.fold, strict=True))):
        raise UserError("a patient's clips lie in more than one fold", "run the cohort again")
    if not samples.present.any(axis=1).all():
        raise UserError("a sample has no clip of any branch", "leave it out of the table of training clips")
    fewest = FEWEST_FOLDS[samples.models]
    if len(samples.folds) < fewest:
        problem = f"the training clips lie in fewer than {fewest} folds"
        raise UserError(problem, "train a view that has more clips")
    if samples.models == "whole" and not (samples.fold == HELD_OUT).any():
        raise UserError("no sample is held out, so that one model on all folds scores nothing", "train models by fold")
    for left_out in samples.left_out:
        if len(np.unique(samples.label[samples.training_rows(left_out)])) < 2:
            problem = f"the clips outside {left_out_words(left_out)} all have the same label"
            raise UserError(problem, "train a view that has more clips and deaths, or raise cohort.folds")
