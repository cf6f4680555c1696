"""Features: what was known at the study, in the catalogue's units and limits, and nothing that came after."""

import math
from collections import Counter
from datetime import datetime, timedelta

import duckdb
import pydicom.sr._concepts_dict as dicom_concepts
import pytest
from extracts import empty_warehouse, fetch, person, staged, study_key
from hypothesis import given
from hypothesis import strategies as st

import warehouse.tables.feature.features
from echomort.ehr.clean import conversions, plain_unit
from echomort.ehr.variables import catalogue, model_inputs, names
from echomort.settings import Features
from warehouse.checks.assertions import check
from warehouse.queries import query, run
from warehouse.tables.feature.features import build

AT = datetime(2018, 5, 1, 9, 30)


def features_of(folder, measurements=(), diagnoses=(), patient=None, dates="shifted"):
    """Return the warehouse with the features of one study S of patient P at ``AT``."""
    rows = {
        "patient": [patient or person("P")],
        "study": [("S", "P", AT, ""), ("S2", "P", AT + timedelta(days=200), "")],
        "measurement": [("P", *row) for row in measurements],
        "diagnosis": [("P", *row) for row in diagnoses],
    }
    connection, _ = staged(folder, rows, dates)
    build(connection, Features(between_echoes="none"))
    return connection


def features_of_each(folder, readings=(), births=None):
    """Return the warehouse with the features of one study at ``AT`` of several patients: S0 of P0, in which the first
    of ``readings`` was measured (variable, number, unit), S1 of P1, and so on; or patients of these ``births``."""
    births = births or ["1950-03-04"] * len(readings)
    rows = {
        "patient": [person(f"P{place}", birth) for place, birth in enumerate(births)],
        "study": [(f"S{place}", f"P{place}", AT, "") for place, _ in enumerate(births)],
        "measurement": [(f"P{place}", f"S{place}", *reading, AT) for place, reading in enumerate(readings)],
    }
    connection, _ = staged(folder, rows, "kept")
    build(connection, Features(between_echoes="none"))
    return connection


def value(connection, variable, study="S"):
    """Return one feature."""
    row = dict(connection.execute("SELECT study_key, " + variable + " FROM feature").fetchall())
    return row[study_key(study)]


def refused(connection):
    """Return (variable, reason) -> count."""
    return {row[:2]: row[2] for row in fetch(connection, "SELECT variable, reason, count FROM feature_refusal")}


def ago(**duration):
    """Return the time that much before the study."""
    return AT - timedelta(**duration)


# --- the catalogue ------------------------------------------------------------------------------------------------


def test_the_catalogue_holds_the_published_counts():
    assert (len(names("echo")), len(names("clinical")), len(names("diagnosis"))) == (58, 10, 90)
    assert len(model_inputs()) == 158
    assert len(set(names())) == len(catalogue())
    assert {one.name for one in catalogue() if one.provenance == "published"} == set(model_inputs())
    assert all(bool(one.preprint_name) == (one.provenance == "published") for one in catalogue())


def test_the_feature_table_is_the_catalogue_in_its_order(tmp_path):
    for connection in (features_of(tmp_path), empty_warehouse()):
        columns = [name for name, *_ in connection.execute("DESCRIBE feature").fetchall()]
        assert columns == ["study_key", *names()]


def test_echo_codes_are_loinc_codes_that_dicom_reports_use():
    known = {code.strip() for codes in dicom_concepts.concepts["LN"].values() for code in codes}
    coded = [variable for variable in catalogue() if variable.window_days == 0 and variable.code]
    assert len([variable for variable in coded if variable.set == "echo"]) == 31
    assert {variable.code for variable in coded} <= known


def test_every_window_and_unit_is_given_and_every_limit_has_its_reason():
    for variable in catalogue():
        if variable.source == "measurement":
            assert variable.low is None or variable.low < variable.high
            assert (variable.low is None) == (variable.high is None) == (not variable.limits_source)
            assert variable.window_days == (0 if variable.set in ("echo", "extended") else 365)
            assert variable.unit


