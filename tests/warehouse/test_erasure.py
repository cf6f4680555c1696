"""What is deleted from a database file leaves no byte in it, and rows of erased patients are left out and counted."""

from pathlib import Path

import pytest

from assets.erasure.search import Needles
from warehouse import erasure
from warehouse.connection import connect, connect_plain
from warehouse.vault import recall_all, remember


def test_a_deleted_row_stays_in_the_file_until_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "vault.duckdb"
    with connect_plain(path) as connection:
        connection.execute("CREATE TABLE vault (key VARCHAR PRIMARY KEY, identifier VARCHAR)")
        connection.execute("INSERT INTO vault SELECT 'k' || i, 'CANARY' || (100000 + i * 7) FROM range(3000) AS r(i)")
    with connect_plain(path) as connection:
        erasure.delete_rows(connection, ["vault"], "CANARY100014")
    assert b"CANARY100014" in path.read_bytes(), "the row is deleted, its bytes are not: this is what is tested"
    erasure.write_anew(path)
    assert b"CANARY100014" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0 and not list(tmp_path.glob(".tmp_*"))
    with connect_plain(path) as connection:
        assert connection.execute("SELECT count(*) FROM vault").fetchall() == [(2999,)]
        with pytest.raises(Exception, match="onstraint"):
            connection.execute("INSERT INTO vault VALUES ('k1', 'twice')")


@pytest.mark.parametrize("name", ["Doe_123", "O'Neil_123", "a\\b (1)", "M\udcfcller_123", "Müller_123"])
def test_a_name_of_any_signs_is_found_and_deleted_and_a_longer_one_stays(tmp_path: Path, name: str) -> None:
    remember(tmp_path / "vault.duckdb", "folder", {"1": f"seen/{name}/x", "2": f"{name}4"})
    pattern = Needles((64 * "f",), (name,)).pattern
    with connect_plain(tmp_path / "vault.duckdb") as connection:
        assert erasure.count_rows(connection, pattern) == {"vault": 1}
        erasure.delete_rows(connection, ["vault"], pattern)
    assert recall_all(tmp_path / "vault.duckdb", "folder") == {"2": f"{name}4"}


def test_the_warehouse_is_the_same_after_it_was_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    columns = "table_name, column_name, data_type, column_default, is_nullable"
    asked = f"SELECT {columns} FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    names = "study_key, patient_key, champion, model, clips, logit, risk, in_development"
    add = f"INSERT INTO prospective_risk ({names}) VALUES ('s', 'p', 'c', 'm', 1, 0.0, 0.5, false)"
    with connect(path) as connection:
        before = connection.execute(asked).fetchall()
        connection.execute(add)
    erasure.write_anew(path)
    with connect(path) as connection:
        assert connection.execute(asked).fetchall() == before
        connection.execute(add)
        assert connection.execute("SELECT number FROM prospective_risk ORDER BY number").fetchall() == [(1,), (2,)]
