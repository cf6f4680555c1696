"""Evaluation: every figure in one table, and the report that a person reads."""

import json

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import Built, Stage, built_tables, rebuild
from assets.project import Project
from assets.records import clinical_features
from assets.training import fusion
from echomort.fingerprint import digest, digest_file
from warehouse.queries import run
from warehouse.reporting import report_data


def truth_digest(project: Project) -> str | None:
    """Return the digest of what only the generator knows; None on an archive of one's own."""
    file = project.settings.truth_root / "study.parquet"
    return digest_file(file) if project.settings.is_synthetic and file.exists() else None


EVALUATION = Stage(
    "evaluation",
    ("view_models", "ehr_models", "fusion", "cohort", "clinical_features"),
    ("echomort/evaluation", "warehouse/marts/evaluation_frame.sql"),
    lambda settings: settings.evaluation,
    truth_digest,
)
REPORT = Stage(
    "report",
    ("evaluation", "clips", "linkage", "dicom_index", "outcomes", "cohort", "clinical_features", "fusion"),
    ("echomort/report", "warehouse/reporting.py"),
    lambda settings: settings.model_dump(mode="json", exclude={"home"}),
)


@dg.asset(
    name=EVALUATION.name,
    deps=["view_models", "ehr_models", fusion, "cohort", clinical_features],
    group_name="evaluation",
    kinds={"duckdb"},
    owners=["team:models"],
    code_version=EVALUATION.code,
    pool="warehouse",
)
def evaluation(project: Project) -> dg.MaterializeResult:
    """Discrimination, calibration, operating points and comparisons, each with its interval, and the planted null."""
    from echomort.evaluation import summary

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        frame = run(connection, "marts/evaluation_frame.sql").df()
        scores = connection.table("score").df()
        settings = project.settings
        own = scores[scores["fold"] >= 0]
        metrics = summary.evaluate(frame, own, _truth(project), settings.evaluation, settings.outcome.horizon_days)
        null = json.loads((project.root / "models" / "null.json").read_text())
        metrics = pd.concat([metrics, summary.permuted_null(null["aucs"], null["n"], null["events"])])
        run(connection, "marts/forget_metrics.sql")
        connection.append("metric", metrics)
        return built_tables(connection, "metric")

    return rebuild(project, EVALUATION, build)


@dg.asset(
    name=REPORT.name,
    deps=[evaluation, "clips", "linkage", "dicom_index", "outcomes", "cohort", "clinical_features", "fusion"],
    group_name="evaluation",
    kinds={"html"},
    owners=["team:models"],
    code_version=REPORT.code,
)
def report(project: Project) -> dg.MaterializeResult:
    """One HTML file to read offline, and the same figures as JSON."""
    from echomort.report.build import write_report

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        files = write_report(report_data(connection, project.settings, project.keyring.key_id), project.root / "report")
        return Built(digest(digest_file(files.html), digest_file(files.json)), {}, "report/report.html")

    return rebuild(project, REPORT, build)


def _truth(project: Project) -> pd.DataFrame | None:
    if truth_digest(project) is None:
        return None
    truth = pd.read_parquet(project.settings.truth_root / "study.parquet")
    return truth.assign(study_key=[project.keyring.pseudonym("study", name) for name in truth["study_id"]])
