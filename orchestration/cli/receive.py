"""``echomort receive``: echo files that a modality or an archive sends."""

import contextlib
import signal
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli.options import out


def receive(
    to: Annotated[Path, typer.Option(help="Folder to fill: name it as sources.dicom.")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 11112,
    aet: Annotated[str, typer.Option(help="Our application entity title.", show_default=True)] = "ECHOMORT",
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine reach 0.0.0.0.")
    ] = "127.0.0.1",
    sender: Annotated[list[str] | None, typer.Option(help="An AE title that may send; may be repeated.")] = None,
) -> None:
    """Receive ultrasound objects (C-STORE) into a folder until interrupted."""
    from echomort.sources.receiver import Station, receiving

    counts = dict.fromkeys(("new", "same", "replaced"), 0)

    def landed(how: Literal["new", "same", "replaced"]) -> None:
        counts[how] += 1

    station = Station(port, aet, host, tuple(sender or ()))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with receiving(to, station, landed) as (address, listened), contextlib.suppress(KeyboardInterrupt):
        out.print(f"{aet} listens on {address}:{listened}; Ctrl-C ends it")
        threading.Event().wait()
    out.print(f"{to}: {counts['new']} new, {counts['replaced']} replaced, {counts['same']} there already")
