"""``echomort fetch``: echo files from a server."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import out, progress_bar


def dicomweb(
    url: Annotated[str, typer.Argument(help="The service's address, for example https://pacs/dicom-web.")],
    to: Annotated[Path, typer.Option(help="Folder to write to: set sources.dicom to it.")],
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only studies since this day.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="A StudyInstanceUID; may be repeated.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch objects again that exist already.")] = False,
) -> None:
    """Fetch ultrasound objects by QIDO-RS and WADO-RS, as they are stored; existing files are kept."""
    from echomort.sources.dicomweb import Query, fetch

    query = Query(since.date() if since else None, tuple(study or ()), again)
    with progress_bar("objects") as progress:
        found = fetch(url, to, query, lambda so_far: progress(so_far.total, so_far.total))
    out.print(f"{to}: {found.new} new, {found.replaced} replaced, {found.there} there already, {found.failed} failed")
    if found.failed:
        raise UserError(f"{found.failed} objects could not be fetched", "run again: only these are missing")
