"""Old runs go with all that Dagster keeps of them; what stands, and what may be gone on with, keeps its run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.storage.tags import PARENT_RUN_ID_TAG

from orchestration import history
from orchestration.event_log import kept_open
from orchestration.executor import _watch
from orchestration.history import tidy
from orchestration.resources import VALUES

DAYS = 30


CHECK = dg.AssetCheckKey(dg.AssetKey("first"), "has_rows")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance that knows one check alone."""
    spec = dg.AssetCheckSpec(CHECK.name, asset=CHECK.asset_key)
    monkeypatch.setattr(history, "BY_ASSET", {"first": [SimpleNamespace(spec=spec)]})
    (tmp_path / "dagster").mkdir()
    with kept_open(), dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as opened:
        yield opened


def made(
    instance: dg.DagsterInstance,
    *assets: str,
    days_ago: float = 2 * DAYS,
    status: DagsterRunStatus = DagsterRunStatus.SUCCESS,
    tags: dict[str, str] | None = None,
) -> str:
    """Return the id of a run that ended some days ago and made ``assets``, or the check."""
    run = dg.DagsterRun("everything", status=status, tags=tags)
    instance.add_run(run)
    for name in assets:
        if name == CHECK.name:
            passed = dg.AssetCheckEvaluation(CHECK.asset_key, CHECK.name, passed=True)
            _say(instance, run, DagsterEventType.ASSET_CHECK_EVALUATION, passed)
        else:
            made = dg.AssetMaterialization(name, tags={"dagster/data_version": run.run_id})
            _say(instance, run, DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(made))
    at = (datetime.now(UTC) - timedelta(days=days_ago)).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        connection.exec_driver_sql("UPDATE runs SET update_timestamp = ? WHERE run_id = ?", (str(at), run.run_id))
    for place in (VALUES, "dagster/storage"):  # what its steps passed on, and what they wrote
        file = home(instance) / place / run.run_id / "step" / "file"
        file.parent.mkdir(parents=True)
        file.touch()
    return run.run_id


def _say(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: DagsterEventType, about: Any) -> None:
    event = DagsterEvent(kind.value, run.job_name, event_specific_data=about)
    instance.report_dagster_event(event, run.run_id)


def home(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory).parent


def traces(instance: dg.DagsterInstance, run: str) -> list[str]:
    """Return the files and folders below the home that have the run's id in their path."""
    paths = (path.relative_to(home(instance)).as_posix() for path in home(instance).rglob("*"))
    return sorted(path for path in paths if run in path and not path.endswith(("-wal", "-shm")))


def test_an_old_run_goes_with_its_events_its_output_and_its_values(instance: dg.DagsterInstance) -> None:
    old, new = made(instance, "first", "second"), made(instance, "first", "second", days_ago=1)
    of_new = traces(instance, new)
    assert len(of_new) == len(traces(instance, old)) >= 3
    tidy(instance, home(instance), DAYS)
    assert [run.run_id for run in instance.get_runs()] == [new]
    assert traces(instance, old) == []
    values = f"{VALUES}/{new}"
    assert [place for place in of_new if not place.startswith(values)] == traces(instance, new)
    assert len(instance.all_logs(new)) == 2, "the other run has its events"


def test_what_stands_keeps_the_run_that_made_it_however_old(instance: dg.DagsterInstance) -> None:
    made_both, _, checked, made_first = (
        made(instance, *names) for names in (("first", "second", "has_rows"), ("first",), ("has_rows",), ("first",))
    )
    before = versions(instance)
    for _ in range(2):
        tidy(instance, home(instance), DAYS)
    assert {run.run_id for run in instance.get_runs()} == {made_both, checked, made_first}
    assert versions(instance) == before


def versions(instance: dg.DagsterInstance) -> dict[str, Any]:
    """Return asset -> the run and the data version of its latest materialization."""
    found = {}
    for name in ("first", "second"):
        event = instance.get_latest_materialization_event(dg.AssetKey(name))
        assert event is not None and event.asset_materialization is not None
        found[name] = event.run_id, (event.asset_materialization.tags or {}).get("dagster/data_version")
    return found


def test_a_run_that_failed_is_kept_while_another_goes_on_with_it(instance: dg.DagsterInstance) -> None:
    failed = made(instance, "first", status=DagsterRunStatus.FAILURE)
    again = made(instance, "first", days_ago=1, tags={PARENT_RUN_ID_TAG: failed})
    made(instance, "first", days_ago=1)
    tidy(instance, home(instance), DAYS)
    assert instance.has_run(failed) and instance.has_run(again)
    instance.delete_run(again)
    tidy(instance, home(instance), DAYS)
    assert not instance.has_run(failed)


@pytest.mark.parametrize("days", [0, 3 * DAYS])
def test_younger_runs_and_with_zero_all_runs_are_kept(instance: dg.DagsterInstance, days: int) -> None:
    runs = {made(instance, "first") for _ in range(2)} | {made(instance, status=DagsterRunStatus.FAILURE)}
    tidy(instance, home(instance), days)
    assert {run.run_id for run in instance.get_runs()} == runs


def test_a_run_that_has_not_ended_is_kept(instance: dg.DagsterInstance) -> None:
    started = made(instance, "first", status=DagsterRunStatus.STARTED)
    made(instance, "first")
    tidy(instance, home(instance), DAYS)
    assert instance.has_run(started)


def test_one_start_deletes_some_and_the_next_goes_on(instance: dg.DagsterInstance) -> None:
    for _ in range(4):
        made(instance, "first")
    with mock.patch.object(history, "MOST_DELETED", 2):
        left = []
        for _ in range(3):
            tidy(instance, home(instance), DAYS)
            left.append(instance.get_runs_count())
    assert left == [2, 1, 1]


def test_values_of_a_run_that_ended_well_go_and_those_of_a_failed_one_stay(instance: dg.DagsterInstance) -> None:
    well, failed = made(instance, "first", days_ago=0), made(instance, days_ago=0, status=DagsterRunStatus.FAILURE)
    tidy(instance, home(instance), DAYS)
    assert [folder.name for folder in (home(instance) / VALUES).iterdir()] == [failed]
    assert instance.has_run(well)


def test_a_run_tidies_when_it_starts_whoever_started_it(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOMORT_HOME", str(home(instance)))
    monkeypatch.delenv("ECHOMORT_CONFIG", raising=False)
    settings = home(instance) / "echomort.yaml"
    old, run = made(instance, "first"), made(instance, "first", days_ago=0)
    context: Any = SimpleNamespace(instance=instance, run_id=run, log=None)
    for days, kept in ((90, True), (DAYS, False)):
        settings.write_text(f"preset: demo\nexecution: {{keep_runs_days: {days}}}\n")
        with _watch(context):
            pass
        assert instance.has_run(old) is kept
    assert instance.has_run(run)


def test_nothing_of_sqlalchemy_is_loaded_beside_the_thread_that_looks_at_runs(tmp_path: Path) -> None:
    """A check loads Great Expectations, and the rest of SQLAlchemy: the thread met a half loaded module, and died."""
    code = """
import sys
from types import SimpleNamespace
import dagster as dg
from orchestration.executor import _watch
with dg.instance_for_test() as instance, _watch(SimpleNamespace(instance=instance, run_id="run", log=None)):
    before = {name for name in sys.modules if name.startswith("sqlalchemy")}
    import great_expectations.compatibility.sqlalchemy
    print(*({name for name in sys.modules if name.startswith("sqlalchemy")} - before))
"""
    environment = os.environ | {"ECHOMORT_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""
