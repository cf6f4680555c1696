"""Imaging: from the archive's files to an index, their studies, and clips."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from assets.incremental import Built, Stage, UnitStage, built_tables, rebuild, unit_asset
from assets.project import Project
from echomort import clips as store
from echomort.files import write_text
from echomort.fingerprint import code_version, digest, digest_file
from echomort.listing import SourceFile, list_files
from warehouse import ledger, vault
from warehouse.ledger import Entry
from warehouse.queries import run

HEADER_SOURCES = ("echomort/dicom",)
INDEX_FOLDER, CLIP_FOLDER = "index", "clips"


# --- dicom_index: one unit a folder, one row a file, headers only


def plan_index(project: Project) -> dict[str, str]:
    """Return folder key -> digest of what its files are and of how they are read."""
    how = (code_version(*HEADER_SOURCES), project.keyring.key_id, _view_table_digest(project))
    return {
        project.keyring.pseudonym("folder", folder): digest(how, [file.stamp for file in files])
        for folder, files in _folders(project).items()
    }


def prepare_index(project: Project, stale: Sequence[str]) -> None:
    """Let the vault know which folders the stale keys stand for."""
    wanted = set(stale)
    keys = {project.keyring.pseudonym("folder", folder): folder for folder in _folders(project)}
    vault.remember(project.vault, "folder", {key: folder for key, folder in keys.items() if key in wanted})


def _folders(project: Project) -> dict[str, list[SourceFile]]:
    folders: dict[str, list[SourceFile]] = defaultdict(list)
    for file in list_files(project.settings.dicom_root, "sources.dicom"):
        folders[file.folder].append(file)
    return folders


def _view_table_digest(project: Project) -> str | None:
    table = project.settings.sources.view_table
    return digest_file(table) if table else None
