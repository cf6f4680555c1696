"""Every figure of the page as an SVG file, and every table as CSV, in folders beside the page."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from echomort.core.files import atomic_folder
from echomort.report.blocks import Section, Table
from echomort.report.drawing.style import standalone_svg
from echomort.report.words import DASH, MINUS, NARROW, NOTHING

FOLDERS = "figures", "tables"
ASCII = str.maketrans({MINUS: "-", DASH: "-", NARROW: " "})
"""Typography of the page -> what spreadsheets and programs read."""


def exported(page: Sequence[Section]) -> dict[str, str]:
    """Return the content of each file by its path relative to the page, in the order of the page."""
    figures = {picture.file: standalone_svg(picture.svg) for section in page for picture in section.pictures}
    return figures | {table.file: table_csv(table) for section in page for table in section.tables if table.rows}


def write_exports(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write ``files`` under ``folder`` and return their paths; files of an earlier report are removed.

    Each of :data:`FOLDERS` is replaced as a whole: after a crash it holds all files of one report, old or new.
    """
    for name in FOLDERS:
        with atomic_folder(folder / name) as temporary:
            for path, content in files.items():
                if path.startswith(f"{name}/"):
                    (temporary / path.removeprefix(f"{name}/")).write_text(content, encoding="utf-8", newline="")
    return [folder / path for path in files]


def table_csv(table: Table) -> str:
    """Return ``table`` as CSV: a column for each of the page's, followed by one for limits and remarks where cells have
    any. Missing and suppressed cells are as on the page; a dash is an empty cell."""
    columns = list(_columns(table))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    writer.writerows(zip(*(values for _, values in columns), strict=True))
    return text.getvalue()


def _columns(table: Table) -> Iterator[tuple[str, list[str]]]:
    for place, (label, style) in enumerate(table.heads):
        cells = [row[place] for row in table.cells]
        name = label or f"column {place + 1}"
        yield name, [_plain(cell.text, bool(style)) for cell in cells]
        if any(cell.aside for cell in cells):
            yield f"{name}, {'limits' if style else 'detail'}", [_plain(cell.aside, False) for cell in cells]


def _plain(text: str, is_number: bool) -> str:
    """Return the text of a cell without typography; text that a spreadsheet would take for a formula is quoted."""
    plain = "" if text == NOTHING else text.translate(ASCII)
    if is_number:
        return re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    return f"'{plain}" if plain.startswith(("=", "+", "@", "\t", "\r")) else plain
