"""What every table must look like: one suite of expectations for each table, each in the file of the table's name."""

from pathlib import Path

from echomort.core.registry import Registry
from warehouse.checks.expected import Expected, Suite, renamed

SUITES = Registry("suite", "warehouse.checks.suites", Suite)


def suite(table: str, variables: Path | None = None) -> tuple[Expected, ...]:
    """Return the expectations on ``table``, named ``<table>.<name>``. Raises KeyError for a table without a suite.

    ``variables`` is the folder of the site's variables (default: there are none).
    """
    if table not in SUITES:
        raise KeyError(table)
    return tuple(renamed(f"{table}.{one.name}", one) for one in SUITES.get(table).expected(variables))


def tables() -> tuple[str, ...]:
    """Return the tables that have a suite."""
    return SUITES.names()
