"""A check of the tables: how it is declared to Dagster, what decides its result, and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from assets.incremental import Stage
from echomort.settings import Settings

Result = Mapping[str, Any]
"""What a check found: ``passed``, and counts and words by name."""


def keep_nothing(connection: duckdb.DuckDBPyConnection, result: Result) -> Mapping[str, Any]:
    """Keep no history of ``result``."""
    return {}


@dataclass(frozen=True)
class Check:
    """One check.

    ``spec`` declares it to Dagster; ``stage`` is what decides its result. ``read`` reads the needed rows and returns
    the function that evaluates them after the warehouse is closed. ``keep`` adds a new result to a history, in the
    transaction that writes it to the ledger, and returns further metadata to show.
    """

    spec: dg.AssetCheckSpec
    stage: Stage
    read: Callable[[duckdb.DuckDBPyConnection], Callable[[Settings], Result]]
    keep: Callable[[duckdb.DuckDBPyConnection, Result], Mapping[str, Any]] = field(default=keep_nothing)


def least_outcomes(settings: Settings) -> dict[str, int]:
    """Return the setting by which figures of few deaths or survivors are withheld."""
    return {"evaluation.suppress_below_events": settings.evaluation.suppress_below_events}
