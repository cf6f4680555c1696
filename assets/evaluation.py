"""Evaluation: every figure in one table, and the report that a person reads."""

import json
from base64 import b64encode
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import Build, Built, Stage, built_tables, rebuild_after, whole_asset
from assets.project import Project
from assets.training import IMPORTANCE, STACKS
from echomort.core.fingerprint import digest, digest_file
from warehouse.queries import run
from warehouse.reads.report.report_data import report_data


def truth_digest(project: Project) -> str | None:
    """Return the digest of what only the generator knows; None on an archive of one's own."""
    file = project.settings.truth_root / "study.parquet"
    return digest_file(file) if project.settings.is_synthetic and file.exists() else None


def reader_study_digest(project: Project) -> str | None:
    """Return the digest of what the reader study found; None where there is none."""
    from echomort.reader_study.summary import summary_file

    file = summary_file(project.root)
    return digest_file(file) if file.exists() else None


EVALUATION = Stage(
    "evaluation",
    ("view_models", "ehr_models", "ehr_baselines", "fusion", "cohort", "clinical_features", "clinical_scores"),
    lambda settings: {"evaluation": settings.evaluation, "outcome.horizon_days": settings.outcome.horizon_days},
    truth_digest,
)
REPORT = Stage(
    "report",
    (
        "evaluation",
        "clips",
        "clip_views",
        "linkage",
        "dicom_index",
        "outcomes",
        "cohort",
        "clinical_features",
        "fusion",
    ),
    lambda settings: settings.model_dump(mode="json", exclude={"home"}),
    reader_study_digest,
)


@whole_asset(EVALUATION, "evaluation", "duckdb", pool="warehouse")
def evaluation(project: Project) -> dg.MaterializeResult:
    """Discrimination, calibration, operating points and comparisons, each with its interval, and the planted null."""
    from echomort.evaluation import summary

    def work() -> Build:
        with project.reader() as connection:
            frame = run(connection, "reads/evaluation/evaluation_frame.sql").df()
            scores = run(connection, "reads/evaluation/out_of_fold_scores.sql").df()
            reasons = run(connection, "reads/evaluation/clinical_reasons.sql").df()
        settings = project.settings
        metrics = summary.evaluate(frame, scores, _truth(project), settings.evaluation, settings.outcome.horizon_days)
        null = json.loads((project.root / STACKS / "null.json").read_text())
        drawn = summary.permuted_null(null["aucs"], null["n"], null["events"], settings.evaluation.confidence)
        table = pd.concat([metrics, drawn, summary.why_not_scored(reasons), _importance(project, frame)])
        return lambda connection: _commit_metrics(connection, table)

    return rebuild_after(project, EVALUATION, work)


@whole_asset(REPORT, "evaluation", "html")
def report(project: Project) -> dg.MaterializeResult:
    """One HTML file to read offline, and the same figures as JSON."""
    from echomort.report.build import write_report
    from echomort.report.previews import write_previews

    def work() -> Build:
        with project.reader() as connection:
            data = report_data(connection, project.settings, project.keyring.key_id)
        files = write_report(data, project.root / "report")
        write_previews(data, project.root / "report")
        version = digest(digest_file(files.html), digest_file(files.json))
        return lambda connection: Built(version, {}, "report/report.html")

    return with_plots(rebuild_after(project, REPORT, work), project.root / "report")


def with_plots(result: dg.MaterializeResult, folder: Path) -> dg.MaterializeResult:
    """Return ``result`` with the PNG files of ``folder`` as plots in its metadata."""
    plots = {
        file.stem: dg.MetadataValue.md(f"![{file.stem}](data:image/png;base64,{b64encode(file.read_bytes()).decode()})")
        for file in sorted(folder.glob("*.png"))
    }
    return result._replace(metadata={**(result.metadata or {}), **plots})


def _commit_metrics(connection: duckdb.DuckDBPyConnection, metrics: pd.DataFrame) -> Built:
    run(connection, "tables/metric/forget_metrics.sql")
    connection.append("metric", metrics, by_name=True)
    return built_tables(connection, "metric")


def _importance(project: Project, frame: pd.DataFrame) -> pd.DataFrame:
    from echomort.evaluation import summary

    importance = pd.read_json(project.root / IMPORTANCE, orient="records")
    return summary.importance_rows(importance, len(frame), int(frame["label"].sum()))


def _truth(project: Project) -> pd.DataFrame | None:
    if truth_digest(project) is None:
        return None
    truth = pd.read_parquet(project.settings.truth_root / "study.parquet")
    return truth.assign(study_key=[project.keyring.pseudonym("study", name) for name in truth["study_id"]])
