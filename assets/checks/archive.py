"""The checks of the archive: what is gone, unreadable, not linked, or lettered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from assets.checks.check import Check
from assets.imaging.accounts import Linked, linked_studies
from assets.imaging.dicom_index import DICOM_INDEX, FILES, files_by_folder
from assets.incremental import Stage
from assets.shrinkage import ARCHIVE_CHECK, REMEDY, most_gone, too_many_gone
from echomort.core.keys import load_keyring
from echomort.settings import Settings
from warehouse import ledger
from warehouse.queries import run


def archive_check() -> Check:
    """Return the check that most of the folders and files that the index knows are still in the archive."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        entries = ledger.entries(connection, DICOM_INDEX.name)
        known = {folder: int(entry.details.get(FILES, 1)) for folder, entry in entries.items()}
        return lambda settings: _still_there(known, settings)

    spec = dg.AssetCheckSpec(
        ARCHIVE_CHECK,
        asset="dicom_archive",
        blocking=True,
        description="The share of known folders and files that are gone at once stays below sources.most_gone.",
    )
    stage = Stage(f"check:{spec.name}", ("dicom_archive",), _decides_removal)
    stage.carried_out_by(archive_check)
    return Check(spec, stage, read)


def _decides_removal(settings: Settings) -> dict[str, float]:
    return {"sources.most_gone": settings.sources.most_gone}


def _still_there(known: Mapping[str, int], settings: Settings) -> dict[str, Any]:
    keyring = load_keyring(settings.privacy.key_file, settings.is_synthetic)
    now = files_by_folder(settings, keyring)
    folders = sum(folder not in now for folder in known)
    files = sum(max(count - now.get(folder, 0), 0) for folder, count in known.items())
    most = most_gone(settings)
    words = [too_many_gone("files", files, sum(known.values()), most)]
    words += [too_many_gone("folders", folders, len(known), most)]
    found = "; ".join(filter(None, words))
    failed = f"{found}: {REMEDY}" if found else ""
    return {"rows": sum(known.values()), "offending": files, "failed": failed, "passed": not failed}


def reject_gate() -> Check:
    """Return the check that the share of unreadable files is small; stills, Doppler and the like are not counted."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        reasons = dict(run(connection, "reads/counts/file_reasons.sql").fetchall())
        return lambda settings: _gated(reasons, settings.imaging.reject_gate)

    spec = dg.AssetCheckSpec(
        "few_files_are_unreadable",
        asset="clips",
        blocking=True,
        description="The share of files that can't be read stays below imaging.reject_gate.",
        additional_deps=["dicom_index"],
    )
    stage = Stage(f"check:{spec.name}", ("clips", "dicom_index"), _gate)
    stage.carried_out_by(reject_gate)
    return Check(spec, stage, read)


def _gate(settings: Settings) -> dict[str, float]:
    return {"imaging.reject_gate": settings.imaging.reject_gate}


def _gated(reasons: Mapping[str | None, int], gate: float) -> dict[str, Any]:
    from echomort.dicom import Reason

    files = sum(reasons.values())
    unreadable = sum(count for reason, count in reasons.items() if reason and not Reason(reason).is_ordinary)
    return {"rows": files, "offending": unreadable, "passed": unreadable <= gate * files, "gate": gate}


def linkage_gate() -> Check:
    """Return the check that enough of the archive is linked to the records; if not, no clip is made."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        linked = linked_studies(connection)
        return lambda settings: _linked(linked, settings.linkage.least_linked)

    spec = dg.AssetCheckSpec(
        "enough_studies_are_linked",
        asset="linkage",
        blocking=True,
        description="The share of the archive's studies that link to the records is linkage.least_linked or more.",
        additional_deps=["dicom_index"],
    )
    least = "linkage.least_linked"
    stage = Stage(
        f"check:{spec.name}", ("linkage", "dicom_index"), lambda settings: {least: settings.linkage.least_linked}
    )
    stage.carried_out_by(linkage_gate)
    return Check(spec, stage, read)


def _linked(linked: Linked, least: float) -> dict[str, Any]:
    words = linked.line(least)
    offending = linked.studies - linked.linked
    return {
        "table": "instance_link",
        "rows": linked.studies,
        "offending": offending,
        "failed": words,
        "passed": not words,
    }


SAMPLED_CLIPS = 200
"""Clips that are searched for letters, at most. Our choice: if one clip in 50 had any, 49 samples in 50 would hold
one; it takes seconds."""


def letters_check() -> Check:
    """Return the check that no line of letters stands beside the tissue in a sample of the stored clips."""

    def read(connection: duckdb.DuckDBPyConnection) -> Callable[[Settings], dict[str, Any]]:
        sample = run(connection, "reads/clips/clip_sample.sql", most=SAMPLED_CLIPS).fetchall()
        return lambda settings: _searched(sample, settings)

    spec = dg.AssetCheckSpec(
        "no_letters_beside_the_tissue",
        asset="clips",
        blocking=True,
        description="In a sample of the stored clips no line of letters stands on black beside the tissue.",
    )
    stage = Stage(f"check:{spec.name}", ("clips",))
    stage.carried_out_by(letters_check)
    return Check(spec, stage, read)


def _searched(sample: Sequence[tuple[str, str]], settings: Settings) -> dict[str, Any]:
    from echomort.clips.store import read_study
    from echomort.dicom.tissue.leftover import count_lines_of_letters

    found = [count_lines_of_letters(read_study(settings.home / path, [key])[key]) for key, path in sample]
    offending = sum(lines > 0 for lines in found)
    return {"table": "clip", "rows": len(sample), "offending": offending, "passed": offending == 0}
