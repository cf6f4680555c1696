"""The headers of tables of text: encoding, separator and the plain names of columns."""

import codecs
import csv
import io
import itertools
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from echomort.core.errors import UserError
from warehouse.adapters.packed import open_packed

SEPARATORS = (",", "\t", ";", "|")
"""What separates the columns of a text: the first that the header has. Spreadsheets write semicolons where the comma is
the decimal sign, databases bars."""

UNMARKED = "utf-8"
"""Encoding of a text without a mark of its own, unless ``sources.encoding`` names another."""

SPELT = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l"}
"""Letters of column names that are not a plain letter with an accent -> how they are spelt without them."""

CHUNK_BYTES = 2**20
"""Bytes read at a time when a compressed file is checked (1 MiB). Our choice: it bounds memory."""

LONGEST_LINE_BYTES = 2**27
"""Bytes of a line that are held at most (128 MiB). Our choice: it bounds memory."""


def quotes_are_text(path: Path, encoding: str, separator: str) -> bool:
    """Return whether quotation marks are text, as in Athena's files between tabs; not where the header is quoted."""
    if separator != "\t":
        return False
    with io.TextIOWrapper(open_packed(path), encoding=encoding, errors="replace") as file:
        return not file.readline(LONGEST_LINE_BYTES).lstrip("\ufeff").startswith('"')


def csv_header(path: Path, unmarked: str = UNMARKED) -> tuple[str, str, list[str]]:
    """Return the encoding, the separator and the columns of a text in columns; it is read to its end.

    ``unmarked`` is its encoding if it has no mark of its own. Raises :class:`UserError` for bytes that are not in that
    encoding.
    """
    try:
        encoding = _encoding(path, unmarked)
        separator, header = _header(path, encoding)
        if encoding == "utf-8":
            _check_unicode(path, separator, header)
        else:
            read_through(path)
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path.name} can't be read", "make it readable, or export the table again") from None
    return encoding, separator, _told_apart(header)


def is_repeated(name: str, shown: str) -> bool:
    """Return whether ``shown`` is the column ``name`` as :func:`_told_apart` writes it."""
    return shown.startswith(f"{name} (column ")


def _told_apart(header: Sequence[str]) -> list[str]:
    """Return the names of a header, those that are empty or there twice with their place: nobody may need them.

    >>> _told_apart(["", "note", "ef", "note"])
    [' (column 1)', 'note (column 2)', 'ef', 'note (column 4)']
    """
    named = zip(header, itertools.count(1))
    return [name if name and header.count(name) == 1 else f"{name} (column {place})" for name, place in named]


def read_through(path: Path) -> None:
    """Read a compressed file to its end, which verifies its checksum: DuckDB does not."""
    with open_packed(path) as file:
        while path.suffix.lower() in {".gz", ".zst"} and file.read(CHUNK_BYTES):
            pass


def _check_unicode(path: Path, separator: str, header: Sequence[str]) -> None:
    """Read a file to its end, as :func:`read_through`; raise :class:`UserError` at the first byte that is no UTF-8.

    DuckDB does not look at columns that nobody reads.
    """
    line, begun = 1, b""  # number and bytes of the line that the last chunk began
    with open_packed(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            text = begun + chunk
            end = text.rfind(b"\n") + 1
            whole, begun = text[:end], text[end:]
            if len(begun) > LONGEST_LINE_BYTES:
                raise UserError(f"{path.name} has no end of line after line {line}", "end lines with a line feed")
            if not whole.isascii():
                _check_lines(path, separator, header, whole, line)
            line += whole.count(b"\n")
    _check_lines(path, separator, header, begun, line)


def _check_lines(path: Path, separator: str, header: Sequence[str], text: bytes, first_line: int) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start]
        last = before[before.rfind(b"\n") + 1 :].decode()
        cells = _cells([last], separator)
        line = first_line + before.count(b"\n")
        column = f", column {header[len(cells) - 1]}" if line > 1 and 0 < len(cells) <= len(header) else ""
        raise not_unicode(path.name, f"line {line}{column}") from None


def not_unicode(name: str, place: str = "") -> UserError:
    """Return what to say of a file that has bytes which are not UTF-8 at ``place``."""
    remedy = "save it as CSV in UTF-8, or set sources.encoding (latin-1, if the extract is from Windows)"
    return UserError(f"{name} is not UTF-8" + (f" ({place})" if place else ""), remedy)


def _cells(lines: Iterable[str], separator: str) -> list[str]:
    """Return the cells of the first row. Between tabs, quotation marks are text, as in the files of OHDSI's Athena."""
    if separator == "\t":
        return next(csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE), [""])
    return next(csv.reader(lines, delimiter=separator), [""])


def _encoding(path: Path, unmarked: str) -> str:
    with open_packed(path) as file:
        start = file.read(4)
    if start.startswith(b"\xfe\xff"):
        raise UserError(f"{path.name} is big-endian UTF-16", "save it as UTF-8")
    if start.startswith(b"\xff\xfe"):
        return "utf-16"
    return "utf-8" if start.startswith(codecs.BOM_UTF8) else unmarked


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Return the separator of the columns and their names, as plain identifiers."""
    # A byte that is no UTF-8 may be in any line of what is read ahead: it is DuckDB that names its line.
    unicode = "utf-8-sig" if encoding == "utf-8" else encoding
    with io.TextIOWrapper(open_packed(path), encoding=unicode, errors="surrogateescape", newline="") as file:
        try:
            line = file.readline(LONGEST_LINE_BYTES)
            separator = next((one for one in SEPARATORS if len(_cells([line], one)) > 1), ",")
            names = _cells(itertools.chain([line], file), separator)
            "".join(names).encode()
        except UnicodeEncodeError:
            raise not_unicode(path.name, "line 1") from None
        except (UnicodeDecodeError, csv.Error):
            raise UserError(f"the header of {path.name} can't be read", "save the file as CSV in UTF-8") from None
    return separator, plain_names(names)


def plain_names(names: Sequence[str]) -> list[str]:
    """Return the names as plain identifiers. Two that differ in other signs only keep them: they may be two that nobody
    needs."""
    plain = [plain_name(name) for name in names]
    return [one if plain.count(one) == 1 else name.strip().lower() for one, name in zip(plain, names, strict=True)]


def by_plain_name(names: Sequence[str]) -> dict[str, str]:
    """Return plain name -> name in the source."""
    return dict(zip(plain_names(names), names, strict=True))


def plain_name(text: str) -> str:
    """Return a column's name in small letters without accents, and an underscore for every other sign between them.

    >>> plain_name("Geb.-Datum"), plain_name(" Größe (cm)"), plain_name("EF %")
    ('geb_datum', 'groesse_cm', 'ef')
    """
    spelt = text.strip().lower()
    for letter, letters in SPELT.items():
        spelt = spelt.replace(letter, letters)
    ascii_only = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "_", ascii_only).strip("_") or spelt
