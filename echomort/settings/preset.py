"""The presets: one file of settings each in presets/; ``standard`` is every setting at its default."""

from importlib import resources
from typing import Any

import yaml

PRESETS = ("demo", "paper", "pilot", "standard")
"""Their names. ``demo`` derives from ``standard``, as all do whose file leaves a setting out."""


def read_preset(name: str) -> dict[str, Any]:
    """Return the settings that preset ``name`` changes, as a tree."""
    return yaml.safe_load(resources.files(__package__).joinpath(f"presets/{name}.yaml").read_text()) or {}
