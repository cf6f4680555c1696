"""Which runs are alive: the process of a run holds a lock, which the system frees when it ends, for whatever reason.

Dagster notes that a run started and that a step of it holds a slot of a pool; a process that is killed takes back
neither. Whoever launches a run (a command line, the pages, a sensor, `dg launch`), its executor takes the lock.
"""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import IO, Literal

import dagster as dg

State = Literal["alive", "dead", "unknown"]

KILLED = "its process was killed"
"""What is said of a dead run."""

FOLDER = "alive"
"""The folder of the locks, in that of the Dagster instance."""

START_SECONDS = 60
"""Seconds after its start in which a run without a lock may be alive. Our choice: it takes the lock at once."""

UNFINISHED = (
    *(dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED),
    dg.DagsterRunStatus.CANCELING,
)
"""States of a run that needs a process."""

COMMAND_LINE_TAG = {"echomort/started_by": "command_line"}
"""The tag of runs that end with the command that started them."""


_HELD: dict[str, IO[str]] = {}
"""Run id -> the open lock, of the runs of this process. A run is over a moment after its executor is: whoever executes
it in this process gives its lock back, else the system does so when the process ends."""


def hold_lock(instance: dg.DagsterInstance, run_id: str) -> None:
    """Take the lock of the run for this process; an instance in memory needs none."""
    if instance.is_ephemeral:
        return
    file = _file(instance, run_id)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = file.open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(json.dumps({"host": socket.gethostname(), "process": os.getpid()}))
    lock.flush()
    _HELD[run_id] = lock


def release_lock(run_id: str) -> None:
    """Give back the lock of a run of this process that is over, if it has one."""
    if run_id in _HELD:
        _HELD.pop(run_id).close()


def run_state(instance: dg.DagsterInstance, run: dg.DagsterRun) -> State:
    """Return whether the process of an unfinished ``run`` is alive; ``unknown`` of a run of another machine, of one
    that started just now, and of a job that is not ours, which takes no lock."""
    file = _file(instance, run.run_id)
    try:
        with file.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = json.loads(lock.read() or "{}")
    except FileNotFoundError:
        return "dead" if is_of_command_line(run) and _is_old(instance, run.run_id) else "unknown"
    except BlockingIOError:
        return "alive"
    except (OSError, ValueError):
        return "unknown"
    return "dead" if owner.get("host") == socket.gethostname() else "unknown"


def _is_old(instance: dg.DagsterInstance, run_id: str) -> bool:
    record = instance.get_run_record_by_id(run_id)
    started = record and record.start_time
    return bool(started and time.time() - started > START_SECONDS)


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark the runs whose process was killed as over, and free every slot that a run that is over holds.

    Else they would count as started for ever and keep their slots, so that later runs would wait.
    """
    for run, state in unfinished_runs(instance):
        if state == "dead":
            if is_of_command_line(run):
                instance.report_run_canceled(run, message=KILLED)
            else:
                instance.report_run_failed(run, message=KILLED)
    _remove_locks(instance)
    free_slots(instance)


def unfinished_runs(instance: dg.DagsterInstance) -> list[tuple[dg.DagsterRun, State]]:
    """Return the runs that count as started, each with whether its process is alive."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)))
    return [(run, run_state(instance, run)) for run in runs]


def _remove_locks(instance: dg.DagsterInstance) -> None:
    """Delete the files of the locks of runs that are over."""
    for file in (Path(instance.root_directory) / FOLDER).glob("*.lock"):
        run = instance.get_run_by_id(file.stem)
        if run is None or run.is_finished:
            file.unlink(missing_ok=True)


def free_slots(instance: dg.DagsterInstance) -> None:
    """Free the slots of runs that are over: an interrupted run may fail while a step of it still holds one."""
    for run_id in left_slots(instance):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def left_slots(instance: dg.DagsterInstance) -> list[str]:
    """Return the ids of runs that are over and still hold a slot of a pool."""
    holders = instance.event_log_storage.get_concurrency_run_ids()
    runs = {run_id: instance.get_run_by_id(run_id) for run_id in holders}
    return [run_id for run_id, run in runs.items() if run is None or run.is_finished]


def waits_for(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what the run waits for, a line for each pool: which run holds it, and who started that one."""
    storage = instance.event_log_storage
    lines = []
    for pool in sorted(storage.get_concurrency_keys()):
        slots = storage.get_concurrency_info(pool)
        waiting = {step.run_id for step in slots.pending_steps if step.assigned_timestamp is None}
        holders = sorted({slot.run_id for slot in slots.claimed_slots if slot.run_id != run_id})
        if run_id in waiting and holders:
            lines.append(f"waits for pool {pool}, held by {', '.join(_words(instance, holder) for holder in holders)}")
    return lines


def _words(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    by = "a command line" if run and is_of_command_line(run) else "Dagster's pages, a sensor or a schedule"
    return f"run {run_id[:8]} of {by}"


def is_of_command_line(run: dg.DagsterRun) -> bool:
    """Return whether ``echomort`` started the run, so that it ends with that command."""
    return COMMAND_LINE_TAG.items() <= run.tags.items()


def _file(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / FOLDER / f"{run_id}.lock"
