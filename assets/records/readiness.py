"""What the cohort can show, said before any training."""

import duckdb

from echomort.evaluation.readiness import readiness
from echomort.settings import Settings
from warehouse.queries import run


def cohort_size(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return the patients on whom models are trained and judged, and how many of them died within the horizon."""
    patients, deaths = run(connection, "reads/counts/development.sql").fetchall()[0]
    return patients, deaths


def cohort_readiness(size: tuple[int, int], settings: Settings) -> str:
    """Return in one line what a cohort of this ``size`` can not show; empty where there is nothing to say, or no study
    was labelled."""
    return readiness(*size, settings.evaluation.suppress_below_events) if size[0] else ""
