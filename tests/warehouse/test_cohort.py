"""The cohort: roles before folds, by patient, and nobody moves when others join."""

from datetime import date, timedelta

import pytest
from extracts import KEYRING, fetch, patient_key, staged, study_key

from echomort.settings import ClinicalScores, Cohort, Outcome
from warehouse.checks.assertions import check, names
from warehouse.tables.clinical_score.clinical_scores import score
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

START = date(2015, 1, 1)
SETTINGS = Cohort(reader_fraction=0.1, sealed_fraction=0.1, heart_failure_fraction=0.45)


def rows_of(patients, birth="1950-03-04"):
    """Return an extract: two studies a patient a year apart; every third has heart failure, the even ones of them
    before the first study, the odd ones between the two."""
    rows = {"patient": [], "study": [], "death": [], "contact": [], "diagnosis": []}
    for number in patients:
        name = f"P{number}"
        rows["patient"].append((name, birth, "F", ""))
        rows["study"] += [(f"S{number}.{place}", name, START + timedelta(days=400 * place), "") for place in (0, 1)]
        rows["contact"].append((name, START + timedelta(days=2000), "visit"))
        if number % 3 == 0:
            recorded = START + timedelta(days=300 if number % 2 else -30)
            rows["diagnosis"].append((name, "ICD10CM", "I50.22", recorded))
        if number % 5 == 0:
            rows["death"].append((name, START + timedelta(days=1990), "registry"))
    return rows


def cohort_of(folder, rows, settings=SETTINGS):
    """Return the warehouse with its cohort."""
    connection, _ = staged(folder, rows)
    link(connection, Outcome(require_full_window=False), KEYRING)
    select(connection, settings)
    return connection


def placed(connection):
    """Return patient -> (role, fold)."""
    return {key: tuple(rest) for key, *rest in fetch(connection, "SELECT DISTINCT patient_key, role, fold FROM cohort")}


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    return cohort_of(tmp_path_factory.mktemp("extract"), rows_of(range(400)))


def test_every_assertion_holds(connection):
    build(connection)
    score(connection, ClinicalScores())
    assert {name: check(connection, name) for name in names()} == dict.fromkeys(names(), 0)


def test_the_sets_kept_apart_have_about_their_share(connection):
    roles = [role for role, _ in placed(connection).values()]
    assert 0.05 < roles.count("reader") / 400 < 0.15
    assert 0.05 < roles.count("sealed") / 400 < 0.15
    assert 0.25 < roles.count("heart_failure") / (400 / 6 * 0.8) < 0.65


@pytest.mark.parametrize("count", range(3, 11))
def test_every_fold_has_about_its_share_and_the_sets_kept_apart_have_none(connection, count):
    select(connection, SETTINGS.model_copy(update={"folds": count}))
    roles = placed(connection).values()
    select(connection, SETTINGS)  # other tests read it
    folds = [fold for role, fold in roles if role == "development"]
    assert set(folds) == set(range(count))
    assert all(0.5 / count < folds.count(fold) / len(folds) < 1.7 / count for fold in range(count))
    assert {fold for role, fold in roles if role != "development"} == {-1}


def test_heart_failure_is_what_was_on_record_at_the_first_study(connection):
    chosen = [key for key, (role, _) in placed(connection).items() if role == "heart_failure"]
    number_of = {patient_key(f"P{number}"): number for number in range(400)}
    assert chosen
    assert all(number_of[key] % 6 == 0 for key in chosen)
    studies = fetch(connection, "SELECT count(*) FROM cohort WHERE role = 'heart_failure'")
    assert studies == [(2 * len(chosen),)]


def test_records_that_come_later_move_nobody(tmp_path):
    connection = cohort_of(tmp_path, rows_of(range(200)))
    before = placed(connection)
    connection.execute("UPDATE diagnosis SET recorded_at = recorded_at - INTERVAL 2 YEAR")
    connection.execute(
        "INSERT INTO diagnosis SELECT patient_key, 'ICD10CM', 'I50.22', TIMESTAMP '2010-01-01' FROM patient"
    )
    select(connection, SETTINGS)
    assert placed(connection) == before


def test_a_diagnosis_that_was_corrected_moves_nobody_and_its_studies_are_left_out(tmp_path):
    connection = cohort_of(tmp_path, rows_of(range(200)))
    roles = "SELECT patient_key, role FROM patient_role ORDER BY ALL"
    before = fetch(connection, roles)
    apart = len([role for _, role in before if role == "heart_failure"])
    connection.execute("DELETE FROM diagnosis")
    select(connection, SETTINGS)
    assert fetch(connection, roles) == before
    assert fetch(connection, "SELECT studies FROM attrition WHERE reason = 'EXCL_BEFORE_HEART_FAILURE'") == [
        (2 * apart,)
    ]


