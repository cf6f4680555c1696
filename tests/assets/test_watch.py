"""The watch on a small warehouse: what was planted in the latest studies is warned of, kept, and never blocks."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest

from assets.checks.watch import WATCHES
from assets.quality import BY_ASSET
from echomort.settings import load_settings
from warehouse.connection import connect_in_memory
from warehouse.queries import run

SETTINGS = load_settings(environment={})
BEFORE, RECENT = 400, 120


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Studies of two periods, each with one file; in the latest a scanner that was not there before."""
    numbers = np.arange(BEFORE + RECENT)
    keys = pd.DataFrame({"study_key": [f"s{n}" for n in numbers], "patient_key": [f"p{n}" for n in numbers]})
    is_recent = numbers >= BEFORE
    outcome = keys.assign(label=np.where(is_recent, None, numbers % 2))
    outcome["reason"] = np.where(is_recent, "EXCL_INCOMPLETE_WINDOW", None)
    files = keys.assign(instance_key=[f"i{n}" for n in numbers], status="accepted")
    vendor = np.where(is_recent & (numbers % 2 == 0), "ge", "philips")
    with connect_in_memory() as connection:
        connection.append("outcome", outcome, by_name=True)
        connection.append("study", keys, by_name=True)
        connection.append("instance_link", files.assign(vendor=vendor), by_name=True)
        headers = files[["instance_key", "study_key", "status"]].assign(folder_key="f", frames=30 + numbers % 20)
        connection.append("dicom_instance", headers, by_name=True)
        connection.append("clip", files.assign(clip_key=files["instance_key"]), by_name=True)
        views = files.rename(columns={"instance_key": "clip_key"})[["clip_key", "study_key"]]
        connection.append("clip_view", views.assign(view="apical_4", view_source="tag"), by_name=True)
        connection.append("feature", keys[["study_key"]].assign(age=50 + numbers % 37), by_name=True)
        yield connection


def look(connection: duckdb.DuckDBPyConnection, name: str) -> dict:
    (check,) = [check for check in WATCHES if check.spec.name == name]
    with check.stage.working():
        judge = check.read(connection)
    found = dict(judge(SETTINGS))
    return found | {"shown": check.keep(connection, found)}


def test_a_new_scanner_is_warned_of_in_one_sentence(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = look(warehouse, "headers_are_as_before")
    assert found["passed"] and found["offending"] == 1
    assert found["warned"] == (
        "the latest studies differ from those before: scanner vendor: ge in 0% before, 50% now; "
        "see what changed at the source"
    )


@pytest.mark.parametrize("name", ["views_are_as_before", "records_are_as_before"])
def test_what_is_as_before_is_not_warned_of(warehouse: duckdb.DuckDBPyConnection, name: str) -> None:
    found = look(warehouse, name)
    assert found["passed"] and found["warned"] == "" and found["shifts"]


def test_lost_variables_are_warned_of(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("UPDATE feature SET age = NULL WHERE study_key >= 's46'")
    assert "age: not recorded in" in look(warehouse, "records_are_as_before")["warned"]


def test_every_look_is_kept_with_its_number_and_drawn(warehouse: duckdb.DuckDBPyConnection) -> None:
    shown = [look(warehouse, "headers_are_as_before")["shown"] for _ in range(2)]
    assert all("data:image/png" in one["history"].value for one in shown)
    kept = run(warehouse, "reads/watch/history.sql", check_name="headers_are_as_before").fetchall()
    assert [(number, moved) for number, _, moved in kept] == [(1, True), (2, True)]
    kinds = warehouse.execute("SELECT data_type FROM duckdb_columns() WHERE table_name IN ('watch', 'matured_risk')")
    assert not {kind for (kind,) in kinds.fetchall() if "DATE" in kind or "TIME" in kind}


def test_an_archive_without_latest_studies_is_not_compared(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("DELETE FROM outcome WHERE label IS NULL")
    found = look(warehouse, "headers_are_as_before")
    assert found["shifts"] == [] and found["warned"] == "" and found["shown"] == {}
    assert warehouse.execute("SELECT count(*) FROM watch").fetchone() == (0,)


def kept_risks(connection: duckdb.DuckDBPyConnection, risk: float) -> None:
    rows = connection.execute("SELECT study_key, patient_key FROM outcome WHERE label IS NOT NULL").df()
    rows = rows.assign(champion="c", model="video", clips=1, logit=0.0, risk=risk, in_development=False)
    connection.append("prospective_risk", rows, by_name=True)


def test_deaths_are_counted_against_the_risks_that_were_given_before(warehouse: duckdb.DuckDBPyConnection) -> None:
    kept_risks(warehouse, 0.2)
    found = look(warehouse, "deaths_are_as_expected")
    assert found["passed"] and "200 of 400 patients died, by their risks 80 would have" in found["warned"]
    assert warehouse.execute("SELECT count(*), max(position) FROM matured_risk").fetchone() == (400, 400)


def test_deaths_that_the_risks_said_are_not_warned_of(warehouse: duckdb.DuckDBPyConnection) -> None:
    kept_risks(warehouse, 0.5)
    assert look(warehouse, "deaths_are_as_expected")["warned"] == ""


def test_outcomes_keep_the_order_in_which_they_became_known(warehouse: duckdb.DuckDBPyConnection) -> None:
    kept_risks(warehouse, 0.5)
    warehouse.execute("CREATE TEMP TABLE later AS FROM outcome WHERE study_key IN ('s0', 's1')")
    warehouse.execute("UPDATE outcome SET label = NULL WHERE study_key IN ('s0', 's1')")
    look(warehouse, "deaths_are_as_expected")
    warehouse.execute("UPDATE outcome SET label = later.label FROM later WHERE later.study_key = outcome.study_key")
    look(warehouse, "deaths_are_as_expected")
    numbers = [number for number, *_ in run(warehouse, "reads/watch/matured.sql").fetchall()]
    late = warehouse.execute("SELECT number FROM prospective_risk WHERE study_key IN ('s0', 's1')").fetchall()
    assert set(numbers[-2:]) == {number for (number,) in late} and len(numbers) == 400


def test_no_check_of_the_watch_blocks() -> None:
    assert not any(check.spec.blocking for check in WATCHES)
    every = [check for checks in BY_ASSET.values() for check in checks]
    assert all(check in every for check in WATCHES)
