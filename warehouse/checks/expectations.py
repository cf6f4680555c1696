"""Runs Great Expectations on the warehouse's tables. Results hold names of expectations, never values."""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from warehouse.checks.expected import Expected
from warehouse.checks.library import library
from warehouse.checks.suites import suite, tables
from warehouse.queries import run, scalar

__all__ = ["SuiteResult", "read", "suite", "tables", "validate"]

MAX_ROWS = 1_000_000
"""Rows checked at most; a larger table is sampled to about this many. Our choice: pandas holds them in memory."""


@dataclass(frozen=True)
class SuiteResult:
    """``evaluated``: how many expectations ran. The others name those that failed, failed as a warning, and raised."""

    evaluated: int
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no critical expectation failed and none raised."""
        return not self.failed and not self.errors


def read(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Return the rows of ``table`` (one that has a suite) to validate: all of them, or a sample of a large table.

    The sample is drawn by a hash of the row. It is the same each time and keeps duplicate rows together. Every
    expectation that holds for the whole table also holds for the sample.
    """
    suite(table)
    rows = scalar(connection, "checks/size.sql", table=table)
    every = max(1, rows // MAX_ROWS)
    return run(connection, "checks/sample.sql", table=table, every=every).df()


def validate(table: str, frame: pd.DataFrame, variables: Path | None = None) -> SuiteResult:
    """Return the result of the suite of ``table`` on ``frame`` (all rows of the table, or a sample).

    ``variables`` is the folder of the site's own (default: there is none). Great Expectations returns truth values
    only, so that no value of the table can reach a log or a page. An expectation that raised is an error, not bad data.
    """
    gx = library()
    declared = suite(table, variables)
    expectations = [_expectation(expected) for expected in declared]
    batch = _frames().get_batch(batch_parameters={"dataframe": frame})
    with _made_once():
        result = batch.validate(gx.ExpectationSuite(table, expectations=expectations), result_format="BOOLEAN_ONLY")
    _forget(batch)
    return _summary(declared, result.results)


@functools.cache
def _frames() -> Any:
    """Return what makes a batch of a frame, in the one context of this process: making a context, or another asset in
    it, is slower than most suites."""
    gx = library()
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("warehouse")
    return source.add_dataframe_asset("tables").add_batch_definition_whole_dataframe("whole")


def _forget(batch: Any) -> None:
    """Let the context hold no row of a table longer than it is checked."""
    manager = batch.datasource.get_execution_engine().batch_manager
    manager.reset_batch_cache()
    manager.batch_data_cache.clear()


@contextlib.contextmanager
def _made_once() -> Iterator[None]:
    """Let each expectation of the block make its configuration once, and each configuration its expectation.

    Great Expectations makes one from the other anew for each argument that it reads, dozens of times for each
    expectation: that was most of the time of a suite. Neither changes while it is validated.
    """
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configuration: Any = Expectation.configuration
    expectation: Any = ExpectationConfiguration.to_domain_obj
    setattr(Expectation, "configuration", property(_once(configuration.fget)))  # noqa: B010  mypy refuses a plain one
    setattr(ExpectationConfiguration, "to_domain_obj", _once(expectation))  # noqa: B010
    try:
        yield
    finally:
        setattr(Expectation, "configuration", configuration)  # noqa: B010
        setattr(ExpectationConfiguration, "to_domain_obj", expectation)  # noqa: B010


def _once(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``function``, which makes its result once for each object."""
    made: dict[int, tuple[Any, Any]] = {}  # with the object, so that its id is not used again

    def result(one: Any) -> Any:
        if id(one) not in made:
            made[id(one)] = one, function(one)
        return made[id(one)][1]

    return result


def _expectation(expected: Expected) -> Any:
    kind = getattr(library().expectations, f"Expect{expected.kind}")
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
    """Whether an expectation raised; Great Expectations returns one report, or one for each metric by name."""
    if not information:
        return False
    reports = [information] if "raised_exception" in information else list(information.values())
    return any(report["raised_exception"] for report in reports)
