"""The first screen of the report: the result, its calibration, what acting on it would do, and its limits."""

from collections.abc import Sequence
from typing import NamedTuple

from echomort.evaluation.metrics.calibration import OBSERVED_EXPECTED, SLOPE
from echomort.evaluation.metrics.decisions import SENSITIVITY, SPECIFICITY
from echomort.evaluation.readiness import readiness
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections.provenance import LIMITS
from echomort.report.words import NOTHING, count, counted, model_words, number, percent, span
from echomort.vocabulary.metric_table import RECALIBRATED


class Tile(NamedTuple):
    """A number at the top of the page, with its label and a remark."""

    number: str
    label: str
    aside: str


def tiles(numbers: Numbers) -> list[Tile]:
    """Return the numbers at the top of the page: patients, ranking, calibration, decisions."""
    best = numbers.best()
    if best is None:
        few = numbers.without_result()
        return [] if few is None else [*_patients_tile(few), Tile(NOTHING, "AUC", few.few_words)]
    others = [make(numbers, best) for make in (_area_tile, _calibration_tile, _decision_tile)]
    return [*_patients_tile(numbers.auc(best)), *(tile for tile in others if tile is not None)]


def limits(numbers: Numbers, skipped: Sequence[str] = ()) -> list[str]:
    """Return the limits that a reader must know before any figure: what was ``skipped`` is among them. That data are
    synthetic is said above."""
    best = numbers.best()
    area = numbers.auc(best) if best else numbers.without_result()
    few = readiness(area.n, area.events, numbers.least) if area and area.n and area.events is not None else ""
    return [LIMITS[0], *([f"{few}."] if few else []), *map(_sentence, skipped), LIMITS[-1]]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _patients_tile(area: Figure) -> list[Tile]:
    if not area.n or area.events is None:
        return []
    share = percent(area.events / area.n)
    return [Tile(count(area.n), "patients evaluated", f"{counted(area.events, 'death')} within a year, {share}")]


def _area_tile(numbers: Numbers, best: str) -> Tile | None:
    area = numbers.auc(best)
    aside = f"{numbers.level} interval {span(area.low, area.high)}" if span(area.low, area.high) else "no interval"
    within = numbers.auc_within_folds(best)
    also = f"; {number(within.value)} within folds" if within.is_known else ""
    return Tile(number(area.value), f"AUC, {model_words(best).label}", aside + also)


def _calibration_tile(numbers: Numbers, best: str) -> Tile | None:
    ratio = numbers.get(best, OBSERVED_EXPECTED.name, evaluation=RECALIBRATED)
    slope = numbers.get(best, SLOPE.name, evaluation=RECALIBRATED)
    if not ratio.is_known:
        return None
    about_slope = f"; slope {number(slope.value, 2)} ({span(slope.low, slope.high, 2)})" if slope.is_known else ""
    aside = f"recalibrated on the other folds, {span(ratio.low, ratio.high, 2)}{about_slope}"
    return Tile(number(ratio.value, 2), "deaths for each death predicted", aside)


def _decision_tile(numbers: Numbers, best: str) -> Tile | None:
    found, spared = numbers.get(best, SENSITIVITY.name), numbers.get(best, SPECIFICITY.name)
    if not found.is_known or not spared.is_known:
        return None
    aside = f"and {percent(1 - spared.value)} of the survivors; threshold chosen on the other folds"
    return Tile(percent(found.value), "of the deaths flagged", aside)
