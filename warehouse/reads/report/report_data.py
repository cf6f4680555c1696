"""Reads all data of the report from the warehouse."""

import platform
from importlib.metadata import version
from typing import Any

import duckdb
import pandas as pd

from echomort.clips import store as clips
from echomort.explain.maps import LoopMaps, read_maps
from echomort.reader_study.summary import read_summary
from echomort.report.data import WATCH_COLUMNS, Example, ReportData
from echomort.settings import Settings
from echomort.version import __version__
from warehouse import ledger
from warehouse.queries import run
from warehouse.reads.training.skipped import skipped

SHOWN_VERSIONS = ("torch", "xgboost-cpu", "scikit-learn", "duckdb", "pydicom", "dagster", "numpy", "pandas")
"""Libraries whose versions the report shows."""


def report_data(connection: duckdb.DuckDBPyConnection, settings: Settings, key_id: str) -> ReportData:
    """Return everything that the report prints: counts, figures and a few clips, without keys or dates of patients."""

    def frame(name: str) -> pd.DataFrame:
        return run(connection, name).df()

    return ReportData(
        title="One-year mortality from echocardiograms",
        stamp=_stamp(settings),
        synthetic=settings.is_synthetic,
        metrics=connection.table("metric").df(),
        cohort=frame("reads/report/report_cohort.sql"),
        attrition=connection.table("attrition").order("step").df(),
        settings=list(settings.provenance()),
        lineage=_lineage(connection, key_id),
        characteristics=frame("reads/report/report_characteristics.sql"),
        scores=frame("reads/report/report_scores.sql"),
        instances=frame("reads/report/report_instances.sql"),
        checks=_checks(connection),
        watch=_watch(connection),
        kept=kept_risks(connection),
        external=connection.table("external_score_count").order("model, outcome").df(),
        missingness=frame("reads/report/report_missing.sql"),
        variables=frame("reads/report/report_variables.sql"),
        refusals=frame("reads/report/report_refusals.sql"),
        experiments=frame("reads/report/report_experiments.sql"),
        untrained=run(connection, "reads/training/untrained_views.sql", network=settings.training.network).df(),
        skipped=[words for _, words in skipped(connection)],
        examples=_examples(connection, settings),
        reader_study=read_summary(settings.home),
        suppress_below_events=settings.evaluation.suppress_below_events,
    )


def _stamp(settings: Settings) -> str:
    if settings.sources.synthetic is not None:
        drawn = settings.sources.synthetic
        return f"Embedded archive of {drawn.patients} patients, seed {drawn.seed}, pseudonymised with the public key."
    return "A site's own archive, pseudonymised with the site's key."


def _lineage(connection: duckdb.DuckDBPyConnection, key_id: str) -> dict[str, Any]:
    assets = [name for (name,) in run(connection, "reads/counts/reported_assets.sql").fetchall()]
    return (
        {"echomort": __version__, "python": platform.python_version(), "key id": key_id}
        | {name: version(name) for name in SHOWN_VERSIONS}
        | {f"data version of {name}": ledger.asset_digest(connection, name)[:12] for name in assets}
    )


def _checks(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    rows = []
    for (name,) in run(connection, "reads/counts/reported_checks.sql").fetchall():
        details = ledger.entries(connection, name)[ledger.WHOLE].details
        check = name.removeprefix("check:")
        counts = {"checked": details.get("rows"), "failed": details.get("offending", 0)}
        verdict = {
            "passed": details["passed"] and not details.get("warned"),
            "severity": "WARN" if details["passed"] else "ERROR",
        }
        rows.append({"table": details.get("table", ""), "check": check, **verdict, **counts})
    return pd.DataFrame(rows, columns=["table", "check", "passed", "severity", "checked", "failed"])


def _watch(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return what the watch found at its last look at each of the assets that the report is made from."""
    rows = []
    for (name,) in run(connection, "reads/counts/reported_checks.sql").fetchall():
        details = ledger.entries(connection, name)[ledger.WHOLE].details
        if "shifts" not in details:
            continue
        shifts = details["shifts"]
        largest = shifts[0] if shifts else {"input": "", "distance": float("nan")}
        row = {"check": name.removeprefix("check:"), "inputs": len(shifts), "moved": details["offending"]}
        rows.append(row | {"largest": largest["input"], "distance": largest["distance"], "words": details["warned"]})
    return pd.DataFrame(rows, columns=list(WATCH_COLUMNS))


def kept_risks(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the risks that were kept before outcomes were known, with the outcomes."""
    run(connection, "definitions/heart_failure.sql")
    run(connection, "definitions/followed_study.sql")
    return run(connection, "reads/report/report_kept.sql").df()


def _examples(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Example]:
    rows = run(connection, "reads/report/report_examples.sql").fetchall()
    explained = _explained(connection, settings)
    return [
        Example(
            f"{risk} predicted risk",
            view,
            clips.read_study(settings.home / path, [clip_key])[clip_key],
            settings.imaging.clip.fps,
            explained[clip_key].maps if clip_key in explained else None,
        )
        for view, risk, clip_key, path, _ in rows
    ]


def _explained(connection: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, LoopMaps]:
    """Return clip -> what its risk rests on, of the loops that were explained."""
    entry = ledger.entries(connection, "explained_loops").get(ledger.WHOLE)
    found = read_maps(settings.home / entry.artifact) if entry and entry.artifact else []
    return {maps.clip_key: maps for maps in found}
