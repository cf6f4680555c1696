"""Pods of a Kubernetes cluster, by dagster-k8s (extra ``k8s``)."""

import copy
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from assets.incremental import ChildEnded
from echomort.core.errors import UserError, in_one_line
from echomort.settings import Cluster

POLL_SECONDS = 5.0
"""Seconds between two questions whether a pod has ended. Our choice: a pod takes as long to start."""

GPU = "nvidia.com/gpu"
"""Kubernetes' name for a GPU, that of NVIDIA's device plugin (k8s-device-plugin, README)."""


LOGS = re.compile(r"Last \d+ log lines|\nDebug information")
"""dagster-k8s' words before the last lines of a pod that failed (dagster_k8s/client.py). They are in the pod's log, and
not in the run's events, since what a library says may name a file."""


class Pods:
    """Starts a pod for each process, from the site's specification; a run that is interrupted deletes its pods."""

    on_cluster = True

    def __init__(self, cluster: Cluster) -> None:
        """Raises :class:`UserError` where dagster-k8s is not installed, or the specification can't be used."""
        try:
            import dagster_k8s
        except ModuleNotFoundError:
            raise UserError(
                "execution.executor is k8s, and dagster-k8s is not installed", "pip install 'echomort[k8s]'"
            ) from None
        self.cluster = cluster
        self._spec = _read_spec(cluster.pod)
        self._client = dagster_k8s.PipesK8sClient(poll_interval=POLL_SECONDS)

    def run(
        self, context: dg.OpExecutionContext, command: Sequence[str], extras: Mapping[str, Any], trains: bool
    ) -> Sequence[Any]:
        """Run Python as :meth:`assets.incremental.Children.run` says, with the cores and the memory of a job."""
        from dagster_k8s.client import DagsterK8sError
        from kubernetes.client import ApiException
        from kubernetes.config import ConfigException

        try:
            ended = self._client.run(
                context=context,
                command=[sys.executable, *command],
                namespace=self.cluster.namespace,
                base_pod_spec=self.spec(trains),
                extras=dict(extras),
                pod_wait_timeout=0,  # a training may take days
            )
        except ConfigException as error:
            raise UserError(
                f"there is no access to a Kubernetes cluster ({in_one_line(error)})",
                "run inside of it (deploy/helm/values.yaml), or give a kubeconfig (KUBECONFIG)",
            ) from None
        except ApiException as error:
            raise UserError(
                f"Kubernetes refused a pod ({error.status} {error.reason})",
                "allow the run's service account to create, read and delete pods and to read their logs, and see "
                "execution.cluster.pod",
            ) from None
        except DagsterK8sError as error:
            context.log.error(LOGS.split(str(error))[0].strip())
            raise ChildEnded from None
        return list(ended.get_custom_messages())

    def spec(self, trains: bool) -> dict[str, Any]:
        """Return the specification of a pod: the site's, with the cores, the memory and the GPUs of a job."""
        spec = copy.deepcopy(self._spec)
        wanted = {"cpu": str(self.cluster.cpus), "memory": f"{int(self.cluster.memory_gib * 1024)}Mi"}
        gpus = {GPU: str(self.cluster.gpus)} if trains and self.cluster.gpus else {}
        resources = {"requests": wanted | gpus, "limits": {"memory": wanted["memory"]} | gpus}
        spec["containers"][0]["resources"] = resources
        return spec


def _read_spec(file: Path | None) -> dict[str, Any]:
    """Return the pod's specification in ``file``, as Kubernetes names its keys. Raises :class:`UserError` where it is
    none."""
    from dagster_k8s.pipes import build_pod_body

    try:
        spec = yaml.safe_load(file.read_bytes()) if file else None
        if not isinstance(spec, dict) or not spec.get("containers"):
            raise ValueError("it has no containers")
        build_pod_body("echomort", None, None, {}, None, copy.deepcopy(spec))
    except Exception as error:  # noqa: BLE001  it checks the whole of it, with many kinds of error
        raise UserError(
            f"execution.cluster.pod can't be used ({in_one_line(error)})",
            "name a file with the specification of a pod, such as deploy/helm/pod.yaml",
        ) from None
    return spec
