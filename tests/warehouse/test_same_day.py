"""Records of the echo's own day: what has a date only is not known to precede the echo, whatever it was written in."""

from datetime import date, datetime, timedelta

import duckdb
import pytest
from extracts import KEYRING, empty_warehouse, fetch, person, staged, study_key, write_extract
from layouts.omop import to_omop
from layouts.shapes import write_shape

from echomort.settings import Features
from warehouse.checks.assertions import check
from warehouse.queries import run
from warehouse.staging.staging import stage
from warehouse.tables.clinical_score.clinical_scores import clinical_inputs
from warehouse.tables.feature.features import build, refusal_counts

DAY = date(2018, 5, 1)
AT = datetime(2018, 5, 1, 9, 30)
LATER = datetime(2018, 5, 1, 15, 0)
LEFT_OUT, TAKEN = "SAME_DAY_WITHOUT_TIME", "SAME_DAY_TAKEN_AS_BEFORE"
LEAKS = ("no_feature_after_its_echo", "no_feature_without_an_earlier_record")


def made(folder, measurements=(), diagnoses=(), drugs=(), study_at=AT, same_day="exclude", **settings):
    """Return the warehouse of study S on the day, and of S2 three days later, of one patient."""
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", study_at, ""), ("S2", "P", AT + timedelta(days=3), "")],
        "measurement": [("P", *row) for row in measurements],
        "diagnosis": [("P", "ICD10CM", *row) for row in diagnoses],
        "medication": [("P", *row) for row in drugs],
    }
    connection, _ = staged(folder, rows)
    build(connection, Features(same_day=same_day, **settings))
    assert [check(connection, leak) for leak in LEAKS] == [0, 0]
    return connection


def value(connection, variable, study="S"):
    """Return one feature."""
    return dict(fetch(connection, f"SELECT study_key, {variable} FROM feature"))[study_key(study)]


def counted(connection):
    """Return (variable, reason) -> count of what features could not use, or should not."""
    return {row[:2]: row[2] for row in fetch(connection, "SELECT variable, reason, count FROM feature_refusal")}


# --- the record has a date only -----------------------------------------------------------------------------------


def test_a_value_and_a_code_of_the_echo_s_day_without_a_time_are_left_out_and_counted(tmp_path):
    connection = made(tmp_path, [("", "albumin", 2.1, "g/dL", DAY)], [("I46.9", DAY)])
    assert (value(connection, "albumin"), value(connection, "dx_i46")) == (None, 0)
    assert (value(connection, "albumin", "S2"), value(connection, "dx_i46", "S2")) == (2.1, 1)
    assert counted(connection) == {("albumin", LEFT_OUT): 1, ("dx_i46", LEFT_OUT): 1}
    assert refusal_counts(connection) == {f"values {LEFT_OUT.lower()}": 2}


def test_taken_as_before_they_are_used_and_counted_too(tmp_path):
    connection = made(tmp_path, [("", "albumin", 2.1, "g/dL", DAY)], [("I46.9", DAY)], same_day="before")
    assert (value(connection, "albumin"), value(connection, "dx_i46")) == (2.1, 1)
    assert counted(connection) == {("albumin", TAKEN): 1, ("dx_i46", TAKEN): 1}


def test_what_is_left_out_leaves_the_last_value_that_was_known_for_certain(tmp_path):
    values = [("", "albumin", 4.0, "g/dL", DAY - timedelta(days=9)), ("", "albumin", 2.1, "g/dL", DAY)]
    connection = made(tmp_path, values)
    assert (value(connection, "albumin"), value(connection, "albumin", "S2")) == (4.0, 2.1)


def test_a_code_that_was_on_record_before_is_no_loss_and_not_counted(tmp_path):
    connection = made(tmp_path, diagnoses=[("I50.9", DAY - timedelta(days=9)), ("I50.9", DAY)])
    assert (value(connection, "dx_i50"), counted(connection)) == (1, {})


def test_times_of_the_echo_s_day_are_compared_as_ever(tmp_path):
    values = [("", "albumin", 4.0, "g/dL", AT), ("", "rdw", 14, "%", LATER)]
    connection = made(tmp_path, values, [("I10", AT - timedelta(minutes=1)), ("I46.9", LATER)])
    assert [value(connection, name) for name in ("albumin", "rdw", "dx_i10", "dx_i46")] == [4.0, None, 1, 0]
    assert counted(connection) == {}


def test_a_value_that_the_source_links_to_the_echo_stays(tmp_path):
    values = [("S", "lvef", 35, "%", DAY), ("S", "weight", 80, "kg", DAY), ("S", "height", 170, "cm", "")]
    connection = made(tmp_path, [*values, ("", "tapse", 2.0, "cm", DAY)])
    assert [value(connection, name) for name in ("lvef", "weight", "height", "tapse")] == [35, 80, 170, None]
    assert counted(connection) == {("tapse", LEFT_OUT): 1}


# --- the echo has a date only -------------------------------------------------------------------------------------


def test_an_echo_without_a_time_knows_the_days_before_and_its_own_values_alone(tmp_path):
    values = [
        ("S", "lvef", 35, "%", AT),
        ("S", "weight", 80, "kg", AT),
        ("", "albumin", 2.1, "g/dL", AT),
        ("", "rdw", 14, "%", datetime(2018, 4, 30, 23, 59)),
    ]
    connection = made(tmp_path / "a", values, [("I46.9", AT)], study_at=DAY)
    names = ("lvef", "weight", "albumin", "rdw", "dx_i46")
    assert [value(connection, name) for name in names] == [35, 80, None, 14, 0]
    assert counted(connection) == {("albumin", LEFT_OUT): 1, ("dx_i46", LEFT_OUT): 1}
    connection = made(tmp_path / "b", values, [("I46.9", AT)], study_at=DAY, same_day="before")
    assert [value(connection, name) for name in names] == [35, 80, 2.1, 14, 1]


