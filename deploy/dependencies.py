"""What the product depends on: the installed packages that its requirements, with all extras, lead to."""

import importlib.metadata
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1] / "pyproject.toml"

NOT_SHIPPED = ("bench", "dev", "docs", "notebooks")
"""Extras that only those who work on echomort install."""


@dataclass
class Package:
    """An installed package, the names of its files without their folders, and of the packages that it needs."""

    name: str
    version: str
    metadata: importlib.metadata.PackageMetadata
    files: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)


@dataclass
class Closure:
    """All ``packages`` by name, those that the product itself ``needs``, and those that are ``absent`` here."""

    packages: dict[str, Package]
    needs: set[str]
    absent: set[str]


def requirements(with_developers: bool) -> list[Requirement]:
    """Return the product's requirements with those of its extras; ``with_developers`` the extras that are not shipped
    too."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    shown = [name for name in extras if with_developers or name not in NOT_SHIPPED]
    return [Requirement(line) for lines in (project["dependencies"], *map(extras.get, shown)) for line in lines]


def closure(wanted: Iterable[Requirement]) -> Closure:
    """Return what ``wanted`` leads to in this environment."""
    found, seen = Closure({}, set(), set()), set[tuple[str, str]]()
    waiting = [(found.needs, one, "") for one in wanted]
    while waiting:
        needs, requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            package = found.packages.get(name) or _installed(name)
        except importlib.metadata.PackageNotFoundError:
            found.absent.add(name)
            continue
        found.packages[name] = package
        needs.add(name)
        for new in {"", *requirement.extras} - {asked for one, asked in seen if one == name}:
            seen.add((name, new))
            waiting += [(package.needs, one, new) for one in _needed_by(name)]
    return found


def _installed(name: str) -> Package:
    distribution = importlib.metadata.distribution(name)
    files = [file.name for file in distribution.files or []]
    return Package(name, distribution.version, distribution.metadata, files)


def _needed_by(name: str) -> list[Requirement]:
    return [Requirement(line) for line in importlib.metadata.requires(name) or []]
