"""What the cohort can show, said before any training."""

import duckdb

from echomort.evaluation.readiness import readiness
from echomort.settings import Settings
from warehouse.queries import run


def cohort_readiness(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """Return in one line what the cohort's patients and deaths can not show; empty where there is nothing to say, or
    no study was labelled."""
    patients, deaths = run(connection, "reads/counts/development.sql").fetchall()[0]
    return readiness(patients, deaths, settings.evaluation.suppress_below_events) if patients else ""
