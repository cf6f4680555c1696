"""Digests: of content, of settings, of code."""

import functools
import hashlib
import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import pydantic

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
def code_version(*modules: str) -> str:
    """Return the digest of the source files of ``modules``: packages (all their files) or single modules.

    A stage names the modules that decide its result, so that editing one of them makes exactly its units stale.
    """
    return digest(*(part for module in modules for part in _sources(module)))


def _sources(module: str) -> Iterable[str | bytes]:
    package, _, name = module.rpartition(".")
    if package and (file := resources.files(package) / f"{name}.py").is_file():
        yield module
        yield file.read_bytes()
        return
    for path in sorted(Path(str(resources.files(module))).rglob("*")):
        if path.is_file() and path.suffix in {".py", ".sql", ".yaml", ".csv", ".html", ".css", ".j2"}:
            yield f"{module}/{path.name}"
            yield path.read_bytes()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return str(value)
