"""``echomort export``: an archive's loops as data for others."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.audit import audited
from orchestration.cli.inspect import with_sizes
from orchestration.cli.options import SettingsFile, out, progress_bar
from orchestration.cli.projects import settings_of


def export(  # noqa: PLR0913, PLR0917 - one parameter an option
    archive: Annotated[Path, typer.Argument(help="Folder of echo files.")],
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that this export began.")],
    form: Annotated[str, typer.Option("--as", help="npz, mp4, zarr or dicom; mp4 and dicom are de-identified copies.")],
    size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH, or native: every frame as recorded (default: imaging.clip; copies: native)."),
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Use this project's settings and key (default: preset standard, ECHOMORT_KEY).")
    ] = None,
    config: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as a JSON object.")] = False,
) -> None:
    """Write the loops of an archive, everything outside the sector blank, with a manifest of all its files.

    With --home, the audit log of that project notes it.
    """
    from echomort.clips.export.manifest import exported_studies
    from echomort.clips.export.request import AS_SET, ExportRequest, parse_format, parse_size
    from echomort.clips.export.run import Archive, export_archive
    from echomort.core.keys import load_keyring
    from echomort.dicom import read_view_table

    settings = settings_of(home, config)
    if home is not None:
        settings = settings.model_copy(update={"home": home.absolute()})
    chosen = parse_format(form)
    sides = parse_size(size, chosen)
    if sides == AS_SET:
        settings = with_sizes(settings, home)
    keyring = load_keyring(settings.privacy.key_file, home is not None and settings.is_synthetic)
    request = ExportRequest(chosen, sides, settings.imaging, keyring, settings.privacy.dates)
    table = settings.sources.view_table
    views = read_view_table(table) if table else {}
    root = _root(archive, settings.dicom_root) if home is not None else archive
    log = audited(settings.home, f"export --as {chosen}") if home is not None else contextlib.nullcontext()
    with log as noted, progress_bar("files") as progress:
        made = export_archive(Archive(archive, root, views), folder, request, settings.execution.cores, progress)
        if noted is not None:
            studies = exported_studies(folder)
            noted.add((f"study {key}" for key in studies), studies=len(studies), loops=made.accepted)
    if as_json:
        out.print(json.dumps(vars(made)))
        return
    out.print(f"{made.files} files: {made.accepted} loops in {folder} ({made.new} new)")
    for reason, count in made.rejected.items():
        out.print(f"{count:8} rejected: {reason}")


def _root(archive: Path, root: Path) -> Path:
    """Return the folder to which a project's keys are relative, where ``archive`` is a part of its archive."""
    return root if archive.resolve().is_relative_to(root.resolve()) else archive
