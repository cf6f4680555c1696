"""Where Dagster finds the graph: its code location, which its pages know by the name of the module."""

import sys

from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME  # not exported
from dagster._core.remote_origin import (  # not exported
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin  # not exported

MODULE = "orchestration.definitions"
"""The module of the graph."""


def job_origin(job: str) -> RemoteJobOrigin:
    """Return where the pages find ``job``. A run without it is not on their timeline."""
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, MODULE)
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job)
