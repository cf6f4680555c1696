"""How much of a ledger and of an archive's plan comes to Python: it does not grow with the archive."""

import contextlib
from types import SimpleNamespace

import duckdb
import pytest

from assets.imaging import studies
from assets.imaging.studies import plan_studies
from assets.incremental import missing_files, stale_units
from echomort.core.fingerprint import digest
from echomort.core.listing import list_files
from echomort.settings import ClipSettings
from warehouse import ledger
from warehouse.connection import connect
from warehouse.ledger import Entry

SIZES = (50, 500)
"""Files of the smaller and of the larger archive."""


class Counted:
    """A connection that counts the most rows that were fetched at once."""

    def __init__(self, connection):
        self.connection, self.most = connection, 0

    def execute(self, *arguments):
        self.connection.execute(*arguments)
        return self

    def extract_statements(self, text):
        return self.connection.extract_statements(text)

    def fetchmany(self, rows):
        return self._noted(self.connection.fetchmany(rows))

    def fetchall(self):
        return self._noted(self.connection.fetchall())

    def _noted(self, rows):
        self.most = max(self.most, len(rows))
        return rows


class Project:
    """A project with a warehouse alone."""

    def __init__(self, root, instances):
        self.root, self.most, self.settings = root, 0, None
        with connect(root / "warehouse.duckdb") as connection:
            connection.execute(
                "INSERT INTO dicom_instance BY NAME SELECT 'i' || n AS instance_key, 'f' || n AS folder_key,"
                " 's' || n // 3 AS study_key, 'd' || n AS source_digest, 1 AS bytes, 't' AS stamp,"
                " 'apical_4' AS view, 'tag' AS view_source, 'accepted' AS status FROM range($1) AS numbers(n)",
                [instances],
            )
            connection.execute(
                "INSERT INTO instance_link BY NAME SELECT instance_key, study_key, 'p' AS patient_key, status"
                " FROM dicom_instance"
            )

    def reader(self):
        return _Reader(self)


class _Reader:
    def __init__(self, project):
        self.project = project
        self.context = connect(project.root / "warehouse.duckdb", read_only=True)

    def __enter__(self):
        self.counted = Counted(self.context.__enter__())
        return self.counted

    def __exit__(self, *error):
        self.project.most = max(self.project.most, self.counted.most)
        return self.context.__exit__(*error)


def with_entries(root, units):
    with connect(root / "warehouse.duckdb") as connection:
        ledger.record(
            connection, "loops", [Entry(f"{unit:05d}", "made so", f"content {unit}") for unit in range(units)]
        )


@pytest.mark.parametrize("units", [0, *SIZES])
def test_the_version_of_an_asset_is_worked_out_without_its_rows(units, tmp_path):
    with_entries(tmp_path, units)
    with connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        counted = Counted(connection)
        found = ledger.asset_digest(counted, "loops")
    assert counted.most == 1
    assert found == digest([(f"{unit:05d}", f"content {unit}") for unit in range(units)])


def test_the_version_of_an_asset_differs_where_a_name_and_a_content_are_cut_elsewhere():
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE ledger (asset VARCHAR, unit VARCHAR, digest VARCHAR)")
        connection.execute("INSERT INTO ledger VALUES ('a', 'x', 'yz'), ('b', 'xy', 'z')")
        assert ledger.asset_digest(connection, "a") != ledger.asset_digest(connection, "b")


@pytest.mark.parametrize("instances", SIZES)
def test_planning_the_studies_holds_some_files_at_a_time(instances, tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "ROWS_AT_ONCE", 10)
    project = Project(tmp_path, instances)
    plan = plan_studies(project, ClipSettings(), "a recipe")
    assert project.most == 10
    assert len(plan) == -(-instances // 3)


def test_a_study_whose_files_come_in_two_parts_has_the_same_fingerprint(tmp_path, monkeypatch):
    project = Project(tmp_path, 50)
    at_once = plan_studies(project, ClipSettings(), "a recipe")
    monkeypatch.setattr(studies, "ROWS_AT_ONCE", 2)
    assert plan_studies(project, ClipSettings(), "a recipe") == at_once


@pytest.mark.parametrize("units", SIZES)
def test_looking_for_stale_units_holds_some_entries_at_a_time(units, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "ROWS_AT_ONCE", 10)
    project = Project(tmp_path, 0)
    with_entries(tmp_path, units)
    expected = {f"{unit:05d}": "made so" for unit in range(1, units)} | {"00001": "made otherwise", "new": "made so"}
    stage = SimpleNamespace(
        name="loops", working=contextlib.nullcontext, plan=lambda project, how: expected, how=lambda project: ""
    )
    assert stale_units(project, stage) == (["00001", "new"], ["00000"], units - 2)
    assert project.most == 10


def test_a_file_below_a_file_and_an_empty_folder_are_missing(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/inside").touch()
    beside = ["file", "file/below", "empty", "full"]
    assert missing_files(tmp_path, Entry("all", "", "", "gone", {"beside": beside})) == ["gone", "file/below", "empty"]


def test_files_are_listed_by_path(tmp_path):
    for name in ("b/1", "a/2", "a.txt", "a/10", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.path for file in list_files(tmp_path, "sources.dicom")] == ["a.txt", "a/10", "a/2", "b/1", "c"]
