"""The layers of settings: defaults, a preset, a file, the environment, flags; a later one overrides an earlier one."""

import difflib
import functools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pydantic
import yaml

from echomort.core.errors import UserError
from echomort.core.yaml_text import read_yaml
from echomort.settings.preset import PRESETS, read_preset
from echomort.settings.sections import Section
from echomort.settings.settings import Settings

ENVIRONMENT_PREFIX = "ECHOMORT__"
"""Environment variables with this prefix are settings."""


def read_layers(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file_origin: str = "--config",
) -> dict[str, dict[str, Any]]:
    """Return origin -> what a person set there, as a tree: ``file`` (YAML) < environment < ``flags``.

    Environment variables look like ``ECHOMORT__TRAINING__MAX_EPOCHS=3``; ``flags`` maps dotted keys to values.
    """
    return {
        file_origin: _read_file(file),
        "environment": _from_environment(os.environ if environment is None else environment),
        "--set": _nested(flags or {}),
    }


def merged(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the tree of all ``layers``; a later one wins."""
    return functools.reduce(_merge, layers.values(), {})


def gather(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what a person set, as one tree: that of :func:`read_layers`."""
    return merged(read_layers(file, flags, environment))


def validate(tree: Mapping[str, Any]) -> Settings:
    """Return the settings: defaults < preset < ``tree``, which is what a person set.

    Without a preset, ``standard`` is used where ``sources.dicom`` is set, else ``demo`` on the embedded archive.
    Raises :class:`UserError` naming the key and the remedy.
    """
    sources = tree.get("sources") or {}
    own_archive = isinstance(sources, dict) and sources.get("dicom") is not None
    preset = tree.get("preset", "standard" if own_archive else "demo")
    base = {"preset": preset} if own_archive else {"preset": preset, "sources": {"synthetic": {}}}
    overlay = read_preset(preset) if preset in PRESETS else {}
    try:
        return Settings.model_validate(_merge(_merge(base, overlay), tree))
    except pydantic.ValidationError as error:
        raise _explained(error) from error


CONFIG_NAME = "echomort.yaml"
"""The file of a home that holds its settings."""


def load_settings(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings that :func:`gather` finds, validated.

    >>> load_settings(flags={"preset": "demo"}, environment={"ECHOMORT__TRAINING__BATCH": "4"}).training.batch
    4
    >>> load_settings(flags={"training.bach": 4}, environment={})
    Traceback (most recent call last):
    ...
    echomort.core.errors.UserError: unknown setting training.bach: did you mean training.batch?
    """
    return validate(gather(file, flags, environment))


def parse_flags(assignments: Sequence[str]) -> dict[str, Any]:
    """Return dotted keys and values of ``key=value`` texts, the values read as YAML.

    >>> parse_flags(["training.batch=8", "training.views=[apical_4, apical_2]", "preset=demo"])
    {'training.batch': 8, 'training.views': ['apical_4', 'apical_2'], 'preset': 'demo'}
    """
    flags = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator:
            raise UserError(f"--set {assignment} is not key=value", "write for example --set training.max_epochs=3")
        flags[key.strip()] = _parsed(key.strip(), value)
    return flags


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = read_yaml(file.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"the configuration file does not exist ({file})", "correct --config or ECHOMORT_CONFIG"
        ) from None
    except OSError:
        raise UserError(
            f"the configuration file can't be read ({file})", "name a file with --config that you can read"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise UserError(
            f"the configuration file is not valid YAML{where} ({file}){_problem(error)}", "correct it and run again"
        ) from None
    if content is not None and not isinstance(content, dict):
        raise UserError(
            f"the configuration file is not a mapping of keys ({file})", "write for example `preset: standard`"
        )
    return content or {}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    flags = {}
    for name, value in environment.items():
        if re.match(r"ECHOMORT_[^_].*__", name):
            raise UserError(
                f"{name} is no setting", f"write {name.replace('_', '__', 1)}, or remove it from the environment"
            )
        if name.startswith(ENVIRONMENT_PREFIX):
            flags[name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")] = _parsed(name, value)
    return _nested(flags)


def _parsed(key: str, value: str) -> Any:
    try:
        return read_yaml(value)
    except yaml.YAMLError as error:
        raise UserError(
            f"the value of {key} can't be read{_problem(error)}", "put text with special signs in quotes"
        ) from None


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None)
    return f", {problem}" if problem else ""


def _nested(flags: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flags.items():
        *parents, leaf = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise UserError(f"{key} is inside a setting that has a value itself", "set one of the two")
        node[leaf] = value
    return tree


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


IN_WORDS = {
    "model_type": "it is a section: write its settings below it, or leave it out",
    "tuple_type": "write a list, such as [a, b]",
    "dict_type": "write names with values, such as {a: 1}",
    "bool": "write true or false",
    "int": "write a whole number",
    "float": "write a number",
    "date": "write a day, such as 2024-12-31",
    "string_type": "write a text, in quotes where it looks like something else",
    "path_type": "write a path",
}
"""Kind of a fault that pydantic names in Python's words, or what such kinds begin with -> what to do."""


def _in_words(fault: str) -> str | None:
    return IN_WORDS.get(fault) or IN_WORDS.get(fault.partition("_")[0])


def _explained(error: pydantic.ValidationError) -> UserError:
    first = error.errors()[0]
    is_unknown = first["type"] == "extra_forbidden"
    path = [part for part in map(str, first["loc"]) if is_unknown or "[" not in part]  # [: a part of pydantic's unions
    key = ".".join(path) or "settings"
    if is_unknown:
        near = difflib.get_close_matches(path[-1], _keys_of(path[:-1]), n=1)
        hint = (
            f"did you mean {'.'.join([*path[:-1], near[0]])}?"
            if near
            else f"known here: {', '.join(_keys_of(path[:-1]))}"
        )
        return UserError(f"unknown setting {key}", hint)
    hint = _in_words(first["type"]) or first["msg"].removeprefix("Value error, ")
    if key == "training.network":
        hint += "; a network of another package is known once that package is installed in echomort's environment"
    return UserError(f"impossible value for {key}", hint)


def _keys_of(path: Sequence[str]) -> list[str]:
    model: Any = Settings
    for part in path:
        annotation = model.model_fields[part].annotation
        model = next((kind for kind in (annotation, *get_args(annotation)) if _is_section(kind)), None)
        if model is None:
            return []
    return sorted(set(model.model_fields) - {"home"})  # --home says it


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)
