"""Opens the raw tables of a hospital's extract as views, and turns them into canonical tables through an adapter.

An adapter is a folder (docs/adapters.md). It is shipped here, comes from another package, or belongs to a site. It
must hold ``contract.csv``, which names the raw tables and columns that it reads, and one SELECT for each canonical
table (``<table>.sql``), which reads them as ``raw_<table>``. It may also hold:

- further SELECTs: each is computed once, after those that it reads, and is read as ``made_<file>``;
- ``calendar.sql``, if the source moved the dates of each patient;
- ``left_out.sql``, which counts the rows that the adapter does not read;
- ``named.sql``, which names what is behind the counts of ``left_out.sql`` (concepts, never text of a record);
- ``origins.csv``, which describes the raw column behind each canonical column;
- ``feeds.csv``, which names the tables that stop nothing if they can't be used, and what they feed;
- other CSV files, which are read as ``map_<file>``.
"""

import contextlib
import functools
import graphlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from echomort.core.code import file_meaning
from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.settings import Postgresql, Settings
from warehouse.adapters.headers import UNMARKED, not_unicode
from warehouse.adapters.offered import offered, offered_folder
from warehouse.adapters.postgresql import snapshot
from warehouse.adapters.raw import FLOATS, Column, Extract
from warehouse.adapters.vocabulary import vocabulary_files
from warehouse.queries import ROOT, query, run, scalar

CANONICAL = {
    "patient": ("patient_id", "birth_date", "sex", "race"),
    "death": ("patient_id", "death_date", "source"),
    "contact": ("patient_id", "contact_at", "kind"),
    "study": ("study_id", "patient_id", "study_at", "setting", "modality", "study_year"),
    "measurement": ("patient_id", "study_id", "variable", "value", "unit", "measured_at"),
    "diagnosis": ("patient_id", "vocabulary", "code", "recorded_at"),
    "medication": ("patient_id", "drug_class", "dose", "unit", "started_at", "ended_at"),
    "identity": ("patient_id", "same_as"),
}
"""Canonical table -> the columns that its SELECT in an adapter must yield."""

IDENTIFIERS = {"patient_id": "patient", "study_id": "study", "same_as": "patient"}
"""Column of the canonical tables that holds identifiers -> of what."""

LISTS = {
    "patient": (("patient", "patient_id"), ("identity", "patient_id"), ("identity", "same_as")),
    "study": (("study", "study_id"),),
}
"""What identifiers are of -> the tables and columns that list them all. The other tables may be far longer."""

HIERARCHY = ROOT / "adapters" / "hierarchy"
"""Folder of the SELECTs about codes above codes, of which an adapter uses those that it reads as ``made_<file>``."""

OPTIONAL = {"calendar": "true_dates.sql", "left_out": "nothing_left_out.sql", "named": "nothing_named.sql"}
"""SELECTs that an adapter may leave out -> the shipped SQL file that is used instead."""

COMMON_MAPS = ROOT / "adapters" / "maps"
"""Folder of the CSV maps that every adapter may read."""

DESCRIPTIONS = frozenset({"contract", "origins", "feeds"})
"""CSV files of an adapter that describe it; the others are maps."""

CATALOGUE = ROOT.parent / "echomort" / "ehr" / "variables.csv"
"""The catalogue of variables with their codes, which every adapter may read as ``map_variables``."""

MACROS = (
    "adapters/as_whole.sql",
    "adapters/is_bound.sql",
    "adapters/is_resting_echo.sql",
    "adapters/from_json.sql",
    "adapters/clock.sql",
    "adapters/day_first.sql",
    "adapters/month_first.sql",
    "adapters/decimal_comma.sql",
    "adapters/at_time.sql",
    "adapters/says_dead.sql",
    "adapters/is_code_of_death.sql",
    "adapters/grades_variable.sql",
)
"""SQL files whose macros every adapter may use."""

