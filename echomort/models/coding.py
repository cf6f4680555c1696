"""The coding of variables as columns of a model: one column a level where the catalogue says so (``one_hot``)."""

from collections.abc import Iterator, Sequence

import numpy as np

from echomort.ehr.variables import catalogue

LEVELS = {variable.name: variable.levels for variable in catalogue() if variable.coding == "one_hot"}
"""Variable -> its levels, of those that models get as one column a level."""


def coded_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the variables ``names`` become, in order: ``mr_grade`` gives ``mr_grade=0`` and so on."""
    return tuple(f"{name}={level}" if level is not None else name for name, level in _levels(names))


def coded_from(names: Sequence[str]) -> tuple[str, ...]:
    """Return, for each of the columns of :func:`coded_columns`, the variable that it was made from."""
    return tuple(name for name, _ in _levels(names))


def coded(matrix: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return ``matrix`` (n, variables) as the columns of :func:`coded_columns`, of the same dtype.

    A level's column is 1 where the variable has that level, else 0. A missing value is missing (NaN) in all of them.
    """
    place = {name: position for position, name in enumerate(names)}
    columns = []
    for name, level in _levels(names):
        column = matrix[:, place[name]]
        columns.append(column if level is None else np.where(np.isnan(column), np.nan, column == level))
    return np.column_stack(columns).astype(matrix.dtype) if columns else matrix


def _levels(names: Sequence[str]) -> Iterator[tuple[str, int | None]]:
    """Yield (variable, level), a variable that is not coded by level with None."""
    for name in names:
        for level in LEVELS.get(name, (None,)):
            yield name, level
