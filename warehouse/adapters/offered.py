"""Adapters from other packages: an entry point of the group ``echomort.adapters`` names a package.

The folder of that package is an adapter like any other: its content is part of the recipe of the health records.
"""

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from echomort.core.errors import UserError, in_one_line
from echomort.core.installed import module_of

GROUP = "echomort.adapters"
"""The group of the entry points."""


def offered() -> tuple[str, ...]:
    """Return the names of the adapters from other packages in alphabetical order, whether or not they can be used."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def offered_folder(name: str) -> Path:
    """Return the folder of the adapter ``name`` (one of :func:`offered`).

    Raises :class:`UserError` if two packages offer that name, or if the entry point does not name an adapter package.
    """
    points = sorted(entry_points(group=GROUP, name=name), key=_where)
    if len({point.value for point in points}) > 1:
        packages = " and ".join(_where(point) for point in points)
        raise UserError(f"two adapters are named {name}: {packages}", "rename the entry point of one, or remove it")
    folder = _package_folder(points[0])
    if not (folder / "contract.csv").is_file():
        raise UserError(
            f"{_where(points[0])} holds no contract.csv", "the entry point must name a package that is an adapter"
        )
    return folder


def _package_folder(point: EntryPoint) -> Path:
    try:
        spec = importlib.util.find_spec(module_of(point))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing the packages above it runs their code, which may even exit
        problem = f"{_where(point)} can't be found ({in_one_line(error)})"
        raise UserError(problem, "repair that package or remove it") from error
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{_where(point)} is not a package", "the entry point must name a package that is an adapter")
    return Path(next(iter(spec.submodule_search_locations)))


def _where(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist else ""
    return f"adapter {point.name}, entry point {point.value}{package},"