def test_patients_who_enter_in_a_later_year_are_set_apart_but_not_from_the_sets_that_are_drawn_first(tmp_path):
    rows = rows_of(range(200))
    rows["study"] = [
        (name, patient, day + timedelta(days=1500 if int(patient[1:]) % 2 else 0), setting)
        for name, patient, day, setting in rows["study"]
    ]
    settings = SETTINGS.model_copy(update={"later_from": 2019})
    connection = cohort_of(tmp_path, rows, settings)
    entered = dict(fetch(connection, "SELECT patient_key, min(study_year) FROM study GROUP BY ALL"))
    roles = dict(fetch(connection, "SELECT patient_key, role FROM patient_role"))
    assert {entered[key] >= 2019 for key, role in roles.items() if role == "later_years"} == {True}
    assert {entered[key] < 2019 for key, role in roles.items() if role in {"development", "heart_failure"}} == {True}
    assert {entered[key] >= 2019 for key, role in roles.items() if role == "sealed"} == {True, False}


def test_one_study_a_patient_is_the_headline(connection):
    assert fetch(
        connection, "SELECT DISTINCT heads FROM (SELECT count_if(headline) heads FROM cohort GROUP BY patient_key)"
    ) == [(1,)]
    first = fetch(connection, "SELECT count(*) FROM cohort WHERE headline")[0][0]
    assert first == len(placed(connection))


def test_one_study_a_patient_is_kept_where_the_settings_say_so_and_the_others_are_counted(connection, tmp_path):
    one = cohort_of(tmp_path, rows_of(range(400)), SETTINGS.model_copy(update={"studies": "one"}))
    everything = "SELECT study_key FROM cohort WHERE headline ORDER BY ALL"
    assert fetch(one, "SELECT study_key FROM cohort ORDER BY ALL") == fetch(connection, everything)
    assert placed(one) == placed(connection)
    counts = dict(fetch(one, "SELECT reason, studies FROM attrition"))
    labelled = counts["COHORT"] + counts["EXCL_OTHER_STUDY"] + counts["EXCL_BEFORE_HEART_FAILURE"] + counts["EXCL_AGE"]
    assert counts["EXCL_OTHER_STUDY"] > 300
    assert labelled == counts["LABELLED"]
    build(one)
    score(one, ClinicalScores())
    assert {name: check(one, name) for name in names()} == dict.fromkeys(names(), 0)


def test_adding_patients_never_moves_one(connection, tmp_path):
    fewer = cohort_of(tmp_path, rows_of(range(0, 400, 7)))
    everyone = placed(connection)
    assert all(everyone[key] == place for key, place in placed(fewer).items())
    assert len(placed(fewer)) > 50


def test_another_salt_deals_anew(connection, tmp_path):
    other = cohort_of(tmp_path, rows_of(range(100)), SETTINGS.model_copy(update={"salt": "another"}))
    everyone = placed(connection)
    assert any(everyone[key] != place for key, place in placed(other).items())


def test_all_studies_of_a_merged_person_are_in_one_fold(tmp_path):
    rows = rows_of(range(60)) | {"identity": [(f"P{number}", f"P{number + 30}") for number in range(30)]}
    connection = cohort_of(tmp_path, rows)
    assert len(placed(connection)) == 30
    assert check(connection, "no_patient_in_two_folds_or_roles") == 0


@pytest.mark.parametrize(
    ("birth", "kept"), [("1996-12-01", 2), ("1997-06-01", 1), ("2001-01-01", 0), (None, 2), ("1906-01-01", 1)]
)
def test_age_limits_hold_at_each_study_and_an_unknown_age_stays(tmp_path, birth, kept):
    settings = Cohort(reader_fraction=0, heart_failure_fraction=0, maximum_age=110)
    connection = cohort_of(tmp_path, rows_of([1], birth), settings)
    assert fetch(connection, "SELECT count(*) FROM cohort") == [(kept,)]
    assert fetch(connection, "SELECT studies FROM attrition WHERE reason = 'EXCL_AGE'") == [(2 - kept,)]
    assert check(connection, "attrition_reconciles") == 0


@pytest.mark.parametrize(
    ("surviving", "absorbed", "expected"),
    [
        ("sealed", "development", "development"),
        ("reader", "development", "development"),
        ("development", "sealed", "development"),
        ("sealed", "reader", "sealed"),
    ],
)
def test_a_merged_person_who_was_trained_on_is_judged_by_no_set_apart(tmp_path, surviving, absorbed, expected):
    connection = cohort_of(tmp_path, rows_of(range(400)))
    keys = {
        role: fetch(connection, f"SELECT min(patient_key) FROM patient_role WHERE role = '{role}'")[0][0]
        for role in ("development", "sealed", "reader")
    }
    into, gone = keys[surviving], keys[absorbed]
    for table in ("patient_alias", "study", "outcome", "diagnosis", "patient"):
        connection.execute(f"UPDATE {table} SET patient_key = ? WHERE patient_key = ?", [into, gone])
    select(connection, SETTINGS)
    roles = fetch(connection, f"SELECT DISTINCT role FROM cohort WHERE patient_key = '{into}'")
    assert roles == [(expected,)]
    select(connection, SETTINGS)
    assert fetch(connection, f"SELECT DISTINCT role FROM cohort WHERE patient_key = '{into}'") == roles


