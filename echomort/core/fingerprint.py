"""Digests of content and of settings."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pydantic

DIGEST_LENGTH = 32
"""Hexadecimal characters kept of a SHA-256: 128 bits, no collision in any archive."""


def digest(*parts: Any) -> str:
    """Return the digest of ``parts``: JSON values, bytes, paths and pydantic models, order kept.

    >>> digest({"fps": 30, "frames": 60})
    '34fd0865d3d4dcf54c1fadd6e69bdf4e'
    >>> digest({"fps": 30, "frames": 60}) == digest({"frames": 60, "fps": 30})
    True
    >>> digest("a", "b") == digest("ab")
    False
    """
    state = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else _canonical(part)
        state.update(len(content).to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()[:DIGEST_LENGTH]


def to_try_again(fingerprint: str) -> str:
    """Return what to record in place of ``fingerprint`` where an input couldn't be read (no permission, a network drive
    that failed): it equals none that is planned, so the next run tries again."""
    return digest(fingerprint, "not all could be read")


def digest_file(path: Path) -> str:
    """Return the full SHA-256 of the file at ``path``, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return str(value)
