"""What Dagster's pages show of a project: its tables, the figures of its views, late assets, runs on the timeline."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from projects import Home
from pydicom.datadict import keyword_dict

from assets.checks.tables import SUITES
from assets.incremental.tables import OWN_TABLES, SHARED_TABLES
from assets.project import Project
from assets.training.view_models import VIEW_MODELS
from echomort.vocabulary.model_names import view_model
from orchestration.definitions import defs
from orchestration.freshness import MADE_BY_THE_SCHEDULE, expect_fresh
from orchestration.location import MODULE, job_origin
from orchestration.schedules import BETWEEN_RETRAININGS, weekly_retraining
from warehouse.column_notes import _notes
from warehouse.column_sources import FILE as COLUMN_SOURCES
from warehouse.column_sources import column_sources
from warehouse.connection import connect_in_memory
from warehouse.staging.staging import TABLES

ADAPTERS = COLUMN_SOURCES.parent / "adapters"
SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


@pytest.fixture
def pages(finished: Home) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the finished project."""
    with dg.DagsterInstance.from_config(str(finished.root / "dagster")) as instance:
        yield instance


def shown(pages: dg.DagsterInstance, asset: str) -> dict[str, Any]:
    """Key -> value of the metadata of the last materialization of ``asset``."""
    event = pages.get_latest_materialization_event(dg.AssetKey(asset))
    assert event and event.asset_materialization, asset
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def test_every_asset_that_makes_a_table_is_known_to_do_so() -> None:
    tables = OWN_TABLES | SHARED_TABLES
    assert tables.keys() <= SPECS.keys()
    assert {name for name, spec in SPECS.items() if "duckdb" in spec.kinds} <= OWN_TABLES.keys()
    assert all(SUITES[table] == asset for asset, table in OWN_TABLES.items())
    assert not set(OWN_TABLES.values()) & set(SHARED_TABLES.values())


@pytest.mark.slow
@pytest.mark.parametrize("asset", [*OWN_TABLES, "view_models", "fusion"])
def test_an_asset_shows_the_columns_and_the_rows_of_its_table(
    finished: Home, pages: dg.DagsterInstance, asset: str
) -> None:
    found, table = shown(pages, asset), (OWN_TABLES | SHARED_TABLES)[asset]
    columns = [(column.name, column.type) for column in found["dagster/column_schema"].columns]
    assert columns == [row[:2] for row in finished.query(f"DESCRIBE {table}")]
    assert found["dagster/table_name"] == f"warehouse.main.{table}"
    rows = finished.query(f"SELECT count(*) FROM {table}")[0][0]
    assert found.get("dagster/row_count") == (rows if asset in OWN_TABLES else None)


@pytest.mark.slow
def test_columns_say_what_is_written_of_them(pages: dg.DagsterInstance) -> None:
    def columns(asset: str) -> dict[str, dg.TableColumn]:
        return {column.name: column for column in shown(pages, asset)["dagster/column_schema"].columns}

    assert columns("cohort")["fold"].description == "-1 outside development"
    assert columns("clips")["cm_across"].description == "centimetres a pixel; NULL where no region says it"
    assert columns("clinical_features")["height"].description == "Body height, cm"
    assert columns("clinical_features")["study_key"].constraints.nullable is False


def above(asset: str) -> set[str]:
    graph, found, todo = defs.resolve_asset_graph(), set(), [dg.AssetKey(asset)]
    while todo:
        parents = {parent for parent in graph.get(todo.pop()).parent_keys if parent.to_user_string() not in found}
        found |= {parent.to_user_string() for parent in parents}
        todo += parents
    return found


@pytest.fixture(scope="module")
def table_columns() -> dict[str, set[str]]:
    """Asset -> the columns of its table; of the extract those of the contract, of the archive DICOM's keywords."""
    with connect_in_memory() as connection:
        rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns()").fetchall()
    named = {asset: {column for of, column in rows if of == table} for asset, table in OWN_TABLES.items()}
    contract = {
        f"{row['table']}.{row['column']}" for row in csv.DictReader((ADAPTERS / "canonical/contract.csv").open())
    }
    named["ehr_extract"] = contract | {"study.modality"}  # of FHIR and OMOP
    return named | {"dicom_archive": set(keyword_dict)}


@pytest.mark.parametrize("asset", sorted({row["asset"] for row in csv.DictReader(COLUMN_SOURCES.open())}))
def test_what_a_column_is_made_from_exists_above_it(asset: str, table_columns: dict[str, set[str]]) -> None:
    sources = column_sources(asset)
    assert sources.keys() <= table_columns[asset]
    assert {source for pairs in sources.values() for source, _ in pairs} <= above(asset)
    assert [pair for pairs in sources.values() for pair in pairs if pair[1] not in table_columns[pair[0]]] == []


