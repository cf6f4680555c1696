"""The embeddings of a study's clips: one safetensors file a study."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from echomort.clips import store
from echomort.core.errors import HomeError
from echomort.core.files import write_bytes
from echomort.core.fingerprint import digest

FOLDER = "embeddings"
"""Folder of the home, with one of each encoder."""


def artifact_of(encoder: str, clips: str) -> str:
    """Return the path, below the home, of the embeddings by ``encoder`` of the study whose clips are in ``clips``.

    >>> artifact_of("panecho", "clips/07/0123.safetensors")
    'embeddings/panecho/07/0123.safetensors'
    """
    return clips.replace(store.FOLDER, f"{FOLDER}/{encoder}", 1)


def write_embeddings(path: Path, embeddings: Mapping[str, np.ndarray], fingerprint: str) -> None:
    """Write ``embeddings`` (clip key -> float32 (numbers,)) with the ``fingerprint`` of what they were made from,
    atomically."""
    tensors = {key: np.ascontiguousarray(embeddings[key]) for key in sorted(embeddings)}
    write_bytes(path, save(tensors, {"fingerprint": fingerprint}))


def read_embeddings(path: Path) -> dict[str, np.ndarray]:
    """Return clip key -> float32 (numbers,). Raises :class:`HomeError` for a file that is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in sorted(file.keys())}
    except (OSError, SafetensorError):
        raise HomeError(
            f"a file of embeddings is missing or damaged ({path.name})",
            "delete it if it exists and run `echomort run` again, which makes a new one",
        ) from None


def is_made_from(path: Path, fingerprint: str) -> bool:
    """Return whether the file at ``path`` was made from ``fingerprint``."""
    try:
        with safe_open(path, framework="numpy") as file:
            return bool(file.metadata()["fingerprint"] == fingerprint)
    except (OSError, SafetensorError, KeyError, TypeError):
        return False


def content_digest(embeddings: Mapping[str, np.ndarray]) -> str:
    """Return the digest of ``embeddings``."""
    return digest(*(part for key in sorted(embeddings) for part in (key, embeddings[key].tobytes())))
