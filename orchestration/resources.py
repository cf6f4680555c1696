"""The resources of the graph and where the values between steps are kept."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from assets.project import Project, project_home
from echomort.core.files import write_text


class JsonValues(dg.ConfigurableIOManager):
    """Keeps the small values that steps hand on (units' names, digests) as JSON under HOME/values: never a pickle."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write ``obj``; nothing where a step hands on nothing."""
        if obj is not None:
            write_text(self._path(context), json.dumps(obj))

    def load_input(self, context: dg.InputContext) -> Any:
        """Read the value of the step above."""
        assert context.upstream_output is not None
        return json.loads(self._path(context.upstream_output).read_text())

    def _path(self, context: dg.OutputContext) -> Path:
        return project_home().joinpath("values", *context.get_identifier()).with_suffix(".json")


RESOURCES = {
    "project": Project(),
    "pipes": dg.PipesSubprocessClient(),
    "io_manager": JsonValues(),
}
