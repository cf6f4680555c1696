"""The report lists what it can be made from, so that the same report comes out before and after the steps below it."""

from pathlib import Path

import duckdb
import pytest

from assets.evaluation.report import REPORT
from assets.graph import STAGES
from assets.incremental import is_up_to_date, missing_files
from assets.quality import BY_ASSET
from warehouse.connection import connect
from warehouse.ledger import WHOLE, Entry, record
from warehouse.queries import run

UPSTREAM = {asset: stage.upstream for stage in STAGES for asset in stage.assets}


def above(asset: str) -> set[str]:
    return set(UPSTREAM[asset]).union(*(above(one) for one in UPSTREAM[asset]))


@pytest.fixture
def ledger(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A ledger in which every asset and every check has an entry."""
    checks = [check.stage.name for checks in BY_ASSET.values() for check in checks]
    with connect(tmp_path / "warehouse.duckdb") as connection:
        for name in [*UPSTREAM, *checks]:
            record(connection, name, [Entry(WHOLE, "made from", "what it is")])
        yield connection


def listed(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    return {name for (name,) in run(connection, query).fetchall()}


def test_the_lineage_is_of_the_assets_above_the_report(ledger: duckdb.DuckDBPyConnection) -> None:
    assert listed(ledger, "reads/counts/reported_assets.sql") == above(REPORT.name)


def test_the_checks_are_those_of_the_assets_above_the_report(ledger: duckdb.DuckDBPyConnection) -> None:
    expected = {check.stage.name for asset in above(REPORT.name) for check in BY_ASSET.get(asset, ())}
    assert listed(ledger, "reads/counts/reported_checks.sql") == expected


def test_the_report_is_stale_without_one_of_its_files(tmp_path: Path) -> None:
    beside = ["report/report.json", "report/figures/roc.svg", "report/tables/folds.csv"]
    entry = Entry(WHOLE, "made from", "what it is", "report/report.html", {"beside": beside})
    for name in ["report/report.html", *beside]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert is_up_to_date(tmp_path, entry, "made from")
    for name in ["report/report.html", *beside]:
        (tmp_path / name).unlink()
        assert not is_up_to_date(tmp_path, entry, "made from") and missing_files(tmp_path, entry) == [name]
        (tmp_path / name).touch()
