"""The key vault: the only file that holds identifiers. Only its owner can read it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from warehouse.connection import connect_plain

_BYTES = "\0"
"""Begins a stored identifier that is no text, such as a folder's name in an old encoding; each character after it
stands for a byte. No name holds a zero."""


def remember(path: Path, domain: str, identifiers: Mapping[str, str]) -> None:
    """Store pseudonym -> identifier of ``domain`` ("patient", "study", "folder", "instance")."""
    if not identifiers:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with connect_plain(path) as connection:
        os.chmod(path, 0o600)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS vault"
            " (domain VARCHAR, key VARCHAR, identifier VARCHAR, PRIMARY KEY (domain, key))"
        )
        connection.execute(
            "INSERT OR REPLACE INTO vault SELECT $domain, unnest($keys), unnest($identifiers)",
            {"domain": domain, "keys": list(identifiers), "identifiers": list(map(_marked, identifiers.values()))},
        )


def holds(path: Path, domain: str) -> bool:
    """Return whether the vault has anything of ``domain``."""
    if not path.exists():
        return False
    with connect_plain(path) as connection:
        rows = connection.execute("SELECT count(*) FROM (FROM vault WHERE domain = $1 LIMIT 1)", [domain]).fetchall()
    return bool(rows[0][0])


def recall(path: Path, domain: str, keys: Iterable[str]) -> dict[str, str]:
    """Return pseudonym -> identifier for those of ``keys`` that the vault holds."""
    if not path.exists():
        return {}
    with connect_plain(path) as connection:
        rows = connection.execute(
            "SELECT key, identifier FROM vault WHERE domain = $domain AND list_contains($keys, key)",
            {"domain": domain, "keys": list(keys)},
        ).fetchall()
    return {key: _as_written(identifier) for key, identifier in rows}


def recall_all(path: Path, domain: str) -> dict[str, str]:
    """Return pseudonym -> identifier of all of ``domain`` that the vault holds."""
    if not path.exists():
        return {}
    with connect_plain(path) as connection:
        rows = connection.execute("SELECT key, identifier FROM vault WHERE domain = ?", [domain]).fetchall()
    return {key: _as_written(identifier) for key, identifier in rows}


def as_text(identifier: str) -> str:
    """Return ``identifier``; if it is no text, a character for each of its bytes, as the vault holds it."""
    try:
        identifier.encode()
    except UnicodeEncodeError:
        return identifier.encode(errors="surrogateescape").decode("latin-1")
    return identifier


def _marked(identifier: str) -> str:
    text = as_text(identifier)
    return text if text == identifier else _BYTES + text


def _as_written(stored: str) -> str:
    if not stored.startswith(_BYTES):
        return stored
    return stored[len(_BYTES) :].encode("latin-1").decode(errors="surrogateescape")
