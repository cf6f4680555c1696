"""Imaging: from the archive's files to an index, their studies, and clips."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import (
    Build,
    Built,
    Stage,
    UnitStage,
    built_tables,
    rebuild,
    rebuild_after,
    unit_asset,
    whole_asset,
)
from assets.project import Project
from echomort.clips import store
from echomort.core.files import write_text
from echomort.core.fingerprint import digest, digest_file
from echomort.core.listing import SourceFile, files_in, list_files
from warehouse import vault
from warehouse.ledger import Entry
from warehouse.queries import run
from warehouse.tables.archive import instances

Item = TypeVar("Item")


# --- dicom_index: one unit a folder, one row a file, headers only ------------------------------------------------


def plan_index(project: Project, recipe: str) -> dict[str, str]:
    """Return folder key -> digest of what its files are and of how they are read."""
    how = digest(recipe, _read_with(project))
    return {
        project.keyring.pseudonym("folder", folder): _folder_fingerprint(how, files)
        for folder, files in _folders(project).items()
    }


def prepare_index(project: Project, stale: Sequence[str]) -> None:
    """Let the vault know which folders the stale keys stand for."""
    wanted = set(stale)
    keys = {project.keyring.pseudonym("folder", folder): folder for folder in _folders(project)}
    vault.remember(project.vault, "folder", {key: folder for key, folder in keys.items() if key in wanted})


def index_folders(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Read the headers of every file in some folders."""
    from echomort.dicom import read_view_table
    from echomort.dicom.index import Indexer

    how = digest(DICOM_INDEX.how(project), _read_with(project))
    root, table = project.settings.dicom_root, project.settings.sources.view_table
    indexer = Indexer(root, project.keyring, read_view_table(table) if table else {})
    folders = {key: files_in(root, folder) for key, folder in vault.recall(project.vault, "folder", units).items()}
    files = [(key, file) for key, inside in folders.items() for file in inside]
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder_key, file in _counted(files, len(files), context):
        rows[folder_key].append(indexer.row(folder_key, file))
    return [_index_entry(project, key, _folder_fingerprint(how, folders[key]), made) for key, made in rows.items()]


