"""The executor of a run's steps."""

import dagster as dg

from assets.project import project_home, project_settings
from echomort.core.errors import UserError


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
    return dg.multiprocess_executor.configured({"max_concurrent": execution.cores})
