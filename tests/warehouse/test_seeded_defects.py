"""What is wrong with an extract is caught by a check with a name; what is right raises none.

Each defect is one change of a clean extract that goes the project's way; the check, asked as the graph asks it, has to
name it.
"""

import re
from collections import defaultdict
from datetime import timedelta

import pytest
from extracts import KEYRING, clean_records, fetch, staged, study_key

from assets.quality import BY_ASSET
from echomort.settings import ClinicalScores, Cohort, Outcome, Settings
from warehouse.checks.assertions import check
from warehouse.tables.clinical_score.clinical_scores import score
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

TABLES = ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication")
ASSETS = (*TABLES, "outcomes", "cohort", "clinical_features", "clinical_scores")
CHECKS = {one.spec.name: one for asset in ASSETS for one in BY_ASSET[asset]}
A, B, C = "1-1", "1-2", "1-0"
"""Two who live and one who dies."""
SIZES = {
    "enough_deaths_for_a_result": "no figure is a result",
    "enough_sealed_deaths_for_the_gate": "the gate promotes no model below",
}
"""The checks that speak of the number of patients, not of what is wrong with them -> what they say of so few."""


def labelled(folder, rows):
    """Return the warehouse from ``rows`` to outcomes and cohort."""
    connection, _ = staged(folder, rows)
    link(connection, Outcome(), KEYRING)
    select(connection, Cohort())
    return connection


def made(folder, rows):
    """Return the warehouse from ``rows`` to clinical scores."""
    connection = labelled(folder, rows)
    build(connection)
    score(connection, ClinicalScores())
    return connection


def verdict(connection, name):
    """Return (passed, what the check names) of a check of the graph."""
    found = CHECKS[name].read(connection)(Settings())
    return found["passed"], f"{found.get('failed', '')} {found.get('warned', '')}".strip()


def _clean(folder, seed):
    connection = made(folder, clean_records(seed, 40))
    verdicts = {name: verdict(connection, name) for name in CHECKS if name not in SIZES}
    assert verdicts == dict.fromkeys(verdicts, (True, ""))
    for name, said in SIZES.items():
        passed, words = verdict(connection, name)
        assert passed and said in words  # six deaths or so among forty patients


@pytest.mark.parametrize("seed", (1, 2))
def test_a_clean_extract_raises_none(tmp_path, seed):
    _clean(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 23))
def test_twenty_more_clean_extracts_raise_none(tmp_path, seed):
    _clean(tmp_path, seed)


# --- changes of an extract: each returns the tables that it changes -----------------------------------------------


def more(table, *rows):
    """Add rows to a table."""
    return lambda extract: {table: [*extract[table], *rows]}


def again(table):
    """Write the first row of a table twice."""
    return lambda extract: {table: [*extract[table], extract[table][0]]}


def put(table, place, value, owner=A):
    """Write ``value`` into one column of ``owner``'s first row."""

    def change(extract):
        owned = 1 if table == "study" else 0
        found = next(number for number, row in enumerate(extract[table]) if row[owned] == owner)
        row = (*extract[table][found][:place], value, *extract[table][found][place + 1 :])
        return {table: [*extract[table][:found], row, *extract[table][found + 1 :]]}

    return change


def echo(*values, owner=A):
    """Measure ``values`` (variable, number, unit) in the study of ``owner``."""

    def change(extract):
        at = next(row[2] for row in extract["study"] if row[1] == owner)
        rows = [(owner, f"S{owner}", *value, at) for value in values]
        return {"measurement": [*extract["measurement"], *rows]}

    return change


def beside_the_study(table, days, make, owner=A):
    """Add a row that ``make`` makes of the time ``days`` after ``owner``'s study."""

    def change(extract):
        at = next(row[2] for row in extract["study"] if row[1] == owner)
        return {table: [*extract[table], make(at + timedelta(days=days))]}

    return change


