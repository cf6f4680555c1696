"""Gathers clips, in whatever order they are decoded, into one file for each study."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from echomort.clips import store, tries
from echomort.clips.store import FOLDER, Written, artifact_of, find_study, write_study
from echomort.core.fingerprint import digest, to_try_again
from echomort.settings import Imaging

if TYPE_CHECKING:
    import pandas as pd

    from echomort.dicom import Clip, Rejected

FROM_INDEX = ("instance_key", "study_key", "patient_key", "view", "view_source")
"""Columns of table ``clip`` that are as the index and the linkage gave them."""

SHOWN = ("cm_across", "cm_down", "form", "apex", "examination", "stage", "frames_a_beat")
"""Columns of table ``clip`` that say what a loop shows: how large a pixel is in the body, how the sector stands, the
examination, how many of the file's frames a beat has."""


class StudyWriter:
    """Collects clips in whatever order they are decoded and writes each study as soon as it is complete.

    ``files`` has one row for each DICOM file (:data:`FROM_INDEX`); ``plan`` is study key ->
    fingerprint. ``written`` holds the studies that are on disk, at first those of an earlier run with that fingerprint.
    Files are written below ``folder`` of the home. ``imaging`` has the limits with which files are decoded.
    """

    def __init__(
        self, home: Path, files: "pd.DataFrame", plan: Mapping[str, str], imaging: Imaging, folder: str = FOLDER
    ) -> None:
        self.home, self.plan, self.imaging, self.folder = home, plan, imaging, folder
        self.files: dict[str, dict[Any, Any]] = {row["instance_key"]: row for row in files.to_dict("records")}
        self.waiting: dict[str, set[str]] = defaultdict(set)
        for key, row in self.files.items():
            self.waiting[row["study_key"]].add(key)
        self.clips: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        patients = {row["study_key"]: row["patient_key"] for row in self.files.values()}
        found = {
            key: find_study(home, artifact_of(patient, key, folder), plan[key]) for key, patient in patients.items()
        }
        self.written = {key: written for key, written in found.items() if written}

    def add(self, instance_key: str, found: "Clip | Rejected") -> None:
        """Add the result of decoding one file."""
        file = self.files[instance_key]
        study_key = file["study_key"]
        row, pixels = _clip_row(file, found)
        self.rows[study_key].append(row)
        if pixels is not None:
            self.clips[study_key][instance_key] = pixels
        self.waiting[study_key].discard(instance_key)
        if not self.waiting[study_key]:
            self._write(study_key)

    def _write(self, study_key: str) -> None:
        rows = sorted(self.rows.pop(study_key), key=lambda row: row["clip_key"])
        artifact = artifact_of(rows[0]["patient_key"], study_key, self.folder)
        made_from = self._made_from(study_key, {row["reason"] for row in rows}, self.home / artifact)
        write_study(self.home / artifact, self.clips.pop(study_key, {}), rows, made_from)
        self.written[study_key] = Written(artifact, digest(rows), made_from)

    def _made_from(self, study_key: str, reasons: set[str], path: Path) -> str:
        from echomort.dicom.reasons import MAY_PASS, Reason

        planned = self.plan[study_key]
        if Reason.UNREADABLE_FILE in reasons:
            return to_try_again(planned)
        if reasons & MAY_PASS:
            return tries.after_try(planned, self.imaging, store.made_from(path))
        return planned


OUTLINE_DIGITS = 1
"""Decimals of a pixel in an outline. Our choice."""


def _geometry(clip: "Clip") -> dict[str, Any]:
    """Return where the clip's pixels lie in the image, and the sector, for the store; see :class:`Clip`."""
    return {
        "region": list(clip.region),
        "outline": clip.outline.round(OUTLINE_DIGITS).tolist(),
        "grid": [clip.grid.x, clip.grid.y, clip.grid.across, clip.grid.down],
    }


def _clip_row(file: Mapping[str, Any], found: "Clip | Rejected") -> tuple[dict[str, Any], np.ndarray | None]:
    from echomort.dicom import lit_outside_sector

    row = {"clip_key": file["instance_key"]} | {key: file[key] for key in FROM_INDEX}
    if isinstance(found, Exception):
        empty = dict.fromkeys(("fps", "fps_source", "frames", "digest", "lit_outside", *SHOWN, "note"))
        return row | empty | {"status": "rejected", "reason": found.reason.value}, None
    timing = {"fps": found.fps, "fps_source": found.fps_source, "frames": found.frames}
    content = {"digest": digest(found.pixels.tobytes()), "lit_outside": lit_outside_sector(found)}
    across, down = found.cm or (None, None)
    values = across, down, found.form, found.apex, found.examination, found.stage or None, found.frames_a_beat
    seen: dict[str, Any] = dict(zip(SHOWN, values, strict=True))
    seen |= {"note": " ".join(found.notes) or None, store.GEOMETRY: _geometry(found)}
    return row | timing | content | seen | {"status": "accepted", "reason": None}, found.pixels
