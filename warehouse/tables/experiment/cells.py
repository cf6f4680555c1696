"""Writes the results of the experiments: one row for each cell; a new row of a cell replaces its old one."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd

from warehouse.queries import run

TYPES = {
    "horizon_days": "Int64",
    "most_patients": "Int64",
    "auc": "Float64",
    "auc_low": "Float64",
    "auc_high": "Float64",
    "fold_low": "Float64",
    "fold_high": "Float64",
    "patients": "Int64",
    "deaths": "Int64",
    "trained_patients": "Int64",
    "brier": "Float64",
    "brier_of_none": "Float64",
    "cpu_seconds": "Float64",
}
"""Columns that are numbers, which may be missing; all others are texts."""


def replace_cells(
    connection: duckdb.DuckDBPyConnection, experiment: str, rows: Sequence[Mapping[str, Any]], gone: Sequence[str]
) -> None:
    """Put ``rows`` (the columns of table experiment_cell) in place of those of the same cells; delete the cells
    ``gone``."""
    cells = [*(str(row["cell"]) for row in rows), *gone]
    run(connection, "tables/experiment/forget_cells.sql", experiment=experiment, cells=cells)
    if rows:
        connection.append("experiment_cell", pd.DataFrame(rows).astype(TYPES), by_name=True)


def experiment_cells(connection: duckdb.DuckDBPyConnection, experiment: str) -> pd.DataFrame:
    """Return the rows of table experiment_cell of ``experiment``, by cell."""
    return run(connection, "reads/experiments/cells.sql", experiment=experiment).df()
