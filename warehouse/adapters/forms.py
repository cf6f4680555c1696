"""The forms of dates and numbers that staging can't read, and the macros by which an adapter can."""

import duckdb

from warehouse.adapters.scaffold import NUMBERS, ORDERS, TIMES
from warehouse.queries import query

LONGEST_FORM = 26
"""Characters of a form that is shown: those of a time with microseconds. Our choice: longer cells are free text."""

READ = {
    **dict.fromkeys(TIMES, ("as_moment", ORDERS)),
    **dict.fromkeys(("birth_date", "death_date"), ("earliest_moment", ORDERS)),
    **dict.fromkeys(NUMBERS, ("as_number", ("decimal_comma",))),
}
"""Column -> the macro by which staging reads it, and the macros that may help."""


def unread_forms(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, helps: str
) -> list[tuple[str, int, int]]:
    """Return (form, cells, cells that the macro ``helps`` makes readable) of the cells of a canonical column that
    staging can't read, the most frequent form first."""
    reads, _ = READ[column]
    statement = query("adapters/unread_forms.sql").format(
        table=table, column=column, reads=reads, helps=helps, longest=LONGEST_FORM
    )
    return connection.execute(statement).fetchall()


def best_help(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> tuple[str, int]:
    """Return the macro that makes most unread cells of a canonical column readable (the first of equals), and how many;
    0 unless these are most of them."""
    counts = {helps: helps_most(unread_forms(connection, table, column, helps)) for helps in READ[column][1]}
    best = max(counts, key=lambda helps: counts[helps])
    return best, counts[best]


def helps_most(forms: list[tuple[str, int, int]]) -> int:
    """Return how many of the unread cells of ``forms`` a macro makes readable; 0 unless these are most of them."""
    unread, helped = sum(count for _, count, _ in forms), sum(count for _, _, count in forms)
    return helped if 2 * helped > unread else 0
