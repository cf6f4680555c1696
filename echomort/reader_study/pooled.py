"""What the model changed for readers together: Obuchowski and Rockette's analysis, and a bootstrap beside it.

The readers are those who read both arms. The analysis whose readers are a sample (``*_mrmc``) is the study's answer.
The one whose readers are fixed (``*_fixed_readers``) says something of these readers only.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import undefined_interval, without_limits
from echomort.evaluation.resampling import Resampling
from echomort.reader_study.answers import AIDED, CONDITIONS, READERS, UNAIDED, Reading
from echomort.reader_study.bootstrap import bootstrap_change, crossed_bootstrap
from echomort.reader_study.obuchowski_rockette import (
    FIXED_READERS,
    RANDOM_READERS,
    Estimate,
    Merits,
    area_merits,
    fixed_readers_change,
    random_readers_change,
    random_readers_mean,
    share_merits,
)
from echomort.reader_study.rows import AUC, CHANGE, FIXED, SAMPLE, SHARES, Rows
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import MetricRow


def pooled_rows(reading: Reading, settings: Evaluation) -> Iterator[MetricRow]:
    """Yield the figures of the readers of both arms together; none without such a reader."""
    if not reading.paired:
        return
    yield from _bootstrap_rows(reading, settings)
    for metric, merits in merits_by_metric(reading, reading.paired).items():
        yield from _analysis_rows(Rows(reading), metric, merits, settings.confidence)


def area_change_rows(reading: Reading, confidence: float) -> Iterator[MetricRow]:
    """Yield what the model changed in each reader's AUC, where all confidences are given."""
    for reader in reading.paired:
        merits = merits_by_metric(reading, [reader]).get(AUC)
        if merits is not None:
            change = fixed_readers_change(merits)
            yield from _estimate_rows(Rows(reading), reader, f"{AUC}_change", (change, FIXED_READERS), confidence)


def merits_by_metric(reading: Reading, readers: Sequence[str]) -> Mapping[str, Merits | None]:
    """Return the figures of merit of ``readers`` (unaided, aided): None where there are too few cases.

    The AUC is absent where a confidence is missing.
    """
    right = np.stack([[reading.right(reading.answers[reader, arm]) for reader in readers] for arm in CONDITIONS])
    cases = zip(SHARES, (reading.died, ~reading.died, np.ones_like(reading.died)), strict=True)
    found = {metric: share_merits(right[..., among]) for metric, among in cases}
    rating = _ratings(reading, readers)
    return found if np.isnan(rating).any() else found | {AUC: area_merits(rating, reading.died)}


def _ratings(reading: Reading, readers: Sequence[str]) -> Floats:
    return np.stack([[reading.rating((reader, arm)) for reader in readers] for arm in CONDITIONS])


def _bootstrap_rows(reading: Reading, settings: Evaluation) -> Iterator[MetricRow]:
    rows, plan = Rows(reading), Resampling(settings.bootstrap, settings.confidence, settings.seed)
    for metric, among in zip(SHARES, (reading.died, ~reading.died), strict=False):
        right = {arm: _right(reading, arm)[:, among] for arm in CONDITIONS}
        for arm in CONDITIONS:
            yield rows.row(READERS, arm, metric, crossed_bootstrap(right[arm].astype(np.float64), plan))
        yield rows.row(READERS, CHANGE, f"{metric}_change", bootstrap_change(right[AIDED], right[UNAIDED], plan))


def _right(reading: Reading, arm: str) -> Booleans:
    return np.stack([reading.right(reading.answers[reader, arm]) for reader in reading.paired])


def _analysis_rows(rows: Rows, metric: str, merits: Merits | None, confidence: float) -> Iterator[MetricRow]:
    if merits is None:
        undefined = undefined_interval(RANDOM_READERS, "fewer than two deaths or survivors")
        yield rows.row(READERS, CHANGE, f"{metric}_change{SAMPLE}", undefined)
        return
    for place, arm in enumerate(CONDITIONS):
        mean = random_readers_mean(merits, place).interval(confidence, 0.0, RANDOM_READERS)
        yield rows.row(READERS, arm, f"{metric}{SAMPLE}", mean)
    sample, fixed = (random_readers_change(merits), RANDOM_READERS), (fixed_readers_change(merits), FIXED_READERS)
    yield from _estimate_rows(rows, READERS, f"{metric}_change{SAMPLE}", sample, confidence)
    yield from _estimate_rows(rows, READERS, f"{metric}_change{FIXED}", fixed, confidence)


def _estimate_rows(
    rows: Rows, name: str, metric: str, found: tuple[Estimate, str], confidence: float
) -> Iterator[MetricRow]:
    estimate, method = found
    yield rows.row(name, CHANGE, metric, estimate.interval(confidence, -1.0, method))
    yield rows.row(name, CHANGE, f"{metric}_p", without_limits(estimate.p_value, method))
