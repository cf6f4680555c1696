"""Removes a patient from a home, step by step: each step may be interrupted, and is carried out again."""

import contextlib
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.erasure import certificate
from assets.erasure.search import Needles, search
from assets.erasure.subject import Subject, find_subject
from assets.incremental import missing_files
from assets.project import Project
from assets.records.health_records import TABLES
from echomort.champion.store import champion_name, forget_sealed, read_trained_patients, retire
from echomort.core.audit import LOG, redact
from echomort.core.errors import UserError
from echomort.core.exclusion import Erased, read_exclusion, write_exclusion
from echomort.core.files import atomic_path
from warehouse import erasure, ledger
from warehouse.connection import connect_plain
from warehouse.tables.risk_score.seals import check_seals, seal_anew

MADE_OF_UNITS = ("view_models", "experiment_")
"""Beginnings of the assets whose models each list the studies that they learnt from: those without the patient stay."""

MADE_AGAIN = {
    "report": 1,
    "tensorboard": 1,
    "experiments": 2,
    "index": 3,
    "clips": 3,
    "embeddings": 4,
    "models": 9,
    "mirror": 99,
}
"""Folder of the home that runs fill -> how many parts of a path name what is removed where a file of it holds the
patient."""

MIRROR = "mirror/dicom"
"""Folder of the home with copies of the archive's files, under their paths there."""

PASSED_ON = ("values", "records")
"""What the steps of a run pass on, which no later run needs: removed whole."""

REWRITTEN = ("warehouse.duckdb", "vault.duckdb", LOG, "registry/", "dagster/")
"""Beginnings of the paths that have a step of their own."""

BECAUSE = "it learnt from a patient who was erased"
"""The reason in the history of a candidate that is retired."""

SQLITE = b"SQLite format 3\x00"
"""How a file of SQLite begins, in which Dagster keeps runs and events."""


@dataclass(frozen=True)
class Plan:
    """What an erasure removes: ``paths`` below the home, ``candidates`` that are retired (the champion among them?),
    ``rows`` by table; and when ``backups`` were made, which it does not reach."""

    subject: Subject
    paths: tuple[str, ...]
    candidates: tuple[str, ...]
    is_champion: bool
    rows: Mapping[str, int]
    backups: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """All that is removed, in counts."""
        folders = Counter(path.partition("/")[0] for path in self.paths)
        counts = {"numbers of studies": len(self.subject.person.studies), "candidates retired": len(self.candidates)}
        counts |= {"champion retired": int(self.is_champion)}
        counts |= {f"in {folder}": number for folder, number in folders.items()}
        return counts | {f"rows of {table}": number for table, number in self.rows.items()}


def plan_erasure(project: Project, number: str, progress: Callable[[int, int], None]) -> Plan:
    """Return what the erasure of the patient with record number ``number`` removes; nothing is changed.

    Raises :class:`UserError` for an unknown patient, and where something holds the patient that no run makes again.
    """
    subject = find_subject(project, number)
    needles = subject.needles
    found = search(project.root, needles, progress).found
    _refuse_others(found, needles)
    with project.reader() as connection:
        rows = erasure.count_rows(connection, needles.key_pattern)
        has_learnt = erasure.may_have_learnt(connection, subject.person.studies)
        kept = _models_without(connection, found)
    paths = {_removed_with(path) for path in found if path.split("/")[0] in MADE_AGAIN}
    paths |= {f"{MIRROR}/{file}" for file in subject.files}
    if has_learnt:
        models = (path for path in (project.root / "models").rglob("*") if path.is_file())
        names = (path.relative_to(project.root).as_posix() for path in models)
        paths |= {"tensorboard", *(name for name in names if not name.startswith(kept))}
    there = tuple(sorted(path for path in (*paths, *PASSED_ON) if (project.root / path).exists()))
    registry = project.settings.registry
    candidates = _learnt_candidates(registry, subject.person)
    backups = tuple(certificate.backups(project.root))
    return Plan(subject, there, candidates, champion_name(registry) in candidates, rows, backups)


def erase(project: Project, plan: Plan, progress: Callable[[int, int], None]) -> Path:
    """Carry out ``plan``; return the certificate. An interrupted erasure goes on if it is planned and erased again.

    Raises :class:`UserError` where the search that ends it still finds the patient.
    """
    root, registry, needles = project.root, project.settings.registry, plan.subject.needles
    person = _with_counts(plan)
    write_exclusion(root, read_exclusion(root).having(person))
    retire(registry, plan.candidates, BECAUSE)
    forget_sealed(registry, person.studies)
    for path in plan.paths:
        _remove(root / path)
    _remove_empty_folders(root / MIRROR)
    _clear_warehouse(project, plan)
    _clear_vault(project.vault, needles)
    redact(root, re.compile(needles.key_pattern))
    for file in sorted((root / "dagster").rglob("*")):
        _redact(file, needles)
    searched = search(root, needles, progress)
    if searched.found:
        places = ", ".join(_shown(searched.found, needles))
        problem = f"{len(searched.found)} files of the home still hold the patient ({places})"
        raise UserError(problem, "remove them, and carry out `echomort erase` again")
    exclusion = read_exclusion(root).having(replace(person, pending=(), removes={}))
    left = {
        "files of the patient in the archive": len(plan.subject.files),
        "the archive was read": plan.subject.is_archive_read,
        "backups made before": list(plan.backups),
    }
    file = certificate.write_certificate(root, exclusion, person.removes, searched, left)
    write_exclusion(root, exclusion)
    return file


