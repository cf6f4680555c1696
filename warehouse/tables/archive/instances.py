"""Writes the tables of the archive: new rows of a unit replace its old ones."""

from collections.abc import Sequence

import duckdb
import pandas as pd

from warehouse.queries import run

VARIANT = (
    *("variant", "clip_key", "study_key", "patient_key", "view", "status", "reason", "digest"),
    *("frames", "height", "width"),
)
"""Columns of table ``clip_variant``; the last three are the shape of the pixels."""


def replace_instances(connection: duckdb.DuckDBPyConnection, folders: Sequence[str], rows: pd.DataFrame) -> None:
    """Replace the rows of ``folders`` (folder keys) in ``dicom_instance`` with ``rows`` (its columns, in any order).

    A folder without new rows was removed. Call it inside one transaction.
    """
    run(connection, "tables/archive/forget_folders.sql", folders=list(folders))
    _append(connection, "dicom_instance", rows)


def replace_clips(connection: duckdb.DuckDBPyConnection, studies: Sequence[str], rows: pd.DataFrame) -> None:
    """Replace the rows of ``studies`` (study keys) in ``clip`` with ``rows`` (its columns, in any order).

    Call it inside one transaction.
    """
    run(connection, "tables/archive/forget_studies.sql", studies=list(studies))
    _append(connection, "clip", rows)


def replace_variants(connection: duckdb.DuckDBPyConnection, units: Sequence[str], rows: pd.DataFrame) -> None:
    """Replace the rows of ``units`` (variant/study key) in ``clip_variant`` with ``rows`` (:data:`VARIANT`).

    Call it inside one transaction.
    """
    run(connection, "tables/archive/forget_variants.sql", units=list(units))
    _append(connection, "clip_variant", rows.astype(dict.fromkeys(VARIANT[-3:], "Int32")))


def replace_clip_views(connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame) -> None:
    """Replace table ``clip_view`` with ``rows`` (clip_key, study_key, view, view_source). Call it inside one
    transaction."""
    run(connection, "tables/archive/forget_clip_views.sql")
    _append(connection, "clip_view", rows)


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: pd.DataFrame) -> None:
    if len(rows):
        connection.append(table, rows, by_name=True)
