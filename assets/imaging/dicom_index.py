"""The index: each folder is a unit, with one row for each file, read from the header only."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.imaging.progress import counts_by_reason
from assets.imaging.studies import folder_names
from assets.incremental import UnitStage, unit_asset
from assets.project import Project
from assets.shrinkage import ARCHIVE_CHECK, REMEDY, most_gone, too_many_gone
from echomort.core.counting import counted
from echomort.core.errors import UserError
from echomort.core.exclusion import Exclusion, read_exclusion, without_erased
from echomort.core.files import write_text
from echomort.core.fingerprint import digest, digest_file, to_try_again
from echomort.core.keys import Keyring
from echomort.core.listing import SourceFile, files_in, list_files
from echomort.settings import Settings
from warehouse import ledger, vault
from warehouse.ledger import Entry
from warehouse.tables.archive import instances

FILES = "files"
"""How many files a folder has, in the details of its entry in the ledger."""


def files_by_folder(settings: Settings, keyring: Keyring) -> dict[str, int]:
    """Return folder key -> how many files the folder has now."""
    files = without_erased(list_files(settings.dicom_root, "sources.dicom"), settings.home, keyring)
    counts = Counter(file.folder for file in files)
    return {keyring.pseudonym("folder", folder): count for folder, count in counts.items()}


def plan_index(project: Project, recipe: str) -> dict[str, str]:
    """Return folder key -> fingerprint: the digest of its files and of the recipe."""
    how = digest(recipe, _read_with(project))
    return {
        project.keyring.pseudonym("folder", folder): _folder_fingerprint(how, files)
        for folder, files in _folders(project).items()
    }


def prepare_index(project: Project, stale: Sequence[str]) -> None:
    """Store the names of the stale folders in the vault."""
    wanted = set(stale)
    keys = {project.keyring.pseudonym("folder", folder): folder for folder in _folders(project)}
    vault.remember(project.vault, "folder", {key: folder for key, folder in keys.items() if key in wanted})


def index_folders(project: Project, units: Sequence[str], context: dg.OpExecutionContext) -> list[Entry]:
    """Read the headers of every file in some folders."""
    from echomort.dicom import read_view_table
    from echomort.dicom.index import Indexer

    how = digest(DICOM_INDEX.how(project), _read_with(project))
    root, table = project.settings.dicom_root, project.settings.sources.view_table
    views = read_view_table(table) if table else {}
    indexer = Indexer(root, project.keyring, views, project.settings.imaging.header_reading)
    folders = {
        key: without_erased(files_in(root, folder), project.root, project.keyring)
        for key, folder in folder_names(project, units).items()
    }
    erased = read_exclusion(project.root)
    files = [(key, file) for key, inside in folders.items() for file in inside]
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder_key, file in counted(files, len(files), context.log.info):
        rows[folder_key].append(_without_erased_patient(indexer.row(folder_key, file), erased))
    for domain in ("patient", "study"):  # what linkage compares, where a rule is set
        gone = erased.patients | erased.studies
        numbers = {key: text for (of, key), text in indexer.numbers.items() if of == domain and key not in gone}
        vault.remember(project.vault, domain, numbers)
    return [_index_entry(project, key, _folder_fingerprint(how, folders[key]), made) for key, made in rows.items()]


def commit_index(
    connection: duckdb.DuckDBPyConnection, project: Project, made: Sequence[Entry], gone: Sequence[str]
) -> None:
    """Replace the rows of rebuilt folders and delete those of removed folders.

    Raises :class:`UserError` for more removed folders than the check of the archive let pass: a run of this asset alone
    does not make that check.
    """
    _refuse_unchecked(connection, project, gone)
    rows = [row for entry in made for row in json.loads((project.root / str(entry.artifact)).read_text())]
    instances.replace_instances(connection, [*gone, *(entry.unit for entry in made)], pd.DataFrame(rows))


def _refuse_unchecked(connection: duckdb.DuckDBPyConnection, project: Project, gone: Sequence[str]) -> None:
    known = {
        unit: int(entry.details.get(FILES, 1)) for unit, entry in ledger.entries(connection, "dicom_index").items()
    }
    files = sum(known.get(folder, 0) for folder in gone)
    check = ledger.entries(connection, f"check:{ARCHIVE_CHECK}").get(ledger.WHOLE)
    if check and check.details["passed"] and files <= check.details["offending"]:
        return
    if words := too_many_gone("files", files, sum(known.values()), most_gone(project.settings)):
        raise UserError(words, REMEDY)


def count_index(connection: duckdb.DuckDBPyConnection, project: Project) -> Mapping[str, Any]:
    """Return how many files were accepted, and how many were rejected because of their header, by reason."""
    return counts_by_reason(connection, "reads/counts/index_reasons.sql")


def _without_erased_patient(row: dict[str, Any], erased: Exclusion) -> dict[str, Any]:
    """Return the row of a file; if its header names an erased patient or study, without anything of the header."""
    if row.get("patient_key") not in erased.patients and not erased.studies & {
        row.get("study_key"),
        row.get("accession_key"),
    }:
        return row
    from echomort.dicom.reasons import Reason

    kept = {name: row[name] for name in ("instance_key", "folder_key", "bytes", "stamp")}
    return kept | {"status": "rejected", "reason": Reason.ERASED.value}


def _read_with(project: Project) -> str:
    """Return the digest of the key and of the view table, which every folder is read with."""
    table = project.settings.sources.view_table
    return digest(project.keyring.key_id, digest_file(table) if table else None)


def _folder_fingerprint(how: str, files: Sequence[SourceFile]) -> str:
    return digest(how, [file.stamp for file in files])


def _folders(project: Project) -> dict[str, list[SourceFile]]:
    folders: dict[str, list[SourceFile]] = defaultdict(list)
    listed = list_files(project.settings.dicom_root, "sources.dicom")
    for file in without_erased(listed, project.root, project.keyring):
        folders[file.folder].append(file)
    return folders


def _index_entry(project: Project, unit: str, fingerprint: str, rows: list[dict[str, Any]]) -> Entry:
    from echomort.dicom.reasons import Reason

    if any(row["reason"] == Reason.UNREADABLE_FILE for row in rows):
        fingerprint = to_try_again(fingerprint)
    ordered = sorted(rows, key=lambda row: row["instance_key"])
    artifact = f"index/{unit[:2]}/{unit}.json"
    write_text(project.root / artifact, json.dumps(ordered))
    return Entry(unit, fingerprint, digest(ordered), artifact, {FILES: len(ordered)})


DICOM_INDEX = UnitStage(
    "dicom_index",
    ("dicom_archive",),
    lambda settings: {
        "imaging.clip.view_tags": settings.imaging.clip.view_tags,
        "imaging.frame_rates": settings.imaging.frame_rates,
    },
    plan=plan_index,
    prepare=prepare_index,
    work=index_folders,
    commit=commit_index,
    show=count_index,
)

dicom_index = unit_asset(
    DICOM_INDEX,
    "One row a file of the archive, read from its header alone; a file that can't become a clip has its reason.",
    "imaging",
    "dicom",
    "duckdb",
)
