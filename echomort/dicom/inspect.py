"""What a person asks of files at hand: which give clips, which do not, why, and what that looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from echomort.dicom.header.parsing import boundary, opened, read_header
from echomort.dicom.header.views import read_view_table
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.workers import Job, read_clips
from echomort.settings import ClipSettings, Settings

SHEET_COLUMNS = 5
"""Moments of the loop that a contact sheet shows."""


def inspect_paths(paths: Sequence[Path], settings: Settings, save: Path | None = None) -> Iterator[dict[str, Any]]:
    """Yield one record a file of ``paths`` (folders are searched), in order.

    A record has path (as given), status ("accepted" or "rejected"), reason, meaning and detail (None where
    accepted), frames, fps, fps_source, view, view_source, region (x0, y0, x1, y1) and notes; with ``save`` also clip
    (the .npy of uint8 (frames, height, width), a .json beside it) and sheet (a PNG), written into that folder. Raises
    :class:`UserError` where a path does not exist.
    """
    table = read_view_table(settings.sources.view_table) if settings.sources.view_table else {}
    files = list(_files(paths))
    jobs = [Job(path, _tabled(path, table), str(number)) for number, path in enumerate(files)]
    found = read_clips(jobs, settings.imaging, min(settings.execution.cores, len(jobs)))
    for job, outcome in in_order(found):
        kept = _saved(job, outcome, save, settings.imaging.clip) if save else {}
        yield record(job.path, outcome) | kept


def in_order(found: Iterable[tuple[Job, Clip | Rejected]]) -> Iterator[tuple[Job, Clip | Rejected]]:
    """Yield what :func:`read_clips` finds in the order of the jobs, whose keys count them: "0", "1", ..."""
    ready: dict[int, tuple[Job, Clip | Rejected]] = {}
    following = 0
    for job, outcome in found:
        ready[int(job.key)] = job, outcome
        while following in ready:
            yield ready.pop(following)
            following += 1


def record(path: Path, outcome: Clip | Rejected) -> dict[str, Any]:
    """Return what is known of one file as plain values."""
    if isinstance(outcome, Clip):
        return {
            "path": str(path),
            "status": "accepted",
            "reason": None,
            "meaning": None,
            "detail": None,
            "frames": outcome.frames,
            "fps": round(outcome.fps, 3),
            "fps_source": outcome.fps_source,
            "view": outcome.view,
            "view_source": outcome.view_source,
            "region": list(outcome.region),
            "notes": list(outcome.notes),
        }
    header = outcome.header or Header()
    return {
        "path": str(path),
        "status": "rejected",
        "reason": outcome.reason.value,
        "meaning": outcome.reason.meaning,
        "detail": outcome.detail or None,
        "frames": header.frames or None,
        "fps": None if header.fps is None else round(header.fps, 3),
        "fps_source": header.fps_source,
        "view": header.view,
        "view_source": header.view_source,
        "region": None,
        "notes": list(header.notes),
    }


def draw_sheet(path: Path, outcome: Clip | Rejected, target: Path) -> None:
    """Draw the contact sheet of one file to the PNG ``target``: above, raw frames with the region (yellow) and the
    sector (cyan); below, the clip's frames at the same moments, or the reason for having none.

    A raw frame shows whatever was burned into it, names too: a sheet is for those who may see the file itself.
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
            _outline(axis, outcome)
    if isinstance(outcome, Clip):
        _draw_clip(axes[1], outcome)
    figure.suptitle(_caption(outcome), fontsize=10, x=0.01, ha="left")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.88, wspace=0.03, hspace=0.12)
    with atomic_path(target) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, dpi=100, format="png")


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from (path / name for name in discover(path))
        elif path.exists():
            yield path
        else:
            raise UserError(f"no such file or folder ({path})", "correct the path")


def _tabled(path: Path, table: Mapping[str, str]) -> str | None:
    if not table:
        return None
    try:
        return table.get(read_header(path).sop_uid)
    except Rejected:
        return None


def _saved(job: Job, outcome: Clip | Rejected, folder: Path, settings: ClipSettings) -> dict[str, Any]:
    """File names are numbers: a name from the archive may hold a patient's."""
    from echomort.dicom.saved import save_clip

    name = f"{int(job.key) + 1:05d}"
    sheet, clip = folder / f"{name}.png", folder / f"{name}.npy"
    draw_sheet(job.path, outcome, sheet)
    if not isinstance(outcome, Clip):
        return {"clip": None, "sheet": str(sheet)}
    save_clip(clip, outcome, settings)
    return {"clip": str(clip), "sheet": str(sheet)}


def _raw_frames(path: Path, outcome: Clip | Rejected) -> list[tuple[int, np.ndarray]]:
    """A few frames to look at, as far as they can be read at all; stills and other rejects are worth a look too."""
    try:
        with boundary(Reason.UNREADABLE), opened(path, judged=False) as source:
            native = isinstance(outcome, Clip) and "native" in outcome.notes
            frames = open_native(source) if native else open_frames(source)
            chosen = sorted({round(at) for at in np.linspace(0, frames.count - 1, min(SHEET_COLUMNS, frames.count))})
            return [(index, frames.luma(index)) for index in chosen]
    except Rejected:
        return []


def _outline(axis: Any, clip: Clip) -> None:
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
