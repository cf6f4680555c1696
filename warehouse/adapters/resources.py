"""Finds the NDJSON files of FHIR resources in a folder: by what they hold, not by their names.

Servers name the files of a bulk export in many ways (``Patient.ndjson``, ``1.Patient.ndjson``, ``Patient.000.ndjson``,
``Observation_1.ndjson.gz``, ``Patient/part-0.ndjson``). Each holds resources of one type, which its first line states.
"""

import json
import re
import zlib
from pathlib import Path

from echomort.core.errors import UserError
from warehouse.adapters.packed import JSON, open_packed

LONGEST_LINE_BYTES = 2**27
"""Bytes of a first line that are read at most (128 MiB). Our choice: it bounds memory."""

LOOKED_AT_BYTES = 2**16
"""Bytes of a ``.json`` file in which its type is looked for (64 KiB). Our choice: the type is among the first keys."""

TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')
"""The type of a resource in JSON text."""


def resource_files(root: Path) -> dict[str, list[Path]]:
    """Return type of resource in lower case -> NDJSON files at any depth below ``root`` that begin with one, sorted.

    Names that begin with a dot or an underscore, empty files and files of other objects are left out. Raises
    :class:`UserError` for a file that can't be read and for resources in another form (a Bundle, ``.json``).
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(root).parts)
        if hidden or not path.is_file():
            continue
        if path.name.lower().endswith(JSON):
            kind = _first_type(path)
            _refuse_bundle(path, kind)
            if kind:
                found.setdefault(kind.lower(), []).append(path)
        elif path.suffix.lower() == ".json":
            _refuse_json(path)
    return found


def _first_type(path: Path) -> str:
    """Return the type of the resource in the first line of ``path`` that is not blank; empty if there is none."""
    try:
        with open_packed(path) as file:
            line = next(
                (line for line in iter(lambda: file.readline(LONGEST_LINE_BYTES), b"") if line.strip()), b"null"
            )
        resource = json.loads(line.decode("utf-8-sig"))
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path.name} can't be read", "make it readable, or export it again") from None
    except ValueError:
        raise UserError(f"{path.name} is not one JSON object a line", "export it again as NDJSON") from None
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return kind if isinstance(kind, str) else ""


def _refuse_json(path: Path) -> None:
    try:
        with path.open("rb") as file:
            found = TYPE.search(file.read(LOOKED_AT_BYTES))
    except OSError:
        raise UserError(f"{path.name} can't be read", "make it readable, or export it again") from None
    if found:
        _refuse_bundle(path, found[1].decode())
        raise UserError(
            f"{path.name} holds a FHIR resource as JSON",
            "write resources one a line to files of each type (<type>.ndjson), or move the file elsewhere",
        )


def _refuse_bundle(path: Path, kind: str) -> None:
    if kind == "Bundle":
        raise UserError(
            f"{path.name} is a FHIR Bundle, which is not read",
            "export NDJSON with the server's $export (Bulk Data), or write each entry's resource as one line of a file "
            "of its type (jq -c '.entry[].resource')",
        )
