"""The checks that every table has: what it must look like, and what must never happen."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.checks.check import Check
from assets.incremental import Stage
from echomort.settings import Settings
from warehouse.checks.assertions import Assertion

SUITES = {
    "patient": "patient",
    "death": "death",
    "contact": "contact",
    "study": "study",
    "measurement": "measurement",
    "diagnosis": "diagnosis",
    "medication": "medication",
    "outcome": "outcomes",
    "outcome_at_horizon": "outcomes",
    "cohort": "cohort",
    "censored": "cohort",
    "cohort_at_horizon": "cohort",
    "feature": "clinical_features",
    "clinical_score": "clinical_scores",
    "external_score": "external_scores",
    "dicom_instance": "dicom_index",
    "instance_link": "linkage",
    "clip": "clips",
    "clip_view": "clip_views",
    "score": "fusion",
    "metric": "evaluation",
    "risk_score": "risk_scores",
}
"""Table -> the last asset that writes it; its expectations are checked there."""


Files = Callable[[Settings], Mapping[str, str]]
"""What returns the files that settings name, with their digests (:class:`assets.incremental.Stage`)."""


def expectations_check(table: str, asset: str, files: Files) -> Check:
    """Return the check that runs the Great Expectations suite of ``table``."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        from warehouse.checks import expectations

        frame = expectations.read(connection, table)
        return lambda settings: _validated(table, frame, settings)

    spec = dg.AssetCheckSpec(
        f"{table}_expectations", asset=asset, blocking=True, description=f"What table `{table}` must look like."
    )
    chosen = {"warehouse.checks.suites": [table]}
    stage = Stage(f"check:{spec.name}", (asset,), files=files, chosen=lambda _: chosen)
    stage.carried_out_by(expectations_check)
    return Check(spec, stage, read)


def _validated(table: str, frame: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    from warehouse.checks.expectations import validate

    result = validate(table, frame, settings.sources.variables)
    failed = [*result.failed, *result.errors]
    names = {"failed": ", ".join(failed), "warned": ", ".join(result.warned)}
    return names | {"evaluated": result.evaluated, "passed": not failed, "table": table, "rows": len(frame)}


def assertion_check(assertion: Assertion, files: Files) -> Check:
    """Return the check that ``assertion`` never happens."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        from warehouse.checks.assertions import check

        offending = check(connection, assertion.name)
        return lambda _: {"offending": offending, "passed": offending == 0}

    spec = dg.AssetCheckSpec(
        assertion.name,
        asset=assertion.asset,
        blocking=True,
        description=f"Must never happen: {assertion.never}",
        additional_deps=list(assertion.also),
    )
    assets = assertion.asset, *assertion.also
    chosen = {"warehouse.checks.assertions": [assertion.name]}
    stage = Stage(f"check:{spec.name}", assets, files=files, chosen=lambda _: chosen)
    stage.carried_out_by(assertion_check)
    return Check(spec, stage, read)
