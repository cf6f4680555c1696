"""When the pages call an asset late: where the schedule is on and did not make it."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import dagster as dg

from orchestration.schedules import BETWEEN_RETRAININGS, weekly_retraining

DAY = timedelta(days=1)
"""What a run of the schedule may take before its assets are late, and again before they are stale. Our choice."""

MADE_BY_THE_SCHEDULE = dg.FreshnessPolicy.time_window(
    warn_window=BETWEEN_RETRAININGS + DAY, fail_window=BETWEEN_RETRAININGS + 2 * DAY
)
"""The policy of an asset that the schedule makes, or finds up to date, every week."""


def expect_fresh(assets: Iterable[dg.AssetsDefinition], without: str) -> list[dg.AssetsDefinition]:
    """Return ``assets`` with the policy on those that the schedule makes, which are all but those of the group
    ``without``; unchanged where the schedule is off."""

    def scheduled(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_made = spec.group_name != without
        return spec.replace_attributes(freshness_policy=MADE_BY_THE_SCHEDULE) if is_made else spec

    return [asset.map_asset_specs(scheduled) for asset in assets] if retraining_is_on() else list(assets)


def retraining_is_on() -> bool:
    """Return whether the schedule was turned on in the Dagster instance of ``DAGSTER_HOME``; no without one."""
    home = os.environ.get("DAGSTER_HOME")
    if not home or not Path(home, "dagster.yaml").exists():
        return False
    with dg.DagsterInstance.get() as instance:
        states = instance.all_instigator_state()
    return any(state.name == weekly_retraining.name and state.status.name == "RUNNING" for state in states)
