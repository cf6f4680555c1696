"""A C-STORE receiver (PS3.4 annex B): writes what a modality or an archive sends into a folder."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.dicom.header.fields import ULTRASOUND_LOOPS, ULTRASOUND_STILLS, ULTRASOUND_VOLUMES
from echomort.sources.association import require_title
from echomort.sources.landing import Landed, land
from echomort.sources.tls import Certificates

VERIFICATION = "1.2.840.10008.1.1"
"""The SOP class of C-ECHO (PS3.4 annex A)."""
STORED, NO_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
"""Statuses of a C-STORE response (PS3.4 table B.2-1)."""


@dataclass(frozen=True)
class Station:
    """Where the receiver listens, its application entity title, those of who may send (none: anybody), and the
    certificates, where it is to take TLS alone."""

    port: int
    title: str = "ECHOMORT"
    host: str = "127.0.0.1"
    senders: tuple[str, ...] = ()
    certificates: Certificates | None = None


@contextlib.contextmanager
def receiving(
    folder: Path, station: Station, landed: Callable[[Landed], None] = lambda how: None
) -> Iterator[tuple[str, int]]:
    """Receive ultrasound objects into ``folder`` for as long as the block runs; yield the address listened on.

    Objects are written as they are sent, complete or not at all, before the sender gets its success status. Every
    transfer syntax is accepted, because nothing is decoded here. Raises :class:`UserError` where the port is in use, or
    a title can't be one.
    """
    for title in (station.title, *station.senders):
        require_title(title, "write at most 16 letters, digits and signs of ASCII, no backslash")
    try:
        from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
    except ModuleNotFoundError:
        raise UserError("pynetdicom is not installed", "pip install 'echomort[receiver]'") from None

    entity = AE(ae_title=station.title)
    for sop_class in sorted(ULTRASOUND_LOOPS | ULTRASOUND_STILLS | ULTRASOUND_VOLUMES):
        entity.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    entity.add_supported_context(VERIFICATION)
    entity.require_called_aet = True
    entity.require_calling_aet = list(station.senders)
    tls = station.certificates.to_be_called() if station.certificates else None
    handlers: list[Any] = [(evt.EVT_C_STORE, _store, [folder, landed])]
    try:
        server = entity.start_server((station.host, station.port), block=False, ssl_context=tls, evt_handlers=handlers)
    except OSError:
        raise UserError(f"port {station.port} of {station.host} is not available", "choose another --port") from None
    assert server is not None and server.socket is not None
    try:
        yield server.socket.getsockname()[:2]
    finally:
        entity.shutdown()


def _store(event: Any, folder: Path, landed: Callable[[Landed], None]) -> int:
    """Answer one C-STORE request with its status (PS3.4 B.2.3)."""
    sop_uid = str(event.request.AffectedSOPInstanceUID or "")
    if not sop_uid:
        return NOT_UNDERSTOOD
    content = event.encoded_dataset()
    try:
        how = land(folder, _study_of(content), sop_uid, content)
    except (OSError, UserError):
        return NO_RESOURCES
    landed(how)
    return STORED


def _study_of(content: bytes) -> str:
    """Return the study's UID; "" where the header can't be read: such objects share a folder and get a reason later."""
    from pydicom import dcmread

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
            return str(found.get("StudyInstanceUID", ""))
    except Exception:  # noqa: BLE001 - the boundary: whatever was sent is kept, and rejected with a reason when it is read
        return ""
