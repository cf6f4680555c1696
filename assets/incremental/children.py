"""Work in a process of its own: a child process of the step, or a job of a cluster that shares the home."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import dagster as dg

from echomort.core.child import INSTALLATION, raise_record
from echomort.core.installed import installation_digest


class ChildEnded(Exception):
    """A process ended early, without an error that it said itself."""


class Children(Protocol):
    """The resource ``pipes``: runs processes that do a part of a step's work, and shows their progress."""

    on_cluster: bool
    """Whether other machines run them."""

    def run(
        self, context: dg.OpExecutionContext, command: Sequence[str], extras: Mapping[str, Any], trains: bool
    ) -> Sequence[Any]:
        """Run Python with the arguments ``command``, wait for its end and return its messages.

        It gets the ``extras``, and GPUs if it ``trains``. Raises :class:`ChildEnded`.
        """


def run_child(
    context: dg.OpExecutionContext,
    command: Sequence[str],
    extras: Mapping[str, Any] | None = None,
    trains: bool = False,
) -> None:
    """Run a module of :mod:`assets.child`'s kind and wait for its end. Raises the error that it says, or
    :class:`ChildEnded`."""
    children: Children = context.resources.pipes
    same = {INSTALLATION: installation_digest()} if children.on_cluster else {}
    for message in children.run(context=context, command=command, extras={**(extras or {}), **same}, trains=trains):
        raise_record(message)
