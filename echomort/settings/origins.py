"""Where each setting's value comes from, and what differs between two configurations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from echomort.settings.layers import merged, validate
from echomort.settings.preset import read_preset
from echomort.settings.settings import Settings

DEFAULT = "default"
"""Origin of a value that nobody set."""

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class SettingOrigin:
    """A setting: its key, its value, and where that was set (``default``, ``preset demo``, or the name of a layer)."""

    key: str
    value: Any
    origin: str

    def as_record(self) -> dict[str, Any]:
        """Return the setting as one JSON object."""
        return {"key": self.key, "value": yaml.safe_load(as_yaml(self.value)), "origin": self.origin}


@dataclass(frozen=True)
class Change:
    """A setting that differs: its values before and after. ``is_forgotten``: it was set before, and is no longer."""

    key: str
    before: Any
    after: Any
    is_forgotten: bool


@dataclass(frozen=True)
class Changes:
    """What differs between two configurations: the settings that a person set in one of them, and how many others,
    which follow from these (those of another preset)."""

    set: tuple[Change, ...]
    others: int


def setting_origins(layers: Mapping[str, Tree]) -> Iterator[SettingOrigin]:
    """Yield every setting of the trees in ``layers`` (origin -> tree, a later one wins) with its origin."""
    settings = validate(merged(layers))
    places = [(f"preset {settings.preset}", read_preset(settings.preset)), *layers.items()]
    for key, value in _values(settings).items():
        origins = [origin for origin, tree in places if _is_set(tree, key)]
        yield SettingOrigin(key, value, origins[-1] if origins else DEFAULT)


def changes(before: Tree, after: Tree) -> Changes:
    """Return what differs between the settings of two trees of what a person set."""
    old, new = _values(validate(before)), _values(validate(after))
    differing = [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]
    named = [key for key in differing if _is_set(before, key) or _is_set(after, key)]
    found = (Change(key, old.get(key), new.get(key), _is_set(before, key) and not _is_set(after, key)) for key in named)
    return Changes(tuple(found), len(differing) - len(named))


def as_yaml(value: Any) -> str:
    """Return a setting's value as a person writes it in a file.

    >>> as_yaml(("apical_4", "apical_2"))
    '[apical_4, apical_2]'
    """
    return yaml.safe_dump(_plain(value), default_flow_style=True, width=1_000).removesuffix("\n").removesuffix("\n...")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _values(settings: Settings) -> dict[str, Any]:
    """Return key -> value of every setting."""
    return {"preset": settings.preset} | {key: value for key, value, *_ in settings.provenance()}


def _is_set(tree: Tree, key: str) -> bool:
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True
