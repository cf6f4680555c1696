"""Associations with an archive (PS3.8): where it is, by which titles we and it are known, and why it refuses."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from echomort.core.errors import UserError
from echomort.sources.retry import Patience, patiently
from echomort.sources.tls import Certificates

Result = TypeVar("Result")

TITLE = re.compile(r"[ -\[\]-~]{1,16}")
"""An application entity title: 1 to 16 characters of ASCII that can be printed, without the backslash (PS3.5 6.2)."""
ADDRESS = "write HOST:PORT/AET, for example pacs:11112/ARCHIVE"
TRANSIENT = 2
"""Result of an association that is refused for the moment alone (PS3.8 table 9-21)."""
UNKNOWN_CALLING, UNKNOWN_CALLED = 3, 7
"""Reasons of the service user for a refusal (PS3.8 table 9-21)."""
SECONDS = 30
"""So long a connection, a negotiation and an answer to a small message may take. Our choice."""

# It logs UIDs and the keys of queries.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Archive:
    """An archive that speaks DICOM over TCP: host, port and title; the title by which it knows us; and the
    certificates, where it is to be spoken to by TLS alone."""

    host: str
    port: int
    title: str
    ours: str = "ECHOMORT"
    certificates: Certificates | None = None

    @classmethod
    def parse(cls, text: str, ours: str, certificates: Certificates | None = None) -> Archive:
        """Return the archive that ``text`` (HOST:PORT/AET) names. Raises :class:`UserError`."""
        place, _, title = text.partition("/")
        host, _, port = place.rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise UserError(f"{text!r} names no archive", ADDRESS)
        for one in (title, ours):
            require_title(one, ADDRESS)
        return cls(host.strip("[]"), int(port), title, ours, certificates)


class Passing(Exception):
    """A failure that another try may not meet; a person reads the name of its class."""


class NoAssociation(Passing):
    """Nobody answers there, or refuses for the moment (PS3.8 9.3.4)."""


class NoAnswer(Passing):
    """The connection was lost, or the answer took too long."""


class Refusal(UserError):
    """The archive does not let us in; it will refuse the next request too, until a person changes something."""


def require_title(title: str, remedy: str) -> None:
    """Raise :class:`UserError` with ``remedy`` where ``title`` can't be an application entity title."""
    if not TITLE.fullmatch(title) or not title.strip():
        raise UserError(f"{title!r} can't be an application entity title", remedy)


def set_timeouts(entity: Any, answer: float = SECONDS) -> None:
    """Let ``entity`` (pynetdicom's) wait no longer than :data:`SECONDS`, and ``answer`` seconds for each answer."""
    entity.connection_timeout = entity.acse_timeout = SECONDS
    entity.dimse_timeout = entity.network_timeout = answer


def try_patiently(action: Callable[[], Result], giving_up: UserError, patience: Patience) -> Result:
    """Return what ``action`` returns; try again after failures that may pass, as :func:`patiently`."""
    return patiently(action, lambda error: isinstance(error, Passing), giving_up, patience)


def unreachable() -> UserError:
    """Return the error of an archive that does not answer."""
    return UserError("the archive can't be reached", "check host, port and network, and run again")


def associate(entity: Any, archive: Archive, unsupported: UserError) -> Any:
    """Return an association that is established.

    Raises :class:`NoAssociation` where another try may help, ``unsupported`` where the archive accepts nothing of what
    ``entity`` asks for, and :class:`Refusal` where it refuses us.
    """
    tls = archive.certificates
    secured = {"tls_args": (tls.to_call(), archive.host)} if tls else {}
    association = entity.associate(archive.host, archive.port, ae_title=archive.title, **secured)
    if association.is_established:
        return association
    answer = association.acceptor.primitive if association.is_rejected else None
    if answer is not None and answer.result != TRANSIENT:
        raise _refusal(answer.diagnostic, archive)
    if association.rejected_contexts and not association.accepted_contexts:
        raise unsupported
    if tls and (problem := tls.problem(archive.host, archive.port)):
        raise Refusal(f"no TLS with the archive: {problem}", "correct its host, or --tls-ca, --tls-cert and --tls-key")
    raise NoAssociation


def _refusal(reason: int, archive: Archive) -> Refusal:
    if reason == UNKNOWN_CALLED:
        return Refusal(
            f"the archive knows no application entity {archive.title!r}", "correct the title in its HOST:PORT/AET"
        )
    if reason == UNKNOWN_CALLING:
        return Refusal(f"the archive does not know us as {archive.ours!r}", "register it there, or set --aet")
    return Refusal("the archive refuses the association", "ask its administrator to let this machine in")
