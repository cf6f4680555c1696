"""Values from outside the study: the last one before it, or as in the method the nearest, before or after it; and what
the checks allow of each."""

from datetime import datetime, timedelta

import pytest
from extracts import fetch, person, staged, study_key

from echomort.settings import Features, load_settings
from warehouse.checks.assertions import check
from warehouse.tables.feature.features import build

AT = datetime(2018, 5, 1, 9, 30)
DAY = timedelta(days=1)
LEAKS = ("no_feature_after_its_echo", "no_feature_without_an_earlier_record")
NEAREST = {"outside_values": "nearest"}


def made(folder, measurements, study_at=AT, **settings):
    """Return the warehouse of study S, of one patient."""
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", study_at, "")],
        "measurement": [("P", *row) for row in measurements],
        "diagnosis": [("P", "ICD10CM", "I21.4", AT + 2 * DAY)],
    }
    connection, _ = staged(folder, rows)
    build(connection, Features(**settings))
    assert [check(connection, leak) for leak in LEAKS] == [0, 0]
    return connection


def ldl(*values, study=""):
    """Return LDL values, each with its distance from the echo."""
    return [(study, "ldl", number, "mg/dL", AT + distance) for number, distance in values]


def value(connection, variable="ldl"):
    """Return one feature of study S."""
    ((found,),) = fetch(connection, f"SELECT {variable} FROM feature WHERE study_key = '{study_key('S')}'")
    return found


DISTANCES = [
    # values and their distances from the echo, what is taken as the last before, what as the nearest
    ([(90, -20 * DAY), (120, 5 * DAY)], 90, 120),
    ([(90, -5 * DAY), (120, 20 * DAY)], 90, 90),
    ([(90, -5 * DAY), (120, 5 * DAY)], 90, 90),  # equally far: the earlier
    ([(120, 5 * DAY)], None, 120),
    ([(90, -200 * DAY)], 90, None),  # within the catalogue's year, beyond six months
    ([(90, -300 * DAY), (120, 100 * DAY), (130, 101 * DAY)], 90, 120),
    ([(80, 5 * DAY), (100, 5 * DAY)], None, 90),  # of one time: the mean
    ([(90, timedelta(0)), (120, timedelta(minutes=-1))], 90, 90),
    ([(90, timedelta(hours=-9)), (120, timedelta(hours=8))], 90, 120),
]
SIX_MONTHS = [(183, 120), (184, None), (-183, 120), (-184, None)]


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """The LDL of a patient a case, by the case's values: the last before the echo, and the nearest to it."""
    cases = [*(tuple(values) for values, *_ in DISTANCES), *(((120, days * DAY),) for days, _ in SIX_MONTHS)]
    rows = {
        "patient": [person(f"P{place}") for place in range(len(cases))],
        "study": [(f"S{place}", f"P{place}", AT, "") for place in range(len(cases))],
        "measurement": [(f"P{place}", *row) for place, case in enumerate(cases) for row in ldl(*case)],
        "diagnosis": [(f"P{place}", "ICD10CM", "I21.4", AT + 2 * DAY) for place in range(len(cases))],
    }
    connection, _ = staged(tmp_path_factory.mktemp("distances"), rows)
    found = []
    for settings in ({}, NEAREST):
        build(connection, Features(**settings))
        assert [check(connection, leak) for leak in LEAKS] == [0, 0]
        by_study = dict(fetch(connection, "SELECT study_key, ldl FROM feature"))
        found.append([by_study[study_key(f"S{place}")] for place in range(len(cases))])
    return dict(zip(cases, zip(*found, strict=True), strict=True))


@pytest.mark.parametrize(("values", "before", "nearest"), DISTANCES)
def test_the_nearest_value_in_time_is_taken_or_the_last_before(taken, values, before, nearest):
    assert taken[tuple(values)] == (before, nearest)


@pytest.mark.parametrize(("days", "found"), SIX_MONTHS)
def test_six_months_are_183_days_on_both_sides(taken, days, found):
    assert taken[(120, days * DAY),][1] == found


def test_the_limit_is_a_setting(tmp_path):
    values = ldl((120, 30 * DAY))
    assert value(made(tmp_path / "a", values, outside_days=29, **NEAREST)) is None
    assert value(made(tmp_path / "b", values, outside_days=30, **NEAREST)) == 120