def same_person(*pairs):
    """Say that record numbers belong to one person, to whom the first one's row belongs."""

    def change(extract):
        first = next(row for row in extract["patient"] if row[0] == pairs[0][0])
        others = {number for pair in pairs for number in pair} - {first[0]}
        return {
            "identity": list(pairs),
            "patient": [*extract["patient"], *((one, *first[1:]) for one in sorted(others))],
        }

    return change


AT = "2014-01-01 10:00:00"
DEFECTS = [
    # persons
    ("patient_rows_set_aside", "EXACT_DUPLICATE", again("patient")),
    ("patient_rows_set_aside", "MISSING_IDENTIFIER", more("patient", ("", "1950-01-01", "F", "White"))),
    ("patient_rows_set_aside", "TWO_BIRTH_DATES", more("patient", (A, "1931-01-01", "M", "White"))),
    (
        "patient_rows_set_aside",
        "TWO_SEXES",
        lambda extract: {"patient": [*extract["patient"], (*extract["patient"][1][:2], "F", "White")]},
    ),
    ("patient_rows_set_aside", "UNKNOWN_SEX", put("patient", 2, "X")),
    ("patient_rows_set_aside", "FUTURE_DATE", put("patient", 1, "2290-01-01")),
    ("patient_rows_set_aside", "SENTINEL_DATE", put("patient", 1, "1900-01-01")),
    ("patient_rows_set_aside", "IMPLAUSIBLE_DATE", put("patient", 1, "1066-10-14")),
    ("patient_rows_set_aside", "UNREADABLE_DATE", put("patient", 1, "31.12.1950")),
    ("patient_rows_set_aside", "STUDY_BEFORE_BIRTH", put("patient", 1, "2019-01-01")),
    ("patient_rows_set_aside", "UNKNOWN_RACE", put("patient", 3, "the Smith family")),
    ("patient_rows_set_aside", "MERGED_RECORD_NUMBER", same_person((A, "x1"), ("x1", "x2"))),
    ("patient_rows_set_aside", "MERGED_RECORD_NUMBER", same_person((A, "x1"), ("x1", "x2"), ("x2", A))),
    ("patient_rows_set_aside", "TWO_BIRTH_DATES", lambda extract: {"identity": [(A, "1-3")]}),
    # deaths
    ("death_rows_set_aside", "UNKNOWN_PATIENT", more("death", ("nobody", "2014-01-01", "registry"))),
    ("death_rows_set_aside", "MISSING_IDENTIFIER", more("death", (" ", "2014-01-01", "registry"))),
    ("death_rows_set_aside", "DEATH_BEFORE_BIRTH", more("death", (A, "1860-01-01", "registry"))),
    ("patient_rows_set_aside", "DEATH_BEFORE_BIRTH", more("death", (A, "1860-01-01", "registry"))),
    ("death_rows_set_aside", "FUTURE_DATE", put("death", 1, "2290-01-01", C)),
    ("death_rows_set_aside", "SENTINEL_DATE", put("death", 1, "9999-12-31", C)),
    ("death_rows_set_aside", "MISSING_DATE", put("death", 1, "", C)),
    ("death_rows_set_aside", "UNREADABLE_DATE", put("death", 1, "last spring", C)),
    ("death_rows_set_aside", "PARTIAL_DATE", put("death", 1, "2019-05", C)),
    ("death_rows_set_aside", "EXACT_DUPLICATE", again("death")),
    (
        "death_rows_set_aside",
        "DEATH_DATES_WITHIN_7_DAYS",
        beside_the_study("death", 63, lambda at: (C, at.date(), "record"), C),
    ),
    (
        "death_rows_set_aside",
        "DEATH_DATES_FURTHER_APART",
        beside_the_study("death", 80, lambda at: (C, at.date(), "record"), C),
    ),
    (
        "patient_rows_set_aside",
        "DEATH_BEFORE_STUDY",
        beside_the_study("death", -8, lambda at: (A, at.date(), "registry")),
    ),
    # evidence of life
    ("contact_rows_set_aside", "NOT_EVIDENCE_OF_LIFE", put("contact", 2, "letter to the patient")),
    ("contact_rows_set_aside", "NOT_EVIDENCE_OF_LIFE", put("contact", 2, "No show")),
    ("contact_rows_set_aside", "UNKNOWN_KIND", put("contact", 2, "seen by Smith")),
    ("contact_rows_set_aside", "FUTURE_DATE", put("contact", 1, "2290-01-01")),
    ("contact_rows_set_aside", "TIME_WITH_OFFSET", put("contact", 1, "2014-01-01T10:00:00+01:00")),
    ("contact_rows_set_aside", "UNREADABLE_DATE", put("contact", 1, "2014-01-01 10:00:00 PM")),
    ("contact_rows_set_aside", "MISSING_DATE", put("contact", 1, None)),
    ("contact_rows_set_aside", "UNKNOWN_PATIENT", more("contact", ("nobody", AT, "visit"))),
    ("contact_rows_set_aside", "EXACT_DUPLICATE", again("contact")),
    ("contact_rows_set_aside", "CONTACT_AFTER_DEATH", beside_the_study("contact", 121, lambda at: (C, at, "visit"), C)),
    ("patient_rows_set_aside", "CONTACT_AFTER_DEATH", beside_the_study("contact", 121, lambda at: (C, at, "visit"), C)),
    # studies
    ("study_rows_set_aside", "EXACT_DUPLICATE", again("study")),
    ("study_rows_set_aside", "REPEATED_STUDY", more("study", (f"S{A}", A, "2018-01-01 08:00:00", "outpatient"))),
    ("study_rows_set_aside", "STUDY_OF_TWO_PATIENTS", more("study", (f"S{A}", B, AT, "outpatient"))),
    ("study_rows_set_aside", "MISSING_DATE", put("study", 2, "")),
    ("study_rows_set_aside", "FUTURE_DATE", put("study", 2, "2290-01-01")),
    ("study_rows_set_aside", "IMPLAUSIBLE_DATE", put("study", 2, "1970-01-01 00:00:00")),
    ("study_rows_set_aside", "UNKNOWN_PATIENT", put("study", 1, "nobody")),
    ("study_rows_set_aside", "UNKNOWN_SETTING", put("study", 3, "Dr Smith's clinic")),
    (
        "study_rows_set_aside",
        "STUDIES_AT_ONE_TIME",
        beside_the_study("study", 0, lambda at: ("another number", A, at, "outpatient")),
    ),
    # numbers
    ("measurement_rows_set_aside", "NOT_A_NUMBER", put("measurement", 3, "normal")),
    ("measurement_rows_set_aside", "NOT_A_NUMBER", put("measurement", 3, "inf")),
    ("measurement_rows_set_aside", "IMPLAUSIBLE_VALUE", put("measurement", 3, "1e12")),
    ("measurement_rows_set_aside", "MISSING_VALUE", put("measurement", 3, "")),
    ("measurement_rows_set_aside", "UNKNOWN_UNIT", put("measurement", 4, "per Smith")),
    ("measurement_rows_set_aside", "UNKNOWN_VARIABLE", put("measurement", 2, "days_to_death")),
    ("measurement_rows_set_aside", "UNKNOWN_STUDY", put("measurement", 1, "elsewhere")),
    ("measurement_rows_set_aside", "STUDY_OF_ANOTHER_PATIENT", put("measurement", 1, f"S{B}")),
    ("measurement_rows_set_aside", "MISSING_DATE", more("measurement", (A, "", "sbp", 120, "mm[Hg]", ""))),
    ("measurement_rows_set_aside", "EXACT_DUPLICATE", again("measurement")),
    ("feature_values_refused", "UNKNOWN_UNIT", put("measurement", 4, "mm[Hg]")),
    ("feature_values_refused", "MISSING_UNIT", put("measurement", 4, "")),
    ("feature_values_refused", "OUTSIDE_LIMITS", put("measurement", 3, 550)),
    ("feature_values_refused", "OUTSIDE_LIMITS", put("measurement", 3, 0.55)),
    ("feature_values_refused", "OUTSIDE_LIMITS", echo(("lvidd", 48, "cm"))),
    ("feature_values_refused", "OUTSIDE_LIMITS", echo(("tr_vmax", 270, "m/s"))),
    ("feature_values_refused", "OUTSIDE_LIMITS", echo(("creatinine", 106, "mg/dL"))),
    ("feature_values_refused", "OUTSIDE_LIMITS", echo(("smoking", 0.5, ""))),
    ("feature_values_refused", "CONTRADICTS_ANOTHER", echo(("dbp", 150, "mm[Hg]"))),
    ("feature_values_refused", "CONTRADICTS_ANOTHER", echo(("lvidd", 4, "cm"), ("lvids", 5, "cm"))),
    ("feature_values_refused", "CONTRADICTS_ANOTHER", echo(("ldl", 190, "mg/dL"), ("total_chol", 150, "mg/dL"))),
    (
        "feature_values_refused",
        "CONTRADICTS_ANOTHER",
        echo(("mv_e", 80, "cm/s"), ("mv_a", 60, "cm/s"), ("mv_ea", 0.75, "1")),
    ),
    (
        "feature_values_refused",
        "CONTRADICTS_ANOTHER",
        echo(("lvedv_bp", 120, "mL"), ("lvesv_bp", 90, "mL"), ("ef_bp", 60, "%")),
    ),
    (
        "feature_values_refused",
        "UNLIKELY_BESIDE_ANOTHER",
        echo(("av_vmax", 1.0, "m/s"), ("lvot_vmax", 1.3, "m/s")),
    ),
    # codes
    ("diagnosis_rows_set_aside", "UNKNOWN_VOCABULARY", put("diagnosis", 1, "SNOMED")),
    ("diagnosis_rows_set_aside", "NOT_A_CODE", put("diagnosis", 2, "heart failure")),
    ("diagnosis_rows_set_aside", "NOT_A_CODE", put("diagnosis", 2, "428.0")),
    ("diagnosis_rows_set_aside", "MISSING_CODE", put("diagnosis", 2, ".")),
    ("diagnosis_rows_set_aside", "FUTURE_DATE", put("diagnosis", 3, "2290-01-01")),
    ("diagnosis_rows_set_aside", "MISSING_DATE", put("diagnosis", 3, "")),
    ("feature_values_refused", "ICD9_NOT_MAPPED", more("diagnosis", (A, "ICD9CM", "786.50", AT))),
    # drugs
    ("medication_rows_set_aside", "UNKNOWN_DRUG_CLASS", put("medication", 1, "as Smith said")),
    ("medication_rows_set_aside", "MISSING_DRUG_CLASS", put("medication", 1, "")),
    ("medication_rows_set_aside", "NOT_A_NUMBER", put("medication", 2, "one")),
    ("medication_rows_set_aside", "IMPLAUSIBLE_VALUE", put("medication", 2, -20)),
    ("medication_rows_set_aside", "UNKNOWN_UNIT", put("medication", 3, "spoons")),
    ("medication_rows_set_aside", "END_BEFORE_START", put("medication", 5, "1999-01-01")),
    ("medication_rows_set_aside", "UNREADABLE_DATE", put("medication", 4, "since spring")),
]


