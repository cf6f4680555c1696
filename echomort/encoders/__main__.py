"""``python -m echomort.encoders TASK.json ERROR.json``: write the embeddings of some studies."""

import sys
from pathlib import Path

import torch

from echomort.clips.store import read_study
from echomort.core.child import leave_error
from echomort.core.errors import UserError
from echomort.core.supervision import end_with_parent
from echomort.encoders.encoder import Encoder
from echomort.encoders.store import write_embeddings
from echomort.encoders.task import EmbeddingTask


def main() -> None:
    """Carry out the task named on the command line; leave an error in the file named after it."""
    end_with_parent()
    file, error = map(Path, sys.argv[1:3])
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        embed_studies(EmbeddingTask.model_validate_json(file.read_bytes()))
    except UserError as refused:
        leave_error(refused, error)


def embed_studies(task: EmbeddingTask) -> None:
    """Write the embeddings of the studies of ``task``. The encoder is checked on the first clip. Raises
    :class:`UserError`."""
    encoder, is_checked = Encoder.load(task.encoder), False
    for study in task.studies:
        clips = dict(sorted(read_study(task.home / study.clips).items()))
        if clips and not is_checked:
            encoder.check(next(iter(clips.values())), task.fps)
            is_checked = True
        embeddings = encoder.embed(list(clips.values()), task.fps)
        write_embeddings(task.home / study.embeddings, dict(zip(clips, embeddings, strict=True)), study.fingerprint)


if __name__ == "__main__":
    main()
