"""Decodes the files of studies into one file of clips each: the project's clips, and those of experiments."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.progress import counted
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.listing import files_in
from echomort.settings import ClipSettings
from warehouse import vault
from warehouse.ledger import Entry
from warehouse.queries import run

VIEW_TABLE = "view_table"
"""``view_source`` of a view that the site's table names."""


def plan_studies(
    project: Project, clip: ClipSettings, recipe: str, only: Sequence[str] | None = None
) -> dict[str, str]:
    """Return study key -> fingerprint of its clips, of all studies or of ``only`` these: the digest of the recipe, of
    the files, and with fit ``view_size`` of the sizes of their views, which ``clip`` names. The database works it out,
    so that no row of a file comes to Python."""
    with project.reader() as connection:
        run(connection, "definitions/clip_input.sql")
        found = run(connection, "reads/clips/study_plan.sql", studies=only, recipe=recipe)
        return {study_key: _with_sizes(clip, made_from, views) for study_key, made_from, views in _each_row(found)}


def _with_sizes(clip: ClipSettings, made_from: str, views: Sequence[str]) -> str:
    """Return the digest ``made_from`` of a study, with fit ``view_size`` together with the sizes of its ``views``."""
    return made_from if clip.fit == "inside" else digest(made_from, [clip.size_of(view) for view in views])


ROWS_AT_ONCE = 10_000
"""Rows of the plan that are in Python at a time: some megabytes, however many studies there are. Our choice."""


def _each_row(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query; only some of them are in memory at a time."""
    while rows := found.fetchmany(ROWS_AT_ONCE):
        yield from rows


def make_studies(
    project: Project, clip: ClipSettings, folder: str, plan: Mapping[str, str], context: dg.OpExecutionContext
) -> list[Entry]:
    """Decode the files of the studies of ``plan`` (study key -> fingerprint) with the settings ``clip`` into one file
    each, below ``folder`` of the home. Studies that a killed run finished are not decoded again."""
    from echomort.clips.study_writer import StudyWriter
    from echomort.dicom import Job, read_clips

    with project.reader() as connection:
        run(connection, "definitions/clip_input.sql")
        files = run(connection, "reads/clips/clip_plan.sql", studies=list(plan)).df()
    studies = StudyWriter(project.root, files, plan, folder)
    files = files[~files["study_key"].isin(studies.written)].set_index("instance_key")
    named = files.loc[files["view_source"] == VIEW_TABLE, "view"].to_dict()
    jobs = {Job(path, named.get(key)): key for key, path in _instance_paths(project, files).items()}
    imaging = project.settings.imaging.model_copy(update={"clip": clip})
    with closing(read_clips(jobs, imaging, _processes(project))) as outcomes:
        for job, found in counted(outcomes, len(jobs), context):
            studies.add(jobs[job], found)
    return [Entry(key, plan[key], made.digest, made.artifact) for key, made in studies.written.items()]


def _instance_paths(project: Project, files: pd.DataFrame) -> dict[str, Path]:
    root, wanted = project.settings.dicom_root, set(files.index)
    keys = files["folder_key"].unique()
    folders = folder_names(project, keys.tolist()).values()
    found = {
        project.keyring.pseudonym("instance", file.path): root / file.path
        for folder in folders
        for file in files_in(root, folder)
    }
    return {key: path for key, path in found.items() if key in wanted}


def folder_names(project: Project, keys: Sequence[str]) -> dict[str, str]:
    """Return folder key -> folder below the archive. Raises :class:`UserError` if the vault lacks one of ``keys``."""
    found = vault.recall(project.vault, "folder", keys)
    if missing := len(set(keys) - found.keys()):
        raise UserError(
            f"the vault lacks the names of {missing} of {len(set(keys))} folders",
            "delete vault.duckdb in the home and run again: it is made anew from the inputs",
        )
    return found


def _processes(project: Project) -> int:
    """Return how many processes a step may start for decoding: one, if steps run in parallel."""
    execution = project.settings.execution
    return execution.cores if execution.executor == "in_process" else 1
