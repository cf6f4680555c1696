"""What must never happen, as SQL that counts how often it did (``checks/assertions/<name>.sql``).

A file begins with the asset that its check is on, the assets whose tables it reads beside, and what must never happen::

    -- asset: study
    -- also: patient, measurement
    -- never: A row of the extract lost in staging.
"""

import re
from dataclasses import dataclass

import duckdb

from echomort.core.errors import UserError
from warehouse.queries import ROOT, scalar

HEADER = re.compile(r"-- asset: (?P<asset>\w+)\n(?:-- also: (?P<also>[\w, ]+)\n)?-- never: (?P<never>.+)\n")
"""The first lines of an assertion's file."""


@dataclass(frozen=True)
class Assertion:
    """Something that must ``never`` happen: its check is on ``asset``, and reads the tables of ``also`` beside."""

    name: str
    asset: str
    also: tuple[str, ...]
    never: str


def names() -> tuple[str, ...]:
    """Return the names of all assertions."""
    return tuple(sorted(path.stem for path in (ROOT / "checks/assertions").glob("*.sql")))


def assertions() -> tuple[Assertion, ...]:
    """Return every assertion. Raises :class:`UserError` for a file without its first lines."""
    return tuple(_declared(name, (ROOT / f"checks/assertions/{name}.sql").read_text("utf-8")) for name in names())


def _declared(name: str, text: str) -> Assertion:
    found = HEADER.match(text)
    if found is None:
        raise UserError(
            f"warehouse/checks/assertions/{name}.sql does not say what it is on",
            "begin it with the lines `-- asset: ...`, `-- also: ...` (if it reads other assets) and `-- never: ...`",
        )
    also = tuple(part.strip() for part in (found["also"] or "").split(",") if part.strip())
    return Assertion(name, found["asset"], also, found["never"].strip())


def check(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows offend against assertion ``name``: 0 where all is well."""
    if name not in names():
        raise ValueError(f"no assertion {name}; known: {', '.join(names())}")
    return int(scalar(connection, f"checks/assertions/{name}.sql"))
