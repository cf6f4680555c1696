"""Outcomes and cohort at several horizons: one set of rules, one role and fold a patient, and the laws that follow."""

from collections import Counter
from datetime import date, timedelta

import pytest
from extracts import KEYRING, fetch, patient_key, person, staged, study_key

from echomort.settings import Cohort, Outcome
from warehouse.checks.assertions import check
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.outcome.outcomes import link

DAY = date(2018, 5, 1)
OPEN = Outcome(require_full_window=False)
COHORT = Cohort(reader_fraction=0.1, sealed_fraction=0.1, heart_failure_fraction=0.45, later_from=2017)
KEPT = (
    "horizons_agree",
    "no_label_without_follow_up",
    "cohort_is_labelled",
    "cohort_studies_are_unique",
    "cohort_is_the_same_at_its_horizon",
    "folds_only_in_development",
    "no_patient_in_two_folds_or_roles",
    "attrition_reconciles",
)


def labels(folder, deaths=(), contacts=(), settings=OPEN):
    """Return horizon -> label, or reason, of one study of one patient on DAY."""
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", DAY, "")],
        "death": [("P", day, "registry") for day in deaths],
        "contact": [("P", day, "visit") for day in contacts],
    }
    connection, _ = staged(folder, rows)
    link(connection, settings, KEYRING)
    assert check(connection, "horizons_agree") == 0
    said = "SELECT horizon_days, coalesce(label::VARCHAR, reason) FROM outcome_at_horizon ORDER BY horizon_days"
    found = fetch(connection, said)
    return {days: int(said) if said.isdigit() else said for days, said in found}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, (1, 1, 1, 1)),
        (90, (1, 1, 1, 1)),
        (91, (0, 1, 1, 1)),
        (180, (0, 1, 1, 1)),
        (181, (0, 0, 1, 1)),
        (365, (0, 0, 0, 1)),
        (366, (0, 0, 0, 0)),
    ],
)
def test_a_death_on_the_last_day_of_a_horizon_is_an_event_at_it(tmp_path, days, expected):
    assert tuple(labels(tmp_path, [DAY + timedelta(days=days)]).values()) == expected


@pytest.mark.parametrize(
    ("days", "survived"),
    [(89, 0), (90, 1), (179, 1), (180, 2), (364, 3), (365, 4)],
)
def test_a_study_that_is_followed_for_less_than_a_year_has_the_labels_of_the_horizons_before(tmp_path, days, survived):
    found = labels(tmp_path, contacts=[DAY + timedelta(days=days)])
    assert list(found.values()) == [0] * survived + ["EXCL_CENSORED_LT_1Y"] * (4 - survived)


def test_with_the_full_window_the_end_of_the_data_cuts_each_horizon_by_itself(tmp_path):
    full = Outcome()
    assert labels(tmp_path, [DAY + timedelta(days=3)], settings=full) == dict.fromkeys(
        full.horizons, "EXCL_INCOMPLETE_WINDOW"
    )
    rows = {
        "patient": [person("P"), person("witness")],
        "study": [("S", "P", DAY, "")],
        "death": [("P", DAY + timedelta(days=3), "registry")],
        "contact": [("witness", DAY + timedelta(days=200), "visit")],
    }
    connection, _ = staged(tmp_path / "longer", rows)
    link(connection, full, KEYRING)
    found = fetch(connection, "SELECT horizon_days, label, reason FROM outcome_at_horizon ORDER BY 1")
    late = "EXCL_INCOMPLETE_WINDOW"
    assert found == [(90, 1, None), (180, 1, None), (270, None, late), (365, None, late)]
    assert fetch(connection, "SELECT label, reason FROM outcome") == [(None, late)]


@pytest.mark.parametrize(
    ("death", "expected"),
    [
        ("2018-07", (None, 1, 1, 1)),  # days 61 to 91
        ("2018-06", (1, 1, 1, 1)),  # days 31 to 60
        ("2018-10", (0, None, 1, 1)),  # days 153 to 183
        ("2019", (0, 0, None, None)),  # days 245 to 609
        ("2020", (0, 0, 0, 0)),
    ],
)
def test_a_partial_date_is_uncertain_only_at_the_horizons_that_it_straddles(tmp_path, death, expected):
    said = [label if label is not None else "EXCL_DEATH_DATE_UNCERTAIN" for label in expected]
    assert list(labels(tmp_path, [death]).values()) == said


