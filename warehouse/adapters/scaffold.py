"""The beginning of an adapter, made from a look at the columns of an extract.

Columns are found by the words that hospitals call them (``column_words.csv``), and written forms by their first cells.
What is not found is null, with a hint: a person decides. Nothing that is written here holds a cell of the extract.
"""

import csv
import functools
import io
import re
from collections.abc import Iterable, Iterator, Mapping
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
"""Canonical table and column -> the words that hospitals call it, those that count only in a table whose name says what
it holds, and a hint for who maps it. A row without a column: what the names of such tables hold."""

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

ORDERS = ("day_first", "month_first")
"""Macros that read dates whose day, or whose month, comes first."""

PURPOSES = ("death", "identity", "measurement", "diagnosis", "medication", "study", "contact", "patient")
"""Canonical tables by whose words the name of a raw one is judged, in this order: `echo_results` are measurements,
`patient_visits` contacts."""

LIVING_TOO = re.compile(r"status|vital|patient|person")
"""What says in the name of a table of deaths that the living stand there too. Else each row is a death, with a date or
without."""

DEAD_FLAGS = (
    "deceased", "is_deceased", "deceased_flag", "deceased_ind", "dead", "is_dead", "died", "death", "death_flag",
    "death_indicator", "vital_status", "vitalstatus", "pat_status", "patient_status", "verstorben", "gestorben",
    "overleden", "decede", "fallecido", "deceduto",
)  # fmt: skip
"""Columns of a table of patients that say who is dead."""

DEAD_WORDS = "'1', 'y', 'yes', 'true', 't', 'j', 'ja', 'x', 'd', 'dead', 'deceased', 'died', 'expired', 'verstorben'"
"""What such a column says of the dead, as SQL."""


@dataclass(frozen=True)
class Word:
    """What a canonical column may be called, the likeliest first; what else, in a table named for what it holds; a hint
    for who maps it."""

    names: tuple[str, ...]
    names_if_named: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class Forms:
    """How many first cells of a column are filled, times, numbers, and would be if the day or
    the month came first, or the decimal sign were a comma."""

    filled: int
    times: int
    day_first_times: int
    month_first_times: int
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
            "time, month first": self.month_first_times,
            "number": self.numbers,
            "number, decimal comma": self.comma_numbers,
        }
        return next((name for name, count in counts.items() if count >= MOST * self.filled), "text")

    def expression(self, column: str, name: str, order: str) -> str:
        """Return ``name`` as SQL that staging can read as the canonical ``column``; ``order``: the macro of the
        extract's dates, for a column both of whose readings are as good."""
        read = dict(zip(ORDERS, (self.day_first_times, self.month_first_times), strict=True))
        best = max(read, key=lambda macro: (read[macro], macro == order))
        if column in TIMES and read[best] > self.times:
            return f"{best}({name})"
        return f"decimal_comma({name})" if column in NUMBERS and self.comma_numbers > self.numbers else name


Tables = Mapping[str, Mapping[str, Forms]]
"""Raw table -> its columns that SQL can name -> the forms of their cells."""


def look(location: ExtractLocation) -> Tables:
    """Return the tables in the folder of ``location``. Raises :class:`UserError` if there are none, or one can't be
    read."""
    with connect_to_nothing() as connection, errors_without_values():
        extract = Extract(connection, location.folder, encoding=location.encoding)
        define_macros(connection, location)
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
    taken = {table: _raw_table(table, words[table], tables) for table in CANONICAL}
    for table, raw in taken.items():
        write_text(folder / f"{table}.sql", "\n".join(_select(table, words[table], raw, tables)) + "\n")
    write_text(folder / "contract.csv", _contract(words, taken, tables))
    return taken


def column_words() -> dict[str, dict[str, Word]]:
    """Return canonical table -> column -> what it may be called."""
    found: dict[str, dict[str, Word]] = {}
    for row in _word_rows():
        names = row["words"]
        if names.startswith("@"):  # the same words as those of a table that has the column, `patient` if none is named
            names = " ".join(found[names[1:] or "patient"][row["column"]].names)
        if row["column"]:
            word = Word(tuple(names.split()), tuple(row["if_named"].split()), row["hint"])
            found.setdefault(row["table"], {})[row["column"]] = word
    return found


def _word_rows() -> list[dict[str, str]]:
    return [row for _, row in read_rows(WORDS, WORDS.name, ("table", "column", "words", "if_named", "hint"))]


