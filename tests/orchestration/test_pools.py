"""A run whose process is gone holds no slot of a pool and no place in the queue: the next one would wait for ever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from projects import clean_environment
from waiting_run import POOL, waiting_job

from orchestration import run_locks
from orchestration.launcher import HomeRunLauncher, WorkerStatus
from orchestration.run_locks import COMMAND_LINE_TAG, FOLDER, end_dead_runs, hold_lock, run_state, waits_for
from orchestration.runs import prepare_instance

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One instance for all tests here: it takes seconds on a slow disk."""
    home = tmp_path_factory.mktemp("pools")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        prepare_instance(home)
        with dg.DagsterInstance.get() as instance:
            yield instance


@pytest.fixture
def instance(shared: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """The instance without a run, and with all slots free."""
    yield shared
    for run in shared.get_runs():
        shared.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        shared.delete_run(run.run_id)
    shared.event_log_storage.free_concurrency_slots_for_run("another run")
    shared.event_log_storage.free_concurrency_slots_for_run("waiting")
    for run_id in list(run_locks._HELD):
        run_locks.release_lock(run_id)


def run_with_a_slot(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str]) -> dg.DagsterRun:
    run = instance.create_run_for_job(waiting_job, status=status, tags=tags)
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    assert instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step").is_claimed
    return run


def lock_of_a_dead_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    hold_lock(instance, run.run_id)
    run_locks.release_lock(run.run_id)


@pytest.mark.parametrize("tags", [COMMAND_LINE_TAG, {}])
@pytest.mark.parametrize(
    ("status", "lock", "free"),
    [
        (dg.DagsterRunStatus.FAILURE, None, True),  # interrupted: a step died after the run had failed
        (dg.DagsterRunStatus.CANCELED, None, True),
        (STARTED, "dead", True),
        (dg.DagsterRunStatus.CANCELING, "dead", True),
        (STARTED, "held", False),
        (STARTED, None, False),  # it started this moment
    ],
)
def test_a_slot_is_free_once_its_run_is_over_or_dead_whoever_started_it(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, lock: str | None, free: bool, tags: dict[str, str]
) -> None:
    run = run_with_a_slot(instance, status, tags)
    if lock == "held":
        hold_lock(instance, run.run_id)
    elif lock == "dead":
        lock_of_a_dead_process(instance, run)
    end_dead_runs(instance)
    claim = instance.event_log_storage.claim_concurrency_slot(POOL, "another run", "step")
    assert claim.is_claimed == free
    after = instance.get_run_by_id(run.run_id)
    assert after and after.is_finished == free
    if status is STARTED and free:
        assert after.status is (dg.DagsterRunStatus.CANCELED if tags else dg.DagsterRunStatus.FAILURE)


def test_a_run_without_a_lock_is_dead_a_minute_after_its_start(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, foreign = (
        instance.create_run_for_job(waiting_job, status=dg.DagsterRunStatus.STARTING, tags=tags)
        for tags in (COMMAND_LINE_TAG, {})
    )
    start = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name)
    for one in (run, foreign):
        instance.report_dagster_event(start, one.run_id)
    assert run_state(instance, run) == "unknown"
    monkeypatch.setattr(run_locks, "START_SECONDS", -1)
    assert run_state(instance, run) == "dead"
    assert run_state(instance, foreign) == "unknown", "a job of others on the same instance takes no lock"


def test_a_run_of_another_machine_is_left_alone(instance: dg.DagsterInstance) -> None:
    run = run_with_a_slot(instance, STARTED, {})
    folder = Path(instance.root_directory) / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / f"{run.run_id}.lock").write_text('{"host": "elsewhere", "process": 1}')
    end_dead_runs(instance)
    assert instance.get_run_by_id(run.run_id).status is STARTED  # type: ignore[union-attr]


def test_run_monitoring_of_the_daemon_sees_a_run_that_was_killed(instance: dg.DagsterInstance) -> None:
    run = run_with_a_slot(instance, STARTED, COMMAND_LINE_TAG)
    launcher = instance.run_launcher
    assert isinstance(launcher, HomeRunLauncher) and launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    lock_of_a_dead_process(instance, run)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"]
    assert not instance.telemetry_enabled


def test_waiting_says_what_it_waits_for(instance: dg.DagsterInstance) -> None:
    holder = run_with_a_slot(instance, STARTED, COMMAND_LINE_TAG)
    assert not instance.event_log_storage.claim_concurrency_slot(POOL, "waiting", "step").is_claimed
    (line,) = waits_for(instance, "waiting")
    assert "pool warehouse" in line and holder.run_id[:8] in line and "command line" in line
    assert waits_for(instance, holder.run_id) == []


def started(instance: dg.DagsterInstance) -> subprocess.Popen[str]:
    tests = Path(__file__).parents[1]
    environment = clean_environment() | {"DAGSTER_HOME": instance.root_directory, "PYTHONPATH": str(tests.parent)}
    command = [sys.executable, str(tests / "waiting_run.py")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_run_that_waits_hears_a_signal_uses_no_processor_and_goes_on_when_the_owner_dies(
    instance: dg.DagsterInstance,
) -> None:
    holder = run_with_a_slot(instance, STARTED, {})
    hold_lock(instance, holder.run_id)
    with started(instance) as first, started(instance) as second:
        try:
            until = time.monotonic() + 60
            while len(instance.event_log_storage.get_concurrency_info(POOL).pending_run_ids) < 2:
                assert time.monotonic() < until and first.poll() is None and second.poll() is None
                time.sleep(0.2)
            before = processor_seconds(second.pid)
            time.sleep(1.5)
            assert processor_seconds(second.pid) - before < 0.75
            first.send_signal(signal.SIGTERM)
            assert first.communicate(timeout=30)[0].strip() == "CANCELED"
            run_locks.release_lock(holder.run_id)
            assert second.communicate(timeout=60)[0].strip() == "SUCCESS"
        finally:
            first.kill()
            second.kill()


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
