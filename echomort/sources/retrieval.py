"""Ultrasound studies from an archive by C-MOVE (PS3.4 annex C), sent by it to a receiver that runs meanwhile."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from echomort.core.errors import UserError
from echomort.sources.association import Archive, Passing, Refusal, associate, set_timeouts, try_patiently
from echomort.sources.discovery import (
    FIND,
    StudyQuery,
    ask_studies,
    find_objects,
    find_studies,
    requested,
)
from echomort.sources.landing import Landed, landing_path
from echomort.sources.receiver import Station, receiving
from echomort.sources.retry import Patience
from echomort.sources.stability import Looks

Result = TypeVar("Result")

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
"""SOP class of C-MOVE, Study Root (PS3.4 C.6.2.1.3)."""
UNKNOWN_DESTINATION, NOT_AUTHORIZED = 0xA801, 0x0124
"""Statuses of a C-MOVE that every other would get too (PS3.4 table C.4-2, PS3.7 C.4.2)."""
ANSWER_SECONDS = 600
"""So long the next answer may take. Our choice: between answers an archive may read a study from tape."""
FAILURES_IN_A_ROW = 3
"""After so many studies in succession of which the archive answered nothing it has failed, not the studies."""


@dataclass
class Retrieved:
    """Counts of studies: retrieved now, there already, not yet stable, without ultrasound, failed; new objects; and
    what was wrong with the last study that failed."""

    retrieved: int = 0
    there: int = 0
    unstable: int = 0
    without: int = 0
    failed: int = 0
    objects: int = 0
    problem: str = ""
    remedy: str = ""

    @property
    def total(self) -> int:
        """How many studies have been dealt with."""
        return self.retrieved + self.there + self.unstable + self.without + self.failed

    def __str__(self) -> str:
        """Return the counts in words."""
        return (
            f"{self.retrieved} retrieved, {self.there} there already, {self.unstable} not stable yet, "
            f"{self.without} without ultrasound, {self.failed} failed"
        )


def retrieve(  # noqa: PLR0913, PLR0917
    archive: Archive,
    query: StudyQuery,
    looks: Looks,
    station: Station,
    progress: Callable[[int, int], None] = lambda done, total: None,
    patience: Patience | None = None,
) -> Retrieved:
    """Retrieve the stable ultrasound studies that ``query`` asks for into the folder of ``looks``, one file an object.

    A study that is there whole is not asked for again; of another one, the series that lack an object are. Every study
    ends in one count of :class:`Retrieved`; the next call tries again what failed. Raises :class:`UserError` where the
    archive can't be reached, could not reach us or refuses us, or ``station`` can't listen.
    """
    require_way_back(archive.host, station.host)
    landed: list[Landed] = []
    with warnings.catch_warnings(), receiving(looks.folder, station, landed.append) as (_, port):
        warnings.simplefilter("ignore")  # pydicom quotes values that are not as they should be
        with _Retrieval(archive, looks, port, patience or Patience()) as retrieval:
            studies = retrieval.find(query)
            for done, (study, instances) in enumerate(studies.items(), start=1):
                try:
                    retrieval.take(study, instances)
                except UserError as error:
                    before = f"until then, of {len(studies)} studies {retrieval.counts}"
                    raise UserError(f"{error.problem}; {before}", error.remedy) from error
                progress(done, len(studies))
    retrieval.counts.objects = landed.count("new")
    return retrieval.counts


def require_way_back(archive: str, ours: str) -> None:
    """Raise :class:`UserError` where ``archive`` is another machine, and ``ours``, the address that we listen on, can
    be reached from this machine alone. Nothing is asked of a host whose name is unknown: the connection will say so."""
    if any(map(_is_loopback, _addresses(ours))) and _addresses(archive) and not _is_here(archive):
        raise UserError(
            f"the archive could not reach us: we would listen on {ours}, which other machines can't call",
            "give --host 0.0.0.0, or this machine's address",
        )


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_here(host: str) -> bool:
    """Return whether ``host`` has an address of this machine: only on those can a socket listen."""
    for address in _addresses(host):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
            return True
    return False


class _Retrieval:
    """Studies of one archive that are retrieved one after another; passing failures are tried again.

    At the end of its block the association ends and the looks are saved.
    """

    def __init__(self, archive: Archive, looks: Looks, port: int, patience: Patience) -> None:
        from pynetdicom import AE

        self.archive, self.looks, self.port, self.patience = archive, looks, port, patience
        self.counts, self.failures = Retrieved(), 0
        self.association: Any = None
        self.entity = AE(ae_title=archive.ours)
        self.entity.add_requested_context(FIND)
        self.entity.add_requested_context(MOVE)
        set_timeouts(self.entity, ANSWER_SECONDS)

    def __enter__(self) -> _Retrieval:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the association, at once where a request may still be under way; save the looks."""
        if self.association is not None and self.association.is_established:
            self.association.abort() if kind else self.association.release()
        self.looks.save()

    def find(self, query: StudyQuery) -> dict[str, int | None]:
        """Return the studies and their instances; those that are named and missing count as failed."""
        found = find_studies(query, lambda keys: self._asking(lambda association: ask_studies(association, keys)))
        for _ in set(query.studies) - set(found):
            self._fail(UserError("the archive has no ultrasound study of that UID", "correct --study"))
        return found

    def take(self, study: str, instances: int | None) -> None:
        """Retrieve a study where it is stable and not there, and count it. Raises :class:`UserError` where the archive
        fails study after study, or refuses us."""
        try:
            outcome = self._outcome(study, instances)
        except Refusal:
            raise
        except UserError as error:
            self._fail(error)
            self.failures = 0 if self.association else self.failures + 1  # without one the archive answered nothing
            if self.failures == FAILURES_IN_A_ROW:
                raise
        else:
            self.failures = 0
            setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)

    def _outcome(self, study: str, instances: int | None) -> str:
        """Return the field of :class:`Retrieved` to count the study in."""
        if instances is None:
            found = self._asking(lambda association: find_objects(association, study))
            instances = sum(map(len, found.values()))
        kept = self.looks.whole(study, instances)
        if kept is not None:
            return "there" if kept else "without"
        if not self.looks.is_stable(study, instances):
            return "unstable"
        return self._asking(lambda association: self._move(association, study))

    def _move(self, association: Any, study: str) -> str:
        """Have the series sent that lack an object. Raises :class:`UserError` where not all arrive."""
        series = find_objects(association, study)
        missing = self._missing(study, series)
        status = 0
        for uid in missing:
            status = self._move_series(association, study, uid) or status
        left = self._missing(study, series)
        if left:
            raise self._incomplete(sum(map(len, left.values())), status)
        self.looks.note_whole(study, sum(map(len, series.values())))
        if not series:
            return "without"
        return "retrieved" if missing else "there"

    def _missing(self, study: str, series: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return the objects that are not in the folder, by series; a series without one is absent."""
        lacking = {
            uid: [each for each in objects if not landing_path(self.looks.folder, study, each).exists()]
            for uid, objects in series.items()
        }
        return {uid: objects for uid, objects in lacking.items() if objects}

    def _move_series(self, association: Any, study: str, series: str) -> int:
        """Have a series sent to our receiver; return the last status of the C-MOVE."""
        from pydicom import Dataset

        identifier = Dataset()
        identifier.QueryRetrieveLevel = "SERIES"
        identifier.StudyInstanceUID, identifier.SeriesInstanceUID = study, series
        status = 0
        for status, _ in requested(lambda: association.send_c_move(identifier, self.archive.ours, MOVE)):
            if status in (UNKNOWN_DESTINATION, NOT_AUTHORIZED):
                raise self._refusal(status)
        return status

    def _asking(self, action: Callable[[Any], Result]) -> Result:
        """Return what ``action`` returns of an association; try again, with another, after failures that may pass."""

        def ask() -> Result:
            try:
                return action(self._association())
            except Passing:
                self.association = None
                raise

        remedy = f"check host, port and network, {self._register()}, and run again"
        giving_up = UserError("the archive can't be reached or ends the connection", remedy)
        return try_patiently(ask, giving_up, self.patience)

    def _association(self) -> Any:
        """Return the association, a new one where it was lost."""
        if self.association is None or not self.association.is_established:
            unsupported = Refusal("the archive offers neither C-FIND nor C-MOVE", "correct its HOST:PORT/AET")
            self.association = associate(self.entity, self.archive, unsupported)
        return self.association

    def _fail(self, error: UserError) -> None:
        self.counts.failed += 1
        self.counts.problem, self.counts.remedy = error.problem, error.remedy

    def _register(self) -> str:
        return f"register {self.archive.ours} there with this machine's address and port {self.port}"

    def _refusal(self, status: int) -> Refusal:
        if status == UNKNOWN_DESTINATION:
            return Refusal(f"the archive does not know {self.archive.ours!r} as a place to send to", self._register())
        return Refusal("the archive does not let us retrieve", f"{self._register()}, and allow it C-MOVE")

    def _incomplete(self, objects: int, status: int) -> UserError:
        remedy = f"{self._register()}, let it reach that port (--host, --sender, firewall), see to room on the disk"
        return UserError(f"{objects} objects of a study did not arrive (C-MOVE status {status:04X}H)", remedy)