COPIES = "records"
"""Folder beside the warehouse that holds copies of PostgreSQL tables during staging."""

MADE = re.compile(r"\bmade_([a-z][a-z0-9_]*)")
"""A reference, in an adapter's SQL, to the result of another SELECT of the adapter."""

MAP = re.compile(r"\bmap_([a-z][a-z0-9_]*)", re.IGNORECASE)
"""A reference, in an adapter's SQL, to a map."""

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""A plain identifier: the only form allowed for tables, columns and files of an adapter."""


def adapter_folder(adapter: str) -> Path:
    """Return the folder of ``adapter``: the name of a shipped adapter or of one from another package, or a path.

    If a shipped adapter and one from a package have the same name, the shipped one is used. Raises
    :class:`UserError` if there is no such adapter, or if the package's adapter can't be used.
    """
    shipped = ROOT / "adapters" / adapter
    if NAME.fullmatch(adapter) and (shipped / "contract.csv").is_file():
        return shipped
    if adapter in offered():
        return offered_folder(adapter)
    if not NAME.fullmatch(adapter) and (Path(adapter) / "contract.csv").is_file():
        return Path(adapter)
    if not NAME.fullmatch(adapter) and Path(adapter).is_dir():
        raise UserError(
            f"the folder of sources.adapter holds no contract.csv ({adapter})", "write one (docs/adapters.md)"
        )
    known = ", ".join((*adapters(), *offered()))
    raise UserError(
        f"there is no adapter {adapter} (sources.adapter)",
        f"known: {known}, or the path of a folder that holds contract.csv (docs/adapters.md)",
    )


@functools.cache
def contract(adapter: str) -> tuple[Column, ...]:
    """Return the raw columns that ``adapter`` reads."""
    path = adapter_folder(adapter) / "contract.csv"
    rows = read_rows(path, "contract.csv of the adapter", ("table", "column", "required", "type", "meaning"))
    columns = tuple(
        Column(row["table"], row["column"], row["required"], row["type"], row["meaning"]) for _, row in rows
    )
    if not columns:
        raise UserError("contract.csv of the adapter has no row below its header", "list the columns that it reads")
    for column in columns:
        if not NAME.fullmatch(column.table) or not NAME.fullmatch(column.name.removeprefix("_")):
            raise UserError(
                "contract.csv of the adapter holds a name that is not a plain identifier",
                "write tables and columns in lower-case letters, digits and underscores",
            )
    return columns


def origins(adapter: str) -> dict[tuple[str, str], str]:
    """Return (canonical table, column) -> a description of the raw column that it comes from.

    Empty if the adapter has no ``origins.csv``.
    """
    path = adapter_folder(adapter) / "origins.csv"
    if not path.is_file():
        return {}
    rows = read_rows(path, "origins.csv of the adapter", ("table", "column", "origin"))
    return {(row["table"], row["column"]): row["origin"] for _, row in rows}


def feeds(adapter: str) -> dict[str, tuple[str, bool]]:
    """Return raw table -> (what it feeds, whether its absence is said), of those that stop nothing if unusable.

    Empty if the adapter has no ``feeds.csv``.
    """
    path = adapter_folder(adapter) / "feeds.csv"
    if not path.is_file():
        return {}
    rows = read_rows(path, "feeds.csv of the adapter", ("table", "feeds", "if_absent"))
    return {row["table"]: (row["feeds"], row["if_absent"] == "said") for _, row in rows}


def raw_tables(adapter: str, table: str) -> list[str]:
    """Return the raw tables from which a canonical table has its rows, as ``origins.csv`` says."""
    return re.findall(r"([a-z_]+)\.", origins(adapter).get((table, "patient_id"), ""))


def is_dispensable(adapter: str, table: str) -> bool:
    """Return whether a canonical table has its rows from raw tables alone that stop nothing if they can't be used."""
    raw = raw_tables(adapter, table)
    return bool(raw) and set(raw) <= set(feeds(adapter))


