"""Deaths and births of which the day is not known: what is known of the patient cuts the interval."""

from datetime import date, timedelta

import pytest
from extracts import KEYRING, empty_warehouse, fetch, patient_key, person, study_key, write_extract

from echomort.settings import Outcome
from warehouse.checks.assertions import check
from warehouse.staging.staging import stage
from warehouse.tables.outcome.outcomes import link

OPEN = Outcome(require_full_window=False)
UNCERTAIN = "EXCL_DEATH_DATE_UNCERTAIN"
BEFORE = "EXCL_DEATH_BEFORE_STUDY"
ECHO = ["2018-06-15 10:00:00"]
"""The echo whose horizon is 2019-06-15."""


def warehouse(folder, rows, settings=OPEN, extracted_on=None, dates="shifted"):
    """Return the labelled warehouse and the report of its staging."""
    connection = empty_warehouse()
    write_extract(folder, rows)
    report = stage(connection, folder, "canonical", KEYRING, dates, extracted_on=extracted_on, outcome=settings)
    link(connection, settings, KEYRING)
    for law in ("horizons_agree", "no_label_without_follow_up", "attrition_reconciles"):
        assert check(connection, law) == 0
    return connection, report


def judged(folder, lives, **rules):
    """Return [label or reason of each study] and [days of each study] of every life.

    ``lives`` are (times of studies, (date, source) of deaths, contacts as dates or (date, kind)), one patient each.
    """
    rows = {"patient": [], "study": [], "death": [], "contact": []}
    for name, (studies, deaths, contacts) in enumerate(lives):
        rows["patient"].append(person(str(name)))
        rows["study"] += [(f"S{name}.{place}", name, at, "") for place, at in enumerate(studies)]
        rows["death"] += [(name, *death) for death in deaths]
        rows["contact"] += [(name, *((one, "visit") if isinstance(one, str) else one)) for one in contacts]
    connection, _ = warehouse(folder, rows, **rules)
    found = {key: rest for key, *rest in fetch(connection, "SELECT study_key, label, reason, days FROM outcome")}
    told = [[found[study_key(f"S{name}.{place}")] for place in range(len(one[0]))] for name, one in enumerate(lives)]
    labels = [[label if reason is None else reason for label, reason, _ in one] for one in told]
    return labels, [[days for *_, days in one] for one in told]


# --- deaths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_a_death_in_the_echo_s_month_is_within_the_year(tmp_path, dates):
    days_of_echo = [1, 2, 14, 15, 16, 29, 30]
    lives = [
        ([f"2018-06-{day:02} 10:00:00"], [(written, "registry")], [])
        for written in ("2018-06", "2018-06-00")
        for day in days_of_echo
    ]
    labels, days = judged(tmp_path, lives, dates=dates)
    assert labels == [[1]] * len(lives)
    assert all(0 <= one <= 30 - day for (one,), day in zip(days, days_of_echo * 2, strict=True))


CUT = [
    ("2018", [], 1),
    ("2018-00-00", [], 1),
    ("2019-05", [], 1),
    ("2019-06", [], UNCERTAIN),
    ("2019-06", ["2019-06-15"], UNCERTAIN),
    ("2019-06", ["2019-06-16"], 0),
    ("2019-06", [("2019-06-16", "Telephone")], UNCERTAIN),
    ("2019-06", [("2019-06-16", "Death certificate")], UNCERTAIN),
    ("2019-06", ["2019-07-10"], UNCERTAIN),  # a late entry says nothing of a day in June
    ("2019-07", [], 0),
    ("2019", [], UNCERTAIN),
    ("2019", ["2019-02-01"], UNCERTAIN),
    ("2019", ["2019-07-01"], 0),
    ("2019", ["2019-07-01", "2019-02-01"], 0),
    ("2018-05", [], BEFORE),
]


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_the_last_evidence_of_life_cuts_the_interval(tmp_path, dates):
    labels, days = judged(tmp_path, [(ECHO, [(death, "registry")], seen) for death, seen, _ in CUT], dates=dates)
    assert [one for (one,) in labels] == [expected for *_, expected in CUT]
    assert all((one <= 365) == label for (one,), (label,) in zip(days, labels, strict=True) if label in {0, 1})