def _with_counts(plan: Plan) -> Erased:
    """Return the person with the counts of what is removed: of an erasure that was interrupted, those of its begin."""
    person, counts = plan.subject.person, plan.counts
    begun = {name: max(count, counts.get(name, 0)) for name, count in person.removes.items()}
    return replace(person, removes=counts | begun)


def _refuse_others(found: Iterable[str], needles: Needles) -> None:
    known = (*MADE_AGAIN, *PASSED_ON)
    others = [path for path in found if path.split("/")[0] not in known and not path.startswith(REWRITTEN)]
    if others:
        raise UserError(
            f"the home holds files of the patient that no run makes again ({', '.join(_shown(others, needles))})",
            "end the reader study, or move away what else it is, and erase again; nothing was changed",
        )


def _shown(paths: Iterable[str], needles: Needles) -> list[str]:
    """Return the first parts of some paths, but for a name that identifies."""
    tops = dict.fromkeys(path.split("/")[0] for path in paths)
    return ["a name that identifies" if needles.are_in(os.fsencode(top)) else top for top in tops]


def _removed_with(path: str) -> str:
    """Return what is removed where the file ``path`` holds the patient."""
    parts = path.split("/")
    return "/".join(parts[: MADE_AGAIN[parts[0]]])


def _models_without(connection: duckdb.DuckDBPyConnection, found: Iterable[str]) -> tuple[str, ...]:
    """Return the beginnings of the paths of models that did not learn from the patient."""
    holding = [path for path in found if path.startswith("models/")]
    entries = (
        entry
        for asset in ledger.assets(connection, MADE_OF_UNITS)
        for entry in ledger.entries(connection, asset).values()
    )
    artifacts = {str(entry.artifact) for entry in entries if entry.artifact}
    return tuple(one for one in sorted(artifacts) if not any(path.startswith(one) for path in holding))


def _learnt_candidates(registry: Path, person: Erased) -> tuple[str, ...]:
    """Return the candidates that were trained on the person, and those of which nobody knows on whom."""
    names = sorted(path.name for path in (registry / "candidates").glob("[!.]*"))
    trained = {name: read_trained_patients(registry, name) for name in names}
    return tuple(name for name, keys in trained.items() if keys is None or set(keys) & set(person.patients))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty_folders(root: Path) -> None:
    """Remove the folders below ``root`` in which nothing is left: their names may be the patient's."""
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _clear_warehouse(project: Project, plan: Plan) -> None:
    """Delete the rows of the patient, what the ledger says of files that are gone, and all risks of a retired champion;
    seal the kept risks of others anew; then write the file anew."""
    pattern = plan.subject.needles.key_pattern
    with project.writer() as connection:
        was_whole = check_seals(connection).broken is None
        erasure.forget_examples(connection, pattern)
        erasure.delete_rows(connection, erasure.count_rows(connection, pattern), pattern)
        if was_whole:  # a chain that somebody broke before stays broken
            seal_anew(connection)
        for asset in ledger.assets(connection, ("",)):
            entries = ledger.entries(connection, asset)
            gone = [unit for unit, entry in entries.items() if missing_files(project.root, entry)]
            ledger.forget(connection, asset, entries if asset in TABLES else gone)
        if champion_name(project.settings.registry) is None:
            erasure.forget_risks(connection)
    erasure.write_anew(project.settings.warehouse)


def _clear_vault(vault: Path, needles: Needles) -> None:
    """Delete what the vault holds of the patient, then write the file anew."""
    if not vault.exists():
        return
    with connect_plain(vault) as connection:
        erasure.delete_rows(connection, ["vault"], needles.pattern)
    erasure.write_anew(vault)


def _redact(file: Path, needles: Needles) -> None:
    """Write zeros in place of the patient's pseudonyms in a file of Dagster's: its events stay."""
    if not file.is_file():
        return
    with file.open("rb") as opened:
        is_database = opened.read(len(SQLITE)) == SQLITE
    if is_database:
        _redact_database(file, needles)
    elif needles.are_in(content := file.read_bytes()):
        with atomic_path(file) as temporary:
            temporary.write_bytes(re.sub(needles.key_pattern.encode(), _zeros, content))


def _zeros(found: re.Match[bytes]) -> bytes:
    return b"0" * len(found[0])


def _redact_database(file: Path, needles: Needles) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    pattern = re.compile(needles.key_pattern)
    try:
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function("redacted", 1, lambda text: pattern.sub(lambda found: "0" * len(found[0]), text))
        connection.create_function("holds", 1, lambda text: isinstance(text, str) and bool(pattern.search(text)))
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = redacted("{column}") WHERE holds("{column}")'  # noqa: S608 names of its own tables
                )
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
