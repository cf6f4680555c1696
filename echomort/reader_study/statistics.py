"""The statistics of a reader study: cardiologists without and with the model, on the same cases.

Cases are the unit throughout, one study a patient. Tests of one reader treat the cases as the sample. What the model
changed for all readers (:mod:`echomort.reader_study.pooled`) treats readers and cases as samples.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval, normal_quantile, undefined_interval, without_limits
from echomort.evaluation.paired_tests import cochran_q, holm, mcnemar
from echomort.evaluation.thresholds import decisions
from echomort.reader_study.answers import AIDED, CONDITIONS, MODEL, READERS, UNAIDED, Arm, Reading
from echomort.reader_study.pooled import area_change_rows, pooled_rows
from echomort.reader_study.rows import ALONE, AUC, CHANGE, EVERYONE, SHARES, Rows
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow


def analyse(reading: Reading, settings: Evaluation) -> pd.DataFrame:
    """Return every figure of the study in the long form of table ``metric``; ``n`` and ``events`` are its cases.

    ``model`` is a reader, ``model``, ``readers`` (pooled), ``readers and model``, or ``A vs B``; ``subset`` is
    ``unaided``, ``aided``, ``alone`` (the model) or ``aided vs unaided``. Shares lie between 0 and 1.
    """
    rows = [
        *_each(reading, settings.confidence),
        *_changes(reading),
        *area_change_rows(reading, settings.confidence),
        *pooled_rows(reading, settings),
        *_against_each_other(reading),
        *_agreement(reading, settings.confidence),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


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


def _each(reading: Reading, confidence: float) -> Iterator[MetricRow]:
    """How well each answered: every reader in every arm, and the model."""
    rows, everyone = Rows(reading), {**reading.answers, (MODEL, ALONE): reading.model}
    for (name, subset), answers in everyone.items():
        shares = decisions(reading.died, answers, confidence)
        for metric in SHARES:
            yield rows.row(name, subset, metric, getattr(shares, metric))
        yield rows.row(name, subset, AUC, _auc(reading, (name, subset), confidence))
    for arm in reading.answers:
        yield from _reading_rows(rows, reading, arm)


def _reading_rows(rows: Rows, reading: Reading, arm: Arm) -> Iterator[MetricRow]:
    """How long a case took, and how many answers were changed, where the files say so."""
    seconds, changed = reading.seconds[arm], reading.changed[arm]
    if np.isfinite(seconds).any():
        yield rows.row(*arm, "seconds", without_limits(float(np.nanmedian(seconds)), "median a case"))
    if np.isfinite(changed).all():
        share = without_limits(float(changed.mean()), f"{int(changed.sum())} of {len(changed)} answers")
        yield rows.row(*arm, "changed_answers", share)


def _auc(reading: Reading, arm: Arm, confidence: float) -> Interval:
    if arm == (MODEL, ALONE):
        return delong_interval(reading.died, reading.risk, confidence)
    rating = reading.rating(arm)
    missing = int(np.isnan(rating).sum())
    if missing:
        return undefined_interval("DeLong", f"no confidence given for {missing} of {len(rating)} cases")
    return delong_interval(reading.died, rating, confidence)


def _changes(reading: Reading) -> Iterator[MetricRow]:
    """What the model changed for each reader: McNemar's exact test on deaths, on survivors and on all."""
    rows, everybody = Rows(reading), np.ones(len(reading.died), dtype=bool)
    among = dict(zip(SHARES, (reading.died, ~reading.died, everybody), strict=True))
    for reader in reading.paired:
        before, after = (reading.right(reading.answers[reader, arm]) for arm in (UNAIDED, AIDED))
        for metric, cases in among.items():
            pair = after[cases], before[cases]
            yield from _paired_rows(rows, (reader, CHANGE), f"{metric}_change", pair)


def _paired_rows(
    rows: Rows, label: tuple[str, str], metric: str, pair: tuple[Booleans, Booleans]
) -> Iterator[MetricRow]:
    first, second = pair
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    counts = f"{gained} right by the first alone, {lost} by the second alone"
    yield rows.row(*label, metric, without_limits(float(first.mean() - second.mean()), counts))
    yield rows.row(*label, f"{metric}_p", without_limits(mcnemar(first, second).p_value, "McNemar, exact"))


def _against_each_other(reading: Reading) -> Iterator[MetricRow]:
    """Who is right more often, under each condition: Cochran's Q over readers and model, then each pair (Holm)."""
    rows = Rows(reading)
    for condition in CONDITIONS:
        right = {name: reading.right(reading.answers[name, condition]) for name in reading.readers(condition)}
        if not right:
            continue
        right[MODEL] = reading.right(reading.model)
        test = cochran_q(*right.values())
        method = f"Cochran, {len(right)} raters, {test.degrees} degrees of freedom"
        yield rows.row(EVERYONE, condition, "cochran_q", without_limits(test.statistic, method))
        yield rows.row(EVERYONE, condition, "cochran_p", without_limits(test.p_value, method))
        yield from _pair_rows(rows, condition, right)


def _pair_rows(rows: Rows, condition: str, right: Mapping[str, Booleans]) -> Iterator[MetricRow]:
    pairs = list(combinations(right, 2))
    for a, b in pairs:
        yield from _paired_rows(rows, (f"{a} vs {b}", condition), "accuracy_difference", (right[a], right[b]))
    adjusted = holm([mcnemar(right[a], right[b]).p_value for a, b in pairs])
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        method = f"McNemar, exact, Holm over {len(pairs)}"
        yield rows.row(f"{a} vs {b}", condition, "accuracy_difference_p_holm", without_limits(float(p_value), method))


def _agreement(reading: Reading, confidence: float) -> Iterator[MetricRow]:
    """How far the readers say the same, right or wrong."""
    rows = Rows(reading)
    for condition in CONDITIONS:
        readers = reading.readers(condition)
        for a, b in combinations(readers, 2):
            kappa = cohen_kappa(reading.answers[a, condition], reading.answers[b, condition], confidence)
            yield rows.row(f"{a} vs {b}", condition, "cohen_kappa", kappa)
        if len(readers) > 1:
            raters = np.stack([reading.answers[reader, condition] for reader in readers]).astype(np.float64)
            yield rows.row(READERS, condition, "fleiss_kappa", fleiss(raters))
