"""The folder of objects from the network: each complete or absent, under a name without identifiers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from echomort.core.files import write_bytes

Landed = Literal["new", "same", "replaced"]
"""What writing an object did."""


def landing_path(folder: Path, study_uid: str, sop_uid: str) -> Path:
    """Return the object's path under ``folder``: a folder for each study, both names digests of the UIDs.

    One object always has the same name, so that an object sent twice is kept once. No name holds an identifier, and
    none can be recovered without a list of UIDs to try.
    """
    return study_folder(folder, study_uid) / f"{_digest('instance', sop_uid)}.dcm"


def study_folder(folder: Path, study_uid: str) -> Path:
    """Return the folder of a study's objects under ``folder``; its name is a digest of the UID."""
    study = _digest("study", study_uid)
    return folder / study[:2] / study


def land(folder: Path, study_uid: str, sop_uid: str, content: bytes) -> Landed:
    """Write the object under a temporary, hidden name and rename it; do nothing where it is there already.

    Raises :class:`UserError` where the disk is full or not writable.
    """
    path = landing_path(folder, study_uid, sop_uid)
    there = path.read_bytes() if path.exists() else None
    if there == content:
        return "same"
    write_bytes(path, content)
    return "new" if there is None else "replaced"


def _digest(kind: str, uid: str) -> str:
    return hashlib.sha256(f"echomort {kind} {uid.strip()}".encode()).hexdigest()[:32]
