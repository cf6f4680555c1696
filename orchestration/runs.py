"""One run of the graph, started from the command line."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob  # not exported
from dagster._core.execution.api import execute_run  # not exported

from assets import accept as acceptance
from assets import status
from assets.experiments.stages import asset_name
from assets.graph import STAGES
from assets.incremental import MOST_UNITS
from assets.project import Project
from assets.shrinkage import ACCEPTED_TAG
from echomort.core.child import KINDS
from echomort.core.errors import Interruption, UserError
from echomort.core.files import closed_to_others, remove_leftovers, remove_scratch, storage_error_in
from orchestration.definitions import defs
from orchestration.event_log import kept_open
from orchestration.executor import forked_steps
from orchestration.jobs import RECORDS
from orchestration.location import job_origin
from orchestration.log_tails import undisturbed_tails
from orchestration.progress import shown_progress
from orchestration.resources import VALUES
from orchestration.run_locks import COMMAND_LINE_TAG, end_dead_runs, release_lock
from orchestration.run_locks import FOLDER as LOCKS

INSTANCE_TEMPLATE = Path(__file__).with_name("dagster.yaml")
NO_RETRY = {"dagster/max_retries": "0"}
"""The tag of a run that Dagster's daemon does not start again: a person does."""


def everything_job() -> dg.JobDefinition:
    """Return the job of the whole graph. Other processes import this function to reconstruct the job."""
    return defs.resolve_job_def("everything")


def records_job() -> dg.JobDefinition:
    """Return the job of the health records, whose steps are done in the process of the run."""
    return defs.resolve_job_def("records")


def _job_of(keys: Sequence[dg.AssetKey]) -> ReconstructableJob:
    """Return the job that makes ``keys``: that of the records if they are all of it, else that of the whole graph."""
    are_records = set(keys) <= RECORDS.resolve(defs.resolve_asset_graph())
    return _reconstructable_job(records_job if are_records else everything_job)


class NotStarted(UserError):
    """A run that was refused before it began: it has made nothing that a person should be told."""


def _reconstructable_job(job: Callable[[], dg.JobDefinition]) -> ReconstructableJob:
    """Return ``job`` in a form that other processes can reconstruct.

    :func:`dagster.reconstructable` would search the working directory first, which may hold a folder with the name of
    one of our packages.
    """
    packages = Path(__file__).parents[1]
    return dg.build_reconstructable_job(job.__module__, job.__name__, reconstructor_working_directory=str(packages))


