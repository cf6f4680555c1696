"""``echomort fetch``: echo files from a server, or from videos."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from echomort.core.errors import UserError
from orchestration.cli.options import (
    FetchedFolder,
    Senders,
    Title,
    TlsAuthority,
    TlsCertificate,
    TlsKey,
    out,
    progress_bar,
)

STABLE = "Minutes for which a study must not have grown, seen by two calls."
ROWS_SHOWN = 10
"""Rows of a table that are named for each reason at most. Our choice: a line of a terminal."""


def dicomweb(  # noqa: PLR0913, PLR0917 - one parameter an option
    url: Annotated[str, typer.Argument(help="The service's address, for example https://pacs/dicom-web.")],
    to: FetchedFolder,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only studies since this day.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="A StudyInstanceUID; may be repeated.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch objects again that exist already.")] = False,
    stable: Annotated[int, typer.Option(min=0, help=STABLE)] = 0,
) -> None:
    """Fetch ultrasound objects by QIDO-RS and WADO-RS, as they are stored; existing files are kept."""
    from echomort.sources.dicomweb import Query, fetch
    from echomort.sources.stability import Looks

    query = Query(since.date() if since else None, tuple(study or ()), again)
    with progress_bar("objects") as progress:
        looks = Looks(to, stable) if stable else None
        found = fetch(url, to, query, lambda so_far: progress(so_far.total, so_far.total), looks=looks)
    out.print(f"{to}: {found.new} new, {found.replaced} replaced, {found.there} there already, {found.failed} failed")
    if found.unstable:
        out.print(f"{found.unstable} studies are not stable yet: run again after {stable} minutes")
    if found.failed:
        raise UserError(f"{found.failed} objects could not be fetched", "run again: only these are missing")


def pacs(  # noqa: PLR0913, PLR0917 - one parameter an option
    archive: Annotated[str, typer.Argument(help="The archive: HOST:PORT/AET, for example pacs:11112/ARCHIVE.")],
    to: FetchedFolder,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of study.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; default: tomorrow.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="A StudyInstanceUID instead; may be repeated.")] = None,
    stable: Annotated[int, typer.Option(min=0, help=STABLE)] = 60,
    aet: Title = "ECHOMORT",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port that the archive sends to.")] = 11112,
    host: Annotated[
        str, typer.Option(help="Address to listen on: for an archive elsewhere 0.0.0.0, or this machine's.")
    ] = "127.0.0.1",
    sender: Senders = None,
    tls_ca: TlsAuthority = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
) -> None:
    """Fetch ultrasound studies by C-FIND and C-MOVE once they are stable; what is there whole is not asked for again.

    The archive must know our title, address and port, because it sends the objects itself (C-STORE).
    """
    from echomort.sources.association import Archive
    from echomort.sources.discovery import StudyQuery
    from echomort.sources.receiver import Station
    from echomort.sources.retrieval import retrieve
    from echomort.sources.stability import Looks
    from echomort.sources.tls import Certificates

    query = StudyQuery(since.date() if since else None, until.date() if until else None, tuple(study or ()))
    certificates = Certificates.of(tls_ca, tls_cert, tls_key)
    station = Station(port, aet, host, tuple(sender or ()), certificates)
    with progress_bar("studies") as progress:
        found = retrieve(Archive.parse(archive, aet, certificates), query, Looks(to, stable), station, progress)
    out.print(f"{to}: {found.total} studies: {found}; {found.objects} new objects")
    if found.failed:
        raise UserError(
            f"{found.failed} studies failed, the last because {found.problem}", f"{found.remedy}; run again"
        )


def video(
    table: Annotated[Path, typer.Argument(help="CSV: file, patient_id, study_id and, if known, study_at, view, fps.")],
    to: FetchedFolder,
) -> None:
    """Write the videos (AVI, MP4 and others) that a table names as DICOM objects; EchoNet-Dynamic's FileList.csv is
    such a table.

    Files are named relative to the table's folder, and must lie below it. Objects that are there with the same content
    are kept.
    """
    from echomort.sources.video import fetch_videos

    with progress_bar("videos") as progress:
        found = fetch_videos(table, to, progress)
    out.print(f"{to}: of {found.total} videos {found}")
    for (reason, remedy), lines in found.refused.items():
        shown = ", ".join(map(str, lines[:ROWS_SHOWN])) + (", ..." if len(lines) > ROWS_SHOWN else "")
        out.print(f"{len(lines)} refused ({reason}), row {shown}: {remedy}")
    if found.failed:
        raise UserError(f"{found.failed} of {found.total} videos refused", "correct the table or files and run again")
