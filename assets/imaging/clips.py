"""Clips: each study is a unit, with one file."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.progress import counts_by_reason
from assets.imaging.shapes import project_clip
from assets.imaging.studies import make_studies, plan_studies, settled
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.clips import store
from warehouse.ledger import Entry
from warehouse.tables.archive import instances


def plan_clips(project: Project, recipe: str, only: Sequence[str] | None = None) -> dict[str, str]:
    """Return study key -> fingerprint, of all studies or of ``only`` these."""
    plan = plan_studies(project, project_clip(project), recipe, only)
    return settled(project, "reads/clips/hampered_studies.sql", plan)


def make_clips(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Decode the files of some studies into one file each."""
    clip = project_clip(project)
    plan = plan_studies(project, clip, CLIPS.how(project), units)
    return make_studies(project, clip, store.FOLDER, plan, context)


def commit_clips(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of rebuilt studies and delete those of removed studies."""
    rows = pd.DataFrame(row for entry in made for row in store.read_rows(project.root / str(entry.artifact)))
    rows = rows.drop(columns=store.GEOMETRY, errors="ignore")
    instances.replace_clips(connection, [*gone, *(entry.unit for entry in made)], rows)


def count_clips(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many files gave a clip, and how many were rejected because of their pixels, by reason."""
    return counts_by_reason(connection, "reads/counts/clip_reasons.sql")


CLIPS = UnitStage(
    "clips",
    ("dicom_index", "linkage"),
    lambda settings: {
        "imaging.clip": settings.imaging.clip.deciding,
        "imaging.frame_rates": settings.imaging.frame_rates,
    },
    plan=plan_clips,
    work=make_clips,
    commit=commit_clips,
    show=count_clips,
    resources=frozenset({"pipes"}),
    cluster_batch=lambda cluster: cluster.studies,
)

clips = unit_asset(
    CLIPS,
    "The cine loops as grey clips of one size and frame rate, everything outside the sector blank.",
    "imaging",
    "dicom",
    "safetensors",
)
