"""The executor of a run's steps."""

import contextlib
import multiprocessing.forkserver
import os
from collections.abc import Iterator

import dagster as dg

from assets.project import project_home, project_settings
from echomort.core.errors import UserError

PRELOADED = "orchestration.preloaded"
"""The module that the process from which steps are forked imports."""

SAFE_PATH = "PYTHONSAFEPATH"
"""The environment's way to say -P, for the processes that Python starts."""


def executor() -> dg.ExecutorDefinition:
    """Return the executor that the project's settings ask for.

    If the settings can't be read, the graph still loads; the run that reads them reports the error.
    """
    try:
        execution = project_settings(project_home()).execution
    except UserError:
        return dg.in_process_executor
    if execution.executor == "in_process":
        return dg.in_process_executor
    start = {"forkserver": {"preload_modules": [PRELOADED]}}
    return dg.multiprocess_executor.configured({"max_concurrent": execution.cores, "start_method": start})


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
