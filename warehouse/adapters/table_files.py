"""The files of an extract that hold its tables: compressed, in parts, or behind the views of a database."""

import glob
import re
from pathlib import Path

import duckdb

from echomort.core.errors import UserError
from echomort.core.files import resolve_under
from warehouse.adapters.headers import plain_name
from warehouse.adapters.packed import JSON, PACKED
from warehouse.queries import run

TEXT = tuple(kind + packed for kind in (".csv", ".tsv", ".txt") for packed in PACKED)
"""Endings of tables of text, whose columns are separated by one of :data:`SEPARATORS`."""

SUFFIXES = (*TEXT, *JSON, ".parquet")
"""File names that a table may end with."""

PART = re.compile(r"(part|data|run|\d)", re.IGNORECASE)
"""How parts begin in a folder that has the table's name alone: as Spark, Dask and BigQuery write them."""

UNREAD = (
    ".bz2",
    ".xz",
    ".lz4",
    ".snappy",
    ".zip",
    ".7z",
    ".tar",
    ".tgz",
    ".xlsx",
    ".xls",
    ".avro",
    ".orc",
    ".json",
    ".sas7bdat",
)
"""Endings of files that may hold a table and are not read: such a file is refused, not overlooked."""

DATABASE = ".duckdb"
"""Ending of the DuckDB file of an extract."""

QUOTED = re.compile(r"'((?:[^']|'')+)'")
"""A text in the SQL of a view: perhaps the path or the pattern of files."""


def database_files(root: Path) -> list[Path]:
    """Return the DuckDB files in ``root``."""
    return sorted(path for path in root.iterdir() if path.suffix == DATABASE and is_visible(path))


def files_behind_views(root: Path) -> list[Path]:
    """Return the files that views of the DuckDB file in ``root`` read, as far as their SQL names them; sorted."""
    found: set[Path] = set()
    for database in database_files(root):
        try:
            with duckdb.connect(str(database), read_only=True) as connection:
                views = run(connection, "adapters/views.sql").fetchall()
        except duckdb.Error:
            continue  # opening it for staging says why
        for (text,) in views:
            for named in QUOTED.findall(text):
                found.update(
                    path for path in map(Path, glob.glob(named.replace("''", "'"), recursive=True)) if path.is_file()
                )
    return sorted(found)


def tables_by_name(root: Path) -> dict[str, list[Path]]:
    """Return table name -> files, or folders of parts; those in ``root`` itself win over those one folder below."""
    found: dict[str, list[Path]] = {}
    below = sorted(path for path in root.iterdir() if path.is_dir() and is_visible(path) and not parts_of(path))
    for folders in ([root], below):
        level: dict[str, list[Path]] = {}
        for path in sorted(path for folder in folders for path in folder.iterdir() if is_visible(path)):
            suffix = suffix_of(path)
            if (suffix and not path.is_dir()) or (path.is_dir() and parts_of(path)):
                name = plain_name(path.name[: len(path.name) - len(suffix)])
                level.setdefault(name, []).append(path)
        found = level | found
    return found


def suffix_of(path: Path) -> str:
    """Return the ending of ``path`` that a table may have; empty if it has none."""
    return next(
        (suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)), ""
    )


def form_of(path: Path) -> str:
    """Return the kind of a table's file, in words."""
    suffix = suffix_of(path)
    return "Parquet" if suffix == ".parquet" else "NDJSON" if suffix in JSON else "text in columns"


def parts_of(folder: Path) -> list[Path]:
    """Return the files of which a table in ``folder`` consists; none if the folder is no table.

    It is one if its name ends as a file of a table does (``study.parquet``), or if all its tables begin as parts do
    (``study/part-00000.parquet``). Folders of a partition (``year=2018``) are looked into. Files without the ending
    of a table are marks of the writer.
    """
    files = visible_tables(folder)
    named = bool(suffix_of(folder))
    return files if named or all(PART.match(path.name) for path in files) else []


def visible_tables(folder: Path) -> list[Path]:
    """Return the files of tables below ``folder``, but for what a writer hides; sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and suffix_of(path)
        and not any(name.startswith((".", "_")) for name in path.relative_to(folder).parts)
    )


def is_visible(path: Path) -> bool:
    """Return whether ``path`` is not hidden, as a name that begins with a point is."""
    return not path.name.startswith(".")


def inside(root: Path, path: Path) -> Path:
    """Return ``path`` if it leads nowhere outside ``root``, else raise :class:`UserError`."""
    try:
        return resolve_under(root, str(path.relative_to(root)))
    except ValueError:
        raise UserError(f"{path.name} is a link that leaves the folder of the extract", "copy the file") from None