def test_there_are_enough_defects():
    assert len(DEFECTS) >= 80
    assert len({(name, reason) for name, reason, _ in DEFECTS}) >= 60


PATIENTS = 24
"""Of each hospital of a group."""
BESIDE = {
    ("patient_rows_set_aside", "TWO_BIRTH_DATES"): ("MERGED_INTO_ANOTHER_ROW", "MERGED_RECORD_NUMBER"),
    ("patient_rows_set_aside", "TWO_SEXES"): ("MERGED_INTO_ANOTHER_ROW",),
    ("patient_rows_set_aside", "UNREADABLE_DATE"): ("DAY_FIRST_DATE",),
    ("patient_rows_set_aside", "MERGED_RECORD_NUMBER"): ("MERGED_INTO_ANOTHER_ROW",),
    ("patient_rows_set_aside", "DEATH_BEFORE_BIRTH"): ("death: DEATH_BEFORE_BIRTH",),
    ("death_rows_set_aside", "DEATH_BEFORE_BIRTH"): ("patient: DEATH_BEFORE_BIRTH",),
    ("patient_rows_set_aside", "DEATH_BEFORE_STUDY"): ("CONTACT_AFTER_DEATH", "contact: CONTACT_AFTER_DEATH"),
    ("patient_rows_set_aside", "CONTACT_AFTER_DEATH"): ("contact: CONTACT_AFTER_DEATH",),
    ("contact_rows_set_aside", "CONTACT_AFTER_DEATH"): ("patient: CONTACT_AFTER_DEATH",),
    ("study_rows_set_aside", "STUDY_OF_TWO_PATIENTS"): ("measurement: UNKNOWN_STUDY",),
    ("study_rows_set_aside", "UNKNOWN_PATIENT"): ("measurement: UNKNOWN_STUDY",),
}
"""What a defect leads to besides: reasons of the same check, or of another table's."""


