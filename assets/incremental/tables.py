"""What Dagster's pages show of an asset's table: name, columns, what these are made from, rows; no value of it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb

from echomort.settings import Settings
from warehouse.column_notes import column_notes
from warehouse.column_sources import Sources, column_sources, variable_sources
from warehouse.queries import run, scalar

if TYPE_CHECKING:
    from echomort.ehr.variables import Variable

OWN_TABLES = {
    **{name: name for name in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")},
    "outcomes": "outcome",
    "cohort": "cohort",
    "clinical_features": "feature",
    "clinical_scores": "clinical_score",
    "dicom_index": "dicom_instance",
    "linkage": "instance_link",
    "clips": "clip",
    "clip_views": "clip_view",
    "evaluation": "metric",
    "risk_scores": "risk_score",
    "external_scores": "external_score",
}
"""Asset -> its chief table, which no other asset writes."""

SHARED_TABLES = {
    **dict.fromkeys(("view_models", "ehr_models", "ehr_baselines", "encoder_models", "fusion"), "score"),
    **dict.fromkeys(("clips_by_source", "clips_by_reduction", "flow"), "clip_variant"),
}
"""Asset -> the table in which it has rows beside those of other assets: its rows are not those of the table."""

FEATURES = "feature"
"""The table whose columns are the variables of the catalogue."""


def table_metadata(connection: duckdb.DuckDBPyConnection, settings: Settings, asset: str) -> dict[str, Any]:
    """Return the metadata of the table of ``asset``, under the keys that Dagster's pages know; empty if it has none.

    The columns are those that the table has now. The number of rows is that of a table of its own.
    """
    table = OWN_TABLES.get(asset) or SHARED_TABLES.get(asset)
    if table is None:
        return {}
    shown = {
        "dagster/table_name": f"warehouse.main.{table}",
        "dagster/column_schema": table_schema(connection, settings, table),
    }
    if lineage := column_lineage(settings, asset):
        shown["dagster/column_lineage"] = lineage
    if asset in OWN_TABLES:
        shown["dagster/row_count"] = scalar(connection, "checks/size.sql", table=table)
    return shown


def table_schema(connection: duckdb.DuckDBPyConnection, settings: Settings, table: str) -> dg.TableSchema:
    """Return the columns of ``table`` in their order, with their types and what is written of them."""
    notes = _variable_labels(settings) if table == FEATURES else column_notes(table)
    rows = run(connection, "reads/project/columns.sql", table=table).fetchall()
    return dg.TableSchema(
        [
            dg.TableColumn(name, kind, notes.get(name), dg.TableColumnConstraints(nullable=nullable))
            for name, kind, nullable in rows
        ]
    )


def column_lineage(settings: Settings, asset: str) -> dg.TableColumnLineage | None:
    """Return which columns of other assets those of the table of ``asset`` are made from; None where none is known."""
    sources = _variable_sources(settings) if OWN_TABLES.get(asset) == FEATURES else column_sources(asset)
    if not sources:
        return None
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=dg.AssetKey(above), column_name=name) for above, name in pairs]
            for column, pairs in sources.items()
        }
    )


def _variable_labels(settings: Settings) -> Mapping[str, str]:
    """Return variable -> its label and unit, of every variable of the project."""
    return {one.name: f"{one.label}, {one.unit}" if one.unit else one.label for one in _variables(settings)}


def _variable_sources(settings: Settings) -> Sources:
    return variable_sources({one.name: one.source for one in _variables(settings)})


def _variables(settings: Settings) -> "Iterable[Variable]":
    from echomort.ehr.catalogue import site_catalogue

    return site_catalogue(settings.sources.variables).variables
