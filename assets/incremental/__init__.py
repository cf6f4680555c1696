"""Plan, work, commit: how every asset is made."""

from assets.incremental.children import ChildEnded, Children, run_child
from assets.incremental.stage import CODE, Result, Stage, described, is_up_to_date, materialized, missing_files, picture
from assets.incremental.units import (
    MOST_UNITS,
    UnitStage,
    commit_units,
    left_after,
    recipe_of,
    stale_units,
    unit_asset,
)
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
    "MOST_UNITS",
    "Build",
    "Built",
    "ChildEnded",
    "Children",
    "Result",
    "Stage",
    "UnitStage",
    "built_tables",
    "commit_units",
    "described",
    "is_up_to_date",
    "left_after",
    "materialized",
    "missing_files",
    "picture",
    "rebuild",
    "rebuild_after",
    "rebuild_together",
    "recipe_of",
    "run_child",
    "stale_units",
    "unit_asset",
    "whole_asset",
]
