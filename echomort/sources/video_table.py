"""The table that says whose videos are: a site's own, or FileList.csv of EchoNet-Dynamic."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.core.files import resolve_under
from echomort.dicom.header.timing import MAX_FPS, MIN_FPS
from echomort.dicom.saved import Unusable
from echomort.echonet.file_list import read_file_list

NEEDED, OPTIONAL = ("file", "patient_id", "study_id"), ("study_at", "view", "fps")
"""Columns that a site's table must have, and others that it may have."""
ECHONET_COLUMN, ECHONET_VIEW = "FileName", "apical_4"
"""The column by which EchoNet-Dynamic's list is recognised, and the view of all its clips."""
MAX_CHARACTERS = 64
"""Characters of a number or a view at most: PatientID and SeriesDescription hold no more (VR LO, PS3.5 table 6.2-1)."""


@dataclass(frozen=True)
class Described:
    """What a table says of a video. ``repr`` shows none of it."""

    patient_id: str = field(repr=False)
    study_id: str = field(repr=False)
    """The accession number."""
    study_at: datetime | None = field(default=None, repr=False)
    view: str = field(default="", repr=False)
    fps: float | None = field(default=None, repr=False)
    """Frames a second; None where the table gives none."""


@dataclass(frozen=True)
class VideoRow:
    """A row of the table as it is written: its line, the file (relative to the table's folder), the other cells."""

    line: int
    file: str = field(repr=False)
    patient_id: str = field(repr=False)
    study_id: str = field(repr=False)
    study_at: str = field(default="", repr=False)
    view: str = field(default="", repr=False)
    fps: str = field(default="", repr=False)

    @property
    def cells(self) -> tuple[str, ...]:
        """What the row says of its file: two rows of one file must say the same."""
        return tuple(text.strip() for text in (self.patient_id, self.study_id, self.study_at, self.view, self.fps))

    def path(self, folder: Path) -> Path:
        """Return the file's path below ``folder``, the table's. Raises :class:`Unusable` for one that is not there
        once links are followed."""
        try:
            return resolve_under(folder, self.file.strip())
        except (ValueError, OSError, RuntimeError):  # RuntimeError: links in a circle
            remedy = "the file is not below the table's folder: put the table above its videos"
            raise Unusable("outside_folder", remedy) from None

    def described(self) -> Described:
        """Return what the row says. Raises :class:`Unusable` where a cell can't be what it should be."""
        patient_id, study_id, study_at, view, fps = self.cells
        if not (patient_id and study_id and all(map(_fits, (patient_id, study_id)))):
            remedy = f"patient_id and study_id have 1 to {MAX_CHARACTERS} characters, no backslash"
            raise Unusable("bad_number", remedy)
        if not _fits(view):
            raise Unusable("bad_view", f"a view has {MAX_CHARACTERS} characters at most, no backslash")
        return Described(patient_id, study_id, _moment(study_at), view, _rate(fps))


def read_video_table(path: Path) -> list[VideoRow]:
    """Return the rows of the CSV file ``path``: columns file, patient_id and study_id, and study_at, view and fps if
    they are there; or of EchoNet-Dynamic's list, whose files are ``Videos/<FileName>.avi``, each of a patient and a
    study of its own.

    Raises :class:`UserError` where the table can't be read, lacks a column or has another one, or has no rows.
    """
    named = f"the table of videos ({path.name})"
    first = next(read_rows(path, named, ()), None)
    if first is None:
        raise UserError(f"{named} has no rows", f"write one for each video: {', '.join(NEEDED)}")
    if ECHONET_COLUMN in first[1]:
        return [
            VideoRow(line, clip.path.relative_to(path.parent).as_posix(), clip.name, clip.name, view=ECHONET_VIEW)
            for line, clip in enumerate(read_file_list(path), start=2)
        ]
    return [VideoRow(line, **cells) for line, cells in read_rows(path, named, NEEDED, OPTIONAL)]


def _fits(text: str) -> bool:
    """Whether a DICOM text of one value may hold ``text``."""
    return len(text) <= MAX_CHARACTERS and text.isprintable() and "\\" not in text


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        remedy = "study_at is no day or time: write 2024-01-31 or 2024-01-31 14:05"
        raise Unusable("bad_time", remedy) from None


def _rate(text: str) -> float | None:
    try:
        fps = float(text) if text else None
    except ValueError:
        fps = 0.0
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise Unusable("bad_frame_rate", f"fps is no number of frames a second from {MIN_FPS:g} to {MAX_FPS:g}")
    return fps
