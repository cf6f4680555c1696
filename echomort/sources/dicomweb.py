"""Ultrasound objects from a DICOMweb server (PS3.18): found by QIDO-RS, fetched as they are stored by WADO-RS."""

from __future__ import annotations

import io
import itertools
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.sources.landing import land, landing_path
from echomort.sources.retry import Patience, patiently
from echomort.sources.stability import Looks

AUTHORIZATION = "ECHOMORT_DICOMWEB_AUTHORIZATION"
"""Environment variable with the whole Authorization header, for example ``Bearer ...``; it is never stored."""

PAGE = 500
"""Results asked for at once."""
FAILURES_IN_A_ROW = 3
"""After so many failed objects one after another the server has failed, not the objects."""

AS_STORED = (("application/dicom", "*"),)
"""Any transfer syntax, so that the server does not transcode (PS3.18 8.7.3.5)."""

Uids = tuple[str, str, str]
"""Of an object: study, series and instance."""

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
"""Tags of the UIDs (PS3.6)."""

# Both log UIDs, and addresses with UIDs in them.
for _name in ("dicomweb_client", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Query:
    """Which studies to fetch: from a day on, or those named; ``again`` fetches objects that were fetched before too."""

    since: date | None = None
    studies: tuple[str, ...] = field(default=(), repr=False)
    again: bool = False


@dataclass
class Fetched:
    """Counts of objects: new, there already, replaced by another version, failed; and of studies not yet stable."""

    new: int = 0
    there: int = 0
    replaced: int = 0
    failed: int = 0
    unstable: int = 0

    @property
    def total(self) -> int:
        """How many objects were dealt with."""
        return self.new + self.there + self.replaced + self.failed


def fetch(  # noqa: PLR0913, PLR0917
    url: str,
    folder: Path,
    query: Query,
    progress: Callable[[Fetched], None] = lambda so_far: None,
    patience: Patience | None = None,
    looks: Looks | None = None,
) -> Fetched:
    """Fetch the ultrasound objects that ``query`` asks for into ``folder``, one file for each.

    Each file is complete or absent; one that is there is not fetched again, so an interrupted fetch continues where it
    stopped. Passing failures of server or network are tried again; an object that keeps failing is counted and left
    out. With ``looks`` only stable studies are fetched, by their number of ultrasound objects. Raises
    :class:`UserError` where the server can't be reached, refuses, or fails object after object.
    """
    server = _Server(url, patience or Patience())
    fetched, failures = Fetched(), 0
    try:
        for uids in _stable(server.objects(query), looks, fetched) if looks else server.objects(query):
            outcome = _fetch_one(server, folder, uids, query.again)
            setattr(fetched, outcome, getattr(fetched, outcome) + 1)
            failures = failures + 1 if outcome == "failed" else 0
            if failures == FAILURES_IN_A_ROW:
                raise server.giving_up
            progress(fetched)
    finally:
        if looks:
            looks.save()
    return fetched


def _stable(objects: Iterator[Uids], looks: Looks, fetched: Fetched) -> Iterator[Uids]:
    """Yield the objects of stable studies; count the other studies in ``fetched``."""
    for study, group in itertools.groupby(objects, lambda uids: uids[0]):
        found = list(group)
        if looks.is_stable(study, len(found)):
            yield from found
        else:
            fetched.unstable += 1


def _fetch_one(server: _Server, folder: Path, uids: Uids, again: bool) -> str:
    """Return the field of :class:`Fetched` to count the object in."""
    study, _, instance = uids
    if not again and landing_path(folder, study, instance).exists():
        return "there"
    content = server.retrieve(uids)
    if content is None:
        return "failed"
    return {"new": "new", "same": "there", "replaced": "replaced"}[land(folder, study, instance, content)]


def open_client(url: str) -> Any:
    """Return a client of the DICOMweb server at ``url`` that tries nothing twice by itself.

    Raises :class:`UserError` where the extra is not installed, or ``url`` is no address.
    """
    try:
        from dicomweb_client.api import DICOMwebClient
    except ModuleNotFoundError:
        raise UserError("dicomweb-client is not installed", "pip install 'echomort[dicomweb]'") from None

    headers = {"Authorization": os.environ[AUTHORIZATION]} if AUTHORIZATION in os.environ else None
    try:
        client = DICOMwebClient(
            url.rstrip("/"), headers=headers, callback=_refuse_cut, permissive_uid=True, timeout=(10, 120)
        )
    except ValueError:
        raise UserError("this is not the address of a DICOMweb server", "write https://host/path") from None
    client.set_http_retry_params(retry=False)
    return client


class _Server:
    """A DICOMweb server; passing failures are tried again."""

    def __init__(self, url: str, patience: Patience) -> None:
        self.client = open_client(url)
        self.patience = patience
        self.giving_up = UserError(
            "the DICOMweb server keeps failing", "try again later: it continues where it stopped"
        )

    def objects(self, query: Query) -> Iterator[Uids]:
        """Yield (study, series, instance) UIDs of the ultrasound series of each study; of a study whose UID can't be
        part of an address, one object without UIDs, which will fail."""
        for study in query.studies or self._studies(query.since):
            if not _IN_AN_ADDRESS.fullmatch(study):
                yield study, "", ""
                continue
            for series in self._values(SERIES, self.client.search_for_series, study, search_filters={"Modality": "US"}):
                for instance in self._values(INSTANCE, self.client.search_for_instances, study, series):
                    yield study, series, instance

    def _studies(self, since: date | None) -> Iterator[str]:
        filters = {"ModalitiesInStudy": "US"} | ({"StudyDate": f"{since:%Y%m%d}-"} if since else {})
        yield from self._values(STUDY, self.client.search_for_studies, search_filters=filters)

    def _values(self, tag: str, search: Callable[..., list[dict[str, Any]]], *within: str, **how: Any) -> Iterator[str]:
        """Yield the UIDs that a search finds, page by page; a server without paging repeats the first page."""
        seen: set[str] = set()
        while True:
            page = self._ask(lambda: search(*within, limit=PAGE, offset=len(seen), **how))
            found = [uid for uid in (_first(item, tag) for item in page) if uid and uid not in seen]
            yield from dict.fromkeys(found)
            seen.update(found)
            if not found or len(page) < PAGE:
                return

    def _ask(self, action: Callable[[], Any]) -> Any:
        import requests

        try:
            return patiently(action, may_pass, self.giving_up, self.patience)
        except requests.HTTPError as error:
            raise _explained(error) from None
        except (requests.RequestException, *NOT_DICOM):
            raise not_dicomweb() from None

    def retrieve(self, uids: Uids) -> bytes | None:
        """Return the object as a file, its pixels as they are stored; None where it can't be fetched."""
        import requests
        from pydicom.errors import InvalidDicomError

        if not all(map(_IN_AN_ADDRESS.fullmatch, uids)):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = patiently(lambda: self._retrieved(uids), may_pass, self.giving_up, self.patience)
                return _as_file(found) if str(found.get("SOPInstanceUID", "")) == uids[2] else None
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code in REFUSALS:
                raise _explained(error) from None
            return None
        except (UserError, requests.RequestException, InvalidDicomError, *NOT_DICOM):
            return None

    def _retrieved(self, uids: Uids) -> Any:
        return self.client.retrieve_instance(*uids, media_types=AS_STORED)


REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""Statuses of a server that wants credentials, or others."""
_IN_AN_ADDRESS = re.compile(r"(?!\.+$)[\w.-]+")
"""A UID that may be part of an address: digits and dots, or letters where a vendor uses them, but no slash."""

NOT_DICOM = (ValueError, TypeError, AttributeError, LookupError, NotImplementedError, EOFError, RecursionError)
"""What parsing raises where an answer is not DICOM."""


def _as_file(dataset: Any) -> bytes:
    """Return the dataset as a file; elements that were not parsed keep their bytes."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=False)
    return file.getvalue()


def _refuse_cut(response: Any, *_: Any, **__: Any) -> None:
    """Raise where a multipart answer lacks its last delimiter: the only sign that the server stopped half-way."""
    from requests.exceptions import ChunkedEncodingError

    kind = response.headers.get("Content-Type", "")
    boundary = re.search(r'boundary="?([^";]+)', kind)
    in_parts = response.ok and kind.lower().startswith("multipart/")
    if in_parts and boundary and not response.content.rstrip().endswith(f"--{boundary[1]}--".encode()):
        raise ChunkedEncodingError("cut short")


def may_pass(error: Exception) -> bool:
    """Whether another try of a request that ended with ``error`` may succeed."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        return status >= 500 or status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, (*passing, requests.exceptions.ContentDecodingError))


def _explained(error: Any) -> UserError:
    status = error.response.status_code if error.response is not None else 0
    if status in REFUSALS:
        return refused_access(status)
    return UserError(
        f"the DICOMweb server answers with status {status}", "correct the address or the studies asked for"
    )


def refused_access(status: int) -> UserError:
    """Return the error of a server that answers with one of :data:`REFUSALS`."""
    return UserError(
        f"the DICOMweb server refuses access ({status})", f"put the Authorization header in {AUTHORIZATION}"
    )


def _first(item: Any, tag: str) -> str:
    """Return the first value of an attribute (PS3.18 F.2), "" where there is none."""
    try:
        values = item.get(tag, {}).get("Value") or [""]
        return str(values[0] or "")
    except (AttributeError, TypeError, LookupError):
        raise not_dicomweb() from None


def not_dicomweb() -> UserError:
    """Return the error of an address at which no DICOMweb server is."""
    return UserError("the server's answer is not DICOMweb", "correct the address")
