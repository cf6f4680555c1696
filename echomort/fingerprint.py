"""Digests: of content, of settings, of code."""

import functools
import hashlib
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydantic

SOURCE_SUFFIXES = {".py", ".c", ".sql", ".yaml", ".csv", ".html", ".css", ".j2"}

DIGEST_LENGTH = 32
"""Hexadecimal characters kept of a SHA-256: 128 bits, no collision in any archive."""


def digest(*parts: Any) -> str:
    """Return the digest of ``parts``: JSON values, bytes, paths and pydantic models, order kept."""
    state = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else _canonical(part)
        state.update(len(content).to_bytes(8, "big"))
        state.update(content)
    return state.hexdigest()[:DIGEST_LENGTH]


def digest_file(path: Path) -> str:
    """Return the full SHA-256 of the file at ``path``, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code_version(*sources: str) -> str:
    """Return the digest of ``sources``: files or folders such as ``echomort/dicom`` or ``warehouse/marts/outcome.sql``.

    A stage names the sources that decide its result, so that editing one of them makes exactly its units stale.
    Raises :class:`FileNotFoundError` where a source does not exist.
    """
    return digest(*(part for source in sources for part in _contents(source)))


def _contents(source: str) -> Iterable[str | bytes]:
    package, _, inside = source.partition("/")
    root = Path(str(importlib.import_module(package).__file__)).parent
    path = root / inside
    if not path.exists():
        raise FileNotFoundError(source)
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.suffix in SOURCE_SUFFIXES:
            yield file.relative_to(root).as_posix()
            yield file.read_bytes()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return str(value)
