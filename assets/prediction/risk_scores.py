"""The champion's risk of every study that models were not trained on: each study is a unit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.shapes import project_clip
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.champion.store import champion_clip, champion_name, champion_networks, was_promoted
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.settings import ClipSettings
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.risk_score import risks

REGISTRY = "registry"
"""Folder of the models below the home."""


def plan_risks(project: Project, recipe: str) -> dict[str, str]:
    """Return study key -> fingerprint (digest of the champion and of the study's inputs).

    The studies are those with a clip outside the development cohort. Empty if there is no champion, or if it was
    trained on clips of another size or rate.
    """
    return {} if _why_none(project) else {study_key: made_from for study_key, made_from, _ in _planned(project, recipe)}


def score_risks(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Score some studies; the rows are passed on as details of the ledger entries, not as files."""
    from echomort.champion.scoring import score_in_child

    plan = {
        study_key: (made_from, learnt)
        for study_key, made_from, learnt in _planned(project, RISK_SCORES.how(project), units)
    }
    with project.reader() as connection:
        clips = run(connection, "reads/risk/risk_clips.sql", studies=list(units)).df()
        features = run(connection, "reads/risk/risk_features.sql", studies=list(units)).df()
    entries = []
    for scored in score_in_child(_registry(project), clips, features, project.root):
        made_from, learnt = plan[scored.study_key]
        row = scored.served(project.settings.scoring) | {"in_development": learnt}
        entries.append(Entry(scored.study_key, made_from, digest(row), None, row))
    return entries


def commit_risks(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of rebuilt studies and delete those of removed studies."""
    rows = pd.DataFrame([dict(entry.details) for entry in made])
    risks.replace_risks(connection, [*gone, *(entry.unit for entry in made)], rows)


def show_risks(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many studies each model scored and how many are beyond what the cohort holds, by what; or why none was
    scored."""
    if why := _why_none(project):
        return {"skipped": why}
    models = {f"by {model}": count for model, count in run(connection, "reads/risk/risk_models.sql").fetchall()}
    counts = dict(run(connection, "reads/risk/risk_beyond.sql").fetchall())
    return models | {f"beyond: {name}" if name else "beyond": count for name, count in counts.items()}


def _planned(project: Project, recipe: str, only: Sequence[str] | None = None) -> list[tuple[str, str, bool]]:
    """(study key, digest of what its risk is made from, whether models learnt from its patient) of all, or ``only``."""
    how = digest(recipe, champion_name(_registry(project)))
    with project.reader() as connection:
        rows = run(connection, "reads/risk/risk_plan.sql", studies=None if only is None else list(only)).fetchall()
    return [(study_key, digest(how, [clips, features, learnt]), learnt) for study_key, clips, features, learnt in rows]


def _why_none(project: Project) -> str | None:
    found = champion_clip(_registry(project))
    if found is None and was_promoted(_registry(project)):
        raise UserError("champion.json is missing from the registry", "run `echomort run --select champion+`")
    if found is None:
        return "there is no champion yet"
    clip, views = found
    same = clip.makes_the_same(project_clip(project), views)
    return None if same else "the champion learnt from clips of another size or rate: train again"


def clip_to_score(project: Project) -> ClipSettings:
    """Return the settings for clips of new files: the project's, or where sizes of views decide, the champion's."""
    clip = project.settings.imaging.clip
    found = champion_clip(_registry(project)) if clip.fit == "view_size" else None
    return project_clip(project) if found is None or found[0].fit == "inside" else found[0]


def _registry(project: Project) -> Path:
    return project.root / REGISTRY


RISK_SCORES = UnitStage(
    "risk_scores",
    ("champion", "clips", "clip_views", "clinical_features", "cohort", "outcomes", "study"),
    lambda settings: {"imaging.clip": settings.imaging.clip.deciding, "scoring": settings.scoring},
    chosen=lambda settings: {"echomort.networks": champion_networks(settings.home / REGISTRY)},
    plan=plan_risks,
    work=score_risks,
    commit=commit_risks,
    show=show_risks,
)

risk_scores = unit_asset(
    RISK_SCORES,
    "The champion's risk of every study that models did not learn from: new, unlabelled, kept apart.",
    "prediction",
    "pytorch",
    "duckdb",
    pool="gpu",
)