def has_own_calendar(adapter: str) -> bool:
    """Return whether ``adapter`` says which calendar its source has (calendar.sql): one that moved dates, perhaps."""
    return (adapter_folder(adapter) / "calendar.sql").is_file()


def adapters() -> list[str]:
    """Return the names of the shipped adapters."""
    return sorted(path.parent.name for path in (ROOT / "adapters").glob("*/contract.csv"))


def adapter_files(adapter: str) -> dict[str, str]:
    """Return file -> digest of what it means, of all SQL and CSV files of ``adapter`` and of the maps that it may read.

    A file is named as below the product, or below the folder that holds the adapter's. A comment changes no digest.
    """
    folder = adapter_folder(adapter)
    files = {path for path in folder.iterdir() if path.suffix in {".sql", ".csv"}} | set(_maps(folder).values())
    files |= set(helpers_in_order(folder))
    return {_shown(path): digest(file_meaning(path)) for path in sorted(files)}


def _shown(path: Path) -> str:
    product = ROOT.parent
    return (path.relative_to(product) if path.is_relative_to(product) else Path(*path.parts[-2:])).as_posix()


@dataclass(frozen=True)
class ExtractLocation:
    """Where the tables of an extract are: in a folder, in a PostgreSQL database, or some in each.

    ``time_zone``: the hospital's, to which times with an offset are converted; None: they are not read. ``encoding``
    is that of texts without a mark of their own. ``drug_days`` is for how long a drug counts as taken after an event
    that has no end. ``vocabulary`` is the folder in which tables of a vocabulary are read that the extract lacks.
    """

    folder: Path | None
    database: Postgresql | None = None
    time_zone: str | None = None
    encoding: str = UNMARKED
    vocabulary: Path | None = None
    drug_days: int = 365

    @classmethod
    def of(cls, settings: Settings) -> "ExtractLocation":
        """Return where the tables of the project's extract are."""
        sources = settings.sources
        return cls(
            settings.ehr_root,
            sources.database,
            sources.time_zone,
            sources.encoding,
            sources.vocabulary,
            sources.drug_days,
        )


@contextlib.contextmanager
def open_extract(
    connection: duckdb.DuckDBPyConnection, location: ExtractLocation, adapter: str
) -> Iterator[Mapping[str, str]]:
    """Create the temporary views ``source_<table>`` of all canonical tables for the tables at ``location``.

    Yields raw table -> problem, of the tables of ``feeds.csv`` that can't be read and are taken as empty.

    The connection to a PostgreSQL database is closed before the block runs. Its tables were copied by then to a folder
    beside the warehouse, which is removed after the block. Raises :class:`UserError` with the table and column if a
    table is missing, exists twice or lacks a column, and with the adapter's file if its SQL can't be run or yields
    other columns.
    """
    folder = adapter_folder(adapter)
    with _copies(connection) if location.database else contextlib.nullcontext() as copies, errors_without_values():
        with snapshot(location.database) if location.database else contextlib.nullcontext() as database:
            dispensable = {table: is_said for table, (_, is_said) in feeds(adapter).items()}
            extract = Extract(
                connection, location.folder, database, copies, dispensable, location.encoding, location.vocabulary
            )
            tables = by_table(adapter)
            if database is None and not extract.has_any(tables):
                raise _of_another_layout(location, adapter)
            for columns in tables.values():
                extract.open(columns)
        define_macros(connection, location)
        open_maps(connection, folder)
        helpers = helpers_in_order(folder)
        for path in helpers:
            create(connection, "adapters/made.sql", path, path.stem)
        types = {table: adapt(connection, folder, table) for table in (*CANONICAL, *OPTIONAL)}
        _identify(connection, folder, types)
        yield extract.unused
        for path in helpers:
            connection.execute(query("adapters/made_end.sql").format(table=path.stem))