def test_the_main_horizon_is_always_among_them(tmp_path):
    settings = Outcome(require_full_window=False, horizon_days=30, horizons=(90, 365))
    assert labels(tmp_path, [DAY + timedelta(days=31)], settings=settings) == {30: 0, 90: 1, 365: 1}
    assert Outcome(horizon_days=90).all_horizons == (90, 180, 270, 365)
    assert Outcome(horizons=()).all_horizons == (365,)


@pytest.mark.parametrize("horizons", [(90, 90), (180, 90), (0, 90), (90, 3651)])
def test_horizons_are_distinct_ascending_and_within_ten_years(horizons):
    with pytest.raises(ValueError, match="distinct days, ascending"):
        Outcome(horizons=horizons)


# --- many patients ------------------------------------------------------------------------------------------------


def rows_of(patients):
    """Return an extract: two studies a patient; some die, exactly or not, some are lost, a few are young."""
    rows = {table: [] for table in ("patient", "study", "death", "contact", "diagnosis")}
    for number in range(patients):
        name, first = f"P{number}", date(2015, 1, 1) + timedelta(days=(number * 37) % 1000)
        rows["patient"].append(person(name, "2004-01-01" if number % 23 == 0 else "1950-03-04"))
        second = first + timedelta(days=60 + number % 200)
        rows["study"] += [(f"S{number}.{place}", name, day, "") for place, day in enumerate((first, second))]
        end = second + timedelta(days=(number * 53) % 700)
        if number % 4 == 0:
            rows["death"].append((name, f"{end:%Y-%m}" if number % 8 == 0 else end, "registry"))
        elif number % 4 != 3:
            rows["contact"].append((name, end, "visit"))
        if number % 3 == 0:
            rows["diagnosis"].append((name, "ICD10CM", "I50.22", first - timedelta(days=30)))
    return rows


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    connection, _ = staged(tmp_path_factory.mktemp("extract"), rows_of(400))
    return connection


def made(connection, outcome=OPEN, cohort=COHORT):
    """Return the warehouse with outcomes and cohort by these settings, on which every check holds."""
    link(connection, outcome, KEYRING)
    select(connection, cohort)
    assert {name: check(connection, name) for name in KEPT} == dict.fromkeys(KEPT, 0)
    return connection


SETTINGS = [
    (OPEN, COHORT),
    (Outcome(), COHORT),
    (OPEN, COHORT.model_copy(update={"studies": "one"})),
    (Outcome(horizon_days=180), COHORT),
]


@pytest.mark.parametrize(("outcome", "cohort"), SETTINGS)
def test_who_is_dead_stays_dead_and_who_lives_has_lived(warehouse, outcome, cohort):
    made(warehouse, outcome, cohort)
    by_study = {}
    for key, days, label in fetch(
        warehouse, "SELECT study_key, horizon_days, label FROM outcome_at_horizon WHERE label IS NOT NULL ORDER BY 2"
    ):
        by_study.setdefault(key, []).append((days, label))
    known = [[label for _, label in one] for one in by_study.values()]
    assert all(one == sorted(one) for one in known)
    assert Counter(len(one) for one in known).keys() >= {1, 2, 3, 4}, "some are labelled at some horizons alone"
    assert {(0, 1), (0,), (1,)} <= {tuple(sorted(set(one))) for one in known}


@pytest.mark.parametrize(("outcome", "cohort"), SETTINGS)
def test_at_the_main_horizon_the_cohort_is_the_cohort(warehouse, outcome, cohort):
    made(warehouse, outcome, cohort)
    columns = "study_key, patient_key, role, fold, label, headline"
    there = fetch(
        warehouse,
        f"SELECT {columns} FROM cohort_at_horizon WHERE horizon_days = {outcome.horizon_days} ORDER BY study_key",
    )
    assert there == fetch(warehouse, f"SELECT {columns} FROM cohort ORDER BY study_key")
    assert len(there) > 100


@pytest.mark.parametrize(("outcome", "cohort"), SETTINGS)
def test_each_horizon_is_what_a_project_with_that_main_horizon_has(warehouse, outcome, cohort):
    made(warehouse, outcome, cohort)
    columns = "study_key, patient_key, role, fold, label, headline"
    everything = {
        days: fetch(
            warehouse, f"SELECT {columns} FROM cohort_at_horizon WHERE horizon_days = {days} ORDER BY study_key"
        )
        for days in outcome.all_horizons
    }
    for days, rows in everything.items():
        made(warehouse, outcome.model_copy(update={"horizon_days": days}), cohort)
        assert fetch(warehouse, f"SELECT {columns} FROM cohort ORDER BY study_key") == rows


