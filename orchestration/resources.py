"""The resources of the graph, and the storage of values between steps."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from assets.incremental import Children
from assets.project import Project, project_home
from echomort.core.errors import UserError
from echomort.core.files import write_text
from orchestration.children import children

VALUES = "values"
"""Folder of the values below the home; each run has a folder of its own, with its id as name."""


class JsonValues(dg.ConfigurableIOManager):
    """Stores the small values that steps pass on (names of units, digests) as JSON in HOME/values; never as pickle.

    Those of a run that ended well are deleted: by `echomort run` when it ends, else when the next run starts.
    """

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write ``obj``; nothing if it is None."""
        if obj is not None:
            write_text(self._path(context), json.dumps(obj))

    def load_input(self, context: dg.InputContext) -> Any:
        """Read the value of the step above. Raises :class:`UserError` where it was deleted."""
        assert context.upstream_output is not None
        try:
            return json.loads(self._path(context.upstream_output).read_text())
        except FileNotFoundError:
            raise UserError(
                "what the earlier steps of that run passed on was deleted when it ended well",
                "start a new run: what stands is not made again",
            ) from None

    def _path(self, context: dg.OutputContext) -> Path:
        return project_home().joinpath(VALUES, *context.get_identifier()).with_suffix(".json")


@dg.resource(required_resource_keys={"project"})
def pipes(context: dg.InitResourceContext) -> Children:
    """What runs the processes of steps, as the settings of the run say."""
    project: Project = context.resources.project
    return children(project.settings.execution)


RESOURCES = {
    "project": Project(),
    "pipes": pipes,
    "io_manager": JsonValues(),
}