def test_what_was_measured_in_the_study_comes_first(tmp_path):
    values = [*ldl((120, timedelta(minutes=1))), *ldl((90, timedelta(hours=-1)), study="S")]
    assert value(made(tmp_path, values, **NEAREST)) == 90


def test_values_of_the_echo_and_diagnoses_are_never_from_after_it(tmp_path):
    later = [("", "lvef", 40, "%", AT + DAY), ("S", "mr_grade", 2, "", AT + DAY)]
    connection = made(tmp_path, later, **NEAREST)
    assert [value(connection, name) for name in ("lvef", "mr_grade", "dx_i21")] == [None, None, 0]


def test_a_value_of_the_echo_s_day_without_a_time_is_near_and_not_counted_as_left_out(tmp_path):
    values = [("", "ldl", 90, "mg/dL", AT.date())]
    counted = "SELECT reason, count FROM feature_refusal"
    before, nearest = made(tmp_path / "a", values), made(tmp_path / "b", values, **NEAREST)
    assert (value(before), fetch(before, counted)) == (None, [("SAME_DAY_WITHOUT_TIME", 1)])
    assert (value(nearest), fetch(nearest, counted)) == (90, [])


@pytest.mark.parametrize("same_day", ["exclude", "before"])
def test_an_echo_without_a_time_has_a_nearest_value_too(tmp_path, same_day):
    values = ldl((90, -40 * DAY), (120, 3 * DAY))
    assert value(made(tmp_path, values, study_at=AT.date(), same_day=same_day, **NEAREST)) == 120


def test_preset_paper_takes_the_nearest_within_six_months_and_standard_the_last_before():
    chosen = {
        preset: load_settings(flags={"preset": preset}, environment={}).features
        for preset in ("paper", "standard", "demo")
    }
    assert (chosen["paper"].outside_values, chosen["paper"].outside_days) == ("nearest", 183)
    assert {chosen[preset].outside_values for preset in ("standard", "demo")} == {"before"}


# --- what the checks allow ----------------------------------------------------------------------------------------


def offending(connection, defect):
    """Return what both checks count after ``defect``, which is undone."""
    connection.begin()
    connection.execute(defect)
    found = [check(connection, leak) for leak in LEAKS]
    connection.rollback()
    return found


def test_with_the_nearest_a_record_beyond_six_months_is_still_an_error(tmp_path):
    connection = made(tmp_path, ldl((120, 100 * DAY)), **NEAREST)
    later = "latest_outside_at + INTERVAL"
    assert offending(connection, f"UPDATE feature_evidence SET latest_outside_at = {later} 83 DAY") == [0, 0]
    assert offending(connection, f"UPDATE feature_evidence SET latest_outside_at = {later} 84 DAY") == [1, 0]
    assert offending(connection, "UPDATE measurement SET measured_at = measured_at + INTERVAL 83 DAY") == [0, 0]
    assert offending(connection, "UPDATE measurement SET measured_at = measured_at + INTERVAL 84 DAY") == [0, 1]
    assert offending(connection, "UPDATE measurement SET measured_at = measured_at - INTERVAL 284 DAY") == [0, 1]


@pytest.mark.parametrize(
    ("defect", "found"),
    [
        ("UPDATE feature SET lvef = 40", [0, 1]),
        ("UPDATE feature SET dx_i21 = 1", [0, 1]),
        ("UPDATE feature SET hdl = 50", [0, 1]),
        ("UPDATE feature_evidence SET latest_measured_at = latest_outside_at", [1, 0]),
        ("UPDATE feature_evidence SET latest_diagnosed_at = latest_outside_at", [1, 0]),
        ("UPDATE feature_evidence SET latest_own_date = CAST(latest_outside_at AS DATE)", [1, 0]),
        ("DELETE FROM feature_outside", [1, 1]),
    ],
)
def test_with_the_nearest_nothing_else_may_be_later(tmp_path, defect, found):
    connection = made(tmp_path, [*ldl((120, 100 * DAY)), ("", "lvef", 40, "%", AT + DAY)], **NEAREST)
    assert offending(connection, defect) == found


def test_with_the_last_before_a_later_value_is_an_error_even_a_day_after(tmp_path):
    connection = made(tmp_path, ldl((120, DAY)))
    assert fetch(connection, "FROM feature_outside") == []
    assert offending(connection, "UPDATE feature SET ldl = 120") == [0, 1]
    study_time = "(SELECT study_at FROM study)"
    assert offending(connection, f"UPDATE feature_evidence SET latest_outside_at = {study_time}") == [1, 0]
