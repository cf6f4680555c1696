"""A bootstrap over readers and cases, each drawn independently of the other."""

from collections.abc import Iterator

import numpy as np

from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval, undefined_interval
from echomort.evaluation.resampling import CHUNK_VALUES, Resampling

METHOD = "bootstrap over readers and cases, percentile"


def bootstrap_change(aided: Booleans, unaided: Booleans, resampling: Resampling | None = None) -> Interval:
    """Return the mean of ``aided`` less that of ``unaided``: (readers, cases), whether each answer is correct.

    With one reader only cases are drawn. The limits are too wide where the model helps every reader equally (what is
    peculiar to one reader on one case counts in both draws), and too narrow where few readers gain differently:
    :mod:`echomort.reader_study.obuchowski_rockette` is nearer to its level there.
    """
    return crossed_bootstrap(aided.astype(np.float64) - unaided.astype(np.float64), resampling)


def crossed_bootstrap(values: Floats, resampling: Resampling | None = None) -> Interval:
    """Return the mean of ``values`` (readers, cases) with percentile limits over readers and cases drawn together."""
    plan, (readers, cases) = resampling or Resampling(), values.shape
    if not cases:
        return undefined_interval(METHOD, "no case")
    random, drawn = np.random.default_rng(plan.seed), []
    for size in _chunks(plan.resamples, readers + cases):
        rows = random.multinomial(readers, np.full(readers, 1 / readers), size) / readers
        columns = random.multinomial(cases, np.full(cases, 1 / cases), size) / cases
        drawn.append(((rows @ values) * columns).sum(axis=1))
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(np.concatenate(drawn), (tail, 1 - tail))
    note = "one reader: cases alone were drawn" if readers == 1 else None
    return Interval(float(values.mean()), float(low), float(high), METHOD, note)


def _chunks(resamples: int, width: int) -> Iterator[int]:
    size = max(1, CHUNK_VALUES // width)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
