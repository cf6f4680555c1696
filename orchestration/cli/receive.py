"""``echomort receive``: receive echo files from a modality or an archive."""

import contextlib
import signal
import threading
from typing import Annotated, Literal

import typer

from orchestration.cli.options import FetchedFolder, Senders, Title, TlsAuthority, TlsCertificate, TlsKey, out


def receive(  # noqa: PLR0913, PLR0917 - one parameter an option
    to: FetchedFolder,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 11112,
    aet: Title = "ECHOMORT",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 accepts other machines.")] = "127.0.0.1",
    sender: Senders = None,
    tls_ca: TlsAuthority = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
) -> None:
    """Receive ultrasound objects (C-STORE) into a folder until interrupted."""
    from echomort.sources.receiver import Station, receiving
    from echomort.sources.tls import Certificates

    counts = dict.fromkeys(("new", "same", "replaced"), 0)

    def landed(how: Literal["new", "same", "replaced"]) -> None:
        counts[how] += 1

    station = Station(port, aet, host, tuple(sender or ()), Certificates.of(tls_ca, tls_cert, tls_key))
    for ending in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a script's background commands start with it ignored
        signal.signal(ending, signal.default_int_handler)
    with receiving(to, station, landed) as (address, listened), contextlib.suppress(KeyboardInterrupt):
        out.print(f"{aet} listens on {address}:{listened}; stop it with Ctrl-C")
        threading.Event().wait()
    out.print(f"{to}: {counts['new']} new, {counts['replaced']} replaced, {counts['same']} there already")