def beside(name, reason):
    """Return the pairs of check and reason that may come with this one."""
    found = [said.rpartition(": ") for said in BESIDE.get((name, reason), ())]
    return {(f"{table}_rows_set_aside" if table else name, other) for table, _, other in found}


def groups():
    """Return the defects in groups, in each of which no defect leads to what another has to be caught by."""
    made = []
    for defect in DEFECTS:
        pair, others = defect[:2], beside(*defect[:2])
        fits = (
            group
            for group in made
            if all(pair != one[:2] and pair not in beside(*one[:2]) and one[:2] not in others for one in group)
        )
        group = next(fits, None)
        if group is None:
            made.append(group := [])
        group.append(defect)
    return made


def hospital(number, change):
    """Return the changed extract of a hospital of its own: its record numbers begin with ``number``."""
    extract = clean_records(1, PATIENTS)
    return {
        table: [
            tuple(OWN.sub(rf"\g<1>{number}-", cell) if isinstance(cell, str) else cell for cell in row) for row in rows
        ]
        for table, rows in (extract | change(extract)).items()
    }


OWN = re.compile(r"^(S?)1-(?=\d+$)")
"""How a record number or a study's number of the clean extract begins."""


@pytest.mark.slow
@pytest.mark.parametrize("group", groups(), ids=lambda group: f"{len(group)}-defects")
def test_each_defect_of_an_extract_is_caught_by_a_named_check(tmp_path, group):
    """Those of a group are staged together, each in a hospital of its own."""
    rows = defaultdict(list)
    for number, (_, _, change) in enumerate(group, 1):
        for table, some in hospital(number, change).items():
            rows[table] += some
    connection = made(tmp_path, rows)
    said = set()
    for name in (name for name in CHECKS if name.endswith(("_set_aside", "_refused"))):
        passed, words = verdict(connection, name)
        assert passed  # what can be set aside stops nothing
        assert "Smith" not in words
        said |= {(name, word.split(" ")[0]) for word in words.split(", ") if word}
    wanted = {(name, reason) for name, reason, _ in group}
    assert wanted <= said <= wanted.union(*(beside(*pair) for pair in wanted))
    assert [one for one in NEVER if check(connection, one)] == []
    kept = {key for (key,) in fetch(connection, "SELECT study_key FROM study")}
    for number in range(1, len(group) + 1):
        assert sum(study_key(f"S{number}-{patient}") in kept for patient in range(PATIENTS)) >= PATIENTS - 1


