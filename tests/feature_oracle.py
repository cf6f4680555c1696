"""Features of one variable by plain Python: written from the rules (docs/variables.md), study by study."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean

Study = tuple[str, datetime]
Value = tuple[str, float, datetime]
"""The study that it was measured in ('' for none), the value, and when."""


def feature(
    studies: Sequence[Study], values: Sequence[Value], window: int, between: str, carry_days: int
) -> dict[str, float | None]:
    """Return study -> value of one variable, for the studies and measurements of one patient.

    ``window`` in days: 0 for a variable of the echo itself, which alone is filled from other echoes.
    """
    own = {name: _own(name, at, values, window) for name, at in studies}
    known = {name: own[name] if own[name] is not None else _last_known(at, values, window) for name, at in studies}
    echoes = _at_one_time([(at, own[name]) for name, at in studies if own[name] is not None])
    if window > 0 or between == "none":
        return known
    return {
        name: known[name] if known[name] is not None else _from_others(at, echoes, between, carry_days)
        for name, at in studies
    }


def _own(name: str, at: datetime, values: Sequence[Value], window: int) -> float | None:
    """What an echo measures is of its whole day, anything else of before its time."""
    believed = [one for one in values if one[2] <= at or (window == 0 and one[2].date() <= at.date())]
    found = [value for study, value, _ in believed if study == name]
    return fmean(found) if found else None


def _last_known(at: datetime, values: Sequence[Value], window: int) -> float | None:
    earlier = [(when, value) for study, value, when in values if when <= at and (window > 0 or study == "")]
    if not earlier:
        return None
    last = max(_at_one_time(earlier).items())
    return last[1] if (at.date() - last[0].date()).days <= window else None


def _from_others(at: datetime, echoes: dict[datetime, float], between: str, carry_days: int) -> float | None:
    before, after = [time for time in echoes if time < at], [time for time in echoes if time > at]
    if not before:
        return None
    earlier = max(before)
    if between == "prospective":
        return echoes[earlier] if (at.date() - earlier.date()).days <= carry_days else None
    if not after:
        return None
    later = min(after)
    return echoes[earlier] + (echoes[later] - echoes[earlier]) * ((at - earlier) / (later - earlier))


def _at_one_time(pairs: Sequence[tuple[datetime, float | None]]) -> dict[datetime, float]:
    times = {time for time, _ in pairs}
    return {time: fmean(value for one, value in pairs if one == time and value is not None) for time in times}


def drawn_time(draw: float) -> datetime:
    """Return a time of few days, a fifth of a year apart, and few hours: times coincide, and windows end on them."""
    return datetime(2018, 1, 1) + timedelta(days=int(draw * 12) * 73, hours=int(draw * 4000) % 4 * 6)
