"""The clip store: one immutable safetensors file a study, 64 shards by patient.

A study's file holds its clips and, in its metadata, one row a file of the study, the rejected ones with their reason,
so that the file alone says what became of the study.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from echomort.errors import UserError
from echomort.files import write_bytes
from echomort.fingerprint import digest

if TYPE_CHECKING:
    import pandas as pd

    from echomort.dicom import Clip, Rejected

SHARDS = 64
"""Part of the layout: changing it rebuilds every clip."""

FOLDER = "clips"


def shard_of(patient_key: str) -> int:
    """Return the shard, 0 to 63, of a patient: stable as the archive grows."""
    return int(patient_key[:8], 16) % SHARDS


def artifact_of(patient_key: str, study_key: str) -> str:
    """Return the path, relative to the project's home, of a study's clips."""
    return f"{FOLDER}/{shard_of(patient_key):02d}/{study_key}.safetensors"


def write_study(
    path: Path, clips: Mapping[str, np.ndarray], rows: Sequence[Mapping[str, Any]] = (), fingerprint: str = ""
) -> None:
    """Write ``clips`` (clip key -> uint8 (frames, height, width)), ``rows`` (one a file) and from what they were made,
    atomically."""
    tensors = {key: np.ascontiguousarray(clips[key]) for key in sorted(clips)}
    # One entry: the order of several would differ from one writing to the next.
    study = json.dumps({"rows": list(rows), "fingerprint": fingerprint}, sort_keys=True)
    write_bytes(path, save(tensors, {"study": study}))


def read_study(path: Path, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return the clips of one study (all, or those of ``keys``) as uint8 (frames, height, width) arrays.

    Raises :class:`UserError` where the file is missing or damaged, be it by one bit.
    """
    with _opened(path) as file:
        clips = {key: file.get_tensor(key) for key in (keys if keys is not None else file.keys())}
        written = {row["clip_key"]: row.get("digest") for row in _study(file)["rows"]}
    if any(written.get(key) not in (None, digest(pixels.tobytes())) for key, pixels in clips.items()):
        raise _damaged(path)
    return clips


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return what became of the files of one study, one row each, ready for table ``clip``."""
    with _opened(path) as file:
        return _study(file)["rows"]


@dataclass(frozen=True)
class Written:
    """A study's file: its path relative to the home and the digest of its content."""

    artifact: str
    digest: str


class StudyWriter:
    """Collects clips in whatever order they are decoded and writes each study as soon as it is whole.

    ``files`` has one row a file (study_key, patient_key, instance_key, view); ``plan`` is study key -> fingerprint.
    ``written`` begins with the studies that an earlier run wrote from the same.
    """

    def __init__(self, home: Path, files: "pd.DataFrame", plan: Mapping[str, str]) -> None:
        self.home, self.plan = home, plan
        self.files: dict[str, dict[Any, Any]] = {row["instance_key"]: row for row in files.to_dict("records")}
        self.waiting: dict[str, set[str]] = defaultdict(set)
        for key, row in self.files.items():
            self.waiting[row["study_key"]].add(key)
        self.clips: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        patients = {row["study_key"]: row["patient_key"] for row in self.files.values()}
        found = {key: _standing(home, artifact_of(patient, key), plan[key]) for key, patient in patients.items()}
        self.written = {key: written for key, written in found.items() if written}

    def add(self, instance_key: str, found: "Clip | Rejected") -> None:
        """Take what decoding one file gave."""
        file = self.files[instance_key]
        study_key = file["study_key"]
        row, pixels = _clip_row(file, found)
        self.rows[study_key].append(row)
        if pixels is not None:
            self.clips[study_key][instance_key] = pixels
        self.waiting[study_key].discard(instance_key)
        if not self.waiting[study_key]:
            self._write(study_key)

    def _write(self, study_key: str) -> None:
        rows = sorted(self.rows.pop(study_key), key=lambda row: row["clip_key"])
        artifact = artifact_of(rows[0]["patient_key"], study_key)
        write_study(self.home / artifact, self.clips.pop(study_key, {}), rows, self.plan[study_key])
        self.written[study_key] = Written(artifact, digest(rows))


def _standing(home: Path, artifact: str, fingerprint: str) -> Written | None:
    try:
        with safe_open(home / artifact, framework="numpy") as file:
            study = _study(file)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError):
        return None
    return Written(artifact, digest(study["rows"])) if study["fingerprint"] == fingerprint else None


def _clip_row(file: Mapping[str, Any], found: "Clip | Rejected") -> tuple[dict[str, Any], np.ndarray | None]:
    from echomort.dicom import lit_outside_sector

    row = {"clip_key": file["instance_key"]} | {key: file[key] for key in ("instance_key", "study_key", "patient_key")}
    row["view"] = file["view"]
    if isinstance(found, Exception):
        empty = dict.fromkeys(("fps", "fps_source", "frames", "digest", "lit_outside"))
        return row | empty | {"status": "rejected", "reason": found.reason.value}, None
    timing = {"fps": found.fps, "fps_source": found.fps_source, "frames": found.frames}
    content = {"digest": digest(found.pixels.tobytes()), "lit_outside": lit_outside_sector(found)}
    return row | timing | content | {"status": "accepted", "reason": None}, found.pixels


def _study(file: Any) -> dict[str, Any]:
    return json.loads(file.metadata()["study"])


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="numpy")
    except (FileNotFoundError, SafetensorError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> UserError:
    return UserError(
        f"a file of the clip store is missing or damaged ({path.name})",
        "delete it if it is there and run `echomort run` again: it is made anew",
    )
