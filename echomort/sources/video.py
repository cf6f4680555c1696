"""Videos that a table names, written into a folder as DICOM objects, which everything else reads."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from echomort.dicom.saved import Unusable
from echomort.echonet.avi import require_video
from echomort.sources.landing import Landed, land, landing_path
from echomort.sources.video_object import as_bytes, make_object
from echomort.sources.video_stream import read_video
from echomort.sources.video_table import VideoRow, read_video_table


@dataclass
class FetchedVideos:
    """Counts of the table's rows: new, there already and replaced objects; and the lines of those that were refused."""

    new: int = 0
    same: int = 0
    replaced: int = 0
    refused: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """(Reason, remedy) -> lines of the table, whose header is line 1."""

    @property
    def failed(self) -> int:
        """How many rows were refused."""
        return sum(map(len, self.refused.values()))

    @property
    def total(self) -> int:
        """How many rows have been dealt with."""
        return self.new + self.same + self.replaced + self.failed

    def __str__(self) -> str:
        """Return the counts in words."""
        return f"{self.new} new, {self.replaced} replaced, {self.same} there already, {self.failed} refused"


def fetch_videos(
    table: Path, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> FetchedVideos:
    """Write each video that ``table`` names (:func:`read_video_table`) below ``folder`` as one DICOM object.

    An object is complete or absent; one that is there with the same content is left as it is. Every row ends in one
    count of :class:`FetchedVideos`. Raises :class:`UserError` where the table can't be read, PyAV is not installed, or
    the folder is not writable.
    """
    require_video()
    rows = read_video_table(table)
    counts, takes = FetchedVideos(), _Taker(rows, table.parent, folder)
    for done, row in enumerate(rows, start=1):
        try:
            outcome = takes(row)
        except Unusable as unusable:
            counts.refused[unusable.reason, unusable.remedy].append(row.line)
        else:
            setattr(counts, outcome, getattr(counts, outcome) + 1)
        progress(done, len(rows))
    return counts


class _Taker:
    """Takes the rows of one table one after another; knows which of them contradict each other."""

    def __init__(self, rows: Sequence[VideoRow], source: Path, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.said: dict[Path, set[tuple[str, ...]]] = defaultdict(set)
        self.written: dict[Path, tuple[str, ...]] = {}
        for row in rows:
            with contextlib.suppress(Unusable):
                self.said[row.path(source)].add(row.cells)

    def __call__(self, row: VideoRow) -> Landed:
        """Write the video of ``row``. Raises :class:`Unusable`.

        Where rows of one file differ, none is right for certain. Of copies of a video in one study the first counts;
        those in several studies get one SOP instance UID, by which linkage leaves out all of them.
        """
        path, known = row.path(self.source), row.described()
        if len(self.said[path]) > 1:
            raise _contradiction()
        made = make_object(read_video(path), known)
        uids = str(made.StudyInstanceUID), str(made.SOPInstanceUID)
        if self.written.setdefault(landing_path(self.folder, *uids), row.cells) != row.cells:
            raise _contradiction()
        return land(self.folder, *uids, as_bytes(made))


def _contradiction() -> Unusable:
    return Unusable("conflicting_rows", "other rows say otherwise of the same video: correct or delete them")
