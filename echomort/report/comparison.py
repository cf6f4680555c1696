"""Two projects beside each other: settings, cohorts, figures, and a paired test where both scored the same studies."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from echomort.evaluation.discrimination import delong_test
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.calibration import ICI, OBSERVED_EXPECTED, SLOPE
from echomort.evaluation.metrics.censoring import DAYS, IPCW_AUC, day_subset
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.too_few import has_too_few
from echomort.report.numbers import Figure, Numbers
from echomort.report.sections.provenance import setting_text
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, WHOLE

ROWS: tuple[tuple[Metric, str, str], ...] = (
    (AUC, OUT_OF_FOLD, WHOLE),
    *((IPCW_AUC, OUT_OF_FOLD, subset) for subset in (WHOLE, *map(day_subset, DAYS))),
    *((metric, RECALIBRATED, WHOLE) for metric in (SLOPE, OBSERVED_EXPECTED, ICI)),
)
"""Metric, evaluation and subset of each figure that is compared."""
TOO_FEW = "too few deaths or survivors for a result"
DELONG = "DeLong"
"""The name of the test where no model has one."""
OTHER_KEY = "the two projects have different keys: a study of one can't be found in the other"
NOTHING_COMMON = "no model of the same name scored a study of both"
OTHER_OUTCOMES = "outcomes of common studies differ between the two projects"


@dataclass(frozen=True)
class Side:
    """One of the two projects. ``settings``: key -> value; ``attrition``: reason, studies; ``key_id``: names its key;
    ``scored``: a row a development study that figures are about and model: study_key, model, label 0/1, logit."""

    settings: Mapping[str, Any]
    attrition: pd.DataFrame
    numbers: Numbers
    key_id: str
    scored: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """One line: ``kind`` (setting, count, metric or test), its ``name``, the values of both sides, the ``difference``
    (second less first; None where there is none) and a ``note``."""

    kind: str
    name: str
    first: Any
    second: Any
    difference: float | None = None
    note: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the line as one JSON object."""
        return asdict(self)


def compared(first: Side, second: Side) -> Iterator[Compared]:
    """Yield what differs in settings, the counts of both cohorts, the figures of both, and the paired tests. Figures
    that a report withholds have no value."""
    yield from _settings(first.settings, second.settings)
    yield from _counts(first.attrition, second.attrition)
    yield from _figures(first.numbers, second.numbers)
    yield from _tests(first, second)


def _settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Compared]:
    for key in dict.fromkeys((*first, *second)):
        if first.get(key) != second.get(key):
            yield Compared("setting", key, setting_text(first.get(key)), setting_text(second.get(key)))


def _counts(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[Compared]:
    left, right = (dict(zip(side["reason"], side["studies"], strict=True)) for side in (first, second))
    for reason in dict.fromkeys((*left, *right)):
        one, other = int(left.get(reason, 0)), int(right.get(reason, 0))
        yield Compared("count", reason, one, other, other - one, "studies")


def _figures(first: Numbers, second: Numbers) -> Iterator[Compared]:
    names = dict.fromkeys(model for numbers in (first, second) for model, _ in numbers.models())
    for model in names:
        few = first.too_few(model) or second.too_few(model)
        for metric, evaluation, subset in ROWS:
            one, other = (numbers.get(model, metric.name, subset, evaluation) for numbers in (first, second))
            if one.is_known or other.is_known or (few and metric == AUC):
                name = "/".join(part for part in (model, metric.name, subset) if part != WHOLE)
                both = one.is_known and other.is_known
                difference = other.value - one.value if both else None
                yield Compared("metric", name, _values(one), _values(other), difference, TOO_FEW if few else "")


def _values(figure: Figure) -> dict[str, float | None] | None:
    if not figure.is_known:
        return None
    limits = {"low": figure.low, "high": figure.high}
    return {"value": figure.value, **{name: None if math.isnan(limit) else limit for name, limit in limits.items()}}


def _tests(first: Side, second: Side) -> Iterator[Compared]:
    if first.key_id != second.key_id:
        yield Compared("test", DELONG, None, None, note=OTHER_KEY)
        return
    common = first.scored.merge(second.scored, on=["study_key", "model"], suffixes=("_one", "_other"))
    if common.empty:
        yield Compared("test", DELONG, None, None, note=NOTHING_COMMON)
    least = max(first.numbers.least, second.numbers.least)
    for model, rows in common.groupby("model", sort=True):
        yield _test(str(model), rows, least)


def _test(model: str, rows: pd.DataFrame, least: int) -> Compared:
    """Return DeLong's paired test on the common studies ``rows``; why there is none, where there is none."""
    labels = rows["label_one"].astype(int)
    if (labels != rows["label_other"].astype(int)).any():
        return Compared("test", model, None, None, note=OTHER_OUTCOMES)
    if has_too_few(len(rows), int(labels.sum()), least):
        return Compared("test", model, None, None, note=f"fewer than {least} deaths or survivors in common studies")
    test = delong_test(labels, rows["logit_other"], rows["logit_one"])
    p_value = "p not estimable" if math.isnan(test.p_value) else f"p = {test.p_value:.3g}"
    interval = f"95 % interval {test.low:.3f} to {test.high:.3f}"
    return Compared("test", model, test.auc_b, test.auc_a, test.difference, f"{interval}, {p_value}, {test.n} studies")
