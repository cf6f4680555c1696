"""OHDSI's Synthea27Nj shape: OMOP 5.4 whose vocabulary has no ICD-10-CM, as CSV and as Parquet."""

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key
from layouts.synthea27nj import DDL, tables, write

from echomort.settings import Outcome
from warehouse.adapters.extract import contract
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link


@pytest.fixture(scope="module", params=["csv", "parquet"])
def loaded(request, tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("synthea") / request.param, request.param)
    connection = empty_warehouse()
    report = stage(connection, folder, "omop", KEYRING, "kept")
    link(connection, Outcome(require_full_window=False), KEYRING)
    build(connection)
    return connection, report


FORMER = {"discharge_to_concept_id", "discharge_to_source_value"}
"""Names that columns had before release 5.4."""


def test_the_ddl_of_the_test_has_the_columns_that_the_adapter_reads():
    for one in contract("omop"):
        if one.table in DDL and one.name not in FORMER:
            assert one.name in [column.split()[0] for column in DDL[one.table].split(", ")], one


def test_it_loads_and_labels(loaded):
    connection, report = loaded
    assert not [one for one in report.conflicts if one.reason == "TABLE_NOT_USED"]
    assert report.rows["patient"] == (12, 12, 0)
    assert report.rows["study"] == (12, 12, 0)
    assert fetch(connection, "SELECT label, count(*) FROM outcome GROUP BY ALL ORDER BY ALL") == [(0, 9), (1, 3)]


def test_its_conditions_are_in_their_groups_by_snomed(loaded):
    connection, report = loaded
    groups = "SELECT DISTINCT dx_i50, dx_i10, dx_i48, dx_e11 FROM feature"
    assert fetch(connection, groups) == [(1, 1, 0, 0)]
    assert counted(report)["diagnosis", "CONDITION_BY_THE_LIST"] == 24
    assert counted(report)["diagnosis", "UNKNOWN_VOCABULARY"] == 12
    named = {one.reason: dict(one.words) for one in report.conflicts}
    assert named["CONDITION_BY_THE_LIST"] == {
        "SNOMED 59621000 Essential hypertension": 12,
        "SNOMED 88805009 Chronic congestive heart failure": 12,
    }


def test_its_laboratory_and_drugs_are_read(loaded):
    connection, _ = loaded
    values = "SELECT DISTINCT creatinine, sodium, bun, potassium FROM feature"
    assert fetch(connection, values) == [(pytest.approx(1.1), 139, 14, pytest.approx(4.1))]
    assert fetch(connection, "SELECT DISTINCT drug_class FROM medication") == [("ace_inhibitor",)]


def test_its_persons_have_their_source_s_numbers(loaded):
    connection, _ = loaded
    expected = {patient_key(row["person_source_value"]) for row in tables(12)["person"]}
    assert {key for (key,) in fetch(connection, "SELECT patient_key FROM patient")} == expected
