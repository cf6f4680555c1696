"""Exports an archive: each file is read in a child process, written atomically, and has a row in the manifest."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from echomort.clips.export.loops import Loop, open_loop
from echomort.clips.export.manifest import (
    JOURNAL,
    KEYS,
    OF_HEADER,
    note_row,
    read_rows,
    row_of_loop,
    row_of_rejected,
    write_manifest,
)
from echomort.clips.export.request import ExportRequest
from echomort.clips.export.writers.dicom import write_dicom
from echomort.clips.export.writers.mp4 import require_av, write_mp4
from echomort.clips.export.writers.npz import write_npz
from echomort.clips.export.writers.zarr import require_zarr, write_zarr
from echomort.clips.store import shard_of
from echomort.core.errors import UserError
from echomort.core.files import atomic_folder, atomic_path, disk_error, remove_leftovers, write_text
from echomort.core.fingerprint import digest, digest_file
from echomort.core.listing import SourceFile, list_files
from echomort.dicom.header.parsing import read_header
from echomort.dicom.reasons import Rejected
from echomort.dicom.workers import Job, make_of_files
from echomort.settings import Imaging

STATE = "export.json"
"""Name of the file that says what an export folder was asked for; it is locked while an export runs."""

SUFFIXES = {"npz": ".npz", "mp4": ".mp4", "zarr": ".zarr", "dicom": ".dcm"}
"""Endings of the files, by format; a loop in Zarr is a folder."""

REQUIRED = {"mp4": require_av, "zarr": require_zarr}
"""What raises :class:`UserError` where the library of a format is missing."""

WHOLE_LOOP = 10
"""Times ``imaging.file_timeout`` that a whole loop may take, since every frame is decoded and encoded. Our choice."""

DUPLICATE, CONFLICTING = "duplicate", "conflicting_copies"
"""Reasons for which a copy of an object is left out, as in linkage."""

TOLD_ALIKE = (*KEYS, "view", "examination", "stage", "digest")
"""What the rows of all files of one object must have alike, else no loop of it is written."""

OWNER_ONLY = 0o700
"""Mode of the folder: health data of patients, which its owner alone may read."""


@dataclass(frozen=True)
class Exported:
    """How many files the archive has, how many loops were written (``new``: now), and the others by reason."""

    files: int
    accepted: int
    new: int
    rejected: Mapping[str, int]


@dataclass(frozen=True)
class _Failed:
    """An error that concerns the export as a whole, on its way out of a child process."""

    problem: str
    remedy: str


_Row = dict[str, Any]


@dataclass(frozen=True)
class Archive:
    """The echo files under ``folder``. Their keys are those of paths relative to ``root``: a project's where that is
    its ``sources.dicom``. ``views`` is ``sources.view_table``: views by SOP instance UID."""

    folder: Path
    root: Path
    views: Mapping[str, str] = field(default_factory=dict)

    def files(self, request: ExportRequest) -> dict[str, SourceFile]:
        """Return the files by key."""
        inner = os.path.relpath(self.folder.resolve(), self.root.resolve())
        before = "" if inner == "." else f"{Path(inner).as_posix()}/"
        files = list_files(self.folder, "ARCHIVE")
        return {request.keyring.pseudonym("instance", f"{before}{file.path}"): file for file in files}

    def job(self, key: str, file: SourceFile) -> Job:
        """Return what a child process is told of a file."""
        path = self.folder / file.path
        return Job(path, self._view(path) if self.views else None, key)

    def _view(self, path: Path) -> str | None:
        try:
            return self.views.get(read_header(path).sop_uid)
        except Rejected:
            return None


def export_archive(
    archive: Archive,
    folder: Path,
    request: ExportRequest,
    processes: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write every loop of ``archive`` into ``folder`` as ``request`` says, with a manifest of all its files.

    A run that was killed goes on where it stopped; a file that changed is written again, and what has no source any
    more is removed. Raises :class:`UserError`.
    """
    if require := REQUIRED.get(request.form):
        require()
    with _prepared(archive.folder, folder, request) as journal:
        files = archive.files(request)
        current = (row for key, row in read_rows(folder).items() if _is_current(folder, row, files.get(key), request))
        rows = _decided(current)
        before = {key for key, row in rows.items() if row.get("file")}
        while left := {key: file for key, file in files.items() if _must_be_made(rows.get(key))}:
            rows = {key: row for key, row in rows.items() if key not in left}
            with contextlib.closing(_made(archive, folder, request, processes, left)) as made:
                for row in made:
                    rows[row["clip_key"]] = row
                    note_row(journal, row)
                    progress(len(rows), len(files))
            rows = _decided(rows.values())
        write_manifest(folder, rows.values())
        _remove_others(folder, rows, request)
    accepted = {key for key, row in rows.items() if row["status"] == "accepted"}
    reasons = Counter(row["reason"] for row in rows.values() if row["status"] == "rejected")
    return Exported(len(files), len(accepted), len(accepted - before), dict(sorted(reasons.items())))


def _decided(rows: Iterable[_Row]) -> dict[str, _Row]:
    """Return ``rows`` by clip key: of several files of one object the first is accepted if all are alike, and none if
    they differ, as linkage has it. One that was a copy before and is accepted now has no ``file`` yet."""
    objects = defaultdict(list)
    for row in sorted(rows, key=itemgetter("clip_key")):
        objects[(row.get("digest") and row["sop_key"]) or row["clip_key"]].append(row)
    return {row["clip_key"]: row for files in objects.values() for row in _decided_object(*files)}


