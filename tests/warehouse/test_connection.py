"""The files of DuckDB: brought up to date first, private, one line where they can't be used; and the ledger in them."""

import os
import shutil
import time
from pathlib import Path

import duckdb
import pytest

from echomort.core.errors import UserError
from warehouse import connection as module
from warehouse import ledger
from warehouse.connection import MIGRATIONS, connect, connect_in_memory, connect_plain
from warehouse.ledger import Entry

DEFINITIONS = """
    SELECT sql FROM duckdb_tables()
    UNION ALL SELECT sql FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT sql FROM duckdb_indexes()
    ORDER BY ALL
"""


def test_a_reader_of_an_earlier_release_sees_todays_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for file in files[: len(files) // 2]:
        shutil.copy(file, earlier)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", earlier)
        with connect(tmp_path / "warehouse.duckdb"):
            pass
    with connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        applied = connection.execute("SELECT count(*) FROM migration").fetchone()
        with pytest.raises(Exception, match="read-only"):
            connection.execute("CREATE TABLE new (x INTEGER)")
        tables = connection.execute(DEFINITIONS).fetchall()
    assert applied == (len(files),)
    with connect_in_memory() as new:
        assert new.execute(DEFINITIONS).fetchall() == tables, "all at once or one by one, they are the same"


def test_a_new_warehouse_has_all_migrations_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations, path = tmp_path / "migrations", tmp_path / "warehouse.duckdb"
    shutil.copytree(MIGRATIONS, migrations)
    (migrations / "9999_wrong.sql").write_text("CREATE TABLE migration (x INTEGER);")
    monkeypatch.setattr(module, "MIGRATIONS", migrations)
    with pytest.raises(duckdb.CatalogException), connect(path):
        pass
    (migrations / "9999_wrong.sql").unlink()
    with connect_plain(path) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("migration",)]
    with connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM study").fetchone() == (0,)


def test_a_damaged_block_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with connect(path) as connection:
        ledger.record(connection, "clips", [Entry(f"{unit:06d}", "f" * 32, f"{unit:x}" * 8) for unit in range(20_000)])
    content = bytearray(path.read_bytes())
    for at in range(3 * 4096, len(content), 50_000):
        content[at] ^= 0xFF
    path.write_bytes(content)
    for read_only in (True, False):
        with (
            pytest.raises(UserError, match=r"can't be read.*delete it and run again"),
            connect(path, read_only) as other,
        ):
            ledger.entries(other, "clips")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_warehouse_of_a_later_release_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    later = tmp_path / "later"
    shutil.copytree(MIGRATIONS, later)
    (later / "9999_more.sql").write_text("CREATE TABLE more (x INTEGER);")
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", later)
        with connect(tmp_path / "warehouse.duckdb"):
            pass
    before = (tmp_path / "warehouse.duckdb").read_bytes()
    with (
        pytest.raises(UserError, match=r"later release.*use that release"),
        connect(tmp_path / "warehouse.duckdb", read_only),
    ):
        pass
    assert (tmp_path / "warehouse.duckdb").read_bytes() == before


@pytest.mark.parametrize("name", ["vault.duckdb", "warehouse.duckdb"])
def test_what_duckdb_writes_beside_a_file_can_be_read_by_its_owner_alone(tmp_path: Path, name: str) -> None:
    opened = connect if name.startswith("warehouse") else connect_plain
    before = os.umask(0o022)
    try:
        with opened(tmp_path / "home" / name) if opened is connect else opened(tmp_path / name) as connection:
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            connection.execute("CREATE TABLE identifier (name VARCHAR)")
            connection.execute("INSERT INTO identifier VALUES ('SECRET')")
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wal" for path in files)
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    if opened is connect:
        assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_entries_of_the_ledger_replace_those_of_the_same_units(tmp_path: Path) -> None:
    first = [Entry("a", "f1", "d1", "clips/a", {"n": 1}, "r"), Entry("b", "f2", "d2")]
    with connect(tmp_path / "warehouse.duckdb") as connection:
        ledger.record(connection, "clips", first)
        ledger.record(connection, "index", first[:1])
        ledger.record(connection, "clips", iter([Entry("b", "f3", "d3", details={"it's": "quoted"})]))
        ledger.record(connection, "clips", [])
        found = ledger.entries(connection, "clips")
        assert found == {"a": first[0], "b": Entry("b", "f3", "d3", None, {"it's": "quoted"})}
        ledger.adopt(connection, ledger.Acceptance("clips", "r", "new", 1, {"a": "f9"}))
        adopted = ledger.entries(connection, "clips")
        assert (adopted["a"].fingerprint, adopted["a"].recipe, adopted["b"]) == ("f9", "new", found["b"])
        assert ledger.entries(connection, "index")["a"] == first[0]


def test_many_entries_take_one_statement(tmp_path: Path) -> None:
    many = [Entry(f"{unit:08d}", "f" * 32, "d" * 32) for unit in range(50_000)]
    with connect(tmp_path / "warehouse.duckdb") as connection:
        started = time.monotonic()
        ledger.record(connection, "clips", many)
        assert time.monotonic() - started < 20, "a statement a row took 100 seconds"
        assert len(ledger.fingerprints(connection, "clips")) == len(many)
