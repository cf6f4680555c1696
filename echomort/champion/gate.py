"""The gate: whether a candidate may become champion, with every reason against it.

It judges the risks that are served, on the sealed set. A candidate must be calibrated there. It must not be worse than
the *reference* by more than a margin, and not be shown to be worse than the champion. The reference is the first
champion; it moves to a later one only if that is clearly better. It does not follow the champion, so a chain of
slightly worse candidates can't creep down; and a candidate need not beat the luckiest of those before it, so equal
ones don't drift up (docs/promotion.md has the simulation).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from echomort.evaluation.calibration import calibration_in_the_large, calibration_slope
from echomort.evaluation.discrimination import delong_interval, delong_test
from echomort.evaluation.interval import ONE_CLASS, Interval, undefined_interval
from echomort.evaluation.scored import group_columns
from echomort.evaluation.subgroups import MISSING, subgroups
from echomort.evaluation.too_few import has_too_few, has_too_few_outcomes, outcome_words, too_few_words
from echomort.settings import Promotion

CLEARLY = 0.999
"""Confidence at which a candidate must be better than the reference to take its place. Ours: in a year of weekly
retrainings by chance alone, at most one year in twenty sees the reference move."""

NO_INTERVAL = "too few sealed patients for an interval of the difference"


@dataclass(frozen=True)
class Difference:
    """Difference of two models' AUCs in a group of the sealed patients, and the upper end of its 95 % interval."""

    patients: int
    deaths: int
    difference: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Candidate and another model on the sealed patients that both scored; differences are candidate less other."""

    patients: int
    deaths: int
    difference: float
    """Difference of the AUCs of the served risks; ``low`` and ``high`` are its 95 % interval (DeLong)."""
    low: float
    high: float
    clearly_better: bool
    """Whether the interval at the level ``CLEARLY`` lies above 0."""
    groups: Mapping[str, Difference] = field(default_factory=dict)
    """Group with enough deaths and survivors -> the difference in it."""


@dataclass(frozen=True)
class Judged:
    """The candidate's served risks on the sealed set, alone and beside the standing models.

    ``champion`` and ``reference`` are None where there is none, or none that can be compared: ``not_compared`` says
    why.
    """

    patients: int
    deaths: int
    auc: Interval
    slope: Interval
    """Calibration slope; 1 is ideal."""
    in_the_large: Interval
    """Calibration-in-the-large, in logits; 0 is ideal."""
    champion: Comparison | None = None
    reference: Comparison | None = None
    not_compared: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the fields by name, as JSON has them: null for NaN."""
        record: dict[str, Any] = _without_nan(asdict(self))
        return record


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@dataclass(frozen=True)
class Decision:
    """Whether a candidate becomes champion, and the reasons; ``is_reference``: whether it becomes the reference too."""

    promoted: bool
    reasons: tuple[str, ...]
    is_reference: bool = False


def judge(sealed: pd.DataFrame, risk: Mapping[str, float]) -> Judged:
    """Judge the candidate's ``risk`` by study key. ``sealed``: study_key, label (0 or 1), columns that make groups.

    Only studies that the candidate scored are judged.
    """
    rows = sealed[sealed["study_key"].isin(list(risk))]
    died, risks = rows["label"].to_numpy(dtype=float), rows["study_key"].map(risk).to_numpy(dtype=float)
    counts = len(rows), int(died.sum())
    if not 0 < counts[1] < counts[0]:
        unknown = undefined_interval("", ONE_CLASS)
        return Judged(*counts, unknown, unknown, unknown)
    slope, _ = calibration_slope(died, risks)
    return Judged(*counts, delong_interval(died, risks), slope, calibration_in_the_large(died, risks))


def compare(
    sealed: pd.DataFrame, candidate: Mapping[str, float], other: Mapping[str, float], settings: Promotion
) -> Comparison | None:
    """Compare two models by their risks on the rows of ``sealed`` that both scored; None if there are none."""
    rows = sealed[sealed["study_key"].isin(candidate.keys() & other.keys())]
    if rows.empty:
        return None
    died = rows["label"].to_numpy(dtype=float)
    first, second = (rows["study_key"].map(risk).to_numpy(dtype=float) for risk in (candidate, other))
    test, strict = delong_test(died, first, second), delong_test(died, first, second, CLEARLY)
    groups = {}
    for group, members in subgroups(rows[group_columns(rows)]):
        if not group.endswith(f"={MISSING}") and not has_too_few_outcomes(died[members] == 1, settings.minimum_deaths):
            inside = delong_test(died[members], first[members], second[members])
            groups[group] = Difference(int(members.sum()), int(died[members].sum()), inside.difference, inside.high)
    counts = len(rows), int(died.sum())
    return Comparison(*counts, test.difference, test.low, test.high, strict.low > 0, groups)


