"""Ultrasound studies and objects that an archive names by C-FIND (PS3.4 annex C, Study Root information model)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from echomort.core.errors import UserError
from echomort.dicom.header.fields import ULTRASOUND_LOOPS, ULTRASOUND_STILLS, ULTRASOUND_VOLUMES
from echomort.sources.association import NoAnswer, Refusal

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
"""SOP class of C-FIND, Study Root (PS3.4 C.6.2.1.3)."""
MODALITY = "US"
"""Ultrasound, in the Modality of a series and in the ModalitiesInStudy of a study (PS3.3 C.7.3.1.1.1)."""
SUCCESS, PENDING = 0x0000, {0xFF00, 0xFF01}
"""Statuses of C-FIND and C-MOVE responses (PS3.4 tables C.4-1 and C.4-2)."""
CUT = {0xA700, 0xB001, 0xFE00}
"""Statuses of an archive that has more matches than it gives: out of resources, limit reached, matching ended (PS3.4
table C.4-1; the last is what Orthanc answers at its limit)."""
ROUND = 50
"""A number of answers that is a multiple of this may be the limit of an archive that cuts without saying so. Our
choice: the usual limits are 100, 200, 500 and 1000."""
WINDOW = timedelta(days=28)
"""Days that are asked for at once. Our choice: a large laboratory makes some 2000 echocardiograms in that time, and ten
years are 131 queries."""
MINUTES = 24 * 60
"""Minutes of a day."""
ULTRASOUND = ULTRASOUND_LOOPS | ULTRASOUND_STILLS | ULTRASOUND_VOLUMES
UID = re.compile(r"[0-9.]{1,64}")
"""A UID (PS3.5 9.1); no wildcard, no list."""

Answer = Any
"""A pydicom dataset: one match."""
Ask = Callable[[dict[str, str]], tuple[list[Answer], bool]]
"""Ask for the studies that match keys; return the answers, and whether they are all that match."""


@dataclass(frozen=True)
class StudyQuery:
    """Which studies to ask for: those of the days from ``since`` to ``until``, or those named."""

    since: date | None = None
    until: date | None = None
    studies: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Raise :class:`UserError` where nothing, or no study, is asked for."""
        if not all(map(UID.fullmatch, self.studies)):
            raise UserError("a study that is asked for has no valid UID", "correct --study")
        if not self.studies and self.since is None:
            raise UserError("nothing says which studies to ask for", "give --since or --study")
        if self.since and self.since > (self.until or self.since):
            raise UserError("the last day comes before the first", "correct --since or --until")


@dataclass(frozen=True)
class Window:
    """Days of study, both ends included; of a single day perhaps some minutes, from 0 to 1439."""

    first: date
    last: date
    start: int = 0
    end: int = MINUTES - 1

    def keys(self) -> dict[str, str]:
        """Return the matching keys (PS3.4 C.2.2.2.5): a time is given for a single day alone."""
        if self.first < self.last:
            return {"StudyDate": f"{self.first:%Y%m%d}-{self.last:%Y%m%d}"}
        day = {"StudyDate": f"{self.first:%Y%m%d}"}
        if (self.start, self.end) == (0, MINUTES - 1):
            return day
        return day | {"StudyTime": f"{_clock(self.start)}00-{_clock(self.end)}59.999999"}

    def halves(self) -> tuple[Window, Window] | None:
        """Return both halves; None for a single minute."""
        if self.first < self.last:
            middle = self.first + (self.last - self.first) // 2
            return Window(self.first, middle), Window(middle + timedelta(days=1), self.last)
        if self.start == self.end:
            return None
        noon = (self.start + self.end) // 2
        return Window(self.first, self.last, self.start, noon), Window(self.first, self.last, noon + 1, self.end)


def windows(first: date, last: date) -> Iterator[Window]:
    """Yield windows of at most :data:`WINDOW` that cover the days from ``first`` to ``last``."""
    while first <= last:
        end = min(last, first + WINDOW - timedelta(days=1))
        yield Window(first, end)
        first = end + timedelta(days=1)


def find_studies(query: StudyQuery, ask: Ask) -> dict[str, int | None]:
    """Return the UID of each study, and how many instances the archive says that it has (None: it does not say).

    A window whose answers are cut, or may be, is asked for in halves, down to minutes of a day. Of named studies those
    that the archive lacks are absent. Raises :class:`UserError` where even a minute is cut.
    """
    found: dict[str, int | None] = {}
    for study in query.studies:
        found |= _counts(ask({"StudyInstanceUID": study})[0])
    if query.since is not None and not query.studies:
        # A scanner's clock, or its zone, may be ahead of ours.
        for window in windows(query.since, query.until or date.today() + timedelta(days=1)):
            found |= _in_window(window, ask, ask(window.keys()))
    return found


