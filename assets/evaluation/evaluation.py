"""The evaluation: all metrics in one table."""

import duckdb
import pandas as pd

from assets.incremental import Build, Built, Result, Stage, built_tables, rebuild_after, whole_asset
from assets.project import Project
from assets.training.ehr_models import IMPORTANCE
from assets.training.motion_controls import control_scores
from assets.training.permuted_null import permutations
from echomort.core.fingerprint import digest_file
from echomort.vocabulary.metric_table import COLUMNS
from echomort.vocabulary.roles import DEVELOPMENT, EVALUATED_APART
from warehouse.queries import run


def truth_digest(project: Project) -> str | None:
    """Return the digest of the truth of the synthetic archive; None for a site's archive."""
    file = project.settings.truth_root / "study.parquet"
    return digest_file(file) if project.settings.is_synthetic and file.exists() else None


EVALUATION = Stage(
    "evaluation",
    (
        *("patient", "study", "diagnosis", "linkage"),
        *("cohort", "clinical_features", "clinical_scores", "external_scores"),
        *("view_models", "ehr_models", "ehr_baselines", "fusion", "permuted_null", "motion_controls"),
        "encoder_models",
    ),
    lambda settings: {"evaluation": settings.evaluation, "outcome.horizon_days": settings.outcome.horizon_days},
    truth_digest,
)


@whole_asset(EVALUATION, "evaluation", "duckdb", pool="warehouse")
def evaluation(project: Project) -> Result:
    """Discrimination, calibration, operating points and comparisons, each with its interval, and the permuted null."""
    from echomort.evaluation.controls import control_rows
    from echomort.evaluation.metrics.coverage import not_computed_rows
    from echomort.evaluation.metrics.discrimination import permuted_null_rows
    from echomort.evaluation.sets_apart import served_scores, set_apart_rows
    from echomort.evaluation.summary import evaluate
    from echomort.evaluation.too_good import suspicious_rows

    def work() -> Build:
        with project.reader() as connection:
            run(connection, "definitions/heart_failure.sql")
            run(connection, "definitions/followed_study.sql")
            frame, scores = _studies(connection, DEVELOPMENT)
            apart = {role: _studies(connection, role) for role in EVALUATED_APART}
            reasons = run(connection, "reads/evaluation/clinical_reasons.sql").df()
            variables = run(connection, "reads/evaluation/variable_auc.sql").df()
        settings = project.settings
        horizon = settings.outcome.horizon_days
        truth = _truth(project)
        metrics = evaluate(frame, scores, truth, settings.evaluation, horizon)
        controls = control_rows(
            frame, scores, control_scores(project), truth=truth, settings=settings.evaluation, horizon=horizon
        )
        null = permutations(project)
        found = [(one.fullest, one.chance_error) for one in null]
        confidence = settings.evaluation.confidence
        drawn = [permuted_null_rows(found, null[0].n, null[0].events, confidence)] if null else []
        suspicions = suspicious_rows(frame, scores, variables, settings.evaluation)
        held_out = [
            set_apart_rows(role, rows, served_scores(unseen, frame, scores), settings.evaluation, horizon)
            for role, (rows, unseen) in apart.items()
        ]
        table = pd.concat(
            [metrics, controls, *held_out, *drawn, not_computed_rows(reasons), _importance(project, frame), suspicions]
        )
        return lambda connection: _commit_metrics(connection, table)

    return rebuild_after(project, EVALUATION, work)


def _studies(connection: duckdb.DuckDBPyConnection, role: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the studies of the patients with ``role``, and their scores by models that were not trained on them."""
    frame = run(connection, "reads/evaluation/evaluation_frame.sql", roles=[role]).df()
    return frame, run(connection, "reads/evaluation/unseen_scores.sql", roles=[role]).df()


def _commit_metrics(connection: duckdb.DuckDBPyConnection, metrics: pd.DataFrame) -> Built:
    run(connection, "tables/metric/forget_metrics.sql")
    connection.append("metric", metrics, by_name=True)
    return built_tables(connection, "metric")


def _importance(project: Project, frame: pd.DataFrame) -> pd.DataFrame:
    from echomort.evaluation.metrics.importance import importance_rows

    importance = pd.read_json(project.root / IMPORTANCE, orient="records")
    if importance.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    labels = frame["label"].dropna()
    least = project.settings.evaluation.suppress_below_events
    return importance_rows(importance, len(labels), int(labels.sum()), least)


def _truth(project: Project) -> pd.DataFrame | None:
    if truth_digest(project) is None:
        return None
    truth = pd.read_parquet(project.settings.truth_root / "study.parquet")
    return truth.assign(study_key=[project.keyring.pseudonym("study", name) for name in truth["study_id"]])
