"""The input, the progress messages and the result of a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.models.cross_fit import LeftOut, Models, left_out_words
from echomort.networks import Branch
from echomort.settings import Training


class Task(pydantic.BaseModel):
    """The training of one view, all its models. It is stored as JSON, so that any scheduler can start it.

    ``view`` is what is trained, as progress shows it: a view, or another name where it is not one view's own model.
    ``branches`` are the kinds of picture that the network takes: one for a view's own model.

    ``samples`` is a Parquet file, one row a sample: clip_key (its unique key), study_key, patient_key, fold (0 to k-1,
    or -1: held out, never seen in training) and label (1 died within the horizon, 0 did not, -1 unknown: scored like
    the others of its fold, and not trained on). Of one branch a sample is a clip: ``clip_key`` is its key in the clip
    store, and path the study's file there, relative to ``clips``. Of several branches each has its columns,
    path_<name> and key_<name>: null where there is no such clip, but one of them is there.

    ``models`` says which models are trained. ``variables`` is a Parquet file for a network that takes the record too:
    study_key, then one column of numbers a variable, null or NaN where missing; ``tabular`` has the settings of their
    imputation by name. ``output`` is written whole or not at all.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    view: str
    branches: tuple[Branch, ...] = pydantic.Field(min_length=1)
    samples: Path
    clips: Path
    output: Path
    training: Training
    models: Models = "nested"
    variables: Path | None = None
    tabular: dict[str, Any] | None = None

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> "Task":
        names = [branch.name for branch in self.branches]
        if len(set(names)) < len(names):
            raise ValueError("two branches have the same name")
        if (self.variables is None) != (self.tabular is None):
            raise ValueError("variables and tabular go together")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height and width of the pictures of the first branch."""
        return self.branches[0].shape

    @property
    def is_plain(self) -> bool:
        """Whether the network takes the grey clips of one kind and nothing else, as those that serve patients do."""
        return len(self.branches) == 1 and self.branches[0].channels == 1 and self.variables is None

    @classmethod
    def read(cls, path: Path) -> "Task":
        """Return the task in the JSON file at ``path``, or raise :class:`UserError`."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise UserError(f"the task file does not exist ({path})", "name a task written by `echomort run`") from None
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise UserError(
                f"the task file is not a training task ({where}: {first['msg']})", "write it again"
            ) from None

    def write(self, path: Path) -> None:
        """Write the task to ``path`` as JSON, atomically."""
        write_text(path, self.model_dump_json(indent=1) + "\n")


def error_file(task: Path) -> Path:
    """Return the file, beside the file of a task, that says why it has no models."""
    return task.with_suffix(".error.json")


class Job(pydantic.BaseModel):
    """One model of one task, for a process that trains models."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    task: Task
    left_out: LeftOut
    """The folds that the model leaves out."""
    folder: Path
    """Holds the index of the pictures; the model's files go there too."""
    device: str
    fingerprint: str
    """Written into the model's record: a later run with the same fingerprint reuses the model."""


@dataclass(frozen=True)
class Progress:
    """Message: one epoch of one model is finished."""

    view: str
    left_out: LeftOut
    """The folds that the model leaves out."""
    epoch: int
    """From 1."""
    epochs: int
    """Largest number of epochs."""
    loss: float
    """Mean class-weighted cross-entropy of the epoch's training clips."""
    clips_per_second: float
    curves: Mapping[str, float | None]
    """Loss and AUC of the training and the validation samples, by name; None where there are no such samples."""

    def __str__(self) -> str:
        models = f"without {left_out_words(self.left_out)}" if self.left_out else "on all folds"
        return (
            f"{self.view} {models} epoch {self.epoch}/{self.epochs} "
            f"loss {self.loss:.4f} {self.clips_per_second:.0f} clips/s"
        )


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training, in ``folder``: weights, model.json and scores.parquet."""

    folder: Path
    view: str
    clips: int
    models: tuple[LeftOut, ...]
    """The folds that each model leaves out."""
    trained: tuple[LeftOut, ...]
    """Those whose models this run trained; the others were already there."""
    seconds: float
    digest: str
    """SHA-256 of model.json, which holds those of the weight files and of the scores."""
