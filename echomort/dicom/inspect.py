"""Inspection of single files: which give clips, which do not, why, and a contact sheet of each."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from echomort.core.errors import UserError
from echomort.core.files import atomic_path
from echomort.dicom.clip import Clip
from echomort.dicom.discovery import discover
from echomort.dicom.frames.open import open_frames
from echomort.dicom.frames.philips import open_native
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import open_object, read_header, reject_errors_as
from echomort.dicom.header.regions import Box
from echomort.dicom.header.views import read_view_table
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.saved import save_clip
from echomort.dicom.workers import Job, ReadOutcome, read_clips
from echomort.settings import ClipSettings, Settings

SHEET_COLUMNS = 5
"""Frames of the loop, evenly spaced, that a contact sheet shows. Our choice."""

FPS_DIGITS = 3
"""Decimals of frames a second in a record. Our choice: FrameTime is written to a few digits."""


@dataclass(frozen=True)
class Inspection:
    """What is known of one file.

    ``reason`` and ``detail`` are None where the file was accepted; ``region`` (x0, y0, x1, y1) is None where it was
    rejected. ``clip`` and ``sheet`` are the files saved for it (clip: accepted files only), None where none was asked
    for.
    """

    path: Path
    reason: Reason | None
    detail: str | None
    frames: int | None
    fps: float | None
    fps_source: str
    view: str
    view_source: str
    region: Box | None
    notes: tuple[str, ...]
    clip: Path | None = None
    sheet: Path | None = None

    @classmethod
    def from_outcome(cls, path: Path, outcome: Clip | Rejected) -> Inspection:
        """Return the inspection of the file at ``path``, of which reading gave ``outcome``."""
        if isinstance(outcome, Clip):
            return cls(
                path=path,
                reason=None,
                detail=None,
                frames=outcome.frames,
                fps=outcome.fps,
                fps_source=outcome.fps_source,
                view=outcome.view,
                view_source=outcome.view_source,
                region=outcome.region,
                notes=outcome.notes,
            )
        header = outcome.header or Header()
        return cls(
            path=path,
            reason=outcome.reason,
            detail=outcome.detail or None,
            frames=header.frames or None,
            fps=header.fps,
            fps_source=header.fps_source,
            view=header.view,
            view_source=header.view_source,
            region=None,
            notes=header.notes,
        )

    @property
    def status(self) -> str:
        """``accepted`` or ``rejected``."""
        return "accepted" if self.reason is None else "rejected"

    def as_record(self) -> dict[str, Any]:
        """Return plain values for JSON: all fields, the reason's meaning, and the files where any were saved."""
        record = {
            "path": str(self.path),
            "status": self.status,
            "reason": None if self.reason is None else self.reason.value,
            "meaning": None if self.reason is None else self.reason.meaning,
            "detail": self.detail,
            "frames": self.frames,
            "fps": None if self.fps is None else round(self.fps, FPS_DIGITS),
            "fps_source": self.fps_source,
            "view": self.view,
            "view_source": self.view_source,
            "region": None if self.region is None else list(self.region),
            "notes": list(self.notes),
        }
        if self.sheet is None:
            return record
        return record | {"clip": None if self.clip is None else str(self.clip), "sheet": str(self.sheet)}


def inspect_paths(
    paths: Sequence[Path | str], settings: Settings | None = None, save: Path | str | None = None
) -> Iterator[Inspection]:
    """Yield one inspection a file of ``paths`` (folders are searched), in order.

    ``settings`` are those of preset ``standard`` unless given; ``as_record()`` makes an inspection a row of a data
    frame. With ``save``, the clip (a .npy of uint8 (frames, height, width), with a .json beside it) and a contact sheet
    (PNG) are written into that folder. Raises :class:`UserError` where a path does not exist.

    >>> from pydicom.data import get_testdata_file
    >>> from echomort.settings import Execution
    >>> settings = Settings(execution=Execution(processes=1))
    >>> [inspection] = inspect_paths([get_testdata_file("examples_ybr_color.dcm")], settings)
    >>> inspection.status, inspection.frames, inspection.view
    ('accepted', 30, 'unknown')
    """
    settings = settings or Settings()
    folder = None if save is None else Path(save)
    table = read_view_table(settings.sources.view_table) if settings.sources.view_table else {}
    files = list(_list_files([Path(path) for path in paths]))
    jobs = [Job(path, _tabled_view(path, table), str(number)) for number, path in enumerate(files)]
    outcomes = read_clips(jobs, settings.imaging, min(settings.execution.cores, len(jobs)))
    with closing(in_order(outcomes)) as ordered:
        for job, outcome in ordered:
            inspection = Inspection.from_outcome(job.path, outcome)
            yield _save(inspection, job, outcome, folder, settings.imaging.clip) if folder else inspection


