"""The launcher of runs that Dagster's daemon starts: Dagster's own, which also knows whether a run is alive."""

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from orchestration.run_locks import KILLED, run_state


class HomeRunLauncher(DefaultRunLauncher):
    """Launches runs as Dagster's default does; its run monitoring ends those whose process was killed, those of a
    command line too."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring asks :meth:`check_run_worker_health`: yes."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the process of ``run`` is alive; a run of which nothing is known counts as alive."""
        if run_state(self._instance, run) == "dead":
            return CheckRunHealthResult(WorkerStatus.FAILED, KILLED)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