@pytest.mark.parametrize(("outcome", "cohort"), SETTINGS)
def test_every_labelled_study_of_a_horizon_is_in_its_cohort_or_left_out_for_a_reason(warehouse, outcome, cohort):
    made(warehouse, outcome, cohort)
    labelled = dict(fetch(warehouse, "SELECT horizon_days, count(label) FROM outcome_at_horizon GROUP BY ALL"))
    young = {patient_key(f"P{number}") for number in range(0, 400, 23)}
    of_age = fetch(
        warehouse, "SELECT horizon_days, patient_key FROM outcome_at_horizon WHERE label IS NOT NULL ORDER BY ALL"
    )
    expected = Counter(days for days, key in of_age if key not in young)
    if cohort.studies == "one":
        expected = Counter(days for days, key in set(of_age) if key not in young)
    assert dict(fetch(warehouse, "SELECT horizon_days, count(*) FROM cohort_at_horizon GROUP BY ALL")) == expected
    assert all(expected[days] < labelled[days] for days in labelled)
    assert expected[90] > expected[365] > 0


def test_a_patient_has_one_role_and_fold_at_all_horizons_and_one_headline_at_each(warehouse):
    made(warehouse)
    places = fetch(warehouse, "SELECT DISTINCT patient_key, role, fold FROM cohort_at_horizon")
    assert len(places) == len({key for key, *_ in places})
    assert {role for _, role, _ in places} == {"development", "reader", "sealed", "heart_failure", "later_years"}
    heads = fetch(
        warehouse,
        "SELECT DISTINCT count_if(headline) FROM cohort_at_horizon GROUP BY patient_key, horizon_days",
    )
    assert heads == [(1,)]


@pytest.mark.parametrize(
    ("defect", "assertion"),
    [
        ("UPDATE outcome_at_horizon SET label = 0 WHERE label = 1 AND horizon_days = 365", "horizons_agree"),
        ("DELETE FROM outcome_at_horizon WHERE horizon_days = 90 AND label = 1", "horizons_agree"),
        ("INSERT INTO outcome_at_horizon SELECT * FROM outcome_at_horizon LIMIT 1", "horizons_agree"),
        ("UPDATE outcome SET label = 1 - label WHERE label = 0", "horizons_agree"),
        ("UPDATE outcome_at_horizon SET label = 1 WHERE label = 0 AND horizon_days = 90", "no_label_without_follow_up"),
        (
            "UPDATE outcome_at_horizon SET label = 0, reason = NULL WHERE reason = 'EXCL_CENSORED_LT_1Y'",
            "no_label_without_follow_up",
        ),
        ("UPDATE outcome_at_horizon SET reason = 'EXCL_AGE' WHERE label = 0", "no_label_without_follow_up"),
        ("UPDATE cohort_at_horizon SET label = 1 - label WHERE horizon_days = 180", "cohort_is_labelled"),
        ("UPDATE cohort_at_horizon SET headline = false WHERE horizon_days = 270", "cohort_studies_are_unique"),
        ("INSERT INTO cohort_at_horizon SELECT * FROM cohort_at_horizon LIMIT 1", "cohort_studies_are_unique"),
        (
            "UPDATE cohort_at_horizon SET fold = (fold + 1) % 5 WHERE fold >= 0 AND horizon_days = 90",
            "no_patient_in_two_folds_or_roles",
        ),
        ("UPDATE cohort_at_horizon SET fold = 2 WHERE role = 'sealed'", "folds_only_in_development"),
        ("DELETE FROM cohort_at_horizon WHERE horizon_days = 90 AND fold = 3", "cohort_is_the_same_at_its_horizon"),
        ("DELETE FROM cohort_at_horizon WHERE horizon_days = 365 AND fold = 3", "cohort_is_the_same_at_its_horizon"),
        ("UPDATE cohort SET headline = NOT headline", "cohort_is_the_same_at_its_horizon"),
    ],
)
def test_each_defect_of_a_horizon_is_seen_by_its_assertion(warehouse, defect, assertion):
    made(warehouse)
    warehouse.begin()
    try:
        warehouse.execute(defect)
        assert check(warehouse, assertion) > 0
    finally:
        warehouse.rollback()


def test_a_study_without_any_label_is_there_with_its_reason_at_every_horizon(warehouse):
    made(warehouse)
    key = study_key("S3.1")  # nothing follows it
    found = fetch(warehouse, f"SELECT DISTINCT label, reason FROM outcome_at_horizon WHERE study_key = '{key}'")
    assert found == [(None, "EXCL_NO_FOLLOWUP")]
