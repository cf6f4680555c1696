"""Reading the files of a model, if they are the ones that were written."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import resolve_under

REMEDY = "restore the folder from a backup, or train again"
"""For any file that is missing or was changed."""


def read_verified(folder: Path, name: str, sha256: str) -> bytes:
    """Return the content of ``folder / name`` if its SHA-256 is ``sha256``, else raise :class:`UserError`.

    The file is read once: the content returned is the content verified.
    """
    try:
        content = resolve_under(folder, name).read_bytes()
    except (OSError, ValueError):
        raise UserError(f"a file of the model is missing ({name})", REMEDY) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"a file of the model is not the one that was trained ({name}: SHA-256 differs)", REMEDY)
    return content


def read_card(folder: Path, keys: Sequence[str], name: str = "model.json") -> dict[str, Any]:
    """Return the JSON object in ``folder / name``, which must have ``keys``, or raise :class:`UserError`."""
    try:
        return parse_card((folder / name).read_bytes(), keys, name)
    except OSError:
        raise UserError(f"no {name} in {folder.name}", REMEDY) from None


def parse_card(content: bytes, keys: Sequence[str], name: str) -> dict[str, Any]:
    """Return the JSON object ``content``, which must have ``keys``, or raise :class:`UserError`."""
    try:
        card = json.loads(content)
    except ValueError:
        raise UserError(f"{name} is not readable", REMEDY) from None
    if not isinstance(card, dict) or not set(keys) <= card.keys():
        raise UserError(f"{name} lacks a key ({', '.join(keys)})", REMEDY)
    return card