# --- the last value known -----------------------------------------------------------------------------------------


def test_the_last_value_at_or_before_the_study_is_taken(tmp_path):
    readings = [
        ("", "sbp", 120, "mm[Hg]", ago(days=40)),
        ("", "sbp", 130, "mm[Hg]", ago(days=2)),
        ("", "sbp", 140, "mm[Hg]", ago(days=30)),
        ("", "sbp", 150, "mm[Hg]", AT + timedelta(minutes=1)),
    ]
    connection = features_of(tmp_path, readings)
    assert value(connection, "sbp") == 130
    assert value(connection, "sbp", "S2") == 150


def test_a_value_of_the_very_moment_counts_and_one_of_a_second_later_does_not(tmp_path):
    readings = [
        ("", "sbp", 120, "mm[Hg]", AT),
        ("", "dbp", 80, "mm[Hg]", AT + timedelta(seconds=1)),
    ]
    connection = features_of(tmp_path, readings)
    assert (value(connection, "sbp"), value(connection, "dbp")) == (120, None)


def test_the_window_of_a_year_includes_its_last_day(tmp_path):
    readings = [("", "sodium", 140, "mmol/L", ago(days=365)), ("", "potassium", 4, "mmol/L", ago(days=366))]
    connection = features_of(tmp_path, readings)
    assert (value(connection, "sodium"), value(connection, "potassium")) == (140, None)


def test_the_study_s_own_values_come_first_and_repeats_are_averaged(tmp_path):
    readings = [
        ("S", "lvef", 50, "%", AT),
        ("S", "lvef", 56, "%", AT + timedelta(hours=3)),
        ("S", "sbp", 118, "mm[Hg]", ago(minutes=20)),
        ("", "sbp", 144, "mm[Hg]", ago(minutes=5)),
    ]
    connection = features_of(tmp_path, readings)
    assert (value(connection, "lvef"), value(connection, "sbp")) == (53, 118)


def test_an_echo_value_belongs_to_its_own_study_and_day_only(tmp_path):
    readings = [
        ("S", "lvef", 50, "%", AT),
        ("", "tapse", 2.0, "cm", ago(hours=1)),
        ("", "la_vol", 60, "mL", ago(days=1)),
    ]
    connection = features_of(tmp_path, readings)
    assert [value(connection, name) for name in ("lvef", "tapse", "la_vol")] == [50, 2.0, None]
    assert value(connection, "lvef", "S2") is None


def test_values_of_one_time_are_averaged(tmp_path):
    readings = [("", "sbp", 120, "mm[Hg]", ago(days=1)), ("", "sbp", 130, "mm[Hg]", ago(days=1))]
    assert value(features_of(tmp_path, readings), "sbp") == 125


def test_age_and_sex_come_from_the_person(tmp_path):
    connection = features_of(tmp_path / "a", patient=person("P", "1950-05-01", "M"))
    assert value(connection, "age") == pytest.approx(68, abs=0.01)
    assert value(connection, "sex") == 1
    connection = features_of(tmp_path / "b", patient=person("P", None, ""))
    assert (value(connection, "age"), value(connection, "sex")) == (None, None)
    connection = features_of(tmp_path / "c", [("", "age", 44, "a", AT)], patient=person("P", "1890-05-01"))
    assert value(connection, "age") is None
    assert refused(connection)["age", "NOT_A_MEASUREMENT"] == 1


def test_a_birthday_is_on_its_day(tmp_path):
    ages = {"2000-05-01": 18, "2000-05-03": None, "1908-05-01": 110, "1908-04-29": None, "1968-05-01": 50}
    connection = features_of_each(tmp_path, births=list(ages))
    for place, age in enumerate(ages.values()):
        assert value(connection, "age", f"S{place}") == (None if age is None else pytest.approx(age, abs=0.003))