def in_order(outcomes: Generator[ReadOutcome]) -> Generator[ReadOutcome]:
    """Yield the outcomes of :func:`read_clips` in the order of the jobs, whose keys count them: "0", "1", ... Closing
    it ends the processes that read."""
    ready: dict[int, ReadOutcome] = {}
    following = 0
    with closing(outcomes):
        for job, outcome in outcomes:
            ready[int(job.key)] = job, outcome
            while following in ready:
                yield ready.pop(following)
                following += 1


def draw_sheet(path: Path, outcome: Clip | Rejected, target: Path) -> None:
    """Draw the contact sheet of one file to the PNG ``target``.

    The upper row shows raw frames with the region (yellow) and the sector (cyan), the lower row the clip's frames at
    the same times; a rejected file has its reason as the title. Raw frames show what is burned into them, names too: a
    sheet is for people who may see the file itself.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    raw = _raw_frames(path, outcome)
    figure = Figure(figsize=(3.1 * SHEET_COLUMNS, 5.6), facecolor="white")
    axes = figure.subplots(2, SHEET_COLUMNS)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (index, frame) in zip(axes[0], raw, strict=False):
        axis.imshow(frame, cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"frame {index + 1}", fontsize=8)
        if isinstance(outcome, Clip):
            _draw_outline(axis, outcome)
    if isinstance(outcome, Clip):
        _draw_clip(axes[1], outcome)
    figure.suptitle(_caption(outcome), fontsize=10, x=0.01, ha="left")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.88, wspace=0.03, hspace=0.12)
    with atomic_path(target) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, dpi=100, format="png")


def _list_files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from (path / name for name in discover(path))
        elif path.exists():
            yield path
        else:
            raise UserError(f"no such file or folder ({path})", "correct the path")


def _tabled_view(path: Path, table: Mapping[str, str]) -> str | None:
    if not table:
        return None
    try:
        return table.get(read_header(path).sop_uid)
    except Rejected:
        return None


def _save(
    inspection: Inspection, job: Job, outcome: Clip | Rejected, folder: Path, settings: ClipSettings
) -> Inspection:
    """Save sheet and clip, and return where; file names are numbers, since the archive's may hold a patient's name."""
    name = f"{int(job.key) + 1:05d}"
    sheet, clip = folder / f"{name}.png", folder / f"{name}.npy"
    draw_sheet(job.path, outcome, sheet)
    if not isinstance(outcome, Clip):
        return replace(inspection, sheet=sheet)
    save_clip(clip, outcome, settings)
    return replace(inspection, clip=clip, sheet=sheet)


def _raw_frames(path: Path, outcome: Clip | Rejected) -> list[tuple[int, np.ndarray]]:
    """Return (index, luma) of a few frames, of rejected files too; none where they can't be read."""
    try:
        with reject_errors_as(Reason.UNREADABLE), open_object(path, check=False) as source:
            native = isinstance(outcome, Clip) and "native" in outcome.notes
            frames = open_native(source) if native else open_frames(source)
            chosen = sorted({round(at) for at in np.linspace(0, frames.count - 1, min(SHEET_COLUMNS, frames.count))})
            return [(index, frames.luma(index)) for index in chosen]
    except Rejected:
        return []


def _draw_outline(axis: Any, clip: Clip) -> None:
    x0, y0, x1, y1 = clip.region
    axis.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="yellow", linewidth=0.8)
    closed = np.concatenate([clip.outline, clip.outline[:1]])
    axis.plot(closed[:, 0], closed[:, 1], color="cyan", linewidth=0.8)


def _draw_clip(axes: Any, clip: Clip) -> None:
    lit = np.flatnonzero(clip.pixels.reshape(len(clip.pixels), -1).any(axis=1))
    last = int(lit[-1]) if len(lit) else 0
    for axis, index in zip(axes, np.linspace(0, last, SHEET_COLUMNS).round().astype(int), strict=True):
        axis.imshow(clip.pixels[index], cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"clip {index + 1}", fontsize=8)


def _caption(outcome: Clip | Rejected) -> str:
    if isinstance(outcome, Rejected):
        return f"Rejected: {outcome.reason.value}. {outcome.reason.meaning}"
    notes = f"\nNotes: {', '.join(outcome.notes)}" if outcome.notes else ""
    return (
        f"Accepted: {outcome.frames} frames at {outcome.fps:.1f} a second ({outcome.fps_source}), "
        f"view {outcome.view} ({outcome.view_source}){notes}"
    )
