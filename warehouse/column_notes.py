"""What the migrations say of a column, in the comment on its line."""

import functools
import re
from collections.abc import Mapping

from warehouse.connection import MIGRATIONS

_TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+) \(")
_COLUMN = re.compile(r"^ {4}(\w+) [A-Z][\w\[\]]*.*?-- (.+)$")
_ADDED = re.compile(r"^ALTER TABLE (\w+) ADD COLUMN (\w+) .*?-- (.+)$")


def column_notes(table: str) -> Mapping[str, str]:
    """Return column -> what the migrations say of it, for the columns of ``table`` of which they say something."""
    return {column: note for (named, column), note in _notes().items() if named == table}


@functools.cache
def _notes() -> dict[tuple[str, str], str]:
    """Return (table, column) -> its comment; that of a later migration counts."""
    notes, table = {}, ""
    for file in sorted(MIGRATIONS.glob("[0-9]*.sql")):
        for line in file.read_text().splitlines():
            if opened := _TABLE.match(line):
                table = opened[1]
            elif noted := _COLUMN.match(line):
                notes[table, noted[1]] = noted[2]
            elif added := _ADDED.match(line):
                notes[added[1], added[2]] = added[3]
    return notes
