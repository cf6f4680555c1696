"""The command of the experiments, and where their results are waited for."""

from pathlib import Path
from typing import get_args

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.graph import STAGES
from echomort.core.errors import UserError
from echomort.experiments.cells import GRIDS
from echomort.settings import ExperimentName, load_settings
from orchestration.cli.__main__ import app
from orchestration.definitions import defs

MADE_ON_REQUEST = {f"experiment_{name}" for name in GRIDS} | {"clips_by_source", "clips_by_reduction", "flow"}


def test_grids_and_setting_name_the_same_experiments() -> None:
    assert list(GRIDS) == list(get_args(ExperimentName))


def test_no_job_or_schedule_but_their_own_makes_experiments() -> None:
    for job in ("rebuild_all", "ingest", "retrain", "evaluate"):
        assert not selected(job) & MADE_ON_REQUEST, job
    (schedule,) = defs.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition) and schedule.job_name == "rebuild_all"


def test_the_job_of_an_experiment_makes_what_it_needs_and_no_other_experiment() -> None:
    for name in GRIDS:
        made = selected(f"run_experiment_{name}")
        assert f"experiment_{name}" in made and {"clips", "clip_views", "cohort"} <= made
        assert {one for one in made if one.startswith("experiment_")} == {f"experiment_{name}"}
    assert "clips_by_reduction" in selected("run_experiment_resolution")
    assert "view_models" not in selected("run_experiment_figure2")


def test_only_kept_experiments_and_what_they_need_are_not_on_request() -> None:
    settings = load_settings(
        flags={"preset": "standard", "experiments.keep": ["figure2", "resolution"]}, environment={}
    )
    on_request = {stage.name for stage in STAGES if stage.on_request(settings)}
    assert on_request == MADE_ON_REQUEST - {"experiment_figure2", "experiment_resolution", "clips_by_reduction"}
    demo = load_settings(environment={})
    assert not any(
        stage.on_request(demo) for stage in STAGES if stage.name in ("experiment_figure2", "experiment_figure5")
    )


@pytest.mark.parametrize("is_there", [False, True])
def test_a_home_without_a_project_is_refused_and_nothing_is_made(tmp_path: Path, is_there: bool) -> None:
    home = tmp_path / "mistyped"
    if is_there:
        home.mkdir()
    done = CliRunner().invoke(app, ["experiment", "figure2", "--home", str(home)])
    assert isinstance(done.exception, UserError) or done.exit_code == 2
    assert "there is no project at" in f"{done.output} {done.exception}"
    assert list(tmp_path.rglob("*")) == ([home] if is_there else [])


def selected(job: str) -> set[str]:
    found = defs.resolve_job_def(job).asset_layer.selected_asset_keys
    return {key.to_user_string() for key in found}
