"""Decodes the files of studies into one file of clips each: the project's clips, and those of experiments."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import ChildEnded, run_child
from assets.project import Project
from echomort.clips import store, tries
from echomort.clips.decoding import Decoding, DecodingTask, decode, read_made
from echomort.clips.store import Written
from echomort.core.errors import Interruption, UserError
from echomort.core.fingerprint import digest
from echomort.core.sealing import seal
from echomort.settings import ClipSettings
from warehouse import vault
from warehouse.ledger import Entry
from warehouse.queries import run


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


def settled(project: Project, hampered: str, plan: Mapping[str, str]) -> dict[str, str]:
    """Return ``plan``, in which the units that the query ``hampered`` names (a file of theirs gave no clip for a cause
    that may pass) are up to date once they were tried often enough (:mod:`echomort.clips.tries`)."""
    from echomort.dicom.reasons import MAY_PASS

    with project.reader() as connection:
        found = run(connection, hampered, reasons=sorted(MAY_PASS)).fetchall()
    imaging = project.settings.imaging
    return {**plan, **{unit: tries.settled(plan[unit], imaging) for (unit,) in found if unit in plan}}


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
    each, below ``folder`` of the home: here, or on a cluster. Studies that a killed run finished are not decoded
    again."""
    with project.reader() as connection:
        run(connection, "definitions/clip_input.sql")
        files = run(connection, "reads/clips/clip_plan.sql", studies=list(plan)).df()
    imaging = project.settings.imaging.model_copy(update={"clip": clip})
    decoding = Decoding(
        home=project.root, archive=project.settings.dicom_root, imaging=imaging, plan=plan, folder=folder
    )
    if context.resources.pipes.on_cluster:
        made = _decode_on_cluster(project, decoding, files, context)
    else:
        names = partial(_names, project)
        made = decode(decoding, files, names, project.keyring, processes=_processes(project), say=context.log.info)
    return [Entry(key, one.fingerprint, one.digest, one.artifact) for key, one in made.items()]


def _decode_on_cluster(
    project: Project, decoding: Decoding, files: pd.DataFrame, context: dg.OpExecutionContext
) -> dict[str, Written]:
    """Let a process on a cluster do ``decoding``; its task lies in a temporary folder of the home, which a later run
    removes if this one is killed."""
    folders = folder_names(project, files["folder_key"].unique().tolist())
    place = project.root / store.FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp_", dir=place) as name:
        task = Path(name) / "decoding.task.json"
        files.to_parquet(task.with_suffix(".parquet"), index=False)
        DecodingTask(
            decoding=decoding,
            files=task.with_suffix(".parquet"),
            folders=seal(json.dumps(folders), project.keyring),
            key_file=project.settings.privacy.key_file,
            is_synthetic=project.settings.is_synthetic,
            processes=project.settings.execution.cluster.cpus,
        ).write(task)
        try:
            run_child(context, ["-P", "-m", "assets.imaging.pipes", str(task)])
        except ChildEnded:
            raise Interruption(
                "the process that decodes ended early",
                "its last lines are in the log of the run (`echomort ui`); if it was killed for memory, raise "
                "execution.cluster.memory_gib; then run again, finished studies are kept",
            ) from None
        return read_made(task)


def _names(project: Project, keys: list[str]) -> list[str]:
    return list(folder_names(project, keys).values())


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