NEVER = (
    *("staging_reconciles", "attrition_reconciles", "no_label_without_follow_up", "every_study_has_its_patient"),
    *("no_feature_after_its_echo", "no_feature_without_an_earlier_record"),
)


# --- defects of what the project makes itself: each stops what comes after ----------------------------------------

ONE = f"study_key = '{study_key('S' + A)}'"
BROKEN = [
    ("every_study_has_its_patient", "DELETE FROM patient WHERE patient_key = (SELECT min(patient_key) FROM study)"),
    ("staging_reconciles", "UPDATE staging_count SET rows_read = rows_read + 1 WHERE table_name = 'contact'"),
    ("no_label_without_follow_up", "DELETE FROM contact"),
    ("no_label_without_follow_up", "UPDATE outcome SET label = 0 WHERE label = 1"),
    ("no_label_without_follow_up", f"UPDATE outcome SET days = 364 WHERE {ONE}"),
    ("attrition_reconciles", f"DELETE FROM outcome WHERE {ONE}"),
    ("attrition_reconciles", "UPDATE attrition SET studies = studies - 1 WHERE reason = 'LABELLED'"),
    ("no_patient_in_two_folds_or_roles", "INSERT INTO cohort SELECT * REPLACE ((fold + 1) % 5 AS fold) FROM cohort"),
    ("folds_only_in_development", "UPDATE cohort SET fold = -1"),
    ("cohort_studies_are_unique", "INSERT INTO cohort FROM cohort"),
    ("cohort_studies_are_unique", "UPDATE cohort SET headline = false"),
    ("cohort_is_labelled", f"UPDATE outcome SET label = 1 - label WHERE {ONE}"),
    ("features_equal_studies", f"DELETE FROM feature WHERE {ONE}"),
    ("features_equal_studies", "INSERT INTO feature FROM feature"),
    ("no_feature_after_its_echo", "UPDATE study SET study_at = study_at - INTERVAL 1 DAY"),
    ("no_feature_after_its_echo", "UPDATE study SET study_at = date_trunc('day', study_at)"),
    ("no_feature_without_an_earlier_record", "UPDATE diagnosis SET recorded_at = date_trunc('day', recorded_at)"),
    ("no_feature_without_an_earlier_record", "UPDATE measurement SET measured_at = measured_at + INTERVAL 2 DAY"),
    ("no_feature_without_an_earlier_record", f"UPDATE feature SET tr_vmax = 3 WHERE {ONE}"),
    ("no_feature_without_an_earlier_record", "UPDATE diagnosis SET recorded_at = recorded_at + INTERVAL 2 DAY"),
    ("clinical_scores_or_reasons", f"DELETE FROM clinical_score WHERE score = 'pce' AND {ONE}"),
    ("clinical_scores_or_reasons", "UPDATE clinical_score SET value = NULL, reason = NULL"),
    ("feature_expectations", f"UPDATE feature SET lvef = 0.35 WHERE {ONE}"),
    ("outcome_expectations", f"UPDATE outcome SET label = 2 WHERE {ONE}"),
    ("outcome_at_horizon_expectations", f"UPDATE outcome_at_horizon SET label = 2 WHERE {ONE}"),
    ("cohort_at_horizon_expectations", f"UPDATE cohort_at_horizon SET role = 'test' WHERE {ONE}"),
    ("horizons_agree", f"DELETE FROM outcome_at_horizon WHERE horizon_days = 90 AND {ONE}"),
    ("cohort_is_the_same_at_its_horizon", f"UPDATE cohort SET label = 1 - label WHERE {ONE}"),
    ("contact_expectations", "INSERT INTO contact FROM contact"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return made(tmp_path_factory.mktemp("extract"), clean_records(1, 24))


@pytest.mark.parametrize(("name", "damage"), BROKEN, ids=[f"{place}-{name}" for place, (name, _) in enumerate(BROKEN)])
def test_each_damage_to_a_table_is_caught_by_a_blocking_check(sound, name, damage):
    assert verdict(sound, name) == (True, "")
    sound.begin()
    sound.execute(damage)
    found = verdict(sound, name)
    sound.rollback()
    assert not found[0]
    assert CHECKS[name].spec.blocking
