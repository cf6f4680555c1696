"""``echomort link``: which files would be linked to the records, and what hinders the others."""

import json
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import Adapter, AsJson, Set, SettingsFile, SettingsHome, out
from orchestration.cli.records import records_settings


def link(  # noqa: PLR0913, PLR0917
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Compare what the numbers on both sides look like, and name the rule that links."
        ),
    ] = False,
    dicom: Annotated[Path | None, typer.Option(help="The folder of the echo files (default: the project's).")] = None,
    ehr: Annotated[Path | None, typer.Option(help="The folder of the records (default: those of the project).")] = None,
    adapter: Adapter = None,
    home: SettingsHome = None,
    config: SettingsFile = None,
    assignments: Set = None,
    files: Annotated[
        int, typer.Option(min=1, help="Read the headers of this many files at most, spread over the folders.")
    ] = 5000,
    as_json: AsJson = False,
) -> None:
    """Show which files a run would link to the records, and why not the others; needs no key, and writes nothing.

    No number of a patient or a study is shown, nor a part of one.
    """
    named = [*(assignments or []), *([f"sources.dicom={dicom.absolute()}"] if dicom else [])]
    settings = records_settings(ehr, adapter, home, config, named)
    if not settings.dicom_root.is_dir():
        raise UserError("no echo files are named, or they are not there", "name their folder with --dicom")
    from assets.imaging import link_workbench as workbench
    from orchestration.printing.linkage import link_lines

    with workbench.both_sides(settings, files) as sides:
        account = workbench.account(sides)
    for line in [json.dumps(account.as_record())] if as_json else link_lines(account, explain):
        out.print(line)