def decide(judged: Judged, settings: Promotion, least: int, suspicions: Sequence[str] = ()) -> Decision:
    """Return whether the candidate becomes champion; a rejection lists every reason.

    No reason quotes a figure of fewer than ``least`` deaths or survivors (``evaluation.suppress_below_events``): a site
    may let fewer decide (``promotion.minimum_deaths``), and a figure of so few is no result.
    A candidate with ``suspicions`` (:mod:`echomort.evaluation.suspicions`) never does: it may know the outcome. One
    that is compared with no other must pass the bar of a first champion; without a bar, a standing champion stays.
    """
    compared = judged.champion or judged.reference
    bar = settings.first_auc
    reasons = list(suspicions)
    if compared or bar is not None:
        reasons += [*_against_counts(judged, settings), *_against_calibration(judged, settings, least)]
    if judged.champion:
        reasons += _against_champion(judged.champion, settings, least)
    if judged.reference:
        reasons += _against_reference(judged.reference, settings, least)
    if judged.not_compared and not compared and bar is None:
        reasons.append("promotion.first_auc is null: without a comparison nothing decides against the champion")
    if not compared and bar is not None and not judged.auc.low > bar:
        known = _if_result(f"may be as low as {judged.auc.low:.3f}", judged, least) or "is not shown to be higher"
        found = "has no interval" if _is_unknown(judged.auc) else known
        reasons.append(f"the AUC {found}, promotion.first_auc is {bar}")
    if reasons:
        return Decision(False, (*reasons, *_note(judged)))
    is_reference = judged.reference is None or judged.reference.clearly_better
    return Decision(True, (_in_favour(judged, least), *_note(judged)), is_reference)


def _if_result(figures: str, counted: Judged | Comparison | Difference, least: int) -> str:
    """Return ``figures``, or nothing where they rest on too few deaths or survivors to be a result."""
    return "" if has_too_few(counted.patients, counted.deaths, least) else figures


def _note(judged: Judged) -> tuple[str, ...]:
    return (judged.not_compared,) if judged.not_compared else ()


def _in_favour(judged: Judged, least: int) -> str:
    area = judged.auc
    alone = (
        "no interval of the AUC" if _is_unknown(area) else f"AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
    )
    if has_too_few(judged.patients, judged.deaths, least):
        alone = f"no AUC, {too_few_words(judged.patients, judged.deaths)},"
    against = [
        f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f}) against the {name}"
        for name, one in (("champion", judged.champion), ("reference", judged.reference))
        if one and not has_too_few(one.patients, one.deaths, least)
    ]
    counts = f"{judged.patients} sealed patients, {outcome_words(judged.deaths, judged.patients - judged.deaths)}"
    return f"{alone} on {counts}{': ' + ', '.join(against) if against else ''}"


def _against_counts(judged: Judged, settings: Promotion) -> Iterator[str]:
    fewest = min(judged.deaths, judged.patients - judged.deaths)
    if fewest < settings.minimum_deaths:
        counts = f"{outcome_words(judged.deaths, judged.patients - judged.deaths)} in the sealed set"
        yield f"{counts}, promotion.minimum_deaths is {settings.minimum_deaths}"


def _against_calibration(judged: Judged, settings: Promotion, least: int) -> Iterator[str]:
    """A calibration is refused where its whole interval is out of bounds, or where it can't be estimated."""
    slope, shift = judged.slope, judged.in_the_large
    if not (slope.high >= settings.lowest_slope and slope.low <= settings.highest_slope):
        yield _outside("calibration slope", slope, judged, least)
    if not (shift.high >= -settings.in_the_large and shift.low <= settings.in_the_large):
        yield _outside("calibration-in-the-large", shift, judged, least)


def _outside(name: str, interval: Interval, judged: Judged, least: int) -> str:
    if _is_unknown(interval):
        return f"{name} can't be estimated"
    figures = f" {interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
    return f"{name}{_if_result(figures, judged, least)} is outside promotion's bounds"


def _is_unknown(interval: Interval) -> bool:
    return any(map(math.isnan, (interval.value, interval.low, interval.high)))


def _against_champion(comparison: Comparison, settings: Promotion, least: int) -> Iterator[str]:
    if math.isnan(comparison.high):
        yield f"AUC may be worse than the champion's: {NO_INTERVAL}"
    elif comparison.high < 0:
        figures = f" by {-comparison.difference:.3f} (at least {-comparison.high:.3f})"
        yield f"AUC worse than the champion's{_if_result(figures, comparison, least)}"
    for group, inside in comparison.groups.items():
        if inside.high < 0 and inside.difference < -settings.group_margin:
            figures = _if_result(f" by {-inside.difference:.3f}", inside, least)
            worse = f"AUC worse than the champion's{figures} in {group}"
            yield f"{worse}, promotion.group_margin is {settings.group_margin}"


def _against_reference(comparison: Comparison, settings: Promotion, least: int) -> Iterator[str]:
    if math.isnan(comparison.low):
        yield f"AUC may be lower than the reference's: {NO_INTERVAL}"
    elif comparison.low < -settings.margin:
        figures = _if_result(f" by {-comparison.low:.3f}", comparison, least)
        yield f"AUC may be lower than the reference's{figures}, promotion.margin is {settings.margin}"
