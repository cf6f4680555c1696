"""Sending objects to an archive: by C-STORE (PS3.4 annex B) or STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from echomort.core.errors import UserError
from echomort.sources.association import Archive, Passing, associate, set_timeouts, try_patiently, unreachable
from echomort.sources.dicomweb import NOT_DICOM, REFUSALS, may_pass, not_dicomweb, open_client, refused_access
from echomort.sources.retry import Patience, patiently

if TYPE_CHECKING:
    from pydicom import Dataset

SUCCESS, COERCED = 0x0000, {0xB000, 0xB006, 0xB007}
"""Statuses of a C-STORE response that say that the object is kept, the latter as other than it came or with a warning
(PS3.4 table B.2-1)."""
NO_RESOURCES = range(0xA700, 0xA800)
"""Statuses of an archive that has no room now (PS3.4 table B.2-1)."""


@dataclass
class Sent:
    """How many objects an archive took, how many it did not, and what was wrong with the last of these."""

    sent: int = 0
    failed: int = 0
    problem: str = ""
    remedy: str = ""

    def fail(self, error: UserError, count: int = 1) -> None:
        """Count objects that were not sent."""
        if count:
            self.failed, self.problem, self.remedy = self.failed + count, error.problem, error.remedy


class OutOfResources(Passing):
    """The archive has no room now (PS3.4 table B.2-1)."""


class _Refused(UserError):
    """An object that the archive does not take; it may take others."""


def send_by_store(objects: Sequence[Dataset], archive: Archive, patience: Patience | None = None) -> Sent:
    """Send ``objects`` by C-STORE in one association; what can pass is tried again.

    An object that is refused is counted, and the others are sent. Where no association is to be had, or the archive
    has no room, the rest counts as not sent. Raises :class:`UserError` where pynetdicom is not installed.
    """
    try:
        from pynetdicom import AE
    except ModuleNotFoundError:
        raise UserError("pynetdicom is not installed", "pip install 'echomort[pacs]'") from None
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    entity = AE(ae_title=archive.ours)
    set_timeouts(entity)
    for sop_class in sorted({str(one.SOPClassUID) for one in objects}):
        entity.add_requested_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    patience = patience or Patience()
    unsupported = UserError(
        "the archive takes neither of these objects", "ask its administrator, or send one kind (--only)"
    )
    try:
        association = try_patiently(lambda: associate(entity, archive, unsupported), unreachable(), patience)
    except UserError as error:
        sent = Sent()
        sent.fail(error, len(objects))
        return sent
    try:
        full = UserError("the archive has no room", "free some there, and run again")
        return _send(objects, lambda one: try_patiently(lambda: _store(association, one), full, patience))
    finally:
        if association.is_established:
            association.release()


def send_by_stow(objects: Sequence[Dataset], url: str, patience: Patience | None = None) -> Sent:
    """Send ``objects`` to the DICOMweb server at ``url``, as :func:`send_by_store`. Raises :class:`UserError` where
    dicomweb-client is not installed, or ``url`` is no address."""
    client = open_client(url)
    failing = UserError("the DICOMweb server keeps failing", "check the address and network, and run again")
    return _send(objects, lambda one: patiently(lambda: _stow(client, one), may_pass, failing, patience or Patience()))


def _send(objects: Sequence[Dataset], send: Any) -> Sent:
    """Send each object; a refused one is counted, and any other failure ends it."""
    sent = Sent()
    for place, one in enumerate(objects):
        try:
            send(one)
            sent.sent += 1
        except _Refused as error:
            sent.fail(error)
        except UserError as error:
            sent.fail(error, len(objects) - place)
            break
    return sent


def _store(association: Any, one: Dataset) -> None:
    try:
        answer = association.send_c_store(one)
    except ValueError:
        raise _Refused("the archive does not take this kind of object", "send the other kind alone (--only)") from None
    except RuntimeError:
        raise UserError(*_LOST) from None
    status = answer.get("Status")
    if status is None:
        raise UserError(*_LOST)
    if status in NO_RESOURCES:
        raise OutOfResources
    if status != SUCCESS and status not in COERCED:
        raise _Refused(f"the archive refuses an object with status {status:04X}H", "ask its administrator why")


_LOST = ("the connection to the archive was lost", "run again: what is there already is the same object")


def _stow(client: Any, one: Dataset) -> None:
    import requests

    try:
        answer = client.store_instances([one])
    except requests.HTTPError as error:
        if may_pass(error) or error.response is None:
            raise
        raise _answered(error.response.status_code) from None
    except (requests.RequestException, *NOT_DICOM) as error:
        if may_pass(error):
            raise
        raise not_dicomweb() from None
    if answer.get("FailedSOPSequence"):
        raise _Refused("the DICOMweb server refuses an object", "ask its administrator why")


def _answered(status: int) -> UserError:
    if status in REFUSALS:
        return refused_access(status)
    return _Refused(f"the DICOMweb server answers with status {status}", "correct the address, or ask why there")
