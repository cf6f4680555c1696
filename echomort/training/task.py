"""The input, the progress messages and the result of a training."""

from dataclasses import dataclass
from pathlib import Path

import pydantic

from echomort.core.errors import UserError
from echomort.core.files import write_text
from echomort.models.cross_fit import LeftOut, left_out_words
from echomort.settings import Training


class Task(pydantic.BaseModel):
    """The training of one view, all its models. It is stored as JSON, so that any scheduler can start it.

    ``samples`` is a Parquet file, one row a clip: clip_key, study_key, patient_key, path (of the study's file in the
    clip store, relative to ``clips``), fold (0 to k-1, or -1: held out, scored by every model and never seen in
    training) and label (1 died within the horizon, 0 did not, -1 unknown: scored like the others of its fold, and
    not trained on). ``output`` is written whole or not at all.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    view: str
    shape: tuple[int, int, int]
    samples: Path
    clips: Path
    output: Path
    training: Training

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


class Job(pydantic.BaseModel):
    """One model of one task, for a process that trains models."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    task: Task
    left_out: LeftOut
    """The folds that the model leaves out."""
    folder: Path
    """Holds clips.npy; the model's files go there too."""
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

    def __str__(self) -> str:
        return (
            f"{self.view} without {left_out_words(self.left_out)} epoch {self.epoch}/{self.epochs} "
            f"loss {self.loss:.4f} {self.clips_per_second:.0f} clips/s"
        )


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training, in ``folder``: fold_<k>.safetensors, model.json and scores.parquet."""

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
