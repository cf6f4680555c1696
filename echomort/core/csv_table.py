"""CSV tables that a site writes: read row by row, or refused with the file, the row and the remedy."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from echomort.core.errors import UserError

SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""What spreadsheets and exports write instead of commas."""


def read_rows(
    path: Path, named: str, needed: Sequence[str], optional: Sequence[str] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, the header being 1; cell by column) of every row of the CSV file ``path``.

    The columns ``needed`` must be there; others too, if they are ``optional`` (None: any). A byte-order mark and empty
    lines are skipped. Raises :class:`UserError`, which calls the file ``named``, where it can't be read, a column is
    missing, unknown or there twice, or a row has other cells than the header. No error shows a cell of a row.
    """
    reader = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            check_header(reader.fieldnames, named, needed, optional)
            for cells in reader:
                _check_row(cells, f"{named}, row {reader.line_num}")
                yield reader.line_num, cells
    except IsADirectoryError:
        raise UserError(f"{named} is a folder", "put a CSV file there") from None
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{named} can't be read", "save it as CSV in UTF-8") from None
    except csv.Error as error:
        line = reader.reader.line_num if reader else 1
        raise UserError(f"{named}, row {line}: {error}", "correct the row, or save the file as CSV again") from None


def check_header(
    header: Sequence[str], named: str, needed: Sequence[str] = (), optional: Sequence[str] | None = None
) -> None:
    """Raise :class:`UserError` where ``header`` has a column twice, lacks a ``needed`` one, has another than these and
    the ``optional`` ones (None: any may be there), or is not separated by commas."""
    where, remedy = f"{named}, row 1", f"its columns are {', '.join((*needed, *(optional or ())))}"
    check_separator(header, where)
    for column in header:
        if header.count(column) > 1:
            raise UserError(f"{where}: column {column or '(empty)'} is there twice", "delete or rename one of the two")
        if optional is not None and column not in (*needed, *optional):
            raise UserError(f"{where}: unknown column {column or '(empty)'}", remedy)
    for column in needed:
        if column not in header:
            raise UserError(f"{where}: no column {column}", remedy)


def check_separator(header: Sequence[str], where: str) -> None:
    """Raise :class:`UserError`, which begins with ``where``, where ``header`` is one cell that other signs separate."""
    for sign, signs in SEPARATORS.items() if len(header) == 1 else ():
        if sign in header[0]:
            raise UserError(f"{where}: columns are separated by {signs}", "separate them by commas")


def _check_row(cells: dict[str, str], where: str) -> None:
    if None in cells or None in cells.values():
        raise UserError(f"{where}: more or fewer cells than the header has", "put text with commas in quotes")
    if any("\0" in cell for cell in cells.values()):
        raise UserError(f"{where}: a NUL byte", "save the file as CSV in UTF-8")
