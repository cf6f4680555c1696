"""The clip store: one immutable safetensors file a study, 64 shards by patient.

A study's file holds its clips and, in its metadata, one row for each DICOM file of the study, rejected ones with their
reason: table ``clip`` can be filled from the store alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from echomort.core.errors import HomeError
from echomort.core.files import write_bytes
from echomort.core.fingerprint import digest

SHARDS = 64
"""Folders that studies are spread over. A part of the paths: changing it rebuilds every clip."""

FOLDER = "clips"
"""The store's folder in the project's home."""

GEOMETRY = "geometry"
"""What a row of the store says beyond table ``clip``: region and outline in pixels of the image, and where the clip's
pixels lie in it (x, y, across, down)."""


def shard_of(patient_key: str) -> int:
    """Return the shard of a patient, 0 to 63; it stays the same as the archive grows."""
    return int(patient_key[:8], 16) % SHARDS


def artifact_of(patient_key: str, study_key: str, folder: str = FOLDER) -> str:
    """Return the path, relative to the project's home, of a study's clips below ``folder``."""
    return f"{folder}/{shard_of(patient_key):02d}/{study_key}.safetensors"


def write_study(
    path: Path, clips: Mapping[str, np.ndarray], rows: Sequence[Mapping[str, Any]] = (), fingerprint: str = ""
) -> None:
    """Write ``clips`` (clip key -> uint8 (frames, height, width), of a flow and 3 colours), ``rows`` (one for each
    DICOM file) and the ``fingerprint`` of what they were made from, atomically."""
    tensors = {key: np.ascontiguousarray(clips[key]) for key in sorted(clips)}
    # One entry: the order of several would differ from one writing to the next.
    study = json.dumps({"rows": list(rows), "fingerprint": fingerprint}, sort_keys=True)
    write_bytes(path, save(tensors, {"study": study}))


def read_study(path: Path, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return the clips of one study (all, or those of ``keys``) as uint8 (frames, height, width) arrays.

    Raises :class:`HomeError` where the file is missing, or differs from what was written by one bit or more.
    """
    return _read(path, keys)[0]


def _read(path: Path, keys: Sequence[str] | None) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the clips of one study, and the digest of each."""
    with _opened(path) as file:
        clips = {key: file.get_tensor(key) for key in (keys if keys is not None else file.keys())}
        written = {row["clip_key"]: row.get("digest") for row in _study(file)["rows"]}
    digests = {key: digest(pixels.tobytes()) for key, pixels in clips.items()}
    if any(written.get(key) not in (None, content) for key, content in digests.items()):
        raise _damaged(path)
    return clips, digests


@dataclass(frozen=True)
class Place:
    """Where the pixels of a clip lie in its study's file: at byte ``offset``, in the order of ``shape``."""

    offset: int
    shape: tuple[int, ...]
    dtype: str
    digest: str
    """Of the pixels."""


def find_clips(path: Path, keys: Sequence[str]) -> dict[str, Place]:
    """Return clip key -> where its pixels lie, of the clips ``keys`` of one study; every clip is read and compared with
    the digest that it was written with.

    Raises :class:`HomeError` as :func:`read_study` does.
    """
    clips, digests = _read(path, keys)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_LENGTH), "little")
        header = json.loads(file.read(length))
    start = HEADER_LENGTH + length
    return {
        key: Place(start + header[key]["data_offsets"][0], pixels.shape, str(pixels.dtype), digests[key])
        for key, pixels in clips.items()
    }


HEADER_LENGTH = 8
"""Bytes of the number before a safetensors header: its length, little endian (the format's definition)."""


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return clip key -> (frames, height, width), of a flow and 3 colours, of one study; no pixel is read."""
    with _opened(path) as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - no mapping


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of table ``clip`` of one study, one for each DICOM file; those of clips with their
    :data:`GEOMETRY`."""
    with _opened(path) as file:
        rows: list[dict[str, Any]] = _study(file)["rows"]
    return rows


@dataclass(frozen=True)
class Written:
    """A study's file: its path relative to the home, the digest of its content and the fingerprint of what it was made
    from."""

    artifact: str
    digest: str
    fingerprint: str


def find_study(home: Path, artifact: str, fingerprint: str) -> Written | None:
    """Return the study at ``artifact`` under ``home`` if it was made from ``fingerprint``, else None."""
    study = _found(home / artifact)
    return Written(artifact, digest(study["rows"]), fingerprint) if study.get("fingerprint") == fingerprint else None


def made_from(path: Path) -> str | None:
    """Return the fingerprint that the study at ``path`` was written with; None where there is no such file."""
    return _found(path).get("fingerprint")


def _found(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            return _study(file)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError):
        return {}


def _study(file: Any) -> dict[str, Any]:
    study: dict[str, Any] = json.loads(file.metadata()["study"])
    return study


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="numpy")
    except (FileNotFoundError, SafetensorError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> HomeError:
    return HomeError(
        f"a file of the clip store is missing or damaged ({path.name})",
        "delete it if it exists and run `echomort run` again, which makes a new one",
    )
