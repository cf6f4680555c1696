"""The checks of the health records: what was set aside, lost or refused, and whether the cohort is large enough."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import duckdb

from assets.checks.check import Check, least_outcomes
from assets.incremental import Stage
from assets.records.clinical_features import FEATURES
from assets.records.health_records import RECORDS
from assets.records.readiness import cohort_readiness, cohort_size, sealed_readiness, sealed_size
from assets.records.warnings import Lost, late_line, lost_rows
from echomort.settings import Settings
from warehouse.queries import run


def set_aside_check(table: str) -> Check:
    """Return the check that staging used every row of ``table`` unchanged; it warns with the counts of reasons."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "reads/counts/conflict_reasons.sql", table=table).fetchall())
        return lambda _: {"table": table, **_warned(reasons)}

    spec = dg.AssetCheckSpec(
        f"{table}_rows_set_aside",
        asset=table,
        description=f"Staging took every row of `{table}` as the source gave it.",
    )
    # The result depends on the extract and the code of staging, even if the table comes out the same.
    stage = Stage(f"check:{spec.name}", ("ehr_extract", table), RECORDS.decided_by, files=RECORDS.files)
    stage.carried_out_by(set_aside_check, *RECORDS.functions)
    return Check(spec, stage, read)


def lost_check(table: str) -> Check:
    """Return the check that ``table`` did not lose most of its rows to errors; if it did, nothing below it is made."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        lost = lost_rows(connection, table)
        return lambda settings: _judged(lost, settings.sources.most_lost)

    spec = dg.AssetCheckSpec(
        f"{table}_rows_are_not_lost",
        asset=table,
        blocking=True,
        description=f"The share of rows of `{table}` that errors cost stays below sources.most_lost.",
    )
    stage = Stage(f"check:{spec.name}", ("ehr_extract", table), _decides_loss, files=RECORDS.files)
    stage.carried_out_by(lost_check, *RECORDS.functions)
    return Check(spec, stage, read)


def _decides_loss(settings: Settings) -> dict[str, Any]:
    return {**RECORDS.decided_by(settings), "sources.most_lost": settings.sources.most_lost}


def _judged(lost: Lost, most: float) -> dict[str, Any]:
    words = lost.line(most)
    return {"table": lost.table, "rows": lost.rows, "offending": lost.count, "failed": words, "passed": not words}


def refused_check() -> Check:
    """Return the check that features can use every measurement; it warns with the counts of reasons."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "tables/feature/feature_refusals.sql").fetchall())
        return lambda _: {"table": "feature", **_warned(reasons)}

    spec = dg.AssetCheckSpec(
        "feature_values_refused", asset="clinical_features", description="Every measurement and code can be used."
    )
    above = "clinical_features", "measurement", "diagnosis"
    stage = Stage(f"check:{spec.name}", above, FEATURES.decided_by, files=FEATURES.files)
    stage.carried_out_by(refused_check, *FEATURES.functions)
    return Check(spec, stage, read)


def _warned(reasons: Mapping[str, int]) -> dict[str, Any]:
    names = ", ".join(f"{reason} {rows}" for reason, rows in reasons.items())
    return {"offending": sum(reasons.values()), "warned": names, "passed": True}


def late_records_check() -> Check:
    """Return the check that nothing was recorded after the end of the data; it warns with the number of rows."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        records, words = late_line(connection)
        return lambda _: {"table": "outcome", "offending": records, "warned": words, "passed": True}

    spec = dg.AssetCheckSpec(
        "nothing_lies_after_the_end_of_the_data",
        asset="outcomes",
        description="No few records far from all others lie after the end of the data, and no record alone decides it.",
    )
    stage = Stage(f"check:{spec.name}", ("outcomes",))
    stage.carried_out_by(late_records_check)
    return Check(spec, stage, read)


def size_check(
    name: str,
    described: str,
    decided_by: Callable[[Settings], Mapping[str, Any]],
    read_size: Callable[[duckdb.DuckDBPyConnection], tuple[int, ...]],
    in_words: Callable[[Any, Settings], str],
) -> Check:
    """Return the check ``name`` that the cohort is large enough; before any training it says ``in_words`` what the size
    that ``read_size`` reads can show, or what would suffice. It warns, and never blocks."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        size = read_size(connection)
        return lambda settings: _sized(in_words(size, settings))

    spec = dg.AssetCheckSpec(name, asset="cohort", description=described)
    stage = Stage(f"check:{name}", ("cohort",), decided_by)
    stage.carried_out_by(size_check, read_size, in_words)
    return Check(spec, stage, read)


def _sized(words: str) -> dict[str, Any]:
    return {"table": "cohort", "offending": int(bool(words)), "warned": words, "passed": True}


def readiness_check() -> Check:
    """Return the check that there are enough deaths and survivors for a result."""
    return size_check(
        "enough_deaths_for_a_result",
        "There are enough deaths and survivors for a result; the warning says what so many can show.",
        least_outcomes,
        cohort_size,
        cohort_readiness,
    )


def sealed_check() -> Check:
    """Return the check that the gate can decide on the sealed set."""
    return size_check(
        "enough_sealed_deaths_for_the_gate",
        "The sealed set has enough deaths and survivors for the gate; the warning says what suffices.",
        _deciding_gate,
        sealed_size,
        sealed_readiness,
    )


def _deciding_gate(settings: Settings) -> dict[str, Any]:
    return {f"promotion.{name}": getattr(settings.promotion, name) for name in ("minimum_deaths", "first_auc")}
