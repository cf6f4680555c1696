"""The Dagster instance of the home: its files and settings, its runs, its daemon, its schedule and sensors."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from sqlalchemy.exc import SQLAlchemyError

from echomort.core.files import storage_error
from orchestration.doctor.finding import Finding, fails, ok, warns
from orchestration.run_locks import left_slots, unfinished_runs
from orchestration.runs import INSTANCE_TEMPLATE

NEEDED = ("telemetry", "concurrency", "run_launcher", "run_monitoring", "run_retries")
"""Sections of the shipped dagster.yaml without which a killed run stops later ones, or Dagster sends statistics."""

BEAT_SECONDS = 300
"""Seconds without a sign of life after which a part of the daemon counts as ended: it gives one every 30, and a look
at a large archive takes longer. Our choice."""

LOST = "with nothing running, move HOME/dagster away and run again: the list of runs is lost, no result is"


def instance_findings(home: Path) -> Iterator[Finding]:
    """Yield what is found of the instance of the project at ``home``."""
    folder = home / "dagster"
    if not folder.is_dir():
        yield ok("instance", "not made yet; the first run makes it")
        return
    wrong = [*_lacking(folder / INSTANCE_TEMPLATE.name), *_damaged(folder)]
    yield from wrong
    if any(finding.state == "fails" for finding in wrong):
        return
    try:
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            if not wrong:
                yield ok("instance", f"its {len(_databases(folder))} files open, and its settings are complete")
            yield _runs(instance)
            yield _pools(instance)
            yield from _daemon(instance)
    except (dg.DagsterError, SQLAlchemyError) as error:
        yield fails("instance", f"it can't be opened ({type(error).__name__})", LOST)


def _lacking(file: Path) -> Iterator[Finding]:
    """Yield the settings that the shipped file has and ``file`` lacks, each with what to add."""
    if not file.exists():
        yield warns("instance", f"{file.name} is missing", "run `echomort run`, which copies it")
        return
    try:
        own = yaml.safe_load(file.read_text()) or {}
    except (OSError, yaml.YAMLError):
        own = None
    if not isinstance(own, dict):
        yield fails("instance", f"{file.name} can't be read", "delete it and run `echomort run`, which copies it anew")
        return
    shipped = yaml.safe_load(INSTANCE_TEMPLATE.read_text())
    for above, name, value in _absent({name: shipped[name] for name in NEEDED}, own):
        below = f" below {'.'.join(above)}" if above else ""
        what = f"{file.name} lacks {'.'.join((*above, name))}"
        yield warns("instance", what, f"add `{name}: {json.dumps(value)}`{below} in {file}")


def _absent(
    shipped: Mapping[str, Any], own: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Yield (the sections above, name, value) of each setting that ``shipped`` has and ``own`` lacks."""
    for name, value in shipped.items():
        if name not in own:
            yield above, name, value
        elif isinstance(value, dict) and isinstance(own[name], dict):
            yield from _absent(value, own[name], (*above, name))


def _databases(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.db"))


def _damaged(folder: Path) -> Iterator[Finding]:
    """Yield the files of the instance that can't be read, or that were made twice."""
    for file in _databases(folder):
        name = file.relative_to(folder.parent)
        try:
            with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as opened:
                (found,) = opened.execute("PRAGMA quick_check(1)").fetchone()
                (versions,) = opened.execute("SELECT count(*) FROM alembic_version").fetchone()
        except sqlite3.Error as error:
            if known := storage_error(error):  # the file may be whole
                yield fails("instance", f"{name} can't be opened: {known.problem}", known.remedy)
                continue
            yield fails("instance", f"{name} can't be read ({type(error).__name__})", LOST)
            continue
        if found != "ok" or versions != 1:
            yield fails("instance", f"{name} is damaged" if found != "ok" else f"{name} was made twice", LOST)


def _runs(instance: dg.DagsterInstance) -> Finding:
    states = [state for _, state in unfinished_runs(instance)]
    if dead := states.count("dead"):
        remedy = "run `echomort run`, or start `echomort ui`: the next run ends them"
        return warns("runs", f"{dead} count as started, and their process was killed", remedy)
    return ok("runs", f"{len(states)} at work" if states else "none at work, none dead")


def _pools(instance: dg.DagsterInstance) -> Finding:
    if left := left_slots(instance):
        remedy = "run `echomort run`, or start `echomort ui`: the next run frees them"
        return warns("pools", f"{len(left)} runs that are over hold slots", remedy)
    return ok("pools", "no run that is over holds a slot")


def _daemon(instance: dg.DagsterInstance) -> Iterator[Finding]:
    """Yield whether the daemon runs, and what of schedule and sensors is on."""
    beats = instance.get_daemon_heartbeats()
    silent = [
        kind
        for kind in instance.get_required_daemon_types()
        if kind not in beats or time.time() - beats[kind].timestamp > BEAT_SECONDS
    ]
    states = [state for state in instance.all_instigator_state() if state.is_running]
    on = sorted(state.name for state in states if state.status.name == "RUNNING")
    started = f"on: {', '.join(on)}" if on else "no schedule and no sensor was turned on"
    start = "start `echomort ui`, or your service for it"
    if len(silent) == len(instance.get_required_daemon_types()):
        words = "it does not run: nothing starts by itself"
        yield fails("daemon", words, start) if on else ok("daemon", f"{words} (`echomort ui` starts it)")
    elif silent:
        yield fails("daemon", f"no sign of life for {BEAT_SECONDS} s of {', '.join(sorted(silent)).lower()}", start)
    else:
        yield ok("daemon", "it runs")
    failed = [state.name for state in states if _last_failed(instance, state)]
    if failed:
        yield warns("schedule", f"the last try of {', '.join(failed)} failed", "see it in `echomort ui`, Automation")
    else:
        yield ok("schedule", started)


def _last_failed(instance: dg.DagsterInstance, state: Any) -> bool:
    """Return whether the last tick of a schedule or sensor failed."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    return bool(ticks) and bool(ticks[0].is_failure)
