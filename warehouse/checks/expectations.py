"""Great Expectations on the warehouse's tables: names of expectations come out, values never do."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from echomort.ehr.catalogue import Catalogue
from warehouse.checks.suites import Expected, suite, tables
from warehouse.queries import run, scalar

__all__ = ["SuiteResult", "read", "suite", "tables", "validate"]

WHOLE_ROWS = 1_000_000
"""A table of more rows is looked at in a sample of about so many: pandas holds it in memory."""


@dataclass(frozen=True)
class SuiteResult:
    """``evaluated`` expectations; the names of those that failed, that failed as a warning, that could not be run."""

    evaluated: int
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing critical failed and everything ran."""
        return not self.failed and not self.errors


def read(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Return ``table`` (one that has a suite) as :func:`validate` wants it: all rows, or a sample of a large table.

    A sample is drawn by a hash of the row, so that it stays the same and keeps duplicates together; what holds for a
    table holds for its sample, so that a sample raises no false alarm.
    """
    suite(table)
    rows = scalar(connection, "checks/size.sql", table=table)
    every = max(1, rows // WHOLE_ROWS)
    return run(connection, "checks/sample.sql", table=table, every=every).df()


def validate(table: str, frame: pd.DataFrame, catalogue: Catalogue | None = None) -> SuiteResult:
    """Return what the suite of ``table`` says of ``frame`` (the table's columns; all its rows or a sample), of
    the variables of ``catalogue`` (default: the shipped ones).

    Results are asked for as truth values only, so that no value of the table can reach a log or a page. An expectation
    that raised is an error, never mistaken for bad data.
    """
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_pandas("warehouse")
    batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
    declared = suite(table, catalogue)
    expectations = [_expectation(expected) for expected in declared]
    result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(
        gx.ExpectationSuite(table, expectations=expectations), result_format="BOOLEAN_ONLY"
    )
    return _summary(declared, result.results)


def _expectation(expected: Expected) -> Any:
    import great_expectations.expectations as kinds

    kind = getattr(kinds, f"Expect{expected.kind}")
    return kind(**expected.arguments, severity=expected.severity, meta={"name": expected.name})


def _summary(declared: tuple[Expected, ...], results: list[Any]) -> SuiteResult:
    severities = {expected.name: expected.severity for expected in declared}
    outcomes = {result.expectation_config.meta["name"]: result for result in results}
    errors = [name for name in severities if name not in outcomes or _raised(outcomes[name].exception_info)]
    failed = [name for name in severities if name not in errors and not outcomes[name].success]
    return SuiteResult(
        evaluated=len(severities),
        failed=tuple(name for name in failed if severities[name] == "critical"),
        warned=tuple(name for name in failed if severities[name] == "warning"),
        errors=tuple(errors),
    )


def _raised(information: Mapping[str, Any] | None) -> bool:
    """Great Expectations gives one report, or one a metric under its name."""
    if not information:
        return False
    reports = [information] if "raised_exception" in information else list(information.values())
    return any(report["raised_exception"] for report in reports)
