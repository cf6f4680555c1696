"""Features of one variable by plain Python: written from the rules (docs/variables.md), study by study."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from statistics import fmean

Study = tuple[str, datetime]
Value = tuple[str, float, datetime]
"""The study that it was measured in ('' for none), the value, and when."""


MIDNIGHT = time(0)
DAY = timedelta(days=1)


def feature(
    studies: Sequence[Study],
    values: Sequence[Value],
    window: int,
    between: str,
    carry_days: int,
    same_day: str = "exclude",
    nearest_days: int | None = None,
) -> dict[str, float | None]:
    """Return study -> value of one variable, for the studies and measurements of one patient.

    ``window`` in days: 0 for a variable of the echo itself, which alone is filled from other echoes. A moment at
    midnight has no time of day. ``nearest_days``: values from outside the study are the nearest within these days,
    before or after (None: the last one before).
    """
    own = {name: _own(name, at, values, window) for name, at in studies}

    def outside(at: datetime) -> float | None:
        if window > 0 and nearest_days is not None:
            return _nearest(_end(at, same_day), values, nearest_days)
        return _last_known(at, values, window, same_day)

    known = {name: own[name] if own[name] is not None else outside(at) for name, at in studies}
    echoes = _at_one_time([(at, own[name]) for name, at in studies if own[name] is not None])
    if window > 0 or between == "none":
        return known
    return {
        name: known[name] if known[name] is not None else _from_others(at, echoes, between, carry_days, same_day)
        for name, at in studies
    }


def _dated_only(moment: datetime) -> bool:
    return moment.time() == MIDNIGHT


def _is_earlier(record: datetime, echo: datetime, same_day: str) -> bool:
    """Whether a record is known before an echo: a date alone says nothing about records of that day."""
    if record.date() != echo.date():
        return record < echo
    if _dated_only(record) or _dated_only(echo):
        return same_day == "before"
    return record <= echo


def _own(name: str, at: datetime, values: Sequence[Value], window: int) -> float | None:
    """What an echo measures is of its whole day, anything else of before its time, if there are times."""
    believed = [
        one
        for one in values
        if one[2] <= at or (one[2].date() == at.date() and (window == 0 or _dated_only(one[2]) or _dated_only(at)))
    ]
    found = [value for study, value, _ in believed if study == name]
    return fmean(found) if found else None


def _last_known(at: datetime, values: Sequence[Value], window: int, same_day: str) -> float | None:
    earlier = [
        (when, value)
        for study, value, when in values
        if _is_earlier(when, at, same_day) and (window > 0 or study == "")
    ]
    if not earlier:
        return None
    last = max(_at_one_time(earlier).items(), key=lambda pair: _place(pair[0], same_day))
    return last[1] if (at.date() - last[0].date()).days <= window else None


def _nearest(at: datetime, values: Sequence[Value], days: int) -> float | None:
    """Of two equally far, the earlier; none if the nearest is more whole days away."""
    times = _at_one_time([(when, value) for _, value, when in values])
    if not times:
        return None
    nearest = min(times, key=lambda when: (abs(when - at), when))
    return times[nearest] if abs((at.date() - nearest.date()).days) <= days else None


def _end(echo: datetime, same_day: str) -> datetime:
    """Return the time by which an echo's data are in: of one without a time, if so set, the end of its day."""
    return echo + DAY - timedelta(microseconds=1) if same_day == "before" and _dated_only(echo) else echo


def _place(moment: datetime, same_day: str) -> datetime:
    """Order records: one without a time is the last of its day, unless it is taken as known from its morning on."""
    return moment + DAY if _dated_only(moment) and same_day == "exclude" else moment


def _from_others(
    at: datetime, echoes: dict[datetime, float], between: str, carry_days: int, same_day: str
) -> float | None:
    def end(echo: datetime) -> datetime:
        return _end(echo, same_day)

    before = [echo for echo in echoes if end(echo) < end(at) and not (_dated_only(echo) and echo.date() == at.date())]
    after = [echo for echo in echoes if end(echo) > end(at)]
    if not before:
        return None
    earlier = max(before, key=lambda echo: (echo.date(), _dated_only(echo), echo))
    if between == "prospective":
        return echoes[earlier] if (at.date() - earlier.date()).days <= carry_days else None
    if not after:
        return None
    later = min(after, key=end)
    share = (end(at) - end(earlier)) / (end(later) - end(earlier))
    return echoes[earlier] + (echoes[later] - echoes[earlier]) * share


def _at_one_time(pairs: Sequence[tuple[datetime, float | None]]) -> dict[datetime, float]:
    times = {at for at, _ in pairs}
    return {at: fmean(value for one, value in pairs if one == at and value is not None) for at in times}


def drawn_time(draw: float) -> datetime:
    """Return a time of few days, a fifth of a year apart, and few hours: times coincide, and windows end on them."""
    return datetime(2018, 1, 1) + timedelta(days=int(draw * 12) * 73, hours=int(draw * 4000) % 4 * 6)