def test_whole_years_are_exact_but_for_the_birthday_and_the_day_before():
    with duckdb.connect() as connection:
        run(connection, "definitions/age.sql")
        days = fetch(
            connection,
            "SELECT birth, age, CAST(birth + to_years(age) AS DATE) + away AS moment, away, "
            "whole_years(years_between(birth, moment)) - (age - if(away < 0, 1, 0)) "
            "FROM (SELECT DATE '1936-01-01' + CAST(place AS INTEGER) AS birth FROM range(1461) AS day (place)) "
            "CROSS JOIN (SELECT CAST(age AS INTEGER) AS age FROM range(18, 101) AS year (age)) "
            "CROSS JOIN (SELECT unnest([-2, -1, 0, 1]) AS away)",
        )
    wrong = Counter((away, years) for *_, away, years in days if years)
    shares = {kind: count / (1461 * 83) for kind, count in wrong.items()}
    assert shares == {(-1, 1): pytest.approx(0.187, abs=1e-3), (0, -1): pytest.approx(0.0634, abs=1e-3)}


# --- diagnoses ----------------------------------------------------------------------------------------------------


def test_diagnosis_groups_are_those_on_record_at_the_study(tmp_path):
    diagnoses = [
        ("ICD10CM", "I50.9", ago(days=900)),
        ("ICD-10", "e11.65", "2018-04-30"),
        ("ICD10CM", "I48.0", AT + timedelta(hours=1)),
        ("ICD9CM", "428.0", ago(days=900)),
        ("ICD9CM", "786.50", ago(days=900)),
        ("ICD10CM", "E07.9", ago(days=9)),
        ("ICD10CM", "E14", ago(days=9)),
    ]
    connection = features_of(tmp_path, diagnoses=diagnoses)
    assert [value(connection, name) for name in ("dx_i50", "dx_e08_e13", "dx_i48", "dx_i10")] == [1, 1, 0, 0]
    assert value(connection, "dx_i48", "S2") == 1
    total = " + ".join(names("diagnosis"))
    assert fetch(connection, f"SELECT min({total}), max({total}) FROM feature") == [(2, 3)]
    assert refused(connection) == {("diagnosis", "ICD9_NOT_MAPPED"): 1}


# --- units and limits ---------------------------------------------------------------------------------------------


CONVERTED = [
    ("lvidd", 48, "mm", 4.8),
    ("tr_vmax", 2.7, "m/s", 270),
    ("mv_dt", 180, "ms", 0.18),
    ("pa_acc_slope", 9, "m/s2", 900),
    ("lvef", 0.55, "1", 55),
    ("lvef", 55, " % ", 55),
    ("weight", 154, "[lb_av]", 69.853),
    ("height", 70, "in", 177.8),
    ("creatinine", 88.4, "umol/L", 1.0),
    ("creatinine", 88.4, "μmol/L", 1.0),
    ("hemoglobin", 135, "g/L", 13.5),
    ("total_chol", 5.0, "mmol/L", 193.35),
    ("hba1c", 53, "mmol/mol", 7.0),
    ("sbp", 16, "kPa", 120.0),
    ("heart_rate", 72, "bpm", 72),
    ("heart_rate", 72, "", 72),
    ("smoking", 1, "", 1),
    ("mv_ea", 1.2, "", 1.2),
]


def test_known_units_become_the_catalogue_s(tmp_path):
    connection = features_of_each(tmp_path, [reading for *reading, _ in CONVERTED])
    found = [value(connection, variable, f"S{place}") for place, (variable, *_) in enumerate(CONVERTED)]
    assert found == [pytest.approx(expected, rel=1e-3) for *_, expected in CONVERTED]
    assert refused(connection) == {}


REFUSED = [
    ("creatinine", 1.2, "", "MISSING_UNIT"),
    ("lvidd", 4.8, "", "MISSING_UNIT"),
    ("lvidd", 4.8, "parsec", "UNKNOWN_UNIT"),
    ("lvidd", 4.8, "kg", "UNKNOWN_UNIT"),
    ("lvef", 550, "%", "OUTSIDE_LIMITS"),
    ("lvef", 4.999, "%", "OUTSIDE_LIMITS"),
    ("lvidd", 48, "cm", "OUTSIDE_LIMITS"),
    ("smoking", 2, "", "OUTSIDE_LIMITS"),
    ("mr_grade", 4, "", "OUTSIDE_LIMITS"),
    ("mr_grade", 1.5, "", "OUTSIDE_LIMITS"),
    ("diastolic_function", -2, "", "OUTSIDE_LIMITS"),
    ("diastolic_function", 0.5, "", "OUTSIDE_LIMITS"),
]


