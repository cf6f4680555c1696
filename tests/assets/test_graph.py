"""The graph as a whole: it loads, and nothing about it changes unnoticed."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from assets.graph import STAGES
from orchestration.definitions import defs

SNAPSHOT = Path(__file__).parent / "graph.json"
"""Made by ``python tests/assets/test_graph.py``; look at its difference before committing it."""


def graph() -> dict[str, Any]:
    """Return what a person would notice of the graph."""
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    checks = sorted(defs.resolve_asset_graph().asset_check_keys)
    return {
        "assets": {
            name: {
                "group": spec.group_name,
                "kinds": sorted(spec.kinds),
                "owners": list(spec.owners),
                "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
                "automated": spec.automation_condition is not None,
                "checks": [check.name for check in checks if check.asset_key == spec.key],
            }
            for name, spec in sorted(specs.items())
        },
        "jobs": sorted(job.name for job in defs.jobs or []),
        "schedules": sorted(schedule.name for schedule in defs.schedules or []),
        "sensors": {sensor.name: sensor.default_status.value for sensor in defs.sensors or []},
    }


def test_the_definitions_load_and_every_resource_is_there() -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_graph_is_the_one_that_was_agreed_on() -> None:
    assert graph() == json.loads(SNAPSHOT.read_text())


def test_every_asset_says_what_it_is_whose_it_is_and_which_code_makes_it() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description and spec.owners and spec.kinds and spec.group_name and spec.code_version, spec.key


def test_status_knows_every_asset_after_those_above_it() -> None:
    above = {name: asset["deps"] for name, asset in graph()["assets"].items()}
    seen: set[str] = set()
    for stage in STAGES:
        assert seen.issuperset(stage.upstream), stage.name
        assert all(set(stage.upstream) == set(above[name]) for name in stage.assets), stage.name
        seen.update(stage.assets)
    assert seen == set(above)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(graph(), indent=1) + "\n")
