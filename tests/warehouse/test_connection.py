"""A warehouse of an earlier release is brought up to date before anything is read from it."""

import shutil
from pathlib import Path

import pytest

from warehouse import connection as module
from warehouse.connection import MIGRATIONS, connect


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
    assert applied == (len(files),)
