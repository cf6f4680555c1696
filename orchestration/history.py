"""How long Dagster's record of a run is kept. Without an end it would grow by some megabytes with every run.

A run is deleted as Dagster's own page and command delete it, with its events, its output and the values that its steps
passed on. What the project knows of its assets is in its ledger, and no part of this. Kept for ever are the runs whose
events are the latest of an asset or of a check: without them Dagster's pages and its automation would take what stands
for never made.
"""

import fcntl
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES  # not exported
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage  # not exported
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG  # not exported

from assets.quality import BY_ASSET
from orchestration.resources import VALUES

MOST_DELETED = 50
"""Runs that the start of another one deletes at most, so that it waits some seconds at most; the next one goes on. Our
choice."""


def tidy(instance: dg.DagsterInstance, home: Path, days: int) -> None:
    """Delete the values of runs that ended well, and runs that ended more than ``days`` days ago (0: none). One process
    does it at a time; another one leaves it to that."""
    with (Path(instance.root_directory) / ".tidy.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _delete_values(instance, home / VALUES)
        for run_id in _old_runs(instance, days) if days else ():
            _delete(instance, run_id)
            shutil.rmtree(home / VALUES / run_id, ignore_errors=True)


def _delete_values(instance: dg.DagsterInstance, values: Path) -> None:
    """Delete what the steps of runs passed on that ended well; those of a failed run are kept, since it is gone on
    with."""
    for folder in values.iterdir() if values.is_dir() else ():
        run = instance.get_run_by_id(folder.name)
        if run is not None and run.is_success:
            shutil.rmtree(folder, ignore_errors=True)


def _old_runs(instance: dg.DagsterInstance, days: int) -> list[str]:
    """Return the runs to delete, the oldest first."""
    ended = dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=datetime.now(UTC) - timedelta(days=days))
    old = [record.dagster_run.run_id for record in instance.get_run_records(ended, ascending=True)]
    if not old:
        return []
    latest = set(_latest_runs(instance))
    return [run_id for run_id in old if run_id not in latest and not _is_gone_on_with(instance, run_id)][:MOST_DELETED]


def _latest_runs(instance: dg.DagsterInstance) -> Iterator[str]:
    """Yield the runs that have the latest event of an asset, or of a check."""
    for record in instance.get_asset_records():
        entry = record.asset_entry
        found = (entry.last_materialization_record, entry.last_observation_record)
        yield from (one.run_id for one in found if one)
        if entry.last_run_id:
            yield entry.last_run_id
    checks = [check.spec.key for checks in BY_ASSET.values() for check in checks]
    for result in instance.event_log_storage.get_latest_asset_check_execution_by_key(checks).values():
        yield result.run_id


def _is_gone_on_with(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether there is a run that goes on with this one, whose page shows it."""
    tags = PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
    return any(instance.get_runs_count(dg.RunsFilter(tags={tag: run_id})) for tag in tags)


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, and the files that Dagster leaves of it: its database, then without events, and its output."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    log = instance.event_log_storage
    if isinstance(log, SqliteEventLogStorage):
        database = Path(log.path_for_shard(run_id))
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink(missing_ok=True)
