"""The beginning of an adapter, made from a look at the columns of an extract.

Columns are found by the words that hospitals call them (``column_words.csv``), and written forms by their first cells.
What is not found is null, with a hint: a person decides. Nothing that is written here holds a cell of the extract.
"""

import csv
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.core.files import write_text
from warehouse.adapters.extract import CANONICAL, NAME, ExtractLocation, define_macros, errors_without_values
from warehouse.adapters.raw import Column, Extract
from warehouse.connection import connect_to_nothing
from warehouse.queries import ROOT, query, run

WORDS = ROOT / "adapters" / "column_words.csv"
"""Canonical table and column -> the words that hospitals call it, and a hint for who maps it."""

ROWS_READ = 1000
"""Rows whose cells are looked at. Our choice: enough to see a written form, and done at once."""

MOST = 0.9
"""Share of the filled cells that must have a form for it to be the column's. Our choice: a few are always odd."""

NEEDED = {
    "patient": ("patient_id", "birth_date"),
    "death": ("patient_id", "death_date"),
    "contact": ("patient_id", "contact_at"),
    "study": ("study_id", "patient_id"),
    "measurement": ("variable", "value"),
    "diagnosis": ("patient_id", "code"),
    "medication": ("patient_id", "drug_class"),
    "identity": ("patient_id", "same_as"),
}
"""Canonical table -> the columns without which a raw table is not taken for it."""

TIMES = frozenset(
    ("birth_date", "death_date", "contact_at", "study_at", "measured_at", "recorded_at", "started_at", "ended_at")
)
NUMBERS = frozenset({"value", "dose"})
"""Canonical columns that are times and numbers."""


DEATHS = re.compile(
    r"(?!.*(status|vital|patient|person))"
    r".*(death|dead|deceas|died|mort|todes|sterb|storben|overl[ie]|dece[sd]|fallec|defunci|obit)"
)
"""What a table of deaths alone is called: each of its rows is a death, with a date or without."""

DEAD_FLAGS = (
    "deceased", "is_deceased", "deceased_flag", "deceased_ind", "dead", "is_dead", "died", "death", "death_flag",
    "death_indicator", "vital_status", "vitalstatus", "verstorben", "gestorben", "overleden", "decede", "fallecido",
    "deceduto",
)  # fmt: skip
"""Columns of a table of patients that say who is dead."""

DEAD_WORDS = "'1', 'y', 'yes', 'true', 't', 'j', 'ja', 'x', 'd', 'dead', 'deceased', 'died', 'expired', 'verstorben'"
"""What such a column says of the dead, as SQL."""


@dataclass(frozen=True)
class Word:
    """What a canonical column may be called, the likeliest first, and the hint for who maps it."""

    names: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class Forms:
    """How many first cells of a column are filled, times, numbers, and would be if day or comma came as in Europe."""

    filled: int
    times: int
    day_first_times: int
    numbers: int
    comma_numbers: int

    @property
    def name(self) -> str:
        """The form of most cells, in words."""
        if not self.filled:
            return "empty"
        counts = {
            "time": self.times,
            "time, day first": self.day_first_times,
            "number": self.numbers,
            "number, decimal comma": self.comma_numbers,
        }
        return next((name for name, count in counts.items() if count >= MOST * self.filled), "text")

    def expression(self, column: str, name: str) -> str:
        """Return ``name`` as SQL that staging can read as the canonical ``column``."""
        if column in TIMES and self.day_first_times > self.times:
            return f"day_first({name})"
        return f"decimal_comma({name})" if column in NUMBERS and self.comma_numbers > self.numbers else name


Tables = Mapping[str, Mapping[str, Forms]]
"""Raw table -> its columns that SQL can name -> the forms of their cells."""


def look(location: ExtractLocation) -> Tables:
    """Return the tables in the folder of ``location``. Raises :class:`UserError` if there are none, or one can't be
    read."""
    with connect_to_nothing() as connection, errors_without_values():
        extract = Extract(connection, location.folder, encoding=location.encoding)
        define_macros(connection, location.time_zone)
        found = {table: sorted(columns) for table, columns in extract.columns_of_tables().items()}
        named = {table: [name for name in names if NAME.fullmatch(name)] for table, names in found.items()}
        tables = {table: names for table, names in named.items() if names and NAME.fullmatch(table)}
        if not tables:
            raise UserError(f"{location.folder} holds no table", "name the folder of the CSV or Parquet files")
        for table, names in tables.items():
            extract.open([Column(table, name, "yes", "", "") for name in names])
        return {table: {name: _forms(connection, table, name) for name in names} for table, names in tables.items()}