def _of_another_layout(location: ExtractLocation, adapter: str) -> UserError:
    needed = dict.fromkeys(column.table for column in contract(adapter) if column.required == "yes")
    return UserError(
        f"{location.folder} has no table of adapter {adapter} ({', '.join(needed)})",
        "name the folder that has them, or the adapter that reads this layout (--adapter, sources.adapter); "
        "`echomort adapter new` begins one (docs/adapters.md)",
    )


def define_macros(connection: duckdb.DuckDBPyConnection, location: ExtractLocation) -> None:
    """Define the macros and variables that the SQL of an adapter may use. Raises :class:`UserError` for an unknown time
    zone."""
    time_zone = location.time_zone
    if time_zone is not None and not scalar(connection, "adapters/time_zone.sql", zone=time_zone):
        raise UserError(
            "sources.time_zone is no name of a time zone", "write one of the IANA data base, such as Europe/Berlin"
        )
    run(connection, "definitions/local_time.sql", time_zone=time_zone)
    run(connection, "definitions/identifier.sql")
    run(connection, "definitions/race.sql")
    for macros in MACROS:
        run(connection, macros)
    connection.execute("SET VARIABLE drug_days = $days", {"days": location.drug_days})


def open_maps(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create ``map_<file>`` of every map that the SELECTs of the adapter in ``folder`` read."""
    own = {path.stem: path for path in folder.glob("*.sql")}
    selects = own | _hierarchy_selects(folder, set(own))
    read = {name.lower() for path in selects.values() for name in MAP.findall(_sql(path))}
    for name, path in sorted(_maps(folder).items()):
        if name not in read:
            continue
        next(read_rows(path, f"{path.name} of the adapter", ()), None)
        connection.execute(f"SET VARIABLE map_{name} = $path", {"path": str(path)})
        connection.execute(query("adapters/raw_map.sql").format(table=name))


def _maps(folder: Path) -> dict[str, Path]:
    """Return name -> file of the maps that an adapter may read: the common ones, and its own, which win over them."""
    paths = [CATALOGUE, *sorted(COMMON_MAPS.glob("*.csv")), *sorted(folder.glob("*.csv"))]
    return {path.stem: path for path in paths if path.stem not in DESCRIPTIONS and NAME.fullmatch(path.stem)}


@contextlib.contextmanager
def _copies(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """Yield a folder beside the warehouse that only its owner can read; it is removed after the block."""
    warehouse = scalar(connection, "adapters/database_path.sql")
    beside = Path(warehouse).parent / COPIES if warehouse else None
    if beside:
        beside.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp_", dir=beside) as folder:
        yield Path(folder)


def helpers_in_order(folder: Path) -> list[Path]:
    """Return the adapter's helper SELECTs, each after those that it reads as ``made_<file>``, and those about the
    hierarchy of codes among them that it reads and does not have itself.

    Raises :class:`UserError` for a file that is no plain identifier, and for files that read each other.
    """
    paths = {path.stem: path for path in sorted(folder.glob("*.sql")) if path.stem not in CANONICAL | OPTIONAL}
    invalid = [path.name for stem, path in paths.items() if not NAME.fullmatch(stem)]
    if invalid:
        raise UserError(
            f"{invalid[0]} of the adapter is not a plain identifier", "name it in lower-case letters and underscores"
        )
    paths |= _hierarchy_selects(folder, set(paths))
    reads = {stem: set(MADE.findall(_sql(path))) & set(paths) for stem, path in paths.items()}
    try:
        return [paths[stem] for stem in graphlib.TopologicalSorter(reads).static_order()]
    except graphlib.CycleError as error:
        files = " and ".join(f"{stem}.sql" for stem in dict.fromkeys(error.args[1]))
        raise UserError(
            f"{files} of the adapter read each other", "put the part that both need into a third file"
        ) from None


def _hierarchy_selects(folder: Path, own: set[str]) -> dict[str, Path]:
    """Return name -> file of the SELECTs about the hierarchy of codes that the adapter reads, in whatever SELECT."""
    shared = {path.stem: path for path in HIERARCHY.glob("*.sql") if path.stem not in own}
    found: dict[str, Path] = {}
    unread = sorted(folder.glob("*.sql"))
    while unread:
        named = set(MADE.findall(_sql(unread.pop()))) & set(shared) - set(found)
        found |= {stem: shared[stem] for stem in named}
        unread += [shared[stem] for stem in named]
    return found


def database_digest(database: Postgresql, adapter: str) -> str:
    """Return the digest of the rows that ``adapter`` reads from ``database``; it changes when a row changes.

    The server scans each table once and sends two numbers.
    """
    with snapshot(database) as opened:
        found = {table: (opened.find(table), columns) for table, columns in by_table(adapter).items()}
        return digest(
            {
                table: opened.digest(relation, [column.name for column in columns if column.name in relation.names])
                for table, (relation, columns) in found.items()
                if relation
            }
        )


def by_table(adapter: str) -> dict[str, list[Column]]:
    """Return raw table -> the columns of it that ``adapter`` reads."""
    columns = contract(adapter)
    return {name: [one for one in columns if one.table == name] for name in dict.fromkeys(one.table for one in columns)}


def check_vocabulary(folder: Path | None, adapter: str) -> None:
    """Raise :class:`UserError` if ``folder`` holds no vocabulary, or none of its tables that ``adapter`` reads."""
    found = vocabulary_files(folder)
    if found and not set(found) & set(by_table(adapter)):
        raise UserError(
            f"adapter {adapter} reads no {' or '.join(found)} of sources.vocabulary",
            "leave the setting out, or name a folder with tables that the adapter reads (docs/contracts.md)",
        )


def adapt(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> dict[str, str]:
    """Create ``source_<table>`` from the adapter's SELECT; return column -> DuckDB's type. Raises :class:`UserError` if
    there is none, if it can't be run, or if it lacks a column."""
    path = folder / f"{table}.sql"
    if not path.is_file() and table in OPTIONAL:
        path = ROOT / "adapters" / OPTIONAL[table]
    if not path.is_file():
        raise UserError(f"the adapter has no {table}.sql", "write one SELECT for each canonical table")
    create(connection, "adapters/adapted.sql", path, table)
    found = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE source_{table}").fetchall()}
    missing = [column for column in CANONICAL.get(table, ()) if column not in found]
    if missing:
        raise UserError(
            f"{table}.sql of the adapter yields no column {', '.join(missing)}",
            f"it must yield {', '.join(CANONICAL[table])}; write NULL AS for columns that the source does not have",
        )
    return found


def _identify(connection: duckdb.DuckDBPyConnection, folder: Path, types: Mapping[str, Mapping[str, str]]) -> None:
    """Let ``source_<table>``, with its ``types`` of columns, yield identifiers in one form: no words for missing ones,
    no 123.0 for 123.

    Raises :class:`UserError` where a float has lost the last digits of an identifier.
    """
    columns = {table: [one for one in CANONICAL[table] if one in IDENTIFIERS] for table in CANONICAL}
    for table, named in columns.items():
        for column in named:
            if types[table][column] in FLOATS and _found(connection, "adapters/lost_digits.sql", table, column)[0]:
                raise _lost_digits(table, column)
    are_whole = {kind: not _have_fractions(connection, listed) for kind, listed in LISTS.items()}
    for table, named in columns.items():
        texts = (f"as_text({one}) AS {one}" for one in named)
        replaced = (f"identifier_of({one}, {str(are_whole[IDENTIFIERS[one]]).lower()}) AS {one}" for one in named)
        statement = query("adapters/identified.sql").replace("{table}", table).replace("{texts}", ", ".join(texts))
        statement = statement.replace("{identifiers}", ", ".join(replaced))
        connection.execute(statement.replace("{adapter}", _sql(folder / f"{table}.sql")))


def _have_fractions(connection: duckdb.DuckDBPyConnection, listed: Iterable[tuple[str, str]]) -> bool:
    """Return whether identifiers of the columns ``listed`` are numbers with a fraction. Raises :class:`UserError` where
    their texts were written for floats that have lost the last digits."""
    found = []
    for table, column in listed:
        lost, fractions = _found(connection, "adapters/listed_forms.sql", table, column)
        if lost:
            raise _lost_digits(table, column)
        found.append(fractions)
    return any(found)


def _lost_digits(table: str, column: str) -> UserError:
    return UserError(
        f"{column} of table {table} holds floats of 2^53 or more, which have lost their last digits",
        "write identifiers as text or as whole numbers, in every part of the table",
    )


def _found(connection: duckdb.DuckDBPyConnection, file: str, table: str, column: str) -> tuple[bool, ...]:
    """Return what ``file`` says of a column: the row of its answers, yes or no."""
    (answers,) = connection.execute(query(file).replace("{table}", table).replace("{column}", column)).fetchall()
    return tuple(map(bool, answers))


def create(connection: duckdb.DuckDBPyConnection, kind: str, path: Path, table: str) -> None:
    """Run the SQL file ``kind`` with an adapter's SELECT in it. Raises :class:`UserError` with file, line and place."""
    adapter = _sql(path)
    try:
        connection.execute(query(kind).replace("{table}", table).replace("{adapter}", adapter))
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        head = query(kind).partition("{adapter}")[0].count("\n")
        reason = str(error).splitlines()[0] + _place(str(error), head)
        raise UserError(f"{path.name} of the adapter can't be run: {reason}", "correct it (docs/adapters.md)") from None


def _place(message: str, lines_before: int) -> str:
    """Return the line of the adapter's file and what stands at DuckDB's caret there; empty if it shows none."""
    found = re.search(r"^LINE (\d+): (.*)\n( *)\^", message, re.MULTILINE)
    if not found:
        return ""
    at = len(found[3]) - len(f"LINE {found[1]}: ")
    return f" (line {int(found[1]) - lines_before}, at: {found[2][max(at, 0) :][:40].strip()})"


def _sql(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path.name} of the adapter can't be read", "save it as text in UTF-8") from None


@contextlib.contextmanager
def errors_without_values() -> Iterator[None]:
    """Replace DuckDB's errors about malformed files and failed casts, which quote values, with errors that do not."""
    try:
        yield
    except duckdb.ConversionException:
        problem = "the adapter's SQL can't cast a value"
        raise UserError(problem, "use TRY_CAST, so that staging counts values that it can't read") from None
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        user_error = _as_user_error(str(error))
        if user_error is None:
            raise
        raise user_error from None


def _as_user_error(message: str) -> UserError | None:
    line = re.search(r"Line: (\d+)", message)
    named = re.search(
        r"([^\s/\"']+\.(?:csv|tsv|txt|ndjson|jsonl|parquet)(?:\.gz|\.zst)?)\b", message.rpartition("file = ")[2]
    )
    name = named[1] if named else "a file of the extract"
    if "utf-8" in message and "mismatch" in message:
        return not_unicode(name, f"line {line[1]}" if line else "")
    if "CSV Error" in message and line:
        problem = f"{name} is malformed at line {line[1]}: {_csv_problem(message)}"
        return UserError(problem, "correct the line, or export the table again")
    if "CSV" in message:
        return UserError(
            f"{name} is not a regular CSV file", "export it again, in UTF-8 and with one kind of line ending"
        )
    if named:
        return UserError(f"{name} is damaged", "export the table again")
    return None


def _csv_problem(message: str) -> str:
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        return f"{counts[2]} columns instead of {counts[1]}"
    if "unterminated quote" in message:
        return "a quotation mark that is not closed"
    return "a line that can't be read"
