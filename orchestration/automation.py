"""When an asset is rebuilt automatically."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

AC: Any = dg.AutomationCondition
EXPERIMENTS = dg.AssetSelection.groups("experiments")
"""What nothing waits for: the report takes the experiments that were made."""

REBUILD_WHEN_CHANGED = (
    (AC.missing() | AC.code_version_changed() | AC.any_deps_match(AC.data_version_changed())).since_last_handled()
    & ~AC.in_progress()
    & ~AC.any_deps_missing().ignore(EXPERIMENTS)
    & ~AC.any_deps_in_progress().ignore(EXPERIMENTS)
    & AC.all_deps_blocking_checks_passed()
).with_label("rebuild_when_changed")
"""Requests an asset that is missing, whose code changed, or of which an asset above has new content.

If an asset above is rebuilt and comes out the same, nothing is requested.
"""


def automate(assets: Iterable[Any], groups: set[str]) -> list[dg.AssetsDefinition]:
    """Return ``assets`` with the condition on those of ``groups`` (cheap assets; training runs by its schedule)."""

    def conditioned(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(automation_condition=REBUILD_WHEN_CHANGED) if spec.group_name in groups else spec

    return [asset.map_asset_specs(conditioned) for asset in assets]


automation_sensor = dg.AutomationConditionSensorDefinition(
    name="rebuild_when_changed",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
)
