"""The training clips: the sample table, the packed pixels that all processes share, and the batches."""

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from echomort.clips.store import read_study
from echomort.core.errors import UserError
from echomort.core.files import disk_error, resolve_under
from echomort.models.cross_fit import LeftOut, folds_left_out, left_out_words
from echomort.models.rows import HELD_OUT, MIN_FOLDS, UNKNOWN, split_patients, split_patients_evenly
from echomort.settings import ValidationClasses

if TYPE_CHECKING:
    import torch

TEXT_COLUMNS = ("clip_key", "study_key", "patient_key", "path")


@dataclass(frozen=True)
class Samples:
    """One row a clip, in the order of the sample table: texts (n,), fold int64 (n,), label int64 (n,)."""

    clip_key: np.ndarray
    study_key: np.ndarray
    patient_key: np.ndarray
    path: np.ndarray
    fold: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.fold)

    @property
    def folds(self) -> list[int]:
        """The folds, in order."""
        return [int(fold) for fold in np.unique(self.fold) if fold != HELD_OUT]

    @property
    def left_out(self) -> list[LeftOut]:
        """The folds that each model leaves out."""
        return folds_left_out(self.folds)

    def training_rows(self, left_out: LeftOut) -> np.ndarray:
        """Return the rows with a known label of the folds outside ``left_out``."""
        return np.flatnonzero((self.label != UNKNOWN) & ~np.isin(self.fold, (*left_out, HELD_OUT)))

    def scored_rows(self, left_out: LeftOut) -> np.ndarray:
        """Return the rows that the model without ``left_out`` scores: those of these folds, and the held-out ones."""
        return np.flatnonzero(np.isin(self.fold, (*left_out, HELD_OUT)))


def read_samples(path: Path) -> Samples:
    """Return the sample table at ``path``, or raise :class:`UserError` where it allows no honest training."""
    try:
        table = pq.read_table(path, columns=[*TEXT_COLUMNS, "fold", "label"])
    except (FileNotFoundError, pa.ArrowInvalid, KeyError):
        raise UserError("the table of training clips is missing or lacks a column", "run the cohort again") from None
    texts = {name: np.array(table[name].to_pylist(), dtype=object) for name in TEXT_COLUMNS}
    numbers = {name: table[name].to_numpy().astype(np.int64) for name in ("fold", "label")}
    samples = Samples(**texts, **numbers)
    _check(samples)
    return samples


def pack(samples: Samples, clips: Path, shape: tuple[int, int, int], target: Path) -> str:
    """Write the clips of ``samples`` to the .npy file ``target``, uint8 (n, frames, height, width); return its digest.

    All processes map this one file into memory, so that clips are read and held once.
    """
    array = _allocated(target, (len(samples), *shape))
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(samples.path):
        rows_of.setdefault(path, []).append(row)
    for path, rows in rows_of.items():
        keys = [str(samples.clip_key[row]) for row in rows]
        study = _read(clips, path, keys)
        for row, key in zip(rows, keys, strict=True):
            array[row] = _checked(study[key], shape)
    array.flush()
    content = hashlib.sha256()
    for clip in array:
        content.update(clip)
    return content.hexdigest()


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


@dataclass
class Batches:
    """Batches of clips: pixels uint8 (b, frames, height, width), labels float32 (b,), loss weights float32 (b,).

    Pixels stay uint8 until they are inside the network. With a ``seed`` each pass has another order, which depends on
    seed and number of the pass only; without one the order is that of ``rows``.
    """

    pixels: np.ndarray
    """uint8 (n, frames, height, width), all samples."""
    labels: np.ndarray
    weights: tuple[float, float]
    """Of label 0 and of label 1."""
    rows: np.ndarray
    batch: int
    seed: int | None = None
    passes: int = 0

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch)

    def __iter__(self) -> Iterator[tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]]:
        import torch

        rows = self.rows
        if self.seed is not None:
            rows = np.random.default_rng((self.seed, self.passes)).permutation(rows)
            self.passes += 1
        weights = np.array(self.weights, dtype=np.float32)
        for start in range(0, len(rows), self.batch):
            chosen = rows[start : start + self.batch]
            labels = self.labels[chosen]
            yield (
                torch.from_numpy(self.pixels[chosen]),
                torch.from_numpy(labels.astype(np.float32)),
                torch.from_numpy(weights[labels]),
            )


def _allocated(target: Path, shape: tuple[int, ...]) -> np.memmap:
    """Return a new array in the file ``target``, with its disk space reserved: writing to a mapped file on a full disk
    would kill the process."""
    try:
        array = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with target.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, target.stat().st_size)
    except OSError as error:
        raise disk_error(error) from error
    return array


def _read(clips: Path, path: str, keys: list[str]) -> dict[str, np.ndarray]:
    try:
        return read_study(resolve_under(clips, path), keys)
    except (ValueError, SafetensorError):
        raise UserError(
            "the clip store lacks a clip of the table of training clips", "run `echomort run --select clips`"
        ) from None


def _checked(clip: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    if clip.shape != tuple(shape) or clip.dtype != np.uint8:
        raise UserError(
            f"a stored clip is {'x'.join(map(str, clip.shape))} {clip.dtype}, not {'x'.join(map(str, shape))} uint8",
            "run `echomort run --select clips` with the present settings",
        )
    return clip


def _check(samples: Samples) -> None:
    if len(samples) == 0:
        raise UserError("the table of training clips is empty", "train a view that has clips")
    if len(np.unique(samples.clip_key)) != len(samples):
        raise UserError("a clip occurs twice in the table of training clips", "run the cohort again")
    if not np.isin(samples.label, (UNKNOWN, 0, 1)).all() or (samples.fold < HELD_OUT).any():
        raise UserError("the table of training clips holds a label or fold that does not exist", "run the cohort again")
    if len(np.unique(samples.patient_key)) != len(set(zip(samples.patient_key, samples.fold, strict=True))):
        raise UserError("a patient's clips lie in more than one fold", "run the cohort again")
    if len(samples.folds) < MIN_FOLDS:
        problem = f"the training clips lie in fewer than {MIN_FOLDS} folds"
        raise UserError(problem, "train a view that has more clips")
    for left_out in samples.left_out:
        if len(np.unique(samples.label[samples.training_rows(left_out)])) < 2:
            problem = f"the clips outside {left_out_words(left_out)} all have the same label"
            raise UserError(problem, "train a view that has more clips and deaths, or raise cohort.folds")
