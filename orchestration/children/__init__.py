"""Where the processes run that do a part of a step's work: on this machine, on a Ray cluster, or in pods.

An engine is one file; its libraries are imported only where the settings name it.
"""

from assets.incremental import Children
from echomort.settings import Execution


def children(execution: Execution) -> Children:
    """Return what runs the processes of steps. Raises :class:`~echomort.core.errors.UserError` where its library is not
    installed."""
    if execution.executor == "ray":
        from orchestration.children.ray import RayJobs

        return RayJobs(execution.cluster)
    if execution.executor == "k8s":
        from orchestration.children.k8s import Pods

        return Pods(execution.cluster)
    from orchestration.children.here import ChildProcesses

    return ChildProcesses()
