"""The age of a patient at the study, from a header: compared with that of a cohort, shown and kept nowhere."""

import math
import re
import warnings
from datetime import date
from pathlib import Path

DAYS_OF_A_YEAR = 365.25
"""Days of a year, the mean over leap years."""
YEARS_OF = {"D": 1 / DAYS_OF_A_YEAR, "W": 7 / DAYS_OF_A_YEAR, "M": 1 / 12, "Y": 1.0}
"""Unit of an age string (PS3.5 table 6.2-1, AS) -> years."""
OLDEST = 110
"""Years beyond which a birth date or an age is a placeholder (1900-01-01, 999Y). As of the variable ``age``."""
AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
DAY = re.compile(r"\d{8}", re.ASCII)


def age_at_study(path: Path) -> float | None:
    """Return the age in years by PatientBirthDate and StudyDate of the object at ``path``, else by PatientAge; None
    where neither tells one."""
    from pydicom import dcmread

    names = ("PatientBirthDate", "StudyDate", "PatientAge")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they may quote a value
            read = dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(names))
            born, seen, told = (str(read.get(name) or "").strip() for name in names)
    except Exception:  # noqa: BLE001 - the boundary: whatever a file holds, its age is not known
        return None
    age = _between(_day(born), _day(seen))
    return _told(told) if age is None else age


def _between(born: date | None, seen: date | None) -> float | None:
    age = (seen - born).days / DAYS_OF_A_YEAR if born and seen else -1
    return age if 0 <= age <= OLDEST else None


def _told(text: str) -> float | None:
    found = AGE.fullmatch(text)
    age = int(found[1]) * YEARS_OF[found[2]] if found else math.inf
    return age if age <= OLDEST else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None
