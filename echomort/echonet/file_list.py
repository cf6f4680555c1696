"""EchoNet-Dynamic's table of its clips: FileList.csv, with the folder Videos beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError

VIDEOS = "Videos"
"""Folder of the clips, beside the table."""


@dataclass(frozen=True)
class Listed:
    """One clip of the table: its name, its file, and its ejection fraction in %."""

    name: str
    path: Path
    ef: float


def read_file_list(path: Path) -> list[Listed]:
    """Return the clips that the CSV file ``path`` lists: columns FileName (with or without .avi) and EF (%).

    Other columns are not read. Raises :class:`UserError` with the row's number where a name
    is no plain name, or an EF is not above 0 and up to 100.
    """
    return list(_listed(path))


def _listed(path: Path) -> Iterator[Listed]:
    named = f"the list of clips ({path.name})"
    for number, row in read_rows(path, named, ("FileName", "EF")):
        name = row["FileName"].strip().removesuffix(".avi")
        if not name or Path(name).name != name or name in {".", ".."} or "\\" in name:
            raise UserError(
                f"{named}, row {number}: FileName is no name of a file", "write the name alone, without a folder"
            )
        yield Listed(name, path.parent / VIDEOS / f"{name}.avi", _fraction(row["EF"], f"{named}, row {number}"))


def _fraction(text: str, where: str) -> float:
    try:
        ef = float(text)
    except ValueError:
        ef = float("nan")
    if not 0 < ef <= 100:
        raise UserError(f"{where}: EF is no ejection fraction", "write a number above 0, to 100, in per cent")
    return ef
