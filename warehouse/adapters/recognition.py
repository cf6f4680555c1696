"""Which adapter reads an extract: tried one after another, in memory."""

import codecs
from dataclasses import dataclass
from pathlib import Path

import duckdb

from echomort.core.errors import UserError
from warehouse.adapters.extract import ExtractLocation, adapters, contract, open_extract
from warehouse.adapters.headers import UNMARKED
from warehouse.adapters.offered import offered
from warehouse.adapters.packed import open_packed
from warehouse.adapters.raw import Extract
from warehouse.adapters.table_files import TEXT
from warehouse.connection import connect_in_memory
from warehouse.queries import run

LOOKED_AT_BYTES = 2**20
"""Bytes of a text by which its encoding is guessed (1 MiB). Our choice: an answer within a second."""

MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What a text begins with that says its encoding itself."""

LATIN = "latin-1"
"""Encoding of a text that is not UTF-8, as Windows writes it in western Europe."""


OWN_LAYOUT = "an adapter for a layout of your own is begun with `echomort adapter new` (docs/adapters.md)"
"""What helps where no adapter reads an extract."""


@dataclass(frozen=True)
class Recognition:
    """An adapter that reads an extract, and how many patients, deaths and studies it finds there."""

    adapter: str
    patients: int
    deaths: int
    studies: int


def guess_encoding(folder: Path) -> str:
    """Return ``utf-8``, or ``latin-1`` where a text in ``folder`` has no mark and does not begin as UTF-8."""
    texts = (path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(TEXT) and path.is_file())
    try:
        return UNMARKED if all(map(_begins_as_utf8, texts)) else LATIN
    except OSError:
        raise _unreadable(folder) from None


def _begins_as_utf8(path: Path) -> bool:
    with open_packed(path) as file:
        start = file.read(LOOKED_AT_BYTES)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # a letter may be cut at the end
    except UnicodeDecodeError:
        return start.startswith(MARKS)
    return True


def _unreadable(folder: Path) -> UserError:
    return UserError(f"a part of {folder} can't be read", "give read permission, or copy the extract")


def recognise(folder: Path, encoding: str = UNMARKED) -> Recognition:
    """Return the first adapter, shipped or offered by a package, that finds its tables and columns in ``folder``.

    Raises :class:`UserError` if there is none: with the problem of the adapter most of whose tables are there.
    """
    problems = {}
    for adapter in (*adapters(), *offered()):
        try:
            return read_with(folder, adapter, encoding)
        except UserError as error:
            problems[adapter] = error
    nearest = max(problems, key=lambda adapter: _share_of_tables(folder, adapter))
    if not _share_of_tables(folder, nearest):
        raise UserError(
            f"no adapter recognises the files of {folder}",
            f"name one of {', '.join(problems)} and see what it lacks, or begin one with `echomort adapter new`",
        )
    raise UserError(
        f"adapter {nearest} comes nearest, but {problems[nearest].problem}", f"{problems[nearest].remedy}; {OWN_LAYOUT}"
    )


def read_with(folder: Path, adapter: str, encoding: str = UNMARKED) -> Recognition:
    """Return what ``adapter`` finds in ``folder``, whose texts without a mark have ``encoding``.

    Raises :class:`UserError` if a table or column is missing, if a file or its SQL can't be read, or if there is no
    patient.
    """
    location = ExtractLocation(folder, encoding=encoding)
    try:
        with connect_in_memory() as connection, open_extract(connection, location, adapter):
            ((patients, deaths, studies),) = run(connection, "adapters/recognised.sql").fetchall()
    except OSError:
        raise _unreadable(folder) from None
    if not patients:
        raise UserError(f"adapter {adapter} finds no patient in {folder}", "name the folder of the whole extract")
    return Recognition(adapter, patients, deaths, studies)


def _share_of_tables(folder: Path, adapter: str) -> float:
    """Return the share of the tables that ``adapter`` needs that ``folder`` has by name."""
    needed = {column.table for column in contract(adapter) if column.required == "yes"}
    try:
        with duckdb.connect() as connection:
            extract = Extract(connection, folder)
    except UserError:  # the folder itself can't be used, which has its own problem
        return 0
    present = {table for table in needed if table in extract.files or table in extract.relations}
    return len(present) / len(needed)
