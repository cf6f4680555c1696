"""The sizes of frames by view, and with them the shapes of clips."""

from collections.abc import Mapping

from assets.project import Project
from echomort.settings import ClipSettings
from warehouse.queries import run


def project_clip(project: Project) -> ClipSettings:
    """Return the project's clip settings, where ``fit`` is ``view_size`` with the size of every view of the archive:
    that of the settings, else the commonest among the candidate loops."""
    clip = project.settings.imaging.clip
    return clip if clip.fit == "inside" else with_archive_sizes(project, clip)


def with_archive_sizes(project: Project, clip: ClipSettings) -> ClipSettings:
    """Return ``clip`` with the archive's sizes for the views, and for loops of an unknown view, that it does not
    name."""
    return clip.model_copy(update={"view_sizes": archive_sizes(project) | clip.view_sizes})


def archive_sizes(project: Project) -> dict[str, tuple[int, int]]:
    """Return view -> the commonest rows and columns of its candidate loops; ``unknown``: of all candidate loops."""
    with project.reader() as connection:
        rows = run(connection, "reads/clips/view_sizes.sql").fetchall()
    return {view: (height, width) for view, height, width in rows}


def clip_shapes(project: Project) -> Mapping[str, tuple[int, int, int]]:
    """Return view -> (frames, height, width) of the project's clips, for every view in the archive; all are equal with
    fit ``inside``."""
    clip = project_clip(project)
    return {view: clip.shape_of(view) for view in archive_sizes(project)}
