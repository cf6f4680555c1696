"""A run that is over holds no slot of a pool: the next one would wait for it for ever."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.runs import COMMAND_LINE_TAG, _cancel_orphaned_runs, everything_job, prepare_instance

POOL = "warehouse"


@pytest.mark.parametrize(
    ("status", "free"),
    [
        (dg.DagsterRunStatus.FAILURE, True),  # interrupted: a step died after the run had failed
        (dg.DagsterRunStatus.CANCELED, True),
        (dg.DagsterRunStatus.STARTED, True),  # its process was killed
        (None, False),  # started from the pages: it may be alive
    ],
)
def test_a_slot_of_a_run_that_is_over_is_free_and_that_of_one_from_the_pages_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus | None, free: bool
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    prepare_instance(tmp_path)
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            everything_job(),
            status=status or dg.DagsterRunStatus.STARTED,
            tags=COMMAND_LINE_TAG if status else {},
        )
        storage = instance.event_log_storage
        storage.set_concurrency_slots(POOL, 1)
        assert storage.claim_concurrency_slot(POOL, run.run_id, "step").is_claimed
        _cancel_orphaned_runs(instance)
        assert storage.claim_concurrency_slot(POOL, "another run", "step").is_claimed == free