@functools.cache
def _table_words() -> dict[str, tuple[str, ...]]:
    return {row["table"]: tuple(row["words"].split()) for row in _word_rows() if not row["column"]}


def _purpose(raw: str) -> str | None:
    """Return the canonical table that the name of a raw one speaks of."""
    return next((table for table in PURPOSES if any(word in raw for word in _table_words()[table])), None)


def _raw_table(table: str, words: Mapping[str, Word], tables: Tables) -> str | None:
    """Return the raw table that is taken for a canonical one: it has the needed columns, its name speaks of that one if
    any name does, and most columns are found.

    A table whose name speaks of something else proves no presence: a drug's first day is no contact.
    """
    counts = {}
    for raw in tables:
        columns, purpose = _columns(table, words, raw, tables), _purpose(raw)
        if all(columns[name] for name in NEEDED[table]) and (table != "contact" or purpose in (None, "contact")):
            counts[raw] = (purpose == table, sum(name is not None for name in columns.values()))
    return max(counts, key=lambda raw: counts[raw], default=None)


def _columns(table: str, words: Mapping[str, Word], raw: str, tables: Tables) -> dict[str, str | None]:
    """Return canonical column -> the column of ``raw`` that is it, written with or without underscores, or None. No
    column is taken for two by a word that counts only in a table of that name."""
    plain = {name.replace("_", ""): name for name in tables[raw]}
    found = {column: _first(word.names, plain) for column, word in words.items()}
    purpose = _purpose(raw)
    if purpose == "patient" and "patient_id" in words:  # the id of a table of patients is theirs, whatever else it says
        names = column_words()["patient"]["patient_id"].names_if_named
        found["patient_id"] = found["patient_id"] or _first(names, plain)
    if purpose == table:
        for column, word in words.items():
            free = {key: name for key, name in plain.items() if name not in found.values()}
            found[column] = found[column] or _first(word.names_if_named, free)
    return found


def _first(names: Iterable[str], plain: Mapping[str, str]) -> str | None:
    return next((plain[name.replace("_", "")] for name in names if name.replace("_", "") in plain), None)


def _select(table: str, words: Mapping[str, Word], raw: str | None, tables: Tables) -> Iterator[str]:
    columns = _columns(table, words, raw, tables) if raw else dict.fromkeys(words)
    order = _order(tables)
    yield f"-- From {raw}. Check every line." if raw else "-- No table was recognised: correct it, or leave it empty."
    yield "SELECT"
    for place, (column, word) in enumerate(words.items(), start=1):
        name = columns[column]
        source = tables[raw][name].expression(column, _quoted(name), order) if raw and name else "NULL"
        comma, hint = "," if place < len(words) else "", f"  -- {word.hint}" if word.hint else ""
        yield f"    {source} AS {column}{comma}{hint}"
    yield f"FROM raw_{raw}" if raw else "WHERE false"
    if raw and table == "death":
        yield from _where_dead(raw, str(columns["death_date"]), tables[raw])


def _order(tables: Tables) -> str:
    """Return the macro that reads most of the extract's dates, the first of equals: one program writes one order, and
    the few dates of one column may have no day after the 12th."""
    forms = [one for columns in tables.values() for one in columns.values()]
    counts = (sum(one.day_first_times for one in forms), sum(one.month_first_times for one in forms))
    return ORDERS[counts.index(max(counts))]


def _where_dead(raw: str, date: str, columns: Iterable[str]) -> Iterator[str]:
    """Yield the condition that leaves out the living: a person is dead who has a date of death, or whom a column of its
    own calls dead. Of a table of deaths no row is left out."""
    flags = [name for name in DEAD_FLAGS if name in columns and name != date]
    if _purpose(raw) == "death" and not LIVING_TOO.search(raw) and not flags:
        yield "-- Each row is a death; one without a date: dead, date unknown."
        return
    said = "".join(f" OR lower(as_text({_quoted(name)})) IN ({DEAD_WORDS})" for name in flags)
    yield f"WHERE {_quoted(date)} IS NOT NULL{said}"
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
    read = {
        (raw, name)
        for table, raw in taken.items()
        if raw
        for name in _columns(table, words[table], raw, tables).values()
    }
    with io.StringIO() as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("table", "column", "required", "type", "meaning"))
        for table, columns in tables.items():
            for name, forms in columns.items():
                writer.writerow((table, name, "yes" if (table, name) in read else "no", forms.name, ""))
        return text.getvalue()