SEVERAL = [
    ([("2019", "registry"), ("2019-05", "record")], 1),
    ([("2019-05", "registry"), ("2019", "record"), ("2019", "hospital")], 1),
    ([("2019", "registry"), ("2019-08", "record")], 0),
    ([("2019-04", "registry"), ("2019-05", "record")], 1),
    ([("2019-05", "registry"), ("2019-08", "record")], UNCERTAIN),
    ([("2019-06-20", "registry"), ("2019-06", "record")], 0),
    ([("2019-06-10", "record"), ("2019", "registry")], 1),
    ([("2018-08-01", "registry"), ("2019-09-01", "hospital")], UNCERTAIN),
]


def test_partial_dates_that_overlap_agree_on_what_all_of_them_leave(tmp_path):
    labels, _ = judged(tmp_path, [(ECHO, deaths, []) for deaths, _ in SEVERAL])
    assert [one for (one,) in labels] == [expected for _, expected in SEVERAL]


def test_exact_dates_that_disagree_are_not_decided_by_a_contact(tmp_path):
    deaths = [("2018-08-01", "registry"), ("2019-09-01", "hospital")]
    assert judged(tmp_path, [(ECHO, deaths, ["2019-08-20"])])[0] == [[UNCERTAIN]]


@pytest.mark.parametrize(("day", "expected"), [(date(2019, 6, 15), 1), (date(2019, 6, 16), UNCERTAIN)])
def test_a_partial_death_ends_with_the_extract(tmp_path, day, expected):
    assert judged(tmp_path, [(ECHO, [("2019", "registry")], [])], extracted_on=day)[0] == [[expected]]


def test_a_later_echo_is_evidence_for_the_earlier_one(tmp_path):
    lives = [([*ECHO, "2019-07-02 10:00:00"], [("2019-07", "registry")], [])]
    labels, ((first, second),) = judged(tmp_path, lives)
    assert labels == [[0, 1]]
    assert first - second == 382


def test_every_horizon_has_its_own_answer(tmp_path):
    at = "SELECT horizon_days, label, reason FROM outcome_at_horizon ORDER BY horizon_days"
    rows = {"patient": [person("P")], "study": [("S", "P", *ECHO)], "death": [("P", "2018-09", "registry")]}
    connection, _ = warehouse(tmp_path, rows)
    assert fetch(connection, at) == [(90, None, UNCERTAIN), (180, 1, None), (270, 1, None), (365, 1, None)]
    connection, _ = warehouse(tmp_path, rows | {"contact": [("P", "2018-09-14", "visit")]})
    assert fetch(connection, at)[0] == (90, 0, None)


@pytest.mark.parametrize(("full", "expected"), [(True, "EXCL_INCOMPLETE_WINDOW"), (False, UNCERTAIN)])
def test_a_month_around_the_registry_s_end_is_uncertain(tmp_path, full, expected):
    rule = Outcome(follow_up="registry", registry_complete_through=date(2018, 12, 15), require_full_window=full)
    assert judged(tmp_path, [(ECHO, [("2018-12", "registry")], [])], settings=rule)[0] == [[expected]]


# --- grace periods ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grace", [None, 0, 30])
def test_a_contact_after_death_is_a_late_entry_for_some_days(tmp_path, grace):
    settings = OPEN if grace is None else OPEN.model_copy(update={"contact_grace_days": grace})
    last = date(2018, 6, 30) + timedelta(days=60 if grace is None else grace)
    lives = [(ECHO, [("2018-06-30", "registry")], [str(last + timedelta(days=beyond))]) for beyond in (0, 1)]
    assert judged(tmp_path, lives, settings=settings)[0] == [[1], ["EXCL_CONTACT_AFTER_DEATH"]]


# Case I02 of foreign data, its kind varied: the echo of an organ donor, hours or days after the death.
@pytest.mark.parametrize("grace", [None, 0, 8])
def test_an_echo_soon_after_death_leaves_alone(tmp_path, grace):
    settings = OPEN if grace is None else OPEN.model_copy(update={"study_grace_days": grace})
    lives, expected = [], []
    for death, last in (("2018-06-18 03:00:00", 18), ("2018-06-18", 18), ("2018-06", 30)):
        for days in (1, 3, 7, 8, 9):
            late = date(2018, 6, last) + timedelta(days=days)
            lives.append(([*ECHO, f"{late} 00:30:00"], [(death, "hospital")], []))
            alone = days <= (7 if grace is None else grace)
            expected.append([1 if alone else "EXCL_PATIENT_QUARANTINED", BEFORE])
    assert judged(tmp_path, lives, settings=settings)[0] == expected


