"""Assertions: each is an SQL file that counts violations of a rule (``checks/assertions/<name>.sql``).

A file begins with three lines: the asset that the check belongs to, other assets whose tables it reads (optional), and
what must never happen::

    -- asset: study
    -- also: patient, measurement
    -- never: A row of the extract lost in staging.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from echomort.core.errors import UserError
from warehouse.queries import ROOT, scalar

HEADER = re.compile(r"-- asset: (?P<asset>\w+)\n(?:-- also: (?P<also>[\w, ]+)\n)?-- never: (?P<never>.+)\n")
"""The first lines of an assertion file."""


@dataclass(frozen=True)
class Assertion:
    """A rule: ``never`` must not happen. Its check belongs to ``asset`` and reads tables of ``also`` too."""

    name: str
    asset: str
    also: tuple[str, ...]
    never: str


def names() -> tuple[str, ...]:
    """Return the names of all assertions."""
    return tuple(sorted(path.stem for path in (ROOT / "checks/assertions").glob("*.sql")))


def assertions(assets: Collection[str]) -> tuple[Assertion, ...]:
    """Return every assertion. Raises :class:`UserError` for a file that does not begin with its header lines, or that
    names an asset which is not one of ``assets``."""
    return tuple(_declared(ROOT / f"checks/assertions/{name}.sql", assets) for name in names())


def _declared(path: Path, assets: Collection[str]) -> Assertion:
    file = f"warehouse/checks/assertions/{path.name}"
    try:
        found = HEADER.match(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{file} can't be read", "save it as text in UTF-8") from None
    if found is None:
        raise UserError(
            f"{file} does not name its asset",
            "begin it with the lines `-- asset: ...`, `-- also: ...` (if it reads other assets) and `-- never: ...`",
        )
    also = tuple(part.strip() for part in (found["also"] or "").split(",") if part.strip())
    for asset in (found["asset"], *also):
        if asset not in assets:
            raise UserError(f"{file} names {asset}, which is no asset", f"name one of {', '.join(sorted(assets))}")
    return Assertion(path.stem, found["asset"], also, found["never"].strip())


def check(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows violate assertion ``name``; 0 if none does."""
    if name not in names():
        raise ValueError(f"no assertion {name}; known: {', '.join(names())}")
    return int(scalar(connection, f"checks/assertions/{name}.sql"))