def test_what_can_t_be_known_is_refused_and_counted_never_guessed(tmp_path):
    connection = features_of_each(tmp_path, [reading for *reading, _ in REFUSED])
    found = [value(connection, variable, f"S{place}") for place, (variable, *_) in enumerate(REFUSED)]
    assert found == [None] * len(REFUSED)
    assert refused(connection) == Counter((variable, reason) for variable, *_, reason in REFUSED)


def test_limits_themselves_are_plausible_and_a_refused_value_hides_none_before_it(tmp_path):
    readings = [
        ("S", "lvef", 5, "%", AT),
        ("", "sodium", 180, "mmol/L", ago(days=3)),
        ("", "sodium", 1800, "mmol/L", ago(days=1)),
    ]
    connection = features_of(tmp_path, readings)
    assert (value(connection, "lvef"), value(connection, "sodium")) == (5, 180)


def test_a_variable_without_limits_takes_every_value_and_models_leave_the_outliers_out(tmp_path):
    connection = features_of(tmp_path, [("S", "pa_acc_time", 9999, "s", AT), ("S", "pa_acc_slope", 900, "cm/s2", AT)])
    assert [value(connection, name) for name in ("pa_acc_time", "pa_acc_slope")] == [9999, 900]
    assert refused(connection) == {}


def test_repeated_grades_of_a_study_become_a_grade(tmp_path):
    readings = [("S", "mr_grade", 1, "", AT), ("S", "mr_grade", 2, "", AT), ("S", "diastolic_function", -1, "", AT)]
    connection = features_of(tmp_path, readings)
    assert (value(connection, "mr_grade"), value(connection, "diastolic_function")) == (2, -1)


def test_a_variable_that_the_catalogue_does_not_know_reaches_no_feature(tmp_path):
    connection = features_of(tmp_path, [("S", "days_to_death", 17, "d", AT)])
    assert fetch(connection, "SELECT table_name, count FROM conflict WHERE reason = 'UNKNOWN_VARIABLE'") == [
        ("measurement", 1)
    ]
    assert fetch(connection, "SELECT * FROM measurement") == []


