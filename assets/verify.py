"""Whether what a project holds is what was written: every file, the registry, the vault, every table."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from assets.imaging.dicom_index import DICOM_INDEX
from assets.imaging.studies import folder_names
from assets.project import Project
from assets.serving.champion import CHAMPION
from echomort.champion.store import (
    candidate_folder,
    pointer_to,
    read_files,
    read_history,
    read_manifest,
    read_pointer,
)
from echomort.core.errors import DiskError, Interruption, UserError
from echomort.core.fingerprint import digest_file
from warehouse import ledger, vault
from warehouse.tables.risk_score.seals import check_seals

VAULT = "vault.duckdb"
WAREHOUSE = "warehouse.duckdb"


@dataclass(frozen=True)
class Damage:
    """One thing that is missing or damaged."""

    asset: str
    path: str
    """Below the home."""
    what: str
    remove: str = ""
    """What is removed, so that the next run makes it anew: a file or folder below the home."""
    remedy: str = ""
    """What a person can do where a run can't make it anew."""


def verify(project: Project, progress: Callable[[int, int], None]) -> list[Damage]:
    """Read everything that the project holds; return what is missing or damaged. Raises :class:`UserError` for a
    damaged warehouse."""
    with project.reader() as connection:
        _read_tables(connection)
        kept = list(kept_risk_damage(connection))
        files = ledger.artifact_files(connection)
        artifacts = {
            (asset, unit): str(artifact)
            for asset in {file.asset for file in files}
            for unit, entry in ledger.entries(connection, asset).items()
            if (artifact := entry.artifact)
        }
    found = []
    for number, file in enumerate(files, 1):
        if what := _damage(project.root / file.path, file.sha256):
            artifact = artifacts.get((file.asset, file.unit), file.path)
            inside = file.path == artifact or file.path.startswith(f"{artifact}/")
            found.append(Damage(file.asset, file.path, what, artifact if inside else file.path))
        progress(number, len(files))
    return [*found, *kept, *registry_damage(project.settings.registry), *vault_damage(project)]


def repair(project: Project, found: list[Damage]) -> list[Damage]:
    """Remove what is damaged and can be made anew, so that the next run makes it; return what can't be."""
    for damage in found:
        path = project.root / damage.remove
        if not damage.remove:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if any(damage.asset == CHAMPION.name and damage.remove for damage in found):
        with project.writer() as connection:
            ledger.forget(connection, CHAMPION.name, [ledger.WHOLE])
    return [damage for damage in found if not damage.remove]


def _damage(path: Path, sha256: str) -> str:
    if not path.is_file():
        return "missing"
    return "" if digest_file(path) == sha256 else "damaged: its bytes are not those that were written"


def _read_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every row: a damaged block raises :class:`UserError`."""
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    for (table,) in tables:
        ledger.table_digest(connection, table)


def kept_risk_damage(connection: duckdb.DuckDBPyConnection) -> Iterator[Damage]:
    """Yield the first kept risk that is not as it was sealed."""
    seals = check_seals(connection)
    if seals.broken is not None:
        remedy = "find out who changed the warehouse; restore `warehouse.duckdb` from a backup"
        yield Damage("risk_scores", WAREHOUSE, f"kept risk {seals.broken} does not hold: {seals.what}", remedy=remedy)


def registry_damage(registry: Path) -> Iterator[Damage]:
    """Yield what of the registry of models is missing or damaged; every file of a candidate is read."""
    for name in ("champion.json", "history.json"):
        try:
            _ = read_pointer(registry) if name == "champion.json" else read_history(registry)
        except UserError as error:
            yield Damage(CHAMPION.name, f"registry/{name}", error.problem, remedy=error.remedy)
    for folder in sorted((registry / "candidates").glob("[!.]*")):
        try:
            manifest = read_manifest(registry, pointer_to(registry, folder.name))
            read_files(candidate_folder(registry, folder.name), manifest)
        except UserError as error:
            path = f"registry/candidates/{folder.name}"
            yield Damage(CHAMPION.name, path, error.problem, path)
    for table in sorted(registry.glob("*/*.parquet")):
        try:
            pd.read_parquet(table)
        except (OSError, ValueError):
            path = f"registry/{table.parent.name}/{table.name}"
            yield Damage(CHAMPION.name, path, "damaged: it can't be read", path)


def vault_damage(project: Project) -> Iterator[Damage]:
    """Yield what the vault lacks of the folders and patients in the warehouse.

    Raises :class:`UserError` for a vault that others use, or that a full disk or a permission keeps shut.
    """
    with project.reader() as connection:
        patients = [key for (key,) in connection.execute("SELECT DISTINCT patient_key FROM patient").fetchall()]
        folders = list(ledger.entries(connection, DICOM_INDEX.name))
    try:
        if not project.vault.exists():
            yield Damage("dicom_archive", VAULT, "missing", VAULT)
        else:
            folder_names(project, folders)
            if lacking := len(patients) - len(vault.recall(project.vault, "patient", patients)):
                yield Damage("patient", VAULT, f"lacks the numbers of {lacking} of {len(patients)} patients", VAULT)
    except (DiskError, Interruption):
        raise
    except UserError as error:
        yield Damage("dicom_archive", VAULT, error.problem, VAULT)
