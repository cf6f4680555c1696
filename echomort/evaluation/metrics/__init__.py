"""The metrics of the evaluation: one module for each family. Other packages add theirs by entry points."""

import functools

from echomort.core.registry import Registry
from echomort.evaluation.metric import Metric
from echomort.evaluation.metric_family import MetricFamily

METRIC_FAMILIES = Registry("metric family", "echomort.evaluation.metrics", MetricFamily)


@functools.cache
def metric_families() -> dict[str, MetricFamily]:
    """Return the families by name, in their order. A family that declares a metric which an earlier one has is left
    out, with a warning."""
    owners: dict[str, str] = {}
    families: dict[str, MetricFamily] = {}
    for name, family in METRIC_FAMILIES.all().items():
        duplicates = sorted({metric.name for metric in family.metrics} & owners.keys())
        if duplicates:
            problem = f"{METRIC_FAMILIES.where(name)} declares {duplicates[0]}, as {owners[duplicates[0]]} does"
            METRIC_FAMILIES.leave_out(name, problem)
            continue
        owners |= {metric.name: name for metric in family.metrics}
        families[name] = family
    return dict(sorted(families.items(), key=lambda item: item[1].order))


def metrics_in(section: str) -> list[Metric]:
    """Return the metrics that the ``section`` of the report has a column for, in order."""
    return [metric for family in metric_families().values() for metric in family.metrics if metric.section == section]
