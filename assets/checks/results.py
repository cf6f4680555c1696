"""The checks of what is too good to be true, and of the motion in a synthetic archive."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.checks.check import Check, least_outcomes
from assets.incremental import Stage
from echomort.settings import Settings
from warehouse.queries import run


def suspicious_variables_check() -> Check:
    """Return the check that no variable alone predicts the outcome too well to be true; it warns with their names."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        variables = run(connection, "reads/evaluation/variable_auc.sql").df()
        return lambda settings: _suspected(_suspicious(variables, settings), "feature")

    spec = dg.AssetCheckSpec(
        "no_variable_knows_the_outcome",
        asset="clinical_features",
        description="No variable alone ranks patients by their outcome too well to be true: there is no leak.",
        additional_deps=["cohort"],
    )
    stage = Stage(f"check:{spec.name}", ("clinical_features", "cohort"), _suspicion)
    stage.carried_out_by(suspicious_variables_check)
    return Check(spec, stage, read)


def _suspicion(settings: Settings) -> dict[str, float]:
    names = ("suspicious_auc", "suspicious_deaths")
    return {f"evaluation.{name}": getattr(settings.evaluation, name) for name in names}


def _suspicious(variables: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    from echomort.evaluation.suspicions import suspicious_variables
    from echomort.vocabulary.metric_table import ONE_VARIABLE

    return suspicious_variables(variables, settings.evaluation).assign(model=ONE_VARIABLE)


def suspicious_results_check() -> Check:
    """Return the check that the evaluation found nothing too good to be true; it warns with models and variables."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        found = run(connection, "reads/evaluation/suspicions.sql").df()
        return lambda _: _suspected(found, "metric")

    spec = dg.AssetCheckSpec(
        "no_result_is_too_good_to_be_true",
        asset="evaluation",
        description="No model and no variable has an AUC that is too good to be true; else none of ours is promoted.",
    )
    stage = Stage(f"check:{spec.name}", ("evaluation",))
    stage.carried_out_by(suspicious_results_check)
    return Check(spec, stage, read)


def _suspected(found: pd.DataFrame, table: str) -> dict[str, Any]:
    from echomort.evaluation.suspicions import REMEDY, suspicion_words

    words = "; ".join(suspicion_words(row) for row in found.itertuples(index=False))
    return {"table": table, "offending": len(found), "warned": f"{words}; {REMEDY}" if words else "", "passed": True}


def motion_check() -> Check:
    """Return the check that a synthetic archive's risk is in its motion; it warns with what says otherwise."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        found = run(connection, "reads/evaluation/control_metrics.sql").df()
        return lambda settings: _controlled(found, settings.evaluation.suppress_below_events)

    spec = dg.AssetCheckSpec(
        "risk_is_in_the_motion",
        asset="evaluation",
        description="On a synthetic archive, models without motion find little and headers nothing.",
    )
    stage = Stage(f"check:{spec.name}", ("evaluation",), least_outcomes)
    stage.carried_out_by(motion_check)
    return Check(spec, stage, read)


def _controlled(found: pd.DataFrame, least: int) -> dict[str, Any]:
    from echomort.evaluation.controls import broken_controls

    broken = broken_controls(found, least)
    return {"table": "metric", "offending": len(broken), "warned": "; ".join(broken), "passed": True}
