"""What is sent back for one study: its risk, whose it is, and on which objects it rests; or why there is nothing."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from echomort.champion.model import Champion
from echomort.champion.predict import (
    MARKED,
    FileScore,
    StudyPrediction,
    counted_files,
    files_of_studies,
    header_of,
    predict_studies,
)
from echomort.core.uids import derived_uid
from echomort.settings import Scoring
from echomort.version import __version__

PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
"""What all objects of one study have alike, or they are of several patients (PS3.3 C.7.1.1)."""
IDENTITY = (*PATIENT, "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID")
"""What a result has from the study's objects, beside the accession number (PS3.3 C.7.1.1, C.7.2.1)."""
INSTANCE = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")

UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
"""A UID (PS3.5 9.1)."""
DAY, TIME = re.compile(r"\d{8}", re.ASCII), re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d", re.ASCII)
"""A date, and the first six digits of a time (PS3.5 table 6.2-1)."""


class NoResult(Exception):
    """Why a study gets no result: one clause without identifiers."""


@dataclass(frozen=True)
class Instance:
    """An object of the study that counted."""

    sop_class: str
    sop_uid: str = field(repr=False)
    series_uid: str = field(repr=False)


@dataclass(frozen=True)
class StudyResult:
    """The result of one study. ``repr`` shows no identifier."""

    prediction: StudyPrediction
    identity: Mapping[str, str] = field(repr=False)
    """Keyword of PS3.6 -> value, of patient and study."""
    instances: tuple[Instance, ...]
    """The objects that counted, in order of their UIDs."""
    candidate: str
    """The id of the champion: the beginning of the SHA-256 of its manifest."""
    version: str = __version__
    """That of echomort."""

    @property
    def percents(self) -> tuple[float, float, float]:
        """The risk, and the smallest and largest one by the networks of single folds: per cent, one decimal."""
        risks = (self.prediction.risk, self.prediction.low, self.prediction.high)
        risk, low, high = (round(100 * value, 1) for value in risks if value is not None)
        return risk, low, high

    @property
    def when(self) -> tuple[str, str]:
        """Day and time of the study, as DA and TM; midnight where the time is missing. A result has the study's and not
        those of the run, so that it is the same object each time."""
        time = TIME.match(self.identity["StudyTime"])
        return self.identity["StudyDate"], time[0] if time else "000000"

    @property
    def device_uid(self) -> str:
        """Return the UID of what made the result: a champion in a version of echomort."""
        return derived_uid("device", self.candidate, self.version)

    def series_uid(self, kind: str) -> str:
        """Return the UID of the series of ``kind``: the same for a study and a champion."""
        return derived_uid("series", kind, self.identity["StudyInstanceUID"], self.candidate)

    def uid(self, kind: str) -> str:
        """Return the UID of the object, or of the thing in it, of ``kind``: another one wherever its content differs
        (PS3.3 C.12.1.1.1)."""
        told = sorted(self.identity.items()), self.instances_told, self.percents, self.prediction.scored
        model = self.prediction.model, self.prediction.missing, self.prediction.beyond, self.prediction.synthetic
        return derived_uid(kind, self.candidate, self.version, repr(told), repr(model))

    @property
    def instances_told(self) -> list[tuple[str, str, str]]:
        """The three UIDs of each object that counted."""
        return [(one.sop_class, one.sop_uid, one.series_uid) for one in self.instances]


Answer = tuple[StudyPrediction, StudyResult | str]
"""A study's prediction, with its result or with why there is none."""


def study_results(files: Sequence[FileScore], champion: Champion, scoring: Scoring = MARKED) -> Iterator[Answer]:
    """Yield the answer for each study of ``files``; ``scoring``: whether one beyond the development cohort has one."""
    of_studies = files_of_studies(files)
    for prediction, of_study in zip(predict_studies(files, champion, scoring), of_studies, strict=True):
        try:
            yield prediction, _result(prediction, of_study, champion)
        except NoResult as reason:
            yield prediction, str(reason)


def _result(prediction: StudyPrediction, files: Sequence[FileScore], champion: Champion) -> StudyResult:
    if prediction.risk is None:
        raise NoResult(prediction.note or "it has no risk")
    headers = [header_of(Path(one.prediction.path)) for one in files]
    if any(header is None or not header.study_uid.strip() for header in headers):
        raise NoResult("its files have no StudyInstanceUID")
    if len({header.patient_id.strip() for header in headers if header is not None}) > 1:
        raise NoResult("its files name several patients")
    found = [_tags(Path(one.prediction.path)) for one in counted_files(files, champion)]
    found.sort(key=lambda tags: tags["SOPInstanceUID"])
    instances = dict.fromkeys(Instance(*(tags[name] for name in INSTANCE)) for tags in found)
    return StudyResult(prediction, _identity(found), tuple(instances), champion.name)


def _identity(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the identity that all objects have; the accession number is left empty where they have several."""
    if len({tuple(_plain(tags[name]) for name in PATIENT) for tags in found}) > 1:
        raise NoResult("its files name several patients")
    first, numbers = found[0], {tags["AccessionNumber"] for tags in found}
    if not first["PatientID"]:
        raise NoResult("its files name no patient")
    if not _is_day(first["StudyDate"]):
        raise NoResult("its files have no date of the study")
    if not all(UID.fullmatch(tags[name]) for tags in found for name in (*INSTANCE, "StudyInstanceUID")):
        raise NoResult("a UID of its files is none")
    return {name: first[name] for name in IDENTITY} | {"AccessionNumber": numbers.pop() if len(numbers) == 1 else ""}


def _is_day(text: str) -> bool:
    try:
        return bool(DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _plain(text: str) -> str:
    """Return ``text`` without what scanners write differently in the same name: case, and empty parts at its end."""
    return text.rstrip("^= ").casefold()


def _tags(path: Path) -> dict[str, str]:
    """Return what a result needs of the object at ``path``, "" for what it lacks."""
    from pydicom import dcmread

    names = [*IDENTITY, *INSTANCE, "AccessionNumber"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they may quote a value
            read = dcmread(path, stop_before_pixels=True, force=True, specific_tags=[*names, "SpecificCharacterSet"])
            return {name: _text(read.get(name)) for name in names}
    except Exception:  # noqa: BLE001 - the boundary: whatever a file holds, it becomes a reason
        raise NoResult("a header of its files can't be read") from None


def _text(value: object) -> str:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return "\\".join("" if one is None else str(one).strip() for one in several)
