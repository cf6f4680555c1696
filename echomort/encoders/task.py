"""The embeddings of some studies, made in child processes: PyTorch is kept out of those that hold the database."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pydantic

from echomort.core.child import raise_left
from echomort.core.errors import Interruption
from echomort.core.files import scratch_folder, write_text
from echomort.core.supervision import supervised
from echomort.encoders.spec import EncoderSpec
from echomort.training.pool import ONE_THREAD


class StudyClips(pydantic.BaseModel):
    """The file of a study's ``clips`` and that of its ``embeddings``, both below the home, and the ``fingerprint`` of
    the latter."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    clips: str
    embeddings: str
    fingerprint: str


class EmbeddingTask(pydantic.BaseModel):
    """What one process does: write the embeddings of ``studies`` below ``home`` by the ``encoder``; clips have ``fps``
    frames a second. It is stored as JSON."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    home: Path
    encoder: EncoderSpec
    fps: float
    studies: tuple[StudyClips, ...]


def embed_in_children(task: EmbeddingTask, processes: int) -> None:
    """Carry out ``task`` in ``processes`` processes at most, of one thread each.

    Raises the error of a child; an :class:`Interruption` where one ended early.
    """
    parts = [task.studies[number::processes] for number in range(processes)]
    with scratch_folder(task.home) as folder:
        files = [folder / f"{number}.json" for number, part in enumerate(parts) if part]
        for file, part in zip(files, parts, strict=False):
            write_text(file, task.model_copy(update={"studies": part}).model_dump_json())
        _carry_out(files)


def _carry_out(files: Sequence[Path]) -> None:
    errors = [file.with_suffix(".error.json") for file in files]
    children = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "echomort.encoders", str(file), str(error)], env={**supervised(), **ONE_THREAD}
        )
        for file, error in zip(files, errors, strict=True)
    ]
    statuses = [child.wait() for child in children]
    for error in errors:
        raise_left(error)
    if failed := [status for status in statuses if status]:
        raise Interruption(
            f"a process that encodes clips ended early (status {failed[0]})",
            "its last lines are in the log of the run (`echomort ui`); if it was killed for memory, lower "
            "encoders.processes; then run again, finished studies are kept",
        )
