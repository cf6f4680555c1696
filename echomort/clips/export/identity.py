"""What stands for an object's identifiers and dates outside the archive: keyed UIDs, and dates moved or left out."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from echomort.clips.export.request import ExportRequest
from echomort.core.keys import Keyring
from echomort.dicom.header.fields import Header

UUID_VERSION = 8
"""Version of the UUIDs: bits of the maker's own (RFC 9562, 5.8)."""

UUID_VARIANT = 0b10
"""Their variant (RFC 9562, 4.1)."""

Times = Literal["MODIFIED", "UNMODIFIED", "REMOVED"]
"""LongitudinalTemporalInformationModified (PS3.3 C.12.1)."""


def keyed_uid(keyring: Keyring, uid: str) -> str:
    """Return the UID that stands for ``uid``: below 2.25, of a UUID made from the first 128 bits of its HMAC (PS3.5
    B.2). The same UID has the same substitute in every object, and without the key none leads back."""
    bits = int(keyring.pseudonym("uid", uid), 16)
    bits = bits & ~(0xF << 76) | UUID_VERSION << 76
    return f"2.25.{bits & ~(0b11 << 62) | UUID_VARIANT << 62}"


@dataclass(frozen=True)
class Identity:
    """Pseudonyms, UIDs and the day of one object; ``date`` is YYYYMMDD or empty."""

    patient: str
    study_uid: str
    series_uid: str
    sop_uid: str
    date: str
    times: Times

    @classmethod
    def of(cls, header: Header, request: ExportRequest) -> Identity:
        """Return the identity of the object with ``header``.

        An object without a study or a series, or with one number for both, becomes one of its own. A day is kept, or
        moved into the past by the days of its patient, as ``privacy.dates`` says; one that is no date, or of no
        patient, is left out.
        """
        keys, number = request.keyring, header.patient_id.strip()
        patient = keys.pseudonym("patient", number) if number else ""
        study = header.study_uid.strip() or f"study of {header.sop_uid}"
        series = header.series_uid.strip()
        series = series if series not in {"", study} else f"series of {study}"
        date = _date(header.study_date.strip(), patient, request)
        kept: Times = "UNMODIFIED" if request.dates == "kept" else "MODIFIED"
        study_uid, series_uid, sop_uid = (keyed_uid(keys, uid) for uid in (study, series, header.sop_uid.strip()))
        return cls(patient, study_uid, series_uid, sop_uid, date, kept if date else "REMOVED")


def _date(written: str, patient: str, request: ExportRequest) -> str:
    try:
        day = datetime.datetime.strptime(written, "%Y%m%d").date()
        if request.dates == "shifted":
            if not patient:
                return ""
            day -= datetime.timedelta(days=request.keyring.shift_days(patient))
    except (ValueError, OverflowError):
        return ""
    return day.strftime("%Y%m%d")