def commit_index(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of folders made, remove those of folders gone."""
    rows = [row for entry in made for row in json.loads((project.root / str(entry.artifact)).read_text())]
    instances.replace_instances(connection, [*gone, *(entry.unit for entry in made)], pd.DataFrame(rows))


def count_index(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return files by what their header said."""
    return _by_reason(connection, "reads/counts/index_reasons.sql")


def _read_with(project: Project) -> str:
    """The digest of the key and of the table of views, by which every folder is read."""
    table = project.settings.sources.view_table
    return digest(project.keyring.key_id, digest_file(table) if table else None)


def _folder_fingerprint(how: str, files: Sequence[SourceFile]) -> str:
    return digest(how, [file.stamp for file in files])


def _folders(project: Project) -> dict[str, list[SourceFile]]:
    folders: dict[str, list[SourceFile]] = defaultdict(list)
    for file in list_files(project.settings.dicom_root, "sources.dicom"):
        folders[file.folder].append(file)
    return folders


def _index_entry(project: Project, unit: str, fingerprint: str, rows: list[dict[str, Any]]) -> Entry:
    ordered = sorted(rows, key=lambda row: row["instance_key"])
    artifact = f"index/{unit[:2]}/{unit}.json"
    write_text(project.root / artifact, json.dumps(ordered))
    return Entry(unit, fingerprint, digest(ordered), artifact)


DICOM_INDEX = UnitStage(
    "dicom_index",
    ("dicom_archive",),
    plan=plan_index,
    prepare=prepare_index,
    work=index_folders,
    commit=commit_index,
    show=count_index,
)
dicom_index = unit_asset(
    DICOM_INDEX,
    "One row a file of the archive, read from its header alone; what can't become a clip says why.",
    "imaging",
    "dicom",
    "duckdb",
)


# --- linkage: files to studies -----------------------------------------------------------------------------------

LINKAGE = Stage("linkage", ("dicom_index", "patient", "study"))


@whole_asset(LINKAGE, "imaging", "duckdb", "sql", pool="warehouse")
def linkage(project: Project) -> dg.MaterializeResult:
    """Every readable file with the study and patient that the health records know it by, or why it has none."""

    def build(connection: duckdb.DuckDBPyConnection) -> Built:
        run(connection, "tables/archive/instance_link.sql")
        built = built_tables(connection, "instance_link")
        return Built(built.digest, _by_reason(connection, "reads/counts/link_reasons.sql"))

    return rebuild(project, LINKAGE, build)


# --- clips: one unit a study, one file a study -------------------------------------------------------------------


def plan_clips(project: Project, recipe: str, only: Sequence[str] | None = None) -> dict[str, str]:
    """Return study key -> digest of its files and of how they become clips, of all studies or of ``only`` some."""
    with project.reader() as connection:
        rows = run(connection, "reads/clips/clip_plan.sql", studies=only).fetchall()
    studies: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for study_key, *made_from in rows:
        studies[study_key].append(tuple(made_from))
    return {study_key: digest(recipe, made_from) for study_key, made_from in studies.items()}


def make_clips(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Decode the files of some studies, each study to one file; what a killed run wrote is not decoded again."""
    from echomort.clips.study_writer import StudyWriter
    from echomort.dicom import Job, read_clips

    plan = plan_clips(project, CLIPS.how(project), units)
    with project.reader() as connection:
        files = run(connection, "reads/clips/clip_plan.sql", studies=list(units)).df()
    studies = StudyWriter(project.root, files, plan)
    files = files[~files["study_key"].isin(studies.written)]
    jobs = {Job(path): key for key, path in _instance_paths(project, files).items()}
    for job, found in _counted(read_clips(jobs, project.settings.imaging, _processes(project)), len(jobs), context):
        studies.add(jobs[job], found)
    return [Entry(key, plan[key], made.digest, made.artifact) for key, made in studies.written.items()]


def commit_clips(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of studies made, remove those of studies gone."""
    rows = [row for entry in made for row in store.read_rows(project.root / str(entry.artifact))]
    instances.replace_clips(connection, [*gone, *(entry.unit for entry in made)], pd.DataFrame(rows))


def count_clips(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return clips by what their pixels said."""
    return _by_reason(connection, "reads/counts/clip_reasons.sql")


def _instance_paths(project: Project, files: pd.DataFrame) -> dict[str, Path]:
    root, wanted = project.settings.dicom_root, set(files["instance_key"])
    folders = vault.recall(project.vault, "folder", files["folder_key"].unique()).values()
    found = {
        project.keyring.pseudonym("instance", file.path): root / file.path
        for folder in folders
        for file in files_in(root, folder)
    }
    return {key: path for key, path in found.items() if key in wanted}


CLIPS = UnitStage(
    "clips",
    ("dicom_index", "linkage"),
    lambda settings: {"imaging.clip": settings.imaging.clip},
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


# --- clip_views: the view of every clip, by tag or by its pixels ---------------------------------------------------

VIEW_CLASSIFIER = "models/view_classifier"
CLIP_VIEWS = Stage(
    "clip_views",
    ("clips",),
    lambda settings: {"imaging.views": settings.imaging.views},
)


@whole_asset(CLIP_VIEWS, "imaging", "sklearn", "duckdb")
def clip_views(project: Project) -> dg.MaterializeResult:
    """The view of every clip: its tag's, else what a classifier learnt from the tagged clips makes of its pixels."""
    from echomort.models.view_naming import name_views

    def work() -> Build:
        with project.reader() as connection:
            clips = run(connection, "reads/training/tagged_clips.sql").df()
        named = name_views(clips, project.root, project.settings.imaging.views)
        named.classifier.save(project.root / VIEW_CLASSIFIER)

        def commit(connection: duckdb.DuckDBPyConnection) -> Built:
            instances.replace_clip_views(connection, named.views)
            counts = named.views["view_source"].value_counts().to_dict()
            built = built_tables(connection, "clip_view")
            shown = {f"by {source}": int(count) for source, count in counts.items()} | named.classifier.shown
            return Built(digest(built.digest, named.classifier.facts), shown, VIEW_CLASSIFIER)

        return commit

    return rebuild_after(project, CLIP_VIEWS, work)


def _processes(project: Project) -> int:
    """Return how many decode processes a step may start: steps that run side by side take one each."""
    execution = project.settings.execution
    return execution.cores if execution.executor == "in_process" else 1


def _counted(found: Iterable[Item], total: int, context: dg.OpExecutionContext, every: int = 200) -> Iterator[Item]:
    for number, item in enumerate(found, start=1):
        yield item
        if number % every == 0 or number == total:
            context.log.info(f"{number} of {total} files")


def _by_reason(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return {str(reason): count for reason, count in run(connection, query).fetchall()}
