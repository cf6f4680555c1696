"""The certificate of an erasure: what was removed, what was searched, and by what; nobody is named."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from assets.erasure.search import NOT_SEARCHED, Searched
from assets.incremental import CODE
from echomort.core.audit import read_log
from echomort.core.exclusion import FILE as EXCLUSION
from echomort.core.exclusion import Exclusion
from echomort.core.files import atomic_path
from echomort.core.fingerprint import digest
from echomort.version import __version__

FOLDER = "erasures"
"""Folder of the certificates in the home."""


def write_certificate(
    home: Path,
    exclusion: Exclusion,
    removed: Mapping[str, int],
    searched: Searched,
    left: Mapping[str, Any],
) -> Path:
    """Write the certificate into ``home``, with mode 0600, and return its path."""
    record = {
        "what": "a patient was erased from this project",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "echomort": __version__,
        "code": code_digest(),
        "exclusion": {"file": EXCLUSION, "patients": len(exclusion.erased), "digest": exclusion.digest},
        "removed": dict(sorted(removed.items())),
        "searched": {
            "files": searched.files,
            "bytes": searched.bytes,
            "for": {"pseudonyms": len(searched.needles.keys), "identifiers": len(searched.needles.texts)},
            "identifiers too short to search for": searched.needles.too_short,
            "not searched": list(NOT_SEARCHED),
            "found": len(searched.found),
        },
        "left": dict(left),
    }
    file = home / FOLDER / f"{len(list((home / FOLDER).glob('*.json'))) + 1:04d}.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with atomic_path(file, private=True) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")
    return file


def code_digest() -> str:
    """Return the digest of the code that erases and searches."""
    reached = CODE.reached([("assets.erasure.removal", None)])
    return digest(dict(reached.parts), dict(reached.libraries))


def certificate_digest(file: Path) -> str:
    """Return the SHA-256 of a certificate."""
    return sha256(file.read_bytes()).hexdigest()


def backups(home: Path) -> list[str]:
    """Return when backups of ``home`` were made, as its audit log says: each holds whoever was erased later."""
    return [record["at"] for record in read_log(home) if (record["command"], record["event"]) == ("backup", "done")]
