"""Clips: each study is a unit, with one file."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.progress import counted, counts_by_reason
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from echomort.clips import store
from echomort.core.fingerprint import digest
from echomort.core.listing import files_in
from warehouse import vault
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.archive import instances


def plan_clips(project: Project, recipe: str, only: Sequence[str] | None = None) -> dict[str, str]:
    """Return study key -> fingerprint (digest of its files and of the recipe), of all studies or of ``only`` these."""
    with project.reader() as connection:
        rows = run(connection, "reads/clips/clip_plan.sql", studies=only).fetchall()
    studies: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for study_key, *made_from in rows:
        studies[study_key].append(tuple(made_from))
    return {study_key: digest(recipe, made_from) for study_key, made_from in studies.items()}


def make_clips(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Decode the files of some studies into one file each; studies that a killed run finished are not decoded again."""
    from echomort.clips.study_writer import StudyWriter
    from echomort.dicom import Job, read_clips

    plan = plan_clips(project, CLIPS.how(project), units)
    with project.reader() as connection:
        files = run(connection, "reads/clips/clip_plan.sql", studies=list(units)).df()
    studies = StudyWriter(project.root, files, plan)
    files = files[~files["study_key"].isin(studies.written)]
    jobs = {Job(path): key for key, path in _instance_paths(project, files).items()}
    for job, found in counted(read_clips(jobs, project.settings.imaging, _processes(project)), len(jobs), context):
        studies.add(jobs[job], found)
    return [Entry(key, plan[key], made.digest, made.artifact) for key, made in studies.written.items()]


def commit_clips(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of rebuilt studies and delete those of removed studies."""
    rows = [row for entry in made for row in store.read_rows(project.root / str(entry.artifact))]
    instances.replace_clips(connection, [*gone, *(entry.unit for entry in made)], pd.DataFrame(rows))


def count_clips(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many files gave a clip, and how many were rejected because of their pixels, by reason."""
    return counts_by_reason(connection, "reads/counts/clip_reasons.sql")


def _instance_paths(project: Project, files: pd.DataFrame) -> dict[str, Path]:
    root, wanted = project.settings.dicom_root, set(files["instance_key"])
    folders = vault.recall(project.vault, "folder", files["folder_key"].unique()).values()
    found = {
        project.keyring.pseudonym("instance", file.path): root / file.path
        for folder in folders
        for file in files_in(root, folder)
    }
    return {key: path for key, path in found.items() if key in wanted}


def _processes(project: Project) -> int:
    """Return how many processes a step may start for decoding: one, if steps run in parallel."""
    execution = project.settings.execution
    return execution.cores if execution.executor == "in_process" else 1


CLIPS = UnitStage(
    "clips",
    ("dicom_index", "linkage"),
    lambda settings: {"imaging.clip": settings.imaging.clip, "imaging.frame_rates": settings.imaging.frame_rates},
    plan=plan_clips,
    work=make_clips,
    commit=commit_clips,
    show=count_clips,
)

clips = unit_asset(
    CLIPS,
    "The cine loops as grey clips of one size and frame rate, everything outside the sector blank.",
    "imaging",
    "dicom",
    "safetensors",
)
