"""A run of one step that needs a slot of a pool: ``python waiting_run.py`` prints how it ended."""

import sys

import dagster as dg

from orchestration.executor import in_process
from orchestration.run_locks import COMMAND_LINE_TAG

POOL = "warehouse"


@dg.op(pool=POOL)
def needs_the_pool() -> None:
    """Do nothing."""


@dg.job(executor_def=in_process)
def waiting_job() -> None:
    """Need a slot of the pool."""
    needs_the_pool()


if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        done = dg.execute_job(dg.reconstructable(waiting_job), instance, tags=COMMAND_LINE_TAG)
        run = instance.get_run_by_id(done.run_id)
        sys.stdout.write(run.status.value if run else "no run")