def _in_window(window: Window, ask: Ask, answered: tuple[list[Answer], bool]) -> dict[str, int | None]:
    answers, whole = answered
    found = _counts(answers)
    if whole and (not answers or len(answers) % ROUND):
        return found
    halves = window.halves()
    parts = [ask(half.keys()) for half in halves or ()]
    if not halves or _same(parts):
        if whole:
            return found
        raise UserError(
            "the archive cuts its list of studies, however short the time asked for",
            "have its limit of C-FIND answers raised",
        )
    for half, part in zip(halves, parts, strict=True):
        found |= _in_window(half, ask, part)
    return found


def _same(parts: list[tuple[list[Answer], bool]]) -> bool:
    """Return whether both halves brought the same studies: the archive does not match by this key."""
    one, other = ({_text(answer, "StudyInstanceUID") for answer in answers} for answers, _ in parts)
    return bool(one) and one == other


def _counts(answers: list[Answer]) -> dict[str, int | None]:
    """Leave out studies that say that they hold no ultrasound: an archive need not match by modality."""
    return {
        uid: _number(answer, "NumberOfStudyRelatedInstances")
        for answer in answers
        if (uid := _text(answer, "StudyInstanceUID")) and _may_be_ultrasound(answer, "ModalitiesInStudy")
    }


def ask_studies(association: Any, keys: dict[str, str]) -> tuple[list[Answer], bool]:
    """Ask for the ultrasound studies that match ``keys``. Raises as :func:`_find`."""
    wanted = {"StudyInstanceUID": "", "StudyDate": "", "StudyTime": "", "NumberOfStudyRelatedInstances": ""}
    return _find(association, "STUDY", wanted | {"ModalitiesInStudy": MODALITY} | keys)


def find_objects(association: Any, study: str) -> dict[str, list[str]]:
    """Return the ultrasound objects of a study: series UID -> SOP instance UIDs.

    Raises :class:`UserError` where a list is cut or shorter than announced, and as :func:`_find`.
    """
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": "", "NumberOfSeriesRelatedInstances": ""}
    found: dict[str, list[str]] = {}
    for series in _whole(_find(association, "SERIES", keys | {"Modality": MODALITY})):
        if (uid := _text(series, "SeriesInstanceUID")) and _may_be_ultrasound(series, "Modality"):
            found[uid] = _instances(association, study, uid, _number(series, "NumberOfSeriesRelatedInstances"))
    return {series: objects for series, objects in found.items() if objects}


def _instances(association: Any, study: str, series: str, announced: int | None) -> list[str]:
    """Return the objects of a series that echomort takes; all of them where the archive names no SOP class."""
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": "", "SOPClassUID": ""}
    classes = {
        uid: _text(answer, "SOPClassUID")
        for answer in _whole(_find(association, "IMAGE", keys))
        if (uid := _text(answer, "SOPInstanceUID"))
    }
    if announced is not None and len(classes) < announced:
        raise UserError("the archive lists fewer objects of a series than it announces", "run again later")
    return [uid for uid, sop_class in classes.items() if sop_class in ULTRASOUND or not sop_class]


def _find(association: Any, level: str, keys: dict[str, str]) -> tuple[list[Answer], bool]:
    """Return the matches of one C-FIND, and whether they are all.

    Raises :class:`NoAnswer` where the connection is lost, and :class:`UserError` where the archive refuses the query.
    """
    from pydicom import Dataset

    identifier = Dataset()
    for keyword, value in ({"QueryRetrieveLevel": level} | keys).items():
        setattr(identifier, keyword, value)
    answers = []
    for status, answer in requested(lambda: association.send_c_find(identifier, FIND)):
        if status in PENDING and answer is not None:
            answers.append(answer)
        elif status in CUT:
            return answers, False
        elif status != SUCCESS:
            raise UserError(f"the archive answers a C-FIND with status {status:04X}H", "ask its administrator why")
    return answers, True


def requested(request: Callable[[], Any]) -> Iterator[tuple[int, Answer | None]]:
    """Yield status and dataset of each response to a request. Raises :class:`NoAnswer` where one does not come."""
    try:
        responses = request()
    except RuntimeError:  # the association ended before
        raise NoAnswer from None
    except ValueError:  # no presentation context for this request
        raise Refusal(
            "the archive offers no C-FIND or no C-MOVE (Study Root)", "ask its administrator to allow both for us"
        ) from None
    for status, answer in responses:
        if "Status" not in status:
            raise NoAnswer
        yield int(status.Status), answer


def _whole(answered: tuple[list[Answer], bool]) -> list[Answer]:
    answers, whole = answered
    if not whole:
        raise UserError("the archive cuts its list of a study's objects", "have its limit of C-FIND answers raised")
    return answers


def _may_be_ultrasound(answer: Answer, keyword: str) -> bool:
    value = answer.get(keyword) or MODALITY
    return MODALITY in ([value] if isinstance(value, str) else list(value))


def _text(answer: Answer, keyword: str) -> str:
    return str(answer.get(keyword) or "").strip()


def _number(answer: Answer, keyword: str) -> int | None:
    """Return the number; None where it is absent or none."""
    try:
        return int(answer.get(keyword))
    except (TypeError, ValueError):
        return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02}{minute % 60:02}"
