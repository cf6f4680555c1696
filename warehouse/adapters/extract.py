"""The extract as a hospital gives it: files opened as raw views, adapters that turn them into canonical tables.

An adapter is a folder: one of those here, one of another package, or a site's own (docs/adapters.md). ``contract.csv``
names the raw tables and columns it needs, and one SELECT a canonical table (``<table>.sql``) reads them as
``raw_<table>``. What it may hold besides: SELECTs of its own, each computed once, in the order that they need, and
read as ``made_<file>``; ``calendar.sql`` where the source moved the dates of each patient; ``left_out.sql`` that counts
what it does not read; ``origins.csv``, which says in words what a canonical column comes from; and other CSV files,
read as ``map_<file>``.
"""

import contextlib
import csv
import functools
import graphlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest, digest_file
from echomort.settings import Postgresql
from warehouse.adapters.offered import offered, offered_folder
from warehouse.adapters.postgresql import snapshot
from warehouse.adapters.raw import Column, Extract
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
"""What each SELECT of an adapter yields."""

OPTIONAL = {"calendar": "true_dates.sql", "left_out": "nothing_left_out.sql"}
"""The SELECTs that an adapter need not have, and what stands for them."""

COMMON_MAPS = ROOT / "adapters" / "maps"
"""Folder of the maps that every adapter may read."""

COPIES = "records"
"""Folder beside the warehouse in which tables of a database lie while they are staged."""

MADE = re.compile(r"\bmade_([a-z][a-z0-9_]*)")
NAME = re.compile(r"[a-z][a-z0-9_]*")


def adapter_folder(adapter: str) -> Path:
    """Return the folder of ``adapter``: the name of a shipped one or of one that another package offers, or the path of
    a site's own. Of two of one name the shipped one is kept.

    Raises :class:`UserError` where there is none, or where a package offers one that can't be used.
    """
    shipped = ROOT / "adapters" / adapter
    if NAME.fullmatch(adapter) and (shipped / "contract.csv").is_file():
        return shipped
    if adapter in offered():
        return offered_folder(adapter)
    if not NAME.fullmatch(adapter) and (Path(adapter) / "contract.csv").is_file():
        return Path(adapter)
    known = ", ".join((*adapters(), *offered()))
    raise UserError(
        "unknown adapter in sources.adapter",
        f"known: {known}, or the path of a folder that holds contract.csv (docs/adapters.md)",
    )


@functools.cache
def contract(adapter: str) -> tuple[Column, ...]:
    """Return the raw columns that ``adapter`` reads."""
    path = adapter_folder(adapter) / "contract.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        columns = tuple(
            Column(row["table"], row["column"], *(row[key] for key in ("required", "type", "meaning"))) for row in rows
        )
    except KeyError as error:
        raise UserError(
            f"contract.csv of the adapter has no column {error.args[0]}",
            "its header must be table,column,required,type,meaning",
        ) from None
    for column in columns:
        if not NAME.fullmatch(column.table) or not NAME.fullmatch(column.name):
            raise UserError(
                "contract.csv of the adapter holds a name that is no plain identifier",
                "write tables and columns in small letters, digits and underscores",
            )
    return columns


def origins(adapter: str) -> dict[tuple[str, str], str]:
    """Return (canonical table, column) -> the raw column that it comes from, in words; empty where the adapter does not
    say, or where the raw tables are the canonical ones."""
    path = adapter_folder(adapter) / "origins.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["column"]): row["origin"] for row in csv.DictReader(file)}


def adapters() -> list[str]:
    """Return the names of the adapters that are shipped."""
    return sorted(path.parent.name for path in (ROOT / "adapters").glob("*/contract.csv"))


def adapter_digest(adapter: str) -> str:
    """Return the digest of everything in the folder of ``adapter``, and of the maps that all adapters may read."""
    folder = adapter_folder(adapter)
    files = {path for path in folder.iterdir() if path.suffix in {".sql", ".csv"}} | set(_maps(folder).values())
    return digest(sorted((path.name, digest_file(path)) for path in files))


@dataclass(frozen=True)
class Place:
    """Where the tables of an extract lie: in a folder, in a database, or some here and some there."""

    folder: Path | None
    database: Postgresql | None = None


@contextlib.contextmanager
def open_extract(connection: duckdb.DuckDBPyConnection, place: Place, adapter: str) -> Iterator[None]:
    """Have the temporary views ``source_<table>`` of every canonical table over the tables at ``place``.

    A database is let go before the block: what is needed of it was copied to the disk of the warehouse, in a folder
    that is gone after the block. Raises :class:`UserError` naming the table and column where a table is missing, is
    there twice, or lacks a column, and naming the adapter's file where its SQL can't be run or yields other columns.
    """
    folder = adapter_folder(adapter)
    with _copies(connection) if place.database else contextlib.nullcontext() as copies, reading():
        with snapshot(place.database) if place.database else contextlib.nullcontext() as database:
            extract = Extract(connection, place.folder, database, copies)
            for columns in _by_table(adapter).values():
                extract.open(columns)
        run(connection, "adapters/words.sql")
        _open_maps(connection, folder)
        own = _in_order(folder)
        for path in own:
            _create(connection, "adapters/made.sql", path, path.stem)
        for table in (*CANONICAL, *OPTIONAL):
            _adapt(connection, folder, table)
        yield
        for path in own:
            connection.execute(query("adapters/made_end.sql").format(table=path.stem))


