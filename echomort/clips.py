"""The clip store: one immutable safetensors file a study, 64 shards by patient."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from echomort.errors import UserError
from echomort.files import write_bytes

SHARDS = 64
"""Part of the layout: changing it rebuilds every clip."""


def shard_of(patient_key: str) -> int:
    """Return the shard, 0 to 63, of a patient: stable as the archive grows."""
    return int(patient_key[:8], 16) % SHARDS


def study_path(root: Path, patient_key: str, study_key: str) -> Path:
    """Return where the clips of a study lie."""
    return root / f"{shard_of(patient_key):02d}" / f"{study_key}.safetensors"


def write_study(path: Path, clips: Mapping[str, np.ndarray]) -> None:
    """Write ``clips`` (clip key -> uint8 (frames, height, width)) atomically, in the order of their keys."""
    write_bytes(path, save({key: np.ascontiguousarray(clips[key]) for key in sorted(clips)}))


def read_study(path: Path, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return the clips of one study (all, or those of ``keys``) as uint8 (frames, height, width) arrays."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in (keys if keys is not None else file.keys())}
    except (FileNotFoundError, SafetensorError) as error:
        raise UserError(
            f"a file of the clip store is missing or damaged ({path.name})",
            "delete it if it is there and run `echomort run --select clips`",
        ) from error
