"""A run keeps the databases of Dagster's event log open; what others see of it is the same."""

import sqlite3
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from orchestration.event_log import kept_open


@dg.asset
def table() -> dg.MaterializeResult[Any]:
    """An asset of these tests."""
    return dg.MaterializeResult(metadata={"rows": 3}, data_version=dg.DataVersion("one"))


@dg.asset_check(asset=table)
def has_rows() -> dg.AssetCheckResult:
    """A check of these tests."""
    return dg.AssetCheckResult(passed=True, metadata={"rows": 3})


def _run(folder: Path) -> list[tuple[str, str]]:
    """Return the kinds of the events of a run, with the steps."""
    folder.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        result = dg.materialize([table, has_rows], instance=instance)
        return [(record.event_type_value, str(record.step_key)) for record in result.all_events]


def _stored(folder: Path) -> list[tuple[Any, ...]]:
    files = sorted(folder.rglob("*.db"), key=lambda file: file.name != "index.db")
    return [
        row
        for file in files
        if "runs" in file.parts and file.name != "runs.db"
        for row in sqlite3.connect(file).execute("SELECT dagster_event_type, step_key, asset_key FROM event_logs")
    ]


def test_the_same_events_are_stored(tmp_path: Path) -> None:
    plain = _run(tmp_path / "plain")
    with kept_open():
        kept = _run(tmp_path / "kept")
    assert kept == plain
    assert len(_stored(tmp_path / "kept")) > 20
    assert sorted(map(str, _stored(tmp_path / "kept"))) == sorted(map(str, _stored(tmp_path / "plain")))


def test_another_reads_an_event_as_soon_as_it_is_stored(tmp_path: Path) -> None:
    key = dg.AssetKey("table")
    with kept_open(), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for rows in (1, 2):
            instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"rows": rows}))
            (index,) = tmp_path.rglob("index.db")
            count = "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
            assert sqlite3.connect(index).execute(count).fetchone() == (rows,)


def test_a_commit_does_not_wait_for_the_disk_and_the_database_stays_whole(tmp_path: Path) -> None:
    asked = ("PRAGMA synchronous", "PRAGMA journal_mode")
    with kept_open(), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        log = instance.event_log_storage
        assert isinstance(log, SqliteEventLogStorage)
        with log._connect("index") as connection:
            found = [connection.exec_driver_sql(pragma).scalar() for pragma in asked]
    assert found == [1, "wal"]


def test_each_database_is_opened_once(tmp_path: Path) -> None:
    opened: list[str] = []
    real = sqlite3.dbapi2.connect

    def connect(path: str, *arguments: Any, **more: Any) -> sqlite3.Connection:
        opened.append(Path(path).name)
        return real(path, *arguments, **more)

    with mock.patch("sqlite3.dbapi2.connect", connect), kept_open():
        _run(tmp_path)
    runs = [name for name in opened if name not in ("index.db", "runs.db", "schedules.db")]
    assert len(runs) <= 2, "one to make it, one to keep"


def test_dagster_opens_them_as_before_after_it(tmp_path: Path) -> None:
    before = SqliteEventLogStorage._connect
    with pytest.raises(RuntimeError, match="stop"), kept_open():
        raise RuntimeError("stop")
    assert SqliteEventLogStorage._connect is before
    assert _run(tmp_path)
