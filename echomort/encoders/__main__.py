"""``python -m echomort.encoders TASK.json ERROR.json``: write the embeddings of some studies."""

import torch

from echomort.clips.store import read_study
from echomort.core.child import do_task
from echomort.encoders.encoder import Encoder
from echomort.encoders.store import write_embeddings
from echomort.encoders.task import EmbeddingTask


def main() -> None:
    """Carry out the task named on the command line; leave an error in the file named after it."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    do_task(lambda file: embed_studies(EmbeddingTask.model_validate_json(file.read_bytes())))


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
