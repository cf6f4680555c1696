"""The executor of a run's steps.

What is imported from Dagster with an underscore is not exported: its own executors are written with it, and a release
that changes it fails this package's tests.
"""

import contextlib
import multiprocessing.forkserver
import os
import threading
import time
from collections.abc import Iterator

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import inner_plan_execution_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._core.executor.in_process import InProcessExecutor
from dagster._utils.interrupts import pop_captured_interrupt
from sqlalchemy.exc import SQLAlchemyError

from assets.project import project_home, project_settings
from echomort.core.errors import UserError
from echomort.core.files import closed_to_others
from orchestration.history import tidy
from orchestration.pools import fit_trainings
from orchestration.run_locks import end_dead_runs, hold_lock, is_of_command_line, waits_for

PRELOADED = "orchestration.preloaded"
"""The module that the process from which steps are forked imports."""

SAFE_PATH = "PYTHONSAFEPATH"
"""The environment's way to say -P, for the processes that Python starts."""


WATCH_SECONDS = 2
"""Seconds between two looks at the runs that hold a pool. Our choice: a dead one is found within seconds."""

LONGEST_SLEEP = 1.0
"""Most seconds that a run that waits for a pool sleeps, so that it hears a signal. Our choice."""


class _Waiting(InstanceConcurrencyContext):
    """Waits for slots of pools: sleeps, where Dagster's own asks again at once, and hears signals."""

    def claim(self, concurrency_key: str, step_key: str, step_priority: int = 0) -> bool:
        """Return whether the step got its slot. Raises if a signal asks the run to end."""
        got = super().claim(concurrency_key, step_key, step_priority)
        if not got and pop_captured_interrupt():
            raise DagsterExecutionInterruptedError
        return got

    def interval_to_next_pending_claim_check(self) -> float:
        """Return the seconds to sleep until a slot may be free."""
        until = min(self._pending_timeouts.values(), default=0) - time.time()
        return min(max(until, 0.0), LONGEST_SLEEP)


class _InProcess(InProcessExecutor):
    """Runs the steps one after another in the process of the run."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Yield the events of the steps."""
        about = PlanExecutionContextManager(
            job=plan_context.job,
            retry_mode=plan_context.retry_mode,
            execution_plan=execution_plan,
            run_config=plan_context.run_config,
            dagster_run=plan_context.dagster_run,
            instance=plan_context.instance,
            raise_on_error=plan_context.raise_on_error,
            output_capture=plan_context.output_capture,
            step_dependency_config=self.step_dependency_config,
        )
        yield from ExecuteRunWithPlanIterable(execution_plan, _one_after_another, about)


def _one_after_another(job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
    """Yield the events of the steps; Dagster passes both by name."""
    with _Waiting(job_context.instance, job_context.dagster_run) as waiting:
        yield from inner_plan_execution_iterator(job_context, execution_plan, waiting)


class _Watched(Executor):
    """Runs the steps as ``inner`` does; meanwhile the run holds its lock, and no run that is dead holds a pool."""

    def __init__(self, inner: Executor) -> None:
        self.inner = inner

    @property
    def retries(self) -> RetryMode:
        """Whether failed steps are tried again."""
        return self.inner.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """When a step may start."""
        return self.inner.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Yield the events of the steps. A run of the command line that is interrupted is canceled, and not failed."""
        instance, run = plan_context.instance, plan_context.dagster_run
        hold_lock(instance, run.run_id)
        with closed_to_others(), _watch(plan_context):
            try:
                yield from self.inner.execute(plan_context, execution_plan)
            except (KeyboardInterrupt, DagsterExecutionInterruptedError):
                if is_of_command_line(run):
                    instance.report_run_canceling(run, message="interrupted")
                raise


@contextlib.contextmanager
def _watch(context: PlanOrchestrationContext) -> Iterator[None]:
    """Tidy up after earlier runs; while the block runs, end dead ones and say what the run waits for, each once."""
    if context.instance.is_ephemeral:
        yield
        return
    ended, said = threading.Event(), set[str]()

    def watch() -> None:
        while not ended.wait(WATCH_SECONDS):
            with contextlib.suppress(SQLAlchemyError, dg.DagsterError):  # the event log is busy: the next look
                end_dead_runs(context.instance)
                lines = waits_for(context.instance, context.run_id)
                for line in lines:
                    if line not in said:
                        context.log.info(line)
                said.clear()
                said.update(lines)

    # Great Expectations loads the rest of SQLAlchemy while the watcher uses it; half loaded, it fails.
    import sqlalchemy.orm  # noqa: F401

    watcher = threading.Thread(target=watch, daemon=True)
    end_dead_runs(context.instance)
    with contextlib.suppress(SQLAlchemyError, dg.DagsterError, UserError, OSError):  # the next run does it
        execution = project_settings(project_home()).execution
        fit_trainings(context.instance, execution)
        tidy(context.instance, project_home(), execution.keep_runs_days)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _in_process(_: dg.InitExecutorContext) -> Executor:
    return _Watched(_InProcess(RetryMode.ENABLED))


def _multiprocess(context: dg.InitExecutorContext) -> Executor:
    create = dg.multiprocess_executor.executor_creation_fn
    assert create is not None
    return _Watched(create(context))


in_process = dg.ExecutorDefinition("in_process", {}, executor_creation_fn=_in_process)
"""Steps one after another, in the process of the run."""

multiprocess = dg.ExecutorDefinition(
    "multiprocess",
    dg.multiprocess_executor.config_schema,  # type: ignore[arg-type]  # it takes a definition's schema as well
    dg.multiprocess_executor.get_requirements,
    _multiprocess,
)
"""Steps in several processes."""


def executor() -> dg.ExecutorDefinition:
    """Return the executor that the project's settings ask for. Of a cluster's jobs each has a step here, which reads
    and writes the tables, and waits for it.

    If the settings can't be read, the graph still loads; the run that reads them reports the error.
    """
    try:
        execution = project_settings(project_home()).execution
    except UserError:
        return in_process
    if execution.executor == "in_process":
        return in_process
    start = {"forkserver": {"preload_modules": [PRELOADED]}}
    most = execution.cluster.jobs if execution.on_cluster else execution.cores
    return multiprocess.configured({"max_concurrent": most, "start_method": start})


@contextlib.contextmanager
def forked_steps() -> Iterator[None]:
    """Let the steps of the block be forked from one process, which is stopped after it.

    It keeps the environment of its start, such as the project's home, so another run needs another one. It looks for
    modules where this process does, and not in the working directory, which may hold a folder with the name of one of
    our packages.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]  # the library has no public way
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
