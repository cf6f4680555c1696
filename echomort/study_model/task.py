"""The task of a study model, and the child process that fits it."""

import subprocess
import sys
from pathlib import Path

import pydantic

from echomort.core.child import left_error
from echomort.core.errors import Interruption
from echomort.core.files import write_text
from echomort.core.supervision import supervised
from echomort.training.pool import ONE_THREAD


class StudyTask(pydantic.BaseModel):
    """The study models of all folds. It is stored as JSON.

    ``models``: view -> folder of its networks, below ``home``. ``clips`` is a Parquet file, a row a clip: view,
    clip_key, path (below ``home``), study_key, patient_key, fold, days and event
    (:func:`echomort.study_model.hazards.fates`). ``ends``: the days at which intervals end. ``output`` is written whole
    or not at all.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    home: Path
    models: dict[str, Path]
    clips: Path
    ends: tuple[int, ...]
    seed: int
    output: Path


def fit_in_child(task: StudyTask) -> None:
    """Fit the study models of ``task`` in a child process, since PyTorch is kept out of those that hold the database.

    Raises the error of the child; an :class:`Interruption` where it ended early.
    """
    file, error = task.output.with_suffix(".task.json"), task.output.with_suffix(".task.error.json")
    error.unlink(missing_ok=True)
    write_text(file, task.model_dump_json(indent=1) + "\n")
    command = [sys.executable, "-P", "-m", "echomort.study_model", str(file), str(error)]
    child = subprocess.run(command, check=False, env={**supervised(), **ONE_THREAD})
    if found := left_error(error):
        raise found
    if child.returncode:
        raise Interruption(
            f"the process that fits the study model ended early (status {child.returncode})",
            "its last lines are in the log of the run (`echomort ui`); then run again, finished folds are kept",
        )


def partial_folder(output: Path) -> Path:
    """Return the folder that holds finished parts of the models in ``output`` until the last one is done."""
    return output.with_name(f"{output.name}.partial")


def logit_column(days: int) -> str:
    """Return the column of the log odds of death within ``days``."""
    return f"logit_{days}"
