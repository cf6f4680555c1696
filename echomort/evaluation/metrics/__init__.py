"""The figures of the evaluation, a module a family of metrics; other packages offer theirs by entry points."""

import functools
import logging

from echomort.core.registry import Registry
from echomort.evaluation.metric import Metric, MetricFamily

METRIC_FAMILIES = Registry("metric family", "echomort.evaluation.metrics", MetricFamily)

log = logging.getLogger("echomort")


@functools.cache
def metric_families() -> tuple[MetricFamily, ...]:
    """Return the families in their order. One that declares a metric which another has already is left out, and
    reported in a line."""
    taken: dict[str, str] = {}
    kept: list[MetricFamily] = []
    for name, family in METRIC_FAMILIES.all().items():
        twice = sorted({metric.name for metric in family.metrics} & taken.keys())
        if twice:
            log.warning(
                f"metric family {name} declares {twice[0]}, as {taken[twice[0]]} does; {name} is left out: "
                "give its metric another name"
            )
            continue
        taken |= {metric.name: name for metric in family.metrics}
        kept.append(family)
    return tuple(sorted(kept, key=lambda family: family.order))


def metrics_in(section: str) -> list[Metric]:
    """Return the metrics that the ``section`` of the report has a column for, in order."""
    return [metric for family in metric_families() for metric in family.metrics if metric.section == section]
