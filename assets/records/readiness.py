"""What the cohort can show, said before any training."""

import duckdb

from echomort.evaluation.readiness import gate_readiness, readiness
from echomort.settings import Settings
from warehouse.queries import run


def cohort_size(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return the patients on whom models are trained and judged, and how many of them died within the horizon."""
    patients, deaths = run(connection, "reads/counts/development.sql").fetchall()[0]
    return patients, deaths


def sealed_size(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    """Return the sealed patients and their deaths, then all patients of the cohort and their deaths."""
    found: tuple[int, int, int, int] = run(connection, "reads/counts/sealed.sql").fetchall()[0]
    return found


def sealed_readiness(size: tuple[int, int, int, int], settings: Settings) -> str:
    """Return in one line that a sealed set of this ``size`` is too small for the gate, and what would suffice; empty
    where it is not, or where there is no bar for a first champion."""
    if settings.promotion.first_auc is None:
        return ""
    return gate_readiness(size[:2], size[2:], settings.promotion.minimum_deaths)


def cohort_readiness(size: tuple[int, int], settings: Settings) -> str:
    """Return in one line what a cohort of this ``size`` can not show; empty where there is nothing to say, or no study
    was labelled."""
    return readiness(*size, settings.evaluation.suppress_below_events) if size[0] else ""
