"""The statistics of a reader study: cardiologists without and with the model, on the same cases.

Cases are the unit throughout, one study a patient. Tests of one reader treat the cases as the sample; the pooled effect
of assistance treats readers and cases as samples, by a bootstrap over both. Models of multiple readers and cases
(Obuchowski-Rockette, Dorfman-Berbaum-Metz) have no maintained library in Python and are not offered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval, normal_quantile, undefined_interval, without_limits
from echomort.evaluation.paired_tests import cochran_q, holm, mcnemar
from echomort.evaluation.resampling import CHUNK_VALUES, Resampling
from echomort.evaluation.thresholds import decisions
from echomort.reader_study.answers import AIDED, CONDITIONS, MODEL, READERS, UNAIDED, Arm, Reading
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow

READER_STUDY = "reader_study"
EVERYONE = "readers and model"
ALONE, CHANGE = "alone", "aided vs unaided"
"""The subsets beside ``unaided`` and ``aided``."""
SHARES = ("sensitivity", "specificity", "accuracy")
BOTH = "bootstrap over readers and cases, percentile"


def analyse(reading: Reading, settings: Evaluation) -> pd.DataFrame:
    """Return every figure of the study in the long form of table ``metric``; ``n`` and ``events`` are its cases.

    ``model`` is a reader, ``model``, ``readers`` (pooled), ``readers and model``, or ``A vs B``; ``subset`` is
    ``unaided``, ``aided``, ``alone`` (the model) or ``aided vs unaided``. Shares lie between 0 and 1.
    """
    rows = [
        *_each(reading, settings.confidence),
        *_assistance(reading),
        *_pooled(reading, settings),
        *_against_each_other(reading),
        *_agreement(reading, settings.confidence),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def assistance(aided: Booleans, unaided: Booleans, resampling: Resampling | None = None) -> Interval:
    """Return how much more often readers say dead with the model than without: ``aided`` and ``unaided`` (readers,
    cases). On deaths this is the change of sensitivity; on survivors the specificity changes by its negative.

    Readers and cases are drawn with replacement, each independently of the other; with one reader only cases are. The
    limits err on the wide side where the model does the same for every reader (what is peculiar to one reader on one
    case counts in both draws), on the narrow side where two or three readers gain differently.
    """
    return crossed_bootstrap(aided.astype(np.float64) - unaided.astype(np.float64), resampling)


def crossed_bootstrap(values: Floats, resampling: Resampling | None = None) -> Interval:
    """Return the mean of ``values`` (readers, cases) with percentile limits over readers and cases drawn together."""
    plan, (readers, cases) = resampling or Resampling(), values.shape
    if not cases:
        return undefined_interval(BOTH, "no case")
    random, drawn = np.random.default_rng(plan.seed), []
    for size in _chunks(plan.resamples, readers + cases):
        rows = random.multinomial(readers, np.full(readers, 1 / readers), size) / readers
        columns = random.multinomial(cases, np.full(cases, 1 / cases), size) / cases
        drawn.append(((rows @ values) * columns).sum(axis=1))
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(np.concatenate(drawn), (tail, 1 - tail))
    note = "one reader: cases alone were drawn" if readers == 1 else None
    return Interval(float(values.mean()), float(low), float(high), BOTH, note)


def cohen_kappa(a: Booleans, b: Booleans, confidence: float = 0.95) -> Interval:
    """Return Cohen's kappa of two readers (n,) with its normal limits; undefined where both gave one answer only."""
    from statsmodels.stats.inter_rater import cohens_kappa

    table = [[int(((a == x) & (b == y)).sum()) for y in (True, False)] for x in (True, False)]
    if max(map(max, table)) == len(a):
        return undefined_interval("Cohen", "both gave one answer only")
    found = cohens_kappa(table)
    kappa, margin = float(found.kappa), normal_quantile(confidence) * float(found.std_kappa)
    return Interval(kappa, max(kappa - margin, -1.0), min(kappa + margin, 1.0), "Cohen, Wald limits cut to [-1, 1]")


def fleiss(raters: Floats) -> Interval:
    """Return Fleiss' kappa of ``raters`` (raters, cases) 0/1, without limits; undefined for one rater or one answer."""
    from statsmodels.stats.inter_rater import fleiss_kappa

    dead = raters.sum(axis=0)
    if len(raters) < 2 or dead.sum() in (0, raters.size):
        return undefined_interval("Fleiss", "one reader, or one answer only")
    return without_limits(float(fleiss_kappa(np.column_stack([dead, len(raters) - dead]))), "Fleiss")


@dataclass(frozen=True)
class _Table:
    """Writes rows that carry the counts of the study."""

    reading: Reading

    def row(self, who: str, subset: str, metric: str, interval: Interval) -> MetricRow:
        method = f"{interval.method}; {interval.note}" if interval.note else interval.method
        limits, died = (interval.value, interval.low, interval.high), self.reading.died
        return MetricRow(READER_STUDY, who, subset, metric, *limits, len(died), int(died.sum()), method)


