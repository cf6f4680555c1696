"""``echomort synth``: write a synthetic archive."""

from pathlib import Path
from typing import Annotated

import typer

from echomort import settings as configuration
from echomort.core.errors import UserError
from orchestration.cli.options import out, progress_bar


def synth(
    folder: Annotated[Path, typer.Argument(help="Folder to create; must not exist yet.")],
    patients: Annotated[int, typer.Option(min=1, help="Patients in the archive.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")] = 1,
    frame_size: Annotated[str, typer.Option(help="small (300x400) or full (600x800)")] = "small",
) -> None:
    """Write a synthetic archive: echo files, health records and, in another folder, the truth."""
    settings = configuration.load_settings(
        flags={
            "sources.synthetic.patients": patients,
            "sources.synthetic.seed": seed,
            "sources.synthetic.frame_size": frame_size,
        },
        environment={},
    )
    if folder.exists():
        raise UserError(f"{folder} exists already", "name a new folder, or remove it first")
    from echomort.synth.archive import write_archive

    assert settings.sources.synthetic is not None
    with progress_bar("loops") as progress:
        summary = write_archive(folder, settings.sources.synthetic, settings.execution.cores, progress)
    out.print(f"{folder}: {summary.patients} patients, {summary.studies} studies, {summary.files} files")
