"""The forms of dates and numbers that staging can't read, and the macros by which an adapter can."""

import duckdb

from warehouse.adapters.scaffold import NUMBERS, TIMES
from warehouse.queries import query

LONGEST_FORM = 26
"""Characters of a form that is shown: those of a time with microseconds. Our choice: longer cells are free text."""

READ = {
    **dict.fromkeys(TIMES, ("as_moment", "day_first")),
    **dict.fromkeys(("birth_date", "death_date"), ("earliest_moment", "day_first")),
    **dict.fromkeys(NUMBERS, ("as_number", "decimal_comma")),
}
"""Column -> the macro by which staging reads it, and the macro that may help."""


def unread_forms(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> list[tuple[str, int, int]]:
    """Return (form, cells, cells that the macro makes readable) of the cells of a canonical column that staging can't
    read, the most frequent form first."""
    reads, helps = READ[column]
    statement = query("adapters/unread_forms.sql").format(
        table=table, column=column, reads=reads, helps=helps, longest=LONGEST_FORM
    )
    return connection.execute(statement).fetchall()


def helped_rows(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """Return how many unread cells of a canonical column the macro makes readable; 0 unless these are most of them."""
    return helps_most(unread_forms(connection, table, column))


def helps_most(forms: list[tuple[str, int, int]]) -> int:
    """Return how many of the unread cells of ``forms`` a macro makes readable; 0 unless these are most of them."""
    unread, helped = sum(count for _, count, _ in forms), sum(count for _, _, count in forms)
    return helped if 2 * helped > unread else 0
