"""Plan, work, commit: how every asset is made."""

from assets.incremental.stage import CODE, Result, Stage, described, is_up_to_date, materialized, missing_files
from assets.incremental.units import UnitStage, commit_units, stale_units, unit_asset
from assets.incremental.whole import (
    Build,
    Built,
    built_tables,
    rebuild,
    rebuild_after,
    rebuild_together,
    whole_asset,
)

__all__ = [
    "CODE",
    "Build",
    "Built",
    "Result",
    "Stage",
    "UnitStage",
    "built_tables",
    "commit_units",
    "described",
    "is_up_to_date",
    "materialized",
    "missing_files",
    "rebuild",
    "rebuild_after",
    "rebuild_together",
    "stale_units",
    "unit_asset",
    "whole_asset",
]