def _open_maps(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name, path in sorted(_maps(folder).items()):
        connection.execute(f"SET VARIABLE map_{name} = $path", {"path": str(path)})
        connection.execute(query("adapters/raw_map.sql").format(table=name))


def _maps(folder: Path) -> dict[str, Path]:
    """Return name -> file of the maps that an adapter reads: those for all, and over them its own."""
    paths = [*sorted(COMMON_MAPS.glob("*.csv")), *sorted(folder.glob("*.csv"))]
    return {path.stem: path for path in paths if path.stem not in {"contract", "origins"} and NAME.fullmatch(path.stem)}


@contextlib.contextmanager
def _copies(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """Yield a folder that only its owner can look into, beside the warehouse, gone after the block."""
    warehouse = scalar(connection, "adapters/database_path.sql")
    beside = Path(warehouse).parent / COPIES if warehouse else None
    if beside:
        beside.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp_", dir=beside) as folder:
        yield Path(folder)


def _in_order(folder: Path) -> list[Path]:
    """Return the adapter's own SELECTs, each after those that it reads as ``made_<file>``."""
    paths = {path.stem: path for path in sorted(folder.glob("*.sql")) if path.stem not in CANONICAL | OPTIONAL}
    odd = [path.name for stem, path in paths.items() if not NAME.fullmatch(stem)]
    if odd:
        raise UserError(f"{odd[0]} of the adapter is no plain identifier", "name it in small letters and underscores")
    reads = {stem: set(MADE.findall(path.read_text(encoding="utf-8"))) & set(paths) for stem, path in paths.items()}
    try:
        return [paths[stem] for stem in graphlib.TopologicalSorter(reads).static_order()]
    except graphlib.CycleError as error:
        files = " and ".join(f"{stem}.sql" for stem in dict.fromkeys(error.args[1]))
        raise UserError(f"{files} of the adapter read each other", "put what both need into a third") from None


def database_digest(database: Postgresql, adapter: str) -> str:
    """Return the digest of what ``adapter`` would read of ``database``: equal as long as no row of it changes.

    The server reads each table once, from beginning to end, and sends two numbers.
    """
    with snapshot(database) as opened:
        found = {table: (opened.find(table), columns) for table, columns in _by_table(adapter).items()}
        return digest(
            {
                table: opened.digest(relation, [column.name for column in columns if column.name in relation.names])
                for table, (relation, columns) in found.items()
                if relation
            }
        )


def _by_table(adapter: str) -> dict[str, list[Column]]:
    columns = contract(adapter)
    return {name: [one for one in columns if one.table == name] for name in dict.fromkeys(one.table for one in columns)}


def _adapt(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> None:
    path = folder / f"{table}.sql"
    if not path.is_file() and table in OPTIONAL:
        path = ROOT / "adapters" / OPTIONAL[table]
    if not path.is_file():
        raise UserError(f"the adapter has no {table}.sql", "write one SELECT for each canonical table")
    _create(connection, "adapters/adapted.sql", path, table)
    found = {name for name, *_ in connection.execute(f"DESCRIBE source_{table}").fetchall()}
    missing = [column for column in CANONICAL.get(table, ()) if column not in found]
    if missing:
        raise UserError(
            f"{table}.sql of the adapter yields no column {', '.join(missing)}",
            f"it must yield {', '.join(CANONICAL[table])}; write NULL AS for what is not known",
        )


def _create(connection: duckdb.DuckDBPyConnection, kind: str, path: Path, table: str) -> None:
    adapter = path.read_text(encoding="utf-8")
    try:
        connection.execute(query(kind).replace("{table}", table).replace("{adapter}", adapter))
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path.name} of the adapter can't be run: {reason}", "mend it (docs/adapters.md)") from None


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn DuckDB's messages about a malformed file and about a failed cast, which quote, into ones that do not."""
    try:
        yield
    except duckdb.ConversionException:
        problem = "the adapter's SQL meets a value that it can't cast"
        raise UserError(problem, "write TRY_CAST, so that staging counts what it can't read") from None
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        explained = _explained(str(error))
        if explained is None:
            raise
        raise explained from None


def _explained(message: str) -> UserError | None:
    line = re.search(r"Line: (\d+)", message)
    named = re.search(r"([^\s/\"']+\.(?:csv\.gz|csv|parquet))\b", message.rpartition("file = ")[2])
    name = named[1] if named else "a file of the extract"
    if "utf-8" in message and "mismatch" in message:
        return UserError(f"{name} is not UTF-8" + (f" (line {line[1]})" if line else ""), "save it as CSV in UTF-8")
    if "CSV Error" in message and line:
        problem = f"{name} is malformed at line {line[1]}: {_malformation(message)}"
        return UserError(problem, "mend the line, or export the table again")
    if "CSV" in message:
        return UserError(f"{name} is no regular CSV", "export it again, with one kind of line ending and in UTF-8")
    if named:
        return UserError(f"{name} is damaged", "export the table again")
    return None


def _malformation(message: str) -> str:
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        return f"{counts[2]} columns instead of {counts[1]}"
    if "unterminated quote" in message:
        return "a quotation mark that is not closed"
    return "a line that can't be read"
