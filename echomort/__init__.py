"""echomort in Python: a project's tables as data frames, its clips for PyTorch, files as clips, metrics and plots.

>>> import echomort
>>> project = echomort.Project("demo")  # doctest: +SKIP
>>> project.metrics("auc")  # doctest: +SKIP

What stands in ``__all__`` is public. A name is loaded when it is first used, so that ``import echomort`` costs nothing
and neither PyTorch nor matplotlib is needed by those who do not use them. No name needs Dagster. The rest of this
package is the science, a pure library; :class:`Project` alone comes from a package above it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from echomort.version import __version__

if TYPE_CHECKING:
    from echomort.core.errors import UserError
    from echomort.dataset import Clips
    from echomort.dicom import Clip, Rejected, inspect_paths, read_clip
    from echomort.evaluation import auc, delong_interval, delong_test, evaluate
    from echomort.networks import build_network
    from echomort.plots import calibration_plot, decision_curve_plot, roc_plot, show
    from echomort.settings import ClipSettings, Settings, load_settings
    from warehouse.project import Project

MODULES = {
    "Clip": "echomort.dicom",
    "ClipSettings": "echomort.settings",
    "Clips": "echomort.dataset",
    "Project": "warehouse.project",
    "Rejected": "echomort.dicom",
    "Settings": "echomort.settings",
    "UserError": "echomort.core.errors",
    "auc": "echomort.evaluation",
    "build_network": "echomort.networks",
    "calibration_plot": "echomort.plots",
    "decision_curve_plot": "echomort.plots",
    "delong_interval": "echomort.evaluation",
    "delong_test": "echomort.evaluation",
    "evaluate": "echomort.evaluation",
    "inspect_paths": "echomort.dicom",
    "load_settings": "echomort.settings",
    "read_clip": "echomort.dicom",
    "roc_plot": "echomort.plots",
    "show": "echomort.plots",
}
"""The module of each public name."""

__all__ = [
    "Clip",
    "ClipSettings",
    "Clips",
    "Project",
    "Rejected",
    "Settings",
    "UserError",
    "__version__",
    "auc",
    "build_network",
    "calibration_plot",
    "decision_curve_plot",
    "delong_interval",
    "delong_test",
    "evaluate",
    "inspect_paths",
    "load_settings",
    "read_clip",
    "roc_plot",
    "show",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