LENGTH = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254, "[in_i]": 0.0254, "inch": 0.0254, "inches": 0.0254}
LENGTH |= dict.fromkeys(("ft", "foot", "feet", "[ft_i]"), 0.3048) | dict.fromkeys(("centimeter", "centimeters"), 0.01)
LENGTH |= {"[in_us]": 100 / 3937, "[ft_us]": 1200 / 3937}
POUND = 0.45359237
MASS = {
    "g": 1e-3,
    "gm": 1e-3,
    "gram": 1e-3,
    "grams": 1e-3,
    "kg": 1.0,
    "kgs": 1.0,
    "kilogram": 1.0,
    "kilograms": 1.0,
    "oz": POUND / 16,
    "[oz_av]": POUND / 16,
} | dict.fromkeys(("lb", "lbs", "[lb_av]", "pound", "pounds"), POUND)
MASS |= dict.fromkeys(("stone", "[stone_av]"), 14 * POUND)
SPEED = {"m/s": 1.0, "m/sec": 1.0, "cm/s": 1e-2, "cm/sec": 1e-2, "mm/s": 1e-3}
TIME = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3}
VOLUME = {"l": 1e-3, "ml": 1e-6, "cc": 1e-6, "cm3": 1e-6}
SLOPE = {"cm/s2": 1e-2, "cm/s^2": 1e-2, "cm/s²": 1e-2, "cm/sec2": 1e-2, "mm/s2": 1e-3}
SLOPE |= dict.fromkeys(("m/s2", "m/s^2", "m/s²", "m/sec2"), 1.0)
AREA = {"mm2": 1e-6, "cm2": 1e-4, "cm^2": 1e-4, "cm²": 1e-4}
PRESSURE = {"mm[hg]": 133.322, "mmhg": 133.322, "mm/hg": 133.322, "kpa": 1000.0, "cm[h2o]": 98.0665, "cmh2o": 98.0665}
SHARE = {"%oftotalhb": 0.01, "%oftotalhgb": 0.01, "%": 0.01, "percent": 0.01, "fraction": 1.0, "1": 1.0}
RATE = dict.fromkeys(("/min", "/minute", "bpm", "beats/min", "beats/minute", "counts/min", "1/min"), 1 / 60) | {
    "hz": 1.0
}
RATE |= dict.fromkeys(("min-1", "perminute", "beatsperminute"), 1 / 60)
DENSITY = {
    "mg/dl": 1e-2,
    "g/dl": 10.0,
    "g%": 10.0,
    "gm%": 10.0,
    "g/100ml": 10.0,
    "mg%": 1e-2,
    "mg/100ml": 1e-2,
    "gm/dl": 10.0,
    "g/l": 1.0,
    "mg/l": 1e-3,
    "pg/ml": 1e-9,
    "ng/l": 1e-9,
    "ng/ml": 1e-6,
    "ug/l": 1e-6,
    "µg/l": 1e-6,
}
AMOUNT = {"mmol/l": 1.0, "pmol/l": 1e-9} | dict.fromkeys(("umol/l", "µmol/l", "mcmol/l", "micromol/l"), 1e-3)
DIMENSIONS = (LENGTH, MASS, SPEED, SLOPE, TIME, VOLUME, AREA, PRESSURE, SHARE, RATE, DENSITY)
GRAMS_A_MOLE = {"ldl": 386.65, "hdl": 386.65, "total_chol": 386.65, "creatinine": 113.12, "uric_acid": 168.11}
GRAMS_A_MOLE |= {"bun": 28.0134, "hemoglobin": 16114, "bnp": 3464, "ntprobnp": 8457}
SAME = {("meq/l", "mmol/l"), ("ratio", "1"), ("{ratio}", "1"), ("1", "code"), ("1", "{class}"), ("1", "{grade}")}


def test_every_unit_converts_as_its_definition_says():
    units = {variable.name: plain_unit(variable.unit) for variable in catalogue()}
    for one in conversions():
        own = units[one.variable]
        dimension = next((known for known in DIMENSIONS if one.unit in known and own in known), None)
        if one.unit in ("", own) or (one.unit, own) in SAME or "1.73" in own or own == "kg/m2":
            assert (one.factor, one.offset) == (1, 0), one
        elif dimension:
            assert one.factor == pytest.approx(dimension[one.unit] / dimension[own], rel=1e-5), one
        elif one.unit == "mmol/mol":
            assert (one.factor, one.offset) == (0.09148, 2.152)  # NGSP from IFCC
        else:
            grams = AMOUNT[one.unit] * GRAMS_A_MOLE[one.variable] / 1000  # a litre
            assert one.factor == pytest.approx(grams / DENSITY[own], rel=1e-3), one


@given(st.sampled_from([one for one in conversions() if one.unit]), st.floats(0.01, 1e4))
def test_every_conversion_keeps_order_and_its_unit_is_written_plainly(conversion, number):
    assert plain_unit(conversion.unit) == conversion.unit
    assert conversion.factor > 0
    assert math.isfinite(number * conversion.factor + conversion.offset)


@pytest.mark.parametrize(
    ("written", "plain"),
    [("%{Hb}", "%"), ("{Beats}/min", "/min"), ("mmol/mol{Hb}", "mmol/mol"), ("mL/min/{1.73_m2}", "ml/min/{1.73_m2}")],
)
def test_a_remark_in_braces_is_no_part_of_a_unit(written, plain):
    connection = empty_warehouse()
    connection.execute(query("definitions/unit.sql"))
    assert fetch(connection, f"SELECT plain_unit('{written}')") == [(plain,)]
    assert plain_unit(written) == plain