def _decided_object(first: _Row, *others: _Row) -> Iterator[_Row]:
    if len({tuple(row.get(name) for name in TOLD_ALIKE) for row in (first, *others)}) > 1:
        yield from (_left_out(row, CONFLICTING) for row in (first, *others))
        return
    was_copy = first.get("reason") in {DUPLICATE, CONFLICTING}
    yield first | {"status": "accepted", "reason": None, "file": None} if was_copy else first
    yield from (_left_out(row, DUPLICATE) for row in others)


def _must_be_made(row: _Row | None) -> bool:
    """Whether a file, of which ``row`` is known, has no loop and no reason for it."""
    return row is None or (row["status"] == "accepted" and not row["file"])


def _left_out(row: _Row, reason: str) -> _Row:
    kept = {name: row.get(name) for name in (*OF_HEADER, *TOLD_ALIKE, "clip_key", "stamp")}
    return kept | {"status": "rejected", "reason": reason}


def _made(
    archive: Archive, folder: Path, request: ExportRequest, processes: int, files: Mapping[str, SourceFile]
) -> Generator[dict[str, Any]]:
    """Yield the row of each of ``files`` as soon as its loop is written."""
    jobs = (archive.job(key, file) for key, file in sorted(files.items(), key=lambda item: item[1]))
    make = functools.partial(_write_file, request, folder)
    outcomes: Generator[tuple[Job, _Row | _Failed | Rejected]]
    outcomes = make_of_files(jobs, make, _limits(request), max(1, min(processes, len(files))))
    with contextlib.closing(outcomes):
        for job, made in outcomes:
            if isinstance(made, _Failed):
                raise UserError(made.problem, made.remedy)
            row = row_of_rejected(made, request) if isinstance(made, Rejected) else made
            yield row | {"clip_key": job.key, "stamp": _stamp(files[job.key], request)}


@contextlib.contextmanager
def _prepared(archive: Path, folder: Path, request: ExportRequest) -> Iterator[Any]:
    """Yield the open journal of ``folder``, made for ``request`` or by an earlier run of the same one, and locked."""
    if folder.resolve().is_relative_to(archive.resolve()):
        raise UserError(f"{folder} lies inside the archive", "name a folder outside it")
    state = folder / STATE
    if folder.exists() and not state.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty", "name a new folder, or one that an export began")
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        asked = {"format": request.form, "key_id": request.keyring.key_id, "fingerprint": request.fingerprint}
        if not state.exists():
            write_text(state, json.dumps(asked) + "\n")
        if json.loads(state.read_text()) != asked:
            raise UserError(
                f"{folder} holds an export with other options, settings, key or version", "name a new folder"
            )
        with state.open() as locked, _locked(locked, folder):
            remove_leftovers(folder)
            with (folder / JOURNAL).open("a") as journal:
                yield journal
            remove_leftovers(folder)
    except OSError as error:
        raise disk_error(error) from error


@contextlib.contextmanager
def _locked(file: Any, folder: Path) -> Iterator[None]:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UserError(f"another export writes into {folder}", "wait for it, or name another folder") from None
    yield


def _stamp(file: SourceFile, request: ExportRequest) -> str:
    return request.keyring.pseudonym("stamp", json.dumps(file.stamp))


def _is_current(folder: Path, row: Mapping[str, Any], file: SourceFile | None, request: ExportRequest) -> bool:
    """Whether a row of an earlier run is of a file that is still there and the same, and what it names exists."""
    if file is None or row["stamp"] != _stamp(file, request):
        return False
    return bool(row["status"] == "rejected") or (folder / row["file"]).exists()


def _limits(request: ExportRequest) -> Imaging:
    """Return the settings of the child processes: whole loops may take longer."""
    factor = WHOLE_LOOP if request.size is None else 1
    return request.imaging.model_copy(update={"file_timeout": factor * request.imaging.file_timeout})


def _write_file(request: ExportRequest, folder: Path, job: Job, _: Imaging) -> dict[str, Any] | Rejected | _Failed:
    """Write the loop of one file and return its row; runs in a child process."""
    try:
        with open_loop(job.path, job.view, request) as loop:
            row = row_of_loop(loop, request)
            place = _place(job.key, row["patient_key"], request)
            atomic = atomic_folder if request.form == "zarr" else atomic_path
            with atomic(folder / place) as temporary:
                _write_loop(loop, temporary, request)
                row |= {"file": place, "digest": _digest(temporary)}
    except Rejected as rejected:
        return rejected
    except UserError as error:
        return _Failed(error.problem, error.remedy)
    return row


def _place(key: str, patient_key: str | None, request: ExportRequest) -> str:
    return f"{shard_of(patient_key or key):02d}/{key}{SUFFIXES[request.form]}"


def _write_loop(loop: Loop, target: Path, request: ExportRequest) -> None:
    if request.form == "dicom":
        write_dicom(loop, target, request)
    elif request.form == "mp4":
        write_mp4(loop, target)
    elif request.form == "zarr":
        write_zarr(loop, target)
    else:
        write_npz(loop, target)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and digests of all files of a folder."""
    if path.is_file():
        return digest_file(path)
    files = sorted(inner for inner in path.rglob("*") if inner.is_file())
    return digest([(inner.relative_to(path).as_posix(), digest_file(inner)) for inner in files])


def _remove_others(folder: Path, rows: Mapping[str, Mapping[str, Any]], request: ExportRequest) -> None:
    """Remove files that no row names: those of sources that are gone, changed, or now rejected."""
    named = {row["file"] for row in rows.values() if row["status"] == "accepted"}
    for path in folder.glob(f"[0-9][0-9]/*{SUFFIXES[request.form]}"):
        if path.relative_to(folder).as_posix() not in named:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