def prepare_instance(home: Path) -> Path:
    """Create the Dagster instance of the project at ``home`` if needed, and set ``DAGSTER_HOME`` to it.

    Its databases are made here, by one process at a time: Dagster's own processes, which all make what is missing when
    they start, may make one twice (two rows of its version), and it can't be opened any more.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(folder)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "dagster.yaml").exists():
            shutil.copy(INSTANCE_TEMPLATE, folder / "dagster.yaml")
        with dg.DagsterInstance.get():
            pass
    return folder


def run(
    home: Path,
    selection: str | None,
    removals_accepted: bool = False,
    remember: Callable[[], None] | None = None,
) -> list[str]:
    """Materialize ``selection`` (Dagster's syntax; None: all stale assets that are kept) of the project at ``home``;
    what is gone from the inputs may be ``removals_accepted``. ``remember`` stores other settings in the home.

    Returns the assets of the run, none where there was nothing to do. Raises :class:`UserError` with the message of the
    first failure, :class:`NotStarted` where the selection is wrong or another run works on the project.
    """
    tags = {ACCEPTED_TAG: "yes"} if removals_accepted else {}
    if selection is not None:
        _selected(selection)  # refused before a setting is stored
    return _run(home, lambda: _stale(home) if selection is None else _wanted(home, selection), tags, remember)


def run_experiment(
    home: Path, experiment: str, most_cells: int | None, remember: Callable[[], None] | None = None
) -> list[str]:
    """Materialize what is stale of ``experiment`` and above it, at most ``most_cells`` of its cells; as :func:`run`."""
    asset = asset_name(experiment)
    tags = {} if most_cells is None else {MOST_UNITS + asset: str(most_cells)}

    def needed() -> list[dg.AssetKey]:
        return [dg.AssetKey(name) for name in status.required(status.asset_states(Project(home=str(home))), asset)]

    return _run(home, needed, tags, remember)


def _run(
    home: Path, choose: Callable[[], list[dg.AssetKey]], tags: Mapping[str, str], remember: Callable[[], None] | None
) -> list[str]:
    with closed_to_others(), project_lock(home), ended_by_signals():
        if remember:
            _refuse_beside_others(home)  # each of their steps reads the settings of the home
            remember()
        for part in ("clips", "index", "models", "report", "registry", "records", "experiments"):
            remove_leftovers(home / part)
        remove_scratch(home)
        keys = _with_co_made_assets(choose())
        if not keys:
            return []
        folder = prepare_instance(home)
        assets = {key.to_user_string() for key in keys}
        with (
            shown_progress(assets, folder),
            forked_steps(),
            kept_open(),
            undisturbed_tails(),
            dg.DagsterInstance.get() as instance,
        ):
            end_dead_runs(instance)
            result = _executed(instance, keys, {**COMMAND_LINE_TAG, **NO_RETRY, **tags})
            ended = instance.get_run_by_id(result.run_id)
    if ended and ended.status is dg.DagsterRunStatus.CANCELED:
        raise interruption()
    if not result.success:
        raise _first_failure(result)
    shutil.rmtree(home / VALUES / result.run_id, ignore_errors=True)  # a failed run is gone on with: it keeps its own
    return sorted(assets)


def _executed(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], tags: Mapping[str, str]
) -> dg.JobExecutionResult:
    """Execute a run that makes ``keys`` and return its result.

    It is :func:`dagster.execute_job`, but that the run says where the pages find its job, as their own runs do.
    """
    job = _job_of(keys)
    definition = job.get_definition()
    run = instance.create_run_for_job(
        job_def=definition,
        run_config={"loggers": {"progress": {}}},
        tags={**definition.run_tags, **tags},
        asset_selection=frozenset(keys),
        remote_job_origin=job_origin(definition.name),
        job_code_origin=job.get_python_origin(),
    )
    try:
        return execute_run(job, run, instance)
    finally:
        release_lock(run.run_id)  # this process may work on: with other settings, or to erase a patient


def interruption() -> Interruption:
    """Return the error of a command that a signal ended."""
    return Interruption("interrupted", "run again: it goes on where it stopped")


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise :func:`interruption` in the block for SIGINT, SIGTERM and SIGHUP (a closed terminal).

    While Dagster executes a run it has its own handlers of the first two, which end the steps first. A SIGHUP that is
    ignored (`nohup`) stays ignored.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise interruption()

    def hang_up(number: int, frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: end, signal.SIGTERM: end}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handlers[signal.SIGHUP] = hang_up
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def accept(home: Path, asset: str, sample: int) -> acceptance.Outcome:
    """Adopt the units of ``asset`` after a change of code, if ``sample`` of them come out the same."""
    with project_lock(home):
        return acceptance.accept(Project(home=str(home)), asset, sample)


@contextlib.contextmanager
def project_lock(home: Path) -> Iterator[None]:
    """Let only one command at a time run the project. The lock is released when its process ends, for any reason."""
    with (home / ".run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotStarted("another `echomort run` works on this project", "wait until it ends, or stop it") from None
        for scratch in home.glob(f"{acceptance.SCRATCH}*"):  # a killed `accept` left a copy of the vault
            shutil.rmtree(scratch, ignore_errors=True)
        yield


@contextlib.contextmanager
def nothing_runs(home: Path) -> Iterator[None]:
    """Keep every command and run from the project while the block runs. Raises :class:`UserError` if one works on it,
    whoever launched it."""
    _refuse_beside_others(home)
    with project_lock(home):
        yield


def _refuse_beside_others(home: Path) -> None:
    """Raise :class:`NotStarted` where a run that pages, a sensor or a schedule launched works on the project."""
    for lock in (home / "dagster" / LOCKS).glob("*.lock"):
        with lock.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotStarted("a run works on this project", "wait until it ends, or stop it") from None


def _stale(home: Path) -> list[dg.AssetKey]:
    """Return the assets that are not up to date, without starting a run; not those that are made on request only."""
    rows = status.asset_states(Project(home=str(home)))
    return [dg.AssetKey(row["asset"]) for row in rows if row["kept"] and row["state"] != status.UP_TO_DATE]


def selected(home: Path, selection: str) -> list[str]:
    """Return the assets that a run of ``selection`` makes. Raises :class:`NotStarted` where the selection is wrong."""
    return [key.to_user_string() for key in _with_co_made_assets(_wanted(home, selection))]


def _wanted(home: Path, selection: str) -> list[dg.AssetKey]:
    """Return the assets of ``selection``. One that is made on request only, such as an experiment, is not among them
    for lying above or below another: it is asked for by its name or its group."""
    settings = Project(home=str(home)).settings
    on_request = {asset for stage in STAGES if stage.on_request(settings) for asset in stage.assets}
    keys = _selected(selection)
    if not on_request & {key.to_user_string() for key in keys}:
        return keys
    named = _selected(",".join(map(_alone, selection.split(","))))
    return [key for key in keys if key in named or key.to_user_string() not in on_request]


def _alone(part: str) -> str:
    """Return ``part`` of a selection without what takes the assets above or below: ``+`` with the number of layers, and
    a star beside a plain name. The star of a pattern (``key:"experiment_*"``) stays."""
    plain = re.fullmatch(r"\s*[*+]*(\w+)[*+]*\s*", part)
    return plain[1] if plain else re.sub(r'(?<![\w"])\d*\+|\+\d*', "", part)


def _selected(selection: str) -> list[dg.AssetKey]:
    graph = defs.resolve_asset_graph()
    known = {key.to_user_string() for key in graph.materializable_asset_keys}
    parts = [_whole_line(asset) for part in selection.split(",") for asset in _made_by(part)]
    for name in (part.strip("*") for part in parts):
        if name.isidentifier() and name not in known:
            raise NotStarted(f"there is no asset {name}", f"known: {', '.join(sorted(known))}")
    try:
        keys = dg.AssetSelection.from_coercible(parts).resolve(graph)
    except Exception:  # noqa: BLE001  the selection language raises many kinds
        examples = "use for example clips, clips+, group:records, or 'key:clips or key:report'"
        raise NotStarted(f"the selection {selection!r} can't be read", examples) from None
    if not keys:
        raise NotStarted(f"the selection {selection!r} names no asset", f"known: {', '.join(sorted(known))}")
    return sorted(keys)


def _whole_line(part: str) -> str:
    """Return ``part`` so that a plus sign takes all that lies below (``clips+``) or above (``+clips``), as on Dagster's
    pages. Dagster tries its older syntax first, where that is a star, and a plus sign takes one layer."""
    found = re.fullmatch(r"(\+*)(\w+)(\+*)", part)
    return f"{'*' * bool(found[1])}{found[2]}{'*' * bool(found[3])}" if found else part


def _made_by(part: str) -> tuple[str, ...]:
    """Return the assets of the stage that ``part`` of a selection names, which a run shows by its name; else it."""
    return next((stage.assets for stage in STAGES if stage.name == part.strip()), (part.strip(),))


def _with_co_made_assets(keys: list[dg.AssetKey]) -> list[dg.AssetKey]:
    """Return ``keys`` and the assets that can only be made together with them."""
    graph = defs.resolve_asset_graph()
    return sorted({made for key in keys for made in graph.get(key).execution_set_asset_keys})


def _first_failure(result: dg.JobExecutionResult) -> Exception:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            while error.cause and error.cls_name not in KINDS:
                error = error.cause
            if error.cls_name == "DagsterAssetCheckFailedError":
                break
            if known := storage_error_in(error.message):
                return known
            if error.cls_name in KINDS:
                return UserError.from_text(error.message)
            return UserError(
                f"step {event.step_key} failed with {error.cls_name}",
                "its traceback is in the run's log: `echomort ui`, Runs",
            )
    return _failed_check(result)


def _failed_check(result: dg.JobExecutionResult) -> Exception:
    failed = [
        check
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    ]
    names = ", ".join(f"{check.asset_key.to_user_string()}/{check.check_name}" for check in failed)
    words = "; ".join(
        filter(None, (str(check.metadata["failed"].value) for check in failed if "failed" in check.metadata))
    )
    return UserError(f"a blocking check failed ({names or 'see the log'})", words or "see its counts: `echomort ui`")