def test_an_echo_without_a_time_gives_its_values_to_echoes_of_later_days_alone(tmp_path):
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", DAY, ""), ("S1", "P", AT, ""), ("S2", "P", AT + timedelta(days=1), "")],
        "measurement": [("P", "S", "lvef", 35, "%", DAY)],
    }
    connection, _ = staged(tmp_path, rows)
    build(connection)
    assert [value(connection, "lvef", study) for study in ("S", "S1", "S2")] == [35, None, 35]


# --- clinical scores ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("same_day", "used"), [("exclude", 0), ("before", 1)])
def test_drugs_and_diseases_of_a_clinical_score_follow_the_same_rule(tmp_path, same_day, used):
    drugs = [("statin", 20, "mg/d", DAY, ""), ("arb", 20, "mg/d", DAY - timedelta(days=9), DAY)]
    connection = made(tmp_path, diagnoses=[("J44.9", DAY)], drugs=drugs, same_day=same_day)
    inputs = clinical_inputs(connection, same_day).set_index("study_key").loc[study_key("S")]
    assert (inputs["statin"], inputs["copd"], inputs["arb"]) == (used, used, 1 - used)
    assert counted(connection)["medication", TAKEN if used else LEFT_OUT] == 1


# --- the precision of a moment, from every source -----------------------------------------------------------------

MOMENTS = {"D": "2018-05-01", "M": "2018-05-01 00:00:00", "T": "2018-05-01 08:00:00"}
"""A patient each, whose code and value have: a date only; midnight, as databases keep a date; a time."""
ROWS = {
    "patient": [person(who) for who in MOMENTS],
    "death": [],
    "study": [(f"S{who}", who, "2018-05-01 09:30:00", "outpatient") for who in MOMENTS],
    "contact": [(who, "2018-05-01 07:00:00", "visit") for who in MOMENTS],
    "measurement": [(who, "", "creatinine", "1.2", "mg/dL", at) for who, at in MOMENTS.items()],
    "diagnosis": [(who, "ICD10CM", "I50.9", at) for who, at in MOMENTS.items()],
    "identity": [],
    "medication": [(who, "statin", "20", "mg/d", at, "") for who, at in MOMENTS.items()],
}


def as_files(kind):
    """Return the function that writes the rows as ``kind`` of file, with typed moments."""

    def write(folder):
        write_extract(folder / "csv", ROWS)
        (folder / "own").mkdir()
        with duckdb.connect(str(folder / "own" / "hospital.duckdb") if kind == "duckdb" else ":memory:") as database:
            for table in ("patient", "death", "study", "contact", "measurement", "diagnosis", "medication"):
                source = f"FROM read_csv('{folder}/csv/{table}.csv', all_varchar = true)"
                columns = database.execute(f"DESCRIBE {source}").fetchall()
                moments = [name for name, *_ in columns if name.endswith("_at")]
                casts = ", ".join(f"CAST({name} AS TIMESTAMP) AS {name}" for name in moments)
                typed = f"SELECT * REPLACE ({casts}) {source}" if moments else source
                if kind == "duckdb":
                    database.execute(f"CREATE TABLE {table} AS {typed}")
                else:
                    database.execute(f"COPY ({typed}) TO '{folder}/{table}.parquet'")
        return folder / "own" if kind == "duckdb" else folder

    return write


def as_text(folder):
    """Write the rows as CSV."""
    return write_extract(folder, ROWS)


@pytest.mark.parametrize("write", [as_text, as_files("parquet"), as_files("duckdb")], ids=["csv", "parquet", "duckdb"])
@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_a_date_stays_a_date_and_a_time_a_time_through_staging(tmp_path, write, dates):
    connection = empty_warehouse()
    stage(connection, write(tmp_path), "canonical", KEYRING, dates)
    assert precise(connection) == {"D": False, "M": False, "T": True}


def precise(connection):
    """Return patient -> whether the code, the value and the drug, which must agree, have a time of day."""
    run(connection, "definitions/moment.sql")
    found = {}
    for table, column in (("diagnosis", "recorded_at"), ("measurement", "measured_at"), ("medication", "started_at")):
        rows = fetch(connection, f"SELECT patient_key, has_time({column}) FROM {table}")
        found[table] = {who: dict(rows)[KEYRING.pseudonym("patient", who)] for who in MOMENTS}
    assert found["diagnosis"] == found["measurement"] == found["medication"]
    return found["diagnosis"]


def test_omop_keeps_it_where_the_time_is_empty_or_midnight(tmp_path):
    shape = to_omop(ROWS)
    for name, column in (
        ("condition_occurrence", "condition_start_datetime"),
        ("measurement", "measurement_datetime"),
        ("drug_exposure", "drug_exposure_start_datetime"),
    ):
        table = shape.tables[name]
        place = table.columns.index(column)
        table.rows[:] = [
            (*row[:place], row[place] if len(row[place]) > 10 else "", *row[place + 1 :]) for row in table.rows
        ]
    write_shape(tmp_path, shape)
    connection = empty_warehouse()
    stage(connection, tmp_path, "omop", KEYRING, "kept")
    assert precise(connection) == {"D": False, "M": False, "T": True}
