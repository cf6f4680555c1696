"""Child processes of the step, on this machine."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterPipesExecutionError  # not exported

from assets.incremental import ChildEnded
from echomort.core.supervision import supervised
from echomort.training.device import has_gpu_driver
from echomort.training.pool import ONE_THREAD
from orchestration.children.messages import FileMessages


class ChildProcesses:
    """Runs processes as children of the step; they end with it."""

    on_cluster = False

    def run(
        self, context: dg.OpExecutionContext, command: Sequence[str], extras: Mapping[str, Any], trains: bool
    ) -> Sequence[Any]:
        """Run Python as :meth:`assets.incremental.Children.run` says; a process here may use every GPU."""
        client = dg.PipesSubprocessClient(message_reader=FileMessages())
        # With one thread the process can fork those that train: each would else import PyTorch anew.
        threads = ONE_THREAD if trains and not has_gpu_driver() else {}
        try:
            ended = client.run(
                context=context, command=[sys.executable, *command], extras=dict(extras), env=supervised() | threads
            )
        except DagsterPipesExecutionError as error:
            raise ChildEnded from error
        return list(ended.get_custom_messages())
