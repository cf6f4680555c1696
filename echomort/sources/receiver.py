"""A C-STORE receiver (PS3.4 annex B): what a modality or an archive sends comes to lie in a folder."""

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
from echomort.sources.landing import Landed, land

VERIFICATION = "1.2.840.10008.1.1"
STORED, NO_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000


@dataclass(frozen=True)
class Station:
    """Where the receiver listens, what it is called, and who may send (no one named: whoever reaches it)."""

    port: int
    title: str = "ECHOMORT"
    host: str = "127.0.0.1"
    senders: tuple[str, ...] = ()


@contextlib.contextmanager
def receiving(
    folder: Path, station: Station, landed: Callable[[Landed], None] = lambda how: None
) -> Iterator[tuple[str, int]]:
    """Receive ultrasound objects into ``folder`` for as long as the block runs; yield the address listened on.

    Objects are written as they are sent, whole or not at all, before the sender is told that they are stored. Every
    transfer syntax is taken: which one is the sender's choice, and nothing is decoded here. Raises :class:`UserError`
    where the port is taken.
    """
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
    handlers: list[Any] = [(evt.EVT_C_STORE, _store, [folder, landed])]
    try:
        server = entity.start_server((station.host, station.port), block=False, evt_handlers=handlers)
    except OSError:
        raise UserError(f"port {station.port} of {station.host} can't be listened on", "name another --port") from None
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
    """Return the study's UID; objects whose header can't be read lie in one folder and get their reason later."""
    from pydicom import dcmread

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
            return str(found.get("StudyInstanceUID", ""))
    except Exception:  # noqa: BLE001 - the boundary: whatever was sent is kept, and judged where files are judged
        return ""
