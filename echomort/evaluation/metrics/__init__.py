"""The metrics of the evaluation: one module for each family. Other packages add theirs by entry points."""

import functools
import logging

from echomort.core.registry import Registry
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily

METRIC_FAMILIES = Registry("metric family", "echomort.evaluation.metrics", MetricFamily)

log = logging.getLogger("echomort")


@functools.cache
def metric_families() -> tuple[MetricFamily, ...]:
    """Return the families in their order. A family that declares a metric which an earlier one has is left out, with a
    warning."""
    owners: dict[str, str] = {}
    families: list[MetricFamily] = []
    for name, family in METRIC_FAMILIES.all().items():
        duplicates = sorted({metric.name for metric in family.metrics} & owners.keys())
        if duplicates:
            log.warning(
                f"metric family {name} declares {duplicates[0]}, as {owners[duplicates[0]]} does; {name} is left out: "
                "give its metric another name"
            )
            continue
        owners |= {metric.name: name for metric in family.metrics}
        families.append(family)
    return tuple(sorted(families, key=lambda family: family.order))


def metrics_in(section: str) -> list[Metric]:
    """Return the metrics that the ``section`` of the report has a column for, in order."""
    return [metric for family in metric_families() for metric in family.metrics if metric.section == section]
