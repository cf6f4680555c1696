"""Every check of the graph, by the asset that it is on."""

from collections import defaultdict

from assets.checks.archive import archive_check, letters_check, linkage_gate, reject_gate
from assets.checks.check import Check
from assets.checks.records import (
    late_records_check,
    lost_check,
    readiness_check,
    refused_check,
    sealed_check,
    set_aside_check,
)
from assets.checks.results import motion_check, suspicious_results_check, suspicious_variables_check
from assets.checks.running import checks_of
from assets.checks.tables import SUITES, Files, assertion_check, expectations_check
from assets.checks.watch import WATCHES
from assets.graph import STAGES
from assets.records.health_records import RECORDS
from assets.records.own_variables import variable_files
from warehouse.checks.assertions import assertions


def _files_of(*assets: str) -> Files:
    """Return the function that yields the files that decide a check on ``assets``: the site's variables, if read."""
    return variable_files if {"measurement", "clinical_features"}.intersection(assets) else lambda _: {}


BY_ASSET: dict[str, list[Check]] = defaultdict(list)
for _check in (
    *(expectations_check(table, asset, _files_of(asset)) for table, asset in SUITES.items()),
    *(
        assertion_check(one, _files_of(one.asset, *one.also))
        for one in assertions({name for stage in STAGES for name in stage.assets})
    ),
    *map(set_aside_check, RECORDS.assets),
    *map(lost_check, RECORDS.assets),
    refused_check(),
    late_records_check(),
    readiness_check(),
    sealed_check(),
    archive_check(),
    reject_gate(),
    linkage_gate(),
    letters_check(),
    suspicious_variables_check(),
    suspicious_results_check(),
    motion_check(),
    *WATCHES,
):
    BY_ASSET[_check.spec.asset_key.to_user_string()].append(_check)

CHECKS = [
    checks_of(stage.name, checks)
    for stage in STAGES
    if (checks := [check for asset in stage.assets for check in BY_ASSET.get(asset, ())])
]
"""A step for each stage with checks, which runs those of all its assets."""
