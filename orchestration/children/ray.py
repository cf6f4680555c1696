"""Jobs of a Ray cluster, by dagster-ray (extra ``ray``)."""

import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.incremental import ChildEnded
from echomort.core.errors import UserError, in_one_line
from echomort.settings import Cluster

GIB = 2**30

POLL_SECONDS = 1.0
"""Seconds between two questions whether a job has ended. Our choice: little beside the seconds that a job takes to
start."""


LOGS = "last available logs"
"""Ray's words before the last lines of a job that failed (ray/dashboard/modules/job/job_supervisor.py). They are in its
log, and not in the run's events, since what a library says may name a file."""


class RayJobs:
    """Submits each process as a job to the dashboard of a Ray cluster; a run that is interrupted stops its jobs."""

    on_cluster = True

    def __init__(self, cluster: Cluster) -> None:
        """Raises :class:`UserError` where dagster-ray is not installed, or no cluster answers."""
        self.cluster = cluster
        try:
            from dagster_ray.core.pipes import PipesRayJobClient
        except ModuleNotFoundError:
            raise UserError(
                "execution.executor is ray, and dagster-ray is not installed", "pip install 'echomort[ray]'"
            ) from None
        logging.getLogger("ray").setLevel(logging.WARNING)  # else a line for each connection
        self._client = PipesRayJobClient(address=cluster.ray_address, poll_interval=POLL_SECONDS)
        try:
            _ = self._client.client
        except (ConnectionError, RuntimeError) as error:
            raise UserError(
                f"no Ray cluster answers at execution.cluster.ray_address ({in_one_line(error)})",
                "start it (docs/clusters.md), correct the address, or give its token (RAY_AUTH_TOKEN_PATH)",
            ) from None

    def run(
        self, context: dg.OpExecutionContext, command: Sequence[str], extras: Mapping[str, Any], trains: bool
    ) -> Sequence[Any]:
        """Run Python as :meth:`assets.incremental.Children.run` says, with the cores and the memory of a job."""
        try:
            ended = self._client.run(context=context, submit_job_params=self.job(command, trains), extras=dict(extras))
        except RuntimeError as error:  # dagster-ray raises no other for a job that failed
            context.log.error(str(error).partition(LOGS)[0].strip())
            raise ChildEnded from None
        return list(ended.get_custom_messages())

    def job(self, command: Sequence[str], trains: bool) -> Any:
        """Return what Ray is to run: the same Python at the same place, with the cores, memory and GPUs of a job."""
        job = {
            "entrypoint": shlex.join([sys.executable, *command]),
            "entrypoint_num_cpus": self.cluster.cpus,
            "entrypoint_memory": int(self.cluster.memory_gib * GIB),
        }
        return job | ({"entrypoint_num_gpus": self.cluster.gpus} if trains and self.cluster.gpus else {})
