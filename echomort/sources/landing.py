"""Where objects that arrive over the network come to lie: whole or not at all, under names that say nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from echomort.core.files import write_bytes

Landed = Literal["new", "same", "replaced"]


def landing_path(folder: Path, study_uid: str, sop_uid: str) -> Path:
    """Return where the object lies under ``folder``: a folder a study, both names digests of the UIDs.

    One object always has one name, so that what is sent twice lies there once. Neither name holds an identifier, and
    none can be worked out from it without a list of UIDs to try.
    """
    study = _digest("study", study_uid)
    return folder / study[:2] / study / f"{_digest('instance', sop_uid)}.dcm"


def land(folder: Path, study_uid: str, sop_uid: str, content: bytes) -> Landed:
    """Write the object under a temporary, hidden name and rename it; nothing is touched where the same lies there.

    Raises :class:`UserError` where the disk is full or may not be written.
    """
    path = landing_path(folder, study_uid, sop_uid)
    there = path.read_bytes() if path.exists() else None
    if there == content:
        return "same"
    write_bytes(path, content)
    return "new" if there is None else "replaced"


def _digest(kind: str, uid: str) -> str:
    return hashlib.sha256(f"echomort {kind} {uid.strip()}".encode()).hexdigest()[:32]