def test_icd_9_heart_failure_counts(tmp_path):
    rows = rows_of([1]) | {"diagnosis": [("P1", "ICD9CM", "428.0", START)]}
    connection = cohort_of(tmp_path, rows, Cohort(reader_fraction=0, heart_failure_fraction=0.499, salt="x"))
    whole = cohort_of(tmp_path, rows, Cohort(reader_fraction=0, heart_failure_fraction=0, salt="x"))
    roles = {fetch(one, "SELECT DISTINCT role FROM cohort")[0][0] for one in (connection, whole)}
    assert roles <= {"heart_failure", "development"}
    assert fetch(whole, "SELECT DISTINCT role FROM cohort") == [("development",)]


@pytest.mark.parametrize(
    ("defect", "assertion"),
    [
        ("UPDATE cohort SET fold = (fold + 1) % 5 WHERE headline AND fold >= 0", "no_patient_in_two_folds_or_roles"),
        ("UPDATE cohort SET role = 'reader' WHERE headline AND fold >= 0", "folds_only_in_development"),
        ("UPDATE cohort SET label = 1 - label", "cohort_is_labelled"),
        ("DELETE FROM outcome WHERE label = 0", "cohort_is_labelled"),
        ("UPDATE outcome SET days = 3 WHERE label = 0", "no_label_without_follow_up"),
        ("UPDATE outcome SET reason = 'EXCL_AGE' WHERE label = 0", "no_label_without_follow_up"),
        ("DELETE FROM contact", "no_label_without_follow_up"),
        ("UPDATE outcome SET label = 1 WHERE label = 0", "no_label_without_follow_up"),
        ("INSERT INTO cohort SELECT * FROM cohort LIMIT 1", "cohort_studies_are_unique"),
        ("UPDATE cohort SET headline = false", "cohort_studies_are_unique"),
        ("DELETE FROM cohort WHERE fold = 2", "attrition_reconciles"),
        ("DELETE FROM outcome WHERE label = 0", "attrition_reconciles"),
        ("UPDATE attrition SET studies = studies + 1 WHERE step = 10", "attrition_reconciles"),
        ("DELETE FROM patient WHERE sex = 'F'", "every_study_has_its_patient"),
        ("UPDATE staging_count SET rows_staged = rows_staged - 1", "staging_reconciles"),
        (
            "INSERT INTO score SELECT study_key, 'ehr', (fold + 1) % 5, NULL, 0, NULL FROM cohort WHERE fold >= 0",
            "no_score_outside_its_fold",
        ),
    ],
)
def test_each_defect_is_seen_by_its_assertion(connection, defect, assertion):
    assert check(connection, assertion) == 0
    connection.begin()
    try:
        connection.execute(defect)
        assert check(connection, assertion) > 0
    finally:
        connection.rollback()


def test_an_unknown_assertion_is_an_error(connection):
    with pytest.raises(ValueError, match="no assertion"):
        check(connection, "../tables/cohort/cohort")


def test_studies_that_lack_only_follow_up_are_kept_apart_with_the_fold_of_their_patient(tmp_path):
    rows = rows_of(range(60))
    last = START + timedelta(days=1900)
    rows["study"] += [(f"S{number}.9", f"P{number}", last, "") for number in range(60)]
    rows["patient"] += [("lost", "1950-01-01", "F", ""), ("never", "1950-01-01", "M", "")]
    rows["study"] += [("lost.0", "lost", START, ""), ("never.0", "never", START, "")]
    rows["contact"].append(("lost", START + timedelta(days=100), "visit"))
    connection = cohort_of(tmp_path, rows)
    censored = {key: rest for key, *rest in fetch(connection, "SELECT study_key, days, event FROM censored")}
    assert censored[study_key("lost.0")] == [100, False] and censored[study_key("never.0")] == [0, False]
    assert censored[study_key("S1.9")] == [100, False] and study_key("S5.9") not in censored  # P5 died on day 1990
    before = placed(cohort_of(tmp_path / "before", rows_of(range(60))))
    assert placed(connection) == before, "censored studies move nobody"
    kept = ["censored_studies_are_not_labelled", "no_patient_in_two_folds_or_roles", "cohort_is_labelled"]
    assert [check(connection, name) for name in kept] == [0, 0, 0]
