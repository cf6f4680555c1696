"""``echomort inspect``: which files give a clip, and why others are rejected."""

from pathlib import Path
from typing import Annotated

import typer

from echomort.settings import Settings
from orchestration.cli.options import AsJson, SettingsFile, SettingsHome, print_records, require_paths
from orchestration.cli.projects import settings_of


def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Echo files or folders.")],
    as_json: AsJson = False,
    save: Annotated[Path | None, typer.Option(help="Folder for the clips (.npy) and contact sheets (.png).")] = None,
    home: SettingsHome = None,
    config: SettingsFile = None,
) -> None:
    """Show for every file: accepted, or rejected with its reason; timing, region, view."""
    require_paths(paths)
    from echomort.dicom import inspect_paths
    from orchestration.printing.files import inspected

    inspections = inspect_paths(paths, with_sizes(settings_of(home, config), home), save)
    print_records((inspection.as_record() for inspection in inspections), inspected, as_json)


def with_sizes(settings: Settings, home: Path | None) -> Settings:
    """Return ``settings`` with the sizes of views of the project at ``home``, where they decide: its champion's, else
    its archive's."""
    if home is None or settings.imaging.clip.fit == "inside":
        return settings
    from assets.prediction.risk_scores import clip_to_score
    from assets.project import Project

    clip = clip_to_score(Project(home=str(home)))
    return settings.model_copy(update={"imaging": settings.imaging.model_copy(update={"clip": clip})})
