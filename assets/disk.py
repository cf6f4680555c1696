"""How much disk the next run takes at most, from what the last ones took."""

import math
from pathlib import Path

from assets.imaging.clips import CLIPS
from assets.incremental import stale_units
from assets.project import Project
from assets.sources.dicom_archive import archive_files
from assets.sources.embedded import is_written
from warehouse.queries import run, scalar

AGAIN = ("models", "warehouse.duckdb")
"""What a run may write anew as a whole beside what is there."""


def bytes_of_next_run(project: Project) -> int:
    """Return the most bytes that the next run adds to the home: the clips of files that are new or stale, at what a
    file took so far (before any: at the size of a clip), and the models and tables once more.

    Raises :class:`UserError`.
    """
    settings = project.settings
    there = len(archive_files(settings)) if is_written(settings) else 0
    stale, _, _ = stale_units(project, CLIPS)
    with project.reader() as connection:
        known = int(scalar(connection, "reads/counts/indexed_files.sql"))
        run(connection, "definitions/clip_input.sql")
        waiting = int(run(connection, "reads/clips/clip_plan.sql", studies=None).df()["study_key"].isin(stale).sum())
    files = max(0, there - known) + waiting
    done = known - waiting
    clips = _size(project.root / "clips")
    of_file = clips / done if clips and done > 0 else math.prod(settings.imaging.clip.shape)
    return math.ceil(files * of_file) + sum(_size(project.root / name) for name in AGAIN)


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; 0 where there is none."""
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
