"""Builds the feature table: the value of every variable of the catalogue that was known at the study."""

import duckdb
import pandas as pd
import pyarrow as pa

from echomort.ehr.catalogue import Catalogue, shipped_catalogue
from echomort.ehr.clean import NOT_LARGER_THAN, SMALLER_THAN
from echomort.settings import Features
from warehouse.queries import run, scalar

SHARD_ROWS = 1_000_000
"""Measurements in one part (shard) of the patients, on average. Our choice: it bounds memory for large extracts."""


def build(
    connection: duckdb.DuckDBPyConnection, settings: Features | None = None, catalogue: Catalogue | None = None
) -> None:
    """Replace ``feature``, ``feature_evidence``, ``feature_count``, ``feature_refusal``, ``feature_filled``,
    ``feature_group``, ``feature_outside`` and ``feature_rule``.

    ``feature`` has one row for each study and one column for each variable of ``catalogue`` (default: the shipped one).
    A value is, in this order: the one measured in the study (the mean of repeats); the last one known at or before the
    study within the variable's window, or with ``settings.outside_values`` 'nearest' the one nearest to it in time,
    before or after; one from another echo of the patient, if ``settings`` allow it. Diagnosis groups
    are 0 or 1; ``sex`` is 1 for men. Refused values are counted by reason. ``settings.same_day`` says whether records
    of the study's day are used where they or the study have no time of day.
    """
    settings, catalogue = settings or Features(), catalogue or shipped_catalogue()
    run(connection, "definitions/age.sql")
    run(connection, "definitions/unit.sql")
    run(connection, "definitions/moment.sql")
    _create_table(connection, catalogue)
    _write_catalogue(connection, catalogue)
    same_day = settings.same_day
    outside = {"outside": settings.outside_values, "outside_days": settings.outside_days}
    begin = "tables/feature/feature_begin.sql"
    run(connection, begin, carry_days=settings.carry_days, same_day=same_day, **outside)
    shards = 1 + scalar(connection, "tables/feature/feature_size.sql") // SHARD_ROWS
    for shard in range(shards):
        rules = {"between": settings.between_echoes, "same_day": same_day, **outside}
        run(connection, "tables/feature/feature.sql", shard=shard, shards=shards, **rules)
    run(connection, "tables/feature/feature_end.sql", same_day=same_day)


def _create_table(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Replace ``feature`` with an empty table that has one column for each variable of the catalogue."""
    kinds = {"diagnosis": pa.int8()}
    columns = [pa.field(one.name, kinds.get(one.source, pa.float64())) for one in catalogue.variables]
    connection.register("empty_feature", pa.schema([pa.field("study_key", pa.string()), *columns]).empty_table())
    run(connection, "tables/feature/feature_table.sql")
    connection.unregister("empty_feature")


def _write_catalogue(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    run(connection, "tables/feature/feature_catalogue.sql")
    variables = [
        (v.name, v.source, v.window_days, v.low, v.high, v.is_code, v.code_from or None, v.code_to or None)
        for v in catalogue.variables
    ]
    columns = ["name", "source", "window_days", "low", "high", "is_code", "code_from", "code_to"]
    connection.append("variable", pd.DataFrame(variables, columns=columns), by_name=True)
    units = [(c.variable, c.unit, c.factor, c.offset) for c in catalogue.conversions]
    connection.append("conversion", pd.DataFrame(units, columns=["variable", "unit", "factor", "shift"]), by_name=True)
    connection.append("icd9", pd.DataFrame(catalogue.icd9_groups, columns=["prefix", "variable"]), by_name=True)
    order = [(*pair, False) for pair in SMALLER_THAN] + [(*pair, True) for pair in NOT_LARGER_THAN]
    columns = ["smaller", "larger", "may_be_equal"]
    connection.append("contradiction", pd.DataFrame(order, columns=columns), by_name=True)


def refusal_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many values were refused, by reason, and filled from another echo, by method, over all variables."""
    return {
        f"values {reason.lower()}": int(count)
        for reason, count in run(connection, "tables/feature/feature_refusal_counts.sql").fetchall()
    }
