"""The variables of a project: the shipped ones and, after them, those of a site's own folder.

The folder (``sources.variables``) holds ``variables.csv`` and, where they are needed, ``units.csv`` and ``icd9.csv``,
with the columns of the shipped files of these names (docs/extending/variable.md).
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from echomort.core.code import file_meaning
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.ehr import site_files
from echomort.ehr.clean import Conversion, conversions, conversions_of, unit_rows
from echomort.ehr.variables import Variable, VariableSet, catalogue, icd9_groups

TABLES = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods", ".parquet")
"""Endings of files that somebody may have meant as a table of variables."""


@dataclass(frozen=True)
class Catalogue:
    """Every variable of a project, in the order of the feature table's columns, how its units are converted, and which
    ICD-9-CM codes belong to which diagnosis group."""

    variables: tuple[Variable, ...]
    conversions: tuple[Conversion, ...]
    icd9_groups: tuple[tuple[str, str], ...]
    own: tuple[Variable, ...] = ()
    """Those of ``variables`` that are the site's own."""

    def names(self, *sets: VariableSet) -> tuple[str, ...]:
        """Return the names of the variables of ``sets`` (none given: of all)."""
        return tuple(variable.name for variable in self.variables if not sets or variable.set in sets)


@functools.cache
def shipped_catalogue() -> Catalogue:
    """Return the catalogue without any site's own variables."""
    return Catalogue(catalogue(), conversions(), icd9_groups())


def site_catalogue(folder: Path | None) -> Catalogue:
    """Return the catalogue with the variables of ``folder`` (None: without).

    Raises :class:`UserError` naming the file and the row where one can't be right, or contradicts another.
    """
    return shipped_catalogue() if folder is None else _extended(folder, digest(site_digests(folder)))


def site_digests(folder: Path) -> dict[str, str]:
    """Return file -> digest of what it holds, of those that are read of ``folder``. Raises :class:`UserError` where
    there are none, or one that would be ignored."""
    known = ", ".join(site_files.FILES)
    if not folder.is_dir():
        raise UserError(f"the folder of variables does not exist ({folder})", "correct sources.variables")
    tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in TABLES]
    for path in tables:
        if path.name not in site_files.FILES or not path.is_file():
            raise UserError(f"{path.name} in sources.variables would not be read", f"make it a file, one of {known}")
    if not tables:
        raise UserError(f"there is no table in sources.variables ({folder})", f"put one there: {known}")
    return {path.name: digest(file_meaning(path)) for path in tables}


@functools.cache
def _extended(folder: Path, content: str) -> Catalogue:
    """Return the catalogue with what ``folder`` holds; ``content``, the digest of that, keys the cache."""
    shipped = shipped_catalogue()
    own = site_files.variables(site_files.rows(folder, "variables.csv"), shipped.variables)
    every = (*shipped.variables, *own)
    known = conversions_of(every, unit_rows())
    units = (*unit_rows(), *site_files.unit_rows(site_files.rows(folder, "units.csv"), every, known))
    older = site_files.icd9_groups(site_files.rows(folder, "icd9.csv"), every, shipped.icd9_groups)
    return Catalogue(every, conversions_of(every, units), (*shipped.icd9_groups, *older), own)
