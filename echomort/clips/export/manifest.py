"""The manifest of an export: one row a file of the archive, in Parquet; and the journal of one that is not finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from echomort.clips.export.identity import Identity
from echomort.clips.export.loops import Loop
from echomort.clips.export.request import ExportRequest
from echomort.core.files import atomic_path
from echomort.dicom.header.rhythm import frames_a_beat
from echomort.dicom.index import instance_row
from echomort.dicom.reasons import Rejected

MANIFEST = "manifest.parquet"
"""Name of the manifest."""

JOURNAL = "unfinished.jsonl"
"""Name of the journal: one row a line, in the order in which files were finished."""

KEYS = ("patient_key", "study_key", "accession_key", "sop_key")
"""Pseudonyms of the header's identifiers, as in table ``dicom_instance``."""

OF_HEADER = (*KEYS, "manufacturer", "model", "source_transfer_syntax")
"""What a row says of a file, whether its loop is written or not."""

COLUMNS = {
    "clip_key": "string", "patient_key": "string", "study_key": "string", "accession_key": "string",
    "sop_key": "string", "status": "string", "reason": "string", "file": "string", "frames": "int32",
    "height": "int32", "width": "int32", "fps": "double", "fps_source": "string", "source_frames": "int32",
    "source_fps": "double", "view": "string", "view_source": "string", "cm_across": "double", "cm_down": "double",
    "form": "string", "apex": "string", "examination": "string", "stage": "string", "frames_a_beat": "double",
    "region": "list<int32>", "outline": "list<double>", "notes": "list<string>",
    "source_transfer_syntax": "string", "manufacturer": "string", "model": "string", "new_study_uid": "string",
    "new_series_uid": "string", "new_sop_uid": "string", "digest": "string", "stamp": "string",
}  # fmt: skip
"""Columns with their types. ``region`` is x0, y0, x1, y1, ``outline`` x, y, x, y ..., both in pixels of the loop."""

OUTLINE_DIGITS = 2
"""Decimals of a pixel in an outline. Our choice."""


def row_of_loop(loop: Loop, request: ExportRequest) -> dict[str, Any]:
    """Return what the manifest says of a loop, without its file."""
    row = _of_header(loop.header, request)
    across, down = loop.cm or (None, None)
    identity = Identity.of(loop.header, request) if request.form == "dicom" else None
    return row | {
        "status": "accepted",
        "frames": loop.shape[0],
        "height": loop.shape[1],
        "width": loop.shape[2],
        "fps": loop.fps,
        "fps_source": loop.fps_source,
        "source_frames": loop.source_frames,
        "source_fps": loop.source_fps,
        "view": loop.view,
        "view_source": loop.view_source,
        "cm_across": across,
        "cm_down": down,
        "form": loop.form,
        "apex": loop.apex,
        "examination": loop.header.examination.kind,
        "stage": loop.header.examination.stage or None,
        "frames_a_beat": frames_a_beat(loop.header.rhythm, loop.source_fps, loop.header.timing.times),
        "region": list(loop.region),
        "outline": loop.outline.round(OUTLINE_DIGITS).ravel().tolist(),
        "notes": list(loop.notes),
        "new_study_uid": identity and identity.study_uid,
        "new_series_uid": identity and identity.series_uid,
        "new_sop_uid": identity and identity.sop_uid,
    }


def row_of_rejected(rejected: Rejected, request: ExportRequest) -> dict[str, Any]:
    """Return what the manifest says of a file that gives no loop."""
    return _of_header(rejected, request) | {"status": "rejected", "reason": rejected.reason.value}


def _of_header(found: Any, request: ExportRequest) -> dict[str, Any]:
    row = instance_row(("", ""), found, request.keyring)
    row["source_transfer_syntax"] = row.get("transfer_syntax")
    return {name: row.get(name) for name in OF_HEADER}


def read_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the rows by clip key that an earlier run left in ``folder``; a line that was cut is no row."""
    rows: dict[str, dict[str, Any]] = {}
    if (folder / MANIFEST).exists():
        from pyarrow import parquet

        rows = {row["clip_key"]: row for row in parquet.read_table(folder / MANIFEST).to_pylist()}
    if (folder / JOURNAL).exists():
        for line in (folder / JOURNAL).read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows[row["clip_key"]] = row
    return rows


def exported_studies(folder: Path) -> list[str]:
    """Return the pseudonyms of the studies of which ``folder`` holds a loop."""
    rows = read_rows(folder).values()
    return sorted({str(row["study_key"]) for row in rows if row["status"] == "accepted" and row["study_key"]})


def note_row(journal: TextIO, row: Mapping[str, Any]) -> None:
    """Append ``row`` to the open journal."""
    journal.write(json.dumps(row) + "\n")
    journal.flush()


def write_manifest(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the manifest of ``rows``, sorted by clip key, and remove the journal."""
    import pyarrow as arrow
    from pyarrow import parquet

    schema = arrow.schema([(name, _type(arrow, kind)) for name, kind in COLUMNS.items()])
    ordered = sorted(rows, key=lambda row: row["clip_key"])
    table = arrow.Table.from_pylist([{name: row.get(name) for name in COLUMNS} for row in ordered], schema)
    with atomic_path(folder / MANIFEST) as temporary:
        parquet.write_table(table, temporary)
    (folder / JOURNAL).unlink(missing_ok=True)


def _type(arrow: Any, kind: str) -> Any:
    inner = kind.removeprefix("list<").removesuffix(">")
    made = getattr(arrow, {"double": "float64"}.get(inner, inner))()
    return arrow.list_(made) if kind != inner else made