WITHIN_A_DAY = [
    ("2018-06-18 03:00:00", "2018-06-18 10:00:00", BEFORE),
    ("2018-06-18 03:00", "2018-06-18T03:00:01", BEFORE),
    ("2018-06-18 03:00:00", "2018-06-18 03:00:00", 1),
    ("2018-06-18 13:00:00", "2018-06-18 10:00:00", 1),
    ("2018-06-18", "2018-06-18 10:00:00", 1),  # no time: the order is unknown, and the day is day 0
    ("2018-06-18 00:00:00", "2018-06-18 10:00:00", 1),
    ("2018-06-18 03:00:00", "2018-06-18", 1),
]


@pytest.mark.parametrize(("registry", "decides"), [(None, True), ("2018-06-18", True), ("2018-06-19", False)])
def test_the_time_of_death_decides_within_its_day(tmp_path, registry, decides):
    said = [(registry, "registry")] if registry else []
    lives = [([*ECHO, echo], [(death, "hospital"), *said], []) for death, echo, _ in WITHIN_A_DAY]
    assert judged(tmp_path, lives)[0] == [[1, expected if decides else 1] for *_, expected in WITHIN_A_DAY]


# --- births -------------------------------------------------------------------------------------------------------

BIRTHS = [
    ("1950", date(1950, 1, 1), date(1950, 12, 31)),
    ("1950-00-00", date(1950, 1, 1), date(1950, 12, 31)),
    ("1950.0", date(1950, 1, 1), date(1950, 12, 31)),
    ("1952", date(1952, 1, 1), date(1952, 12, 31)),
    ("1950-06", date(1950, 6, 1), date(1950, 6, 30)),
    ("1952-02-00", date(1952, 2, 1), date(1952, 2, 29)),
]


def test_a_birth_of_which_the_day_is_unknown_gives_an_age_and_is_counted(tmp_path):
    rows = {"patient": [person(written, written) for written, *_ in BIRTHS[:2] + BIRTHS[3:]]}
    rows["patient"] += [person("float", "1950.0")]
    connection, report = warehouse(tmp_path, rows, dates="kept")
    born = dict(fetch(connection, "SELECT patient_key, birth_date FROM patient"))
    for written, first, last in BIRTHS:
        day = born[patient_key("float" if "." in written else written)]
        assert max((day - first).days, (last - day).days) <= ((last - first).days + 1) // 2
    assert [(one.table, one.reason, one.count, one.action) for one in report.conflicts if one.table == "patient"] == [
        ("patient", "PARTIAL_DATE", len(BIRTHS), "noted")
    ]


@pytest.mark.parametrize(
    ("births", "born", "reason"),
    [
        (("1950", "1950-03-04"), date(1950, 3, 4), None),
        (("1950-03", "1950"), date(1950, 3, 16), None),
        (("1950", "1950"), date(1950, 7, 2), None),
        (("1950", "1951-03-04"), None, "TWO_BIRTH_DATES"),
        (("1950-03", "1950-04-01"), None, "TWO_BIRTH_DATES"),
    ],
)
def test_partial_births_agree_with_dates_within_them(tmp_path, births, born, reason):
    connection, _ = warehouse(tmp_path, {"patient": [person("P", one) for one in births]}, dates="kept")
    assert fetch(connection, "SELECT birth_date FROM patient") == [(born,)]
    assert fetch(connection, "FROM quarantine") == ([(patient_key("P"), reason)] if reason else [])


def test_an_echo_in_the_year_of_birth_contradicts_nothing(tmp_path):
    births = ("2018", "2018-04", "2018-06", "2018-07")
    rows = {
        "patient": [person(birth, birth) for birth in births],
        "study": [(f"s{birth}", birth, "2018-06-02 10:00:00", "") for birth in births],
        "death": [(birth, "2018-06-10", "registry") for birth in births],
    }
    connection, _ = warehouse(tmp_path, rows, dates="kept")
    found = fetch(connection, "SELECT patient_key, birth_date, label FROM patient JOIN outcome USING (patient_key)")
    told = {key: (born <= date(2018, 6, 2), label) for key, born, label in found}
    assert told == {patient_key(birth): (True, 1) for birth in births[:3]} | {patient_key("2018-07"): (False, None)}
    assert {reason for _, reason in fetch(connection, "FROM quarantine")} == {
        "DEATH_BEFORE_BIRTH",
        "STUDY_BEFORE_BIRTH",
    }