def _forms(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> Forms:
    statement = query("adapters/column_forms.sql").format(table=table, column=column, rows=ROWS_READ)
    return Forms(*connection.execute(statement).fetchall()[0])


def write_adapter(folder: Path, tables: Tables) -> dict[str, str | None]:
    """Write the adapter's files to the new ``folder``; return canonical table -> the raw table taken for it.

    Raises :class:`UserError` if the folder exists.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already", "name a new folder")
    words = column_words()
    taken = {table: _raw_table(words[table], NEEDED[table], tables) for table in CANONICAL}
    for table, raw in taken.items():
        write_text(folder / f"{table}.sql", "\n".join(_select(words[table], raw, tables)) + "\n")
    write_text(folder / "contract.csv", _contract(words, taken, tables))
    return taken


def column_words() -> dict[str, dict[str, Word]]:
    """Return canonical table -> column -> what it may be called."""
    found: dict[str, dict[str, Word]] = {}
    for _, row in read_rows(WORDS, WORDS.name, ("table", "column", "words", "hint")):
        names = row["words"]
        if names.startswith("@"):  # the same words as those of a table that has the column, `patient` if none is named
            names = " ".join(found[names[1:] or "patient"][row["column"]].names)
        found.setdefault(row["table"], {})[row["column"]] = Word(tuple(names.split()), row["hint"])
    return found


def _raw_table(words: Mapping[str, Word], needed: Sequence[str], tables: Tables) -> str | None:
    """Return the raw table in which most columns of a canonical one are found, all ``needed`` ones among them."""
    counts = {
        raw: sum(_found(word, columns) is not None for word in words.values())
        for raw, columns in tables.items()
        if all(_found(words[column], columns) for column in needed)
    }
    return max(counts, key=lambda raw: counts[raw], default=None)


def _found(word: Word, columns: Mapping[str, Forms]) -> str | None:
    return next((name for name in word.names if name in columns), None)


def _select(words: Mapping[str, Word], raw: str | None, tables: Tables) -> Iterator[str]:
    columns = tables[raw] if raw else {}
    yield f"-- From {raw}. Check every line." if raw else "-- No table was recognised: correct it, or leave it empty."
    yield "SELECT"
    for place, (column, word) in enumerate(words.items(), start=1):
        name = _found(word, columns)
        source = columns[name].expression(column, _quoted(name)) if name else "NULL"
        comma, hint = "," if place < len(words) else "", f"  -- {word.hint}" if word.hint and not name else ""
        yield f"    {source} AS {column}{comma}{hint}"
    yield f"FROM raw_{raw}" if raw else "WHERE false"
    if raw and "death_date" in words:
        yield from _where_dead(raw, words["death_date"], columns)


def _where_dead(raw: str, date: Word, columns: Mapping[str, Forms]) -> Iterator[str]:
    """Yield the condition that leaves out the living: a person is dead who has a date of death, or whom a column of its
    own calls dead. Of a table of deaths no row is left out."""
    flags = [name for name in DEAD_FLAGS if name in columns and name not in date.names]
    if DEATHS.match(raw) and not flags:
        yield "-- Each row is a death; one without a date: dead, date unknown."
        return
    said = "".join(f" OR lower(as_text({_quoted(name)})) IN ({DEAD_WORDS})" for name in flags)
    yield f"WHERE {_quoted(str(_found(date, columns)))} IS NOT NULL{said}"
    if not flags:
        yield "-- A death without a date is left out here, as if alive: if the records know of such, add their rows."


def _quoted(name: str) -> str:
    """Return ``name`` as SQL takes it for a column: in quotes if it is a word of the language."""
    return f'"{name}"' if name in _reserved() else name


@functools.cache
def _reserved() -> frozenset[str]:
    with connect_to_nothing() as connection:
        return frozenset(word for (word,) in run(connection, "adapters/reserved_words.sql").fetchall())


def _contract(words: Mapping[str, Mapping[str, Word]], taken: Mapping[str, str | None], tables: Tables) -> str:
    """Return ``contract.csv``: every column of every table; those that a SELECT reads are required."""
    read = {(raw, _found(word, tables[raw])) for table, raw in taken.items() if raw for word in words[table].values()}
    with io.StringIO() as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("table", "column", "required", "type", "meaning"))
        for table, columns in tables.items():
            for name, forms in columns.items():
                writer.writerow((table, name, "yes" if (table, name) in read else "no", forms.name, ""))
        return text.getvalue()