def test_a_unit_has_one_meaning_a_variable():
    pairs = [(one.variable, one.unit) for one in conversions()]
    assert len(set(pairs)) == len(pairs)


# --- what is missing, what came after -----------------------------------------------------------------------------

KNOWN = [
    ("S", "lvef", 55, "%", AT),
    ("", "sbp", 120, "mm[Hg]", ago(days=1)),
    ("", "creatinine", 1.0, "mg/dL", ago(days=100)),
    ("S", "smoking", 1, "", AT),
]
RECORDED = [("ICD10CM", "I50.9", ago(days=900)), ("ICD10CM", "I10", ago(days=1))]


def test_missing_values_are_counted(tmp_path):
    connection = features_of(tmp_path, KNOWN)
    counts = {row[0]: row[1:] for row in fetch(connection, "SELECT variable, present, missing FROM feature_count")}
    assert set(counts) == set(names())
    assert (counts["age"], counts["lvef"], counts["sbp"], counts["rdw"]) == ((2, 0), (1, 1), (2, 0), (0, 2))


def test_records_of_the_day_after_leave_every_feature_empty(tmp_path):
    def postpone(row, place):
        return *row[:place], AT + timedelta(days=1), *row[place + 1 :]

    rows = {
        "patient": [person("P")],
        "study": [("S", "P", AT, "")],
        "measurement": [("P", *postpone(row, 4)) for row in KNOWN],
        "diagnosis": [("P", *postpone(row, 2)) for row in RECORDED],
    }
    connection, _ = staged(tmp_path, rows)
    build(connection)
    measured = [v.name for v in catalogue() if v.source == "measurement"]
    assert fetch(connection, f"SELECT {', '.join(measured)} FROM feature") == [(None,) * len(measured)]
    assert fetch(connection, f"SELECT {' + '.join(names('diagnosis'))} FROM feature") == [(0,)]


def test_the_check_sees_a_feature_that_was_dated_after_its_echo(tmp_path):
    connection = features_of(tmp_path, KNOWN, RECORDED)
    assert check(connection, "no_feature_after_its_echo") == 0
    connection.execute("UPDATE study SET study_at = study_at - INTERVAL 1 DAY")
    assert check(connection, "no_feature_after_its_echo") > 0


def test_a_study_without_a_date_has_a_row_of_what_needs_none(tmp_path):
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", "", "")],
        "measurement": [("P", *row) for row in KNOWN[1:3]],
    }
    connection, _ = staged(tmp_path, rows)
    build(connection)
    assert [value(connection, name) for name in ("sex", "age", "sbp", "dx_i10")] == [0, None, None, 0]
    assert check(connection, "features_equal_studies") == 0


def test_patients_built_in_parts_give_the_same_table(tmp_path, monkeypatch):
    rows = {"patient": [], "study": [], "measurement": [], "diagnosis": []}
    for number in range(40):
        name = f"P{number}"
        rows["patient"].append(person(name))
        rows["study"].append((f"S{number}", name, AT + timedelta(days=number), ""))
        rows["measurement"] += [(name, "", "sbp", 100 + number, "mm[Hg]", AT), (name, "", "rdw", 9e9, "%", AT)]
        rows["diagnosis"].append((name, "ICD10CM", "I10", AT + timedelta(days=20)))
    connection, _ = staged(tmp_path, rows)
    build(connection)
    tables = ("feature", "feature_evidence", "feature_count", "feature_refusal")
    whole = [sorted(fetch(connection, f"SELECT * FROM {table}"), key=str) for table in tables]
    monkeypatch.setattr(warehouse.tables.feature.features, "SHARD_ROWS", 20)
    build(connection)
    assert [sorted(fetch(connection, f"SELECT * FROM {table}"), key=str) for table in tables] == whole


def test_shifting_the_dates_changes_no_feature(tmp_path):
    shifted = features_of(tmp_path / "a", KNOWN, RECORDED)
    kept = features_of(tmp_path / "b", KNOWN, RECORDED, dates="kept")
    assert fetch(shifted, "SELECT * FROM feature") == fetch(kept, "SELECT * FROM feature")