@pytest.mark.parametrize("asset", [*TABLES, "outcomes", "cohort", "linkage"])
def test_all_columns_of_records_outcomes_and_links_say_what_they_are_made_from(
    asset: str, table_columns: dict[str, set[str]]
) -> None:
    assert column_sources(asset).keys() == table_columns[asset]


@pytest.mark.slow
def test_the_pages_follow_a_column_to_the_extract(pages: dg.DagsterInstance) -> None:
    def made_from(asset: str, column: str) -> set[tuple[str, str]]:
        found = shown(pages, asset)["dagster/column_lineage"].deps_by_column[column]
        return {(one.asset_key.to_user_string(), one.column_name) for one in found}

    features = shown(pages, "clinical_features")
    assert {column.name for column in features["dagster/column_schema"].columns} == set(
        features["dagster/column_lineage"].deps_by_column
    )
    assert made_from("clinical_features", "age") == {("patient", "birth_date"), ("study", "study_at")}
    assert ("ehr_extract", "patient.birth_date") in made_from("patient", "birth_date")
    assert ("outcomes", "label") in made_from("cohort", "label")
    assert ("measurement", "value") in made_from("clinical_features", "lvef")


def test_what_the_migrations_say_is_of_columns_that_exist_or_did() -> None:
    with connect_in_memory() as connection:
        rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns()").fetchall()
    renamed = {"plain_study": "study", "plain_outcome": "outcome"}
    noted = {(renamed.get(table, table), column) for table, column in _notes()}
    assert len(noted) > 50 and noted <= set(rows)


@pytest.mark.slow
def test_a_view_shows_its_curves_and_its_auc(pages: dg.DagsterInstance) -> None:
    found = shown(pages, "view_models")
    assert any(name.startswith("curves of ") for name in found)
    assert any(name.startswith("AUC of ") for name in found)


@pytest.mark.slow
def test_no_auc_of_too_few_deaths_is_shown(finished: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Project(home=str(finished.root)).settings
    evaluation = settings.evaluation.model_copy(update={"suppress_below_events": 1000})
    monkeypatch.setattr(Project, "settings", settings.model_copy(update={"evaluation": evaluation}))
    assert VIEW_MODELS.draw(Project(home=str(finished.root)), {}) == {}


@pytest.mark.slow
def test_the_auc_of_a_view_is_that_of_the_report(finished: Home) -> None:
    found = VIEW_MODELS.draw(Project(home=str(finished.root)), {})
    reported = finished.query(
        "SELECT model, value FROM metric"
        " WHERE evaluation = 'out_of_fold' AND metric = 'auc' AND subset = 'all' AND model LIKE 'view:%'"
    )
    assert len(found) == 2
    areas = {view_model(name.removeprefix("AUC of ")): area for name, area in found.items()}
    assert areas == pytest.approx(dict(reported))


@pytest.mark.slow
def test_a_run_of_the_command_line_is_on_the_timeline(pages: dg.DagsterInstance) -> None:
    (record,) = pages.get_run_records(limit=1)
    assert record.start_time and record.end_time and record.start_time < record.end_time
    assert record.dagster_run.remote_job_origin == job_origin("everything")
    assert record.dagster_run.remote_job_origin.location_name == MODULE


def turn(status: InstigatorStatus, instance: dg.DagsterInstance) -> None:
    """Turn the schedule on or off, as the pages do."""
    origin = job_origin("").repository_origin.get_instigator_origin(weekly_retraining.name)
    data = ScheduleInstigatorData(str(weekly_retraining.cron_schedule))
    state = InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
    keep = instance.update_instigator_state if instance.all_instigator_state() else instance.add_instigator_state
    keep(state)


def test_assets_are_late_only_where_the_schedule_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "ECHOMORT_HOME"):
        monkeypatch.delenv(name, raising=False)
    assets = list(defs.assets or [])

    def expected() -> set[str]:
        made = [spec for asset in expect_fresh(assets, without="experiments") for spec in asset.specs]
        assert {spec.freshness_policy for spec in made} <= {None, MADE_BY_THE_SCHEDULE}
        return {spec.key.to_user_string() for spec in made if spec.freshness_policy}

    assert not expected()
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert not expected()
    with dg.DagsterInstance.get() as instance:
        turn(InstigatorStatus.RUNNING, instance)
        job = defs.resolve_job_def(str(weekly_retraining.job_name))
        assert expected() == {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        turn(InstigatorStatus.STOPPED, instance)
    assert not expected()


def test_the_time_between_two_retrainings_is_that_of_the_schedule() -> None:
    from dagster._utils.schedules import get_smallest_cron_interval

    assert get_smallest_cron_interval(str(weekly_retraining.cron_schedule)) == BETWEEN_RETRAININGS
    assert BETWEEN_RETRAININGS < MADE_BY_THE_SCHEDULE.warn_window.to_timedelta() < timedelta(days=9)