def _each(reading: Reading, confidence: float) -> Iterator[MetricRow]:
    """How well each answered: every reader in every arm, and the model."""
    table, everyone = _Table(reading), {**reading.called, (MODEL, ALONE): reading.model}
    for (who, how), called in everyone.items():
        figures = decisions(reading.died, called, confidence)
        for metric in SHARES:
            yield table.row(who, how, metric, getattr(figures, metric))
        yield table.row(who, how, "auc", _auc(reading, (who, how), confidence))
        seconds = reading.seconds.get((who, how), np.empty(0))
        if np.isfinite(seconds).any():
            yield table.row(who, how, "seconds", without_limits(float(np.nanmedian(seconds)), "median a case"))


def _auc(reading: Reading, arm: Arm, confidence: float) -> Interval:
    if arm == (MODEL, ALONE):
        return delong_interval(reading.died, reading.risk, confidence)
    given = reading.confidence[arm]
    missing = int(np.isnan(given).sum())
    if missing:
        return undefined_interval("DeLong", f"no confidence given for {missing} of {len(given)} cases")
    return delong_interval(reading.died, np.where(reading.called[arm], given, -given), confidence)


def _assistance(reading: Reading) -> Iterator[MetricRow]:
    """What the model changed for each reader: McNemar's exact test on deaths, on survivors and on all."""
    table, everybody = _Table(reading), np.ones(len(reading.died), dtype=bool)
    among = dict(zip(SHARES, (reading.died, ~reading.died, everybody), strict=True))
    for reader in reading.paired:
        before, after = (reading.right(reading.called[reader, how]) for how in (UNAIDED, AIDED))
        for metric, cases in among.items():
            pair = after[cases], before[cases]
            yield from _paired(table, (reader, CHANGE), f"{metric}_change", pair)


def _paired(table: _Table, whose: tuple[str, str], metric: str, pair: tuple[Booleans, Booleans]) -> Iterator[MetricRow]:
    first, second = pair
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    told = f"{gained} right by the first alone, {lost} by the second alone"
    yield table.row(*whose, metric, without_limits(float(first.mean() - second.mean()), told))
    yield table.row(*whose, f"{metric}_p", without_limits(mcnemar(first, second).p_value, "McNemar, exact"))


def _pooled(reading: Reading, settings: Evaluation) -> Iterator[MetricRow]:
    """What the model changed for these readers together, readers and cases both taken as samples."""
    table, readers = _Table(reading), reading.paired
    if not readers:
        return
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    arms = {how: np.stack([reading.called[reader, how] for reader in readers]) for how in CONDITIONS}
    for metric, cases in zip(SHARES, (reading.died, ~reading.died), strict=False):
        right = {how: (called == reading.died)[:, cases] for how, called in arms.items()}
        for how in CONDITIONS:
            yield table.row(READERS, how, metric, crossed_bootstrap(right[how].astype(np.float64), plan))
        yield table.row(READERS, CHANGE, f"{metric}_change", assistance(right[AIDED], right[UNAIDED], plan))


def _against_each_other(reading: Reading) -> Iterator[MetricRow]:
    """Who is right more often, under each condition: Cochran's Q over readers and model, then each pair (Holm)."""
    table = _Table(reading)
    for how in CONDITIONS:
        right = {who: reading.right(reading.called[who, how]) for who in reading.readers(how)}
        if not right:
            continue
        right[MODEL] = reading.right(reading.model)
        test = cochran_q(*right.values())
        method = f"Cochran, {len(right)} raters, {test.degrees} degrees of freedom"
        yield table.row(EVERYONE, how, "cochran_q", without_limits(test.statistic, method))
        yield table.row(EVERYONE, how, "cochran_p", without_limits(test.p_value, method))
        yield from _pairs(table, how, right)


def _pairs(table: _Table, how: str, right: Mapping[str, Booleans]) -> Iterator[MetricRow]:
    pairs = list(combinations(right, 2))
    for a, b in pairs:
        yield from _paired(table, (f"{a} vs {b}", how), "accuracy_difference", (right[a], right[b]))
    adjusted = holm([mcnemar(right[a], right[b]).p_value for a, b in pairs])
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        method = f"McNemar, exact, Holm over {len(pairs)}"
        yield table.row(f"{a} vs {b}", how, "accuracy_difference_p_holm", without_limits(float(p_value), method))


def _agreement(reading: Reading, confidence: float) -> Iterator[MetricRow]:
    """How far the readers say the same, right or wrong."""
    table = _Table(reading)
    for how in CONDITIONS:
        readers = reading.readers(how)
        for a, b in combinations(readers, 2):
            kappa = cohen_kappa(reading.called[a, how], reading.called[b, how], confidence)
            yield table.row(f"{a} vs {b}", how, "cohen_kappa", kappa)
        if len(readers) > 1:
            raters = np.stack([reading.called[reader, how] for reader in readers]).astype(np.float64)
            yield table.row(READERS, how, "fleiss_kappa", fleiss(raters))


def _chunks(resamples: int, width: int) -> Iterator[int]:
    size = max(1, CHUNK_VALUES // width)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
