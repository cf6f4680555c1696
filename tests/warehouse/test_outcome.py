"""The label: every rule of docs/outcome.md, on both sides of its limit."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from extracts import KEYRING, fetch, patient_key, person, staged, study_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.core.keys import Keyring
from echomort.settings import Outcome
from warehouse.checks.assertions import check
from warehouse.tables.outcome.outcomes import link

OPEN = Outcome(require_full_window=False)


def outcome_of(folder, study_at, deaths=(), contacts=(), settings=OPEN):
    """Return (days, event, label, reason) of one study of one patient."""
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", study_at, "outpatient")],
        "death": [("P", day, source) for day, source in deaths],
        "contact": [("P", day, "visit") for day in contacts],
    }
    connection, _ = staged(folder, rows)
    link(connection, settings, KEYRING)
    (row,) = fetch(connection, "SELECT days, event, label, reason FROM outcome")
    return row


TABLE = [
    # study, death, last alive -> days, event, label, reason (clinical definitions, measured in DuckDB)
    ("2015-03-10", "2016-03-09", None, 365, True, 1, None),
    ("2015-03-10", "2016-03-10", None, 366, True, 0, None),
    ("2014-03-10", "2015-03-10", None, 365, True, 1, None),
    ("2014-03-10", "2015-03-11", None, 366, True, 0, None),
    ("2016-02-29", "2017-02-28", None, 365, True, 1, None),
    ("2016-02-29", "2017-03-01", None, 366, True, 0, None),
    ("2018-05-01", "2018-05-01", None, 0, True, 1, None),
    ("2018-05-01", "2018-04-30", None, -1, True, None, "EXCL_DEATH_BEFORE_STUDY"),
    ("2018-05-01", None, "2019-05-01", 365, False, 0, None),
    ("2018-05-01", None, "2019-04-30", 364, False, None, "EXCL_CENSORED_LT_1Y"),
    ("2018-05-01", None, "2018-05-01", 0, False, None, "EXCL_CENSORED_LT_1Y"),
    ("2018-05-01", None, None, None, None, None, "EXCL_NO_FOLLOWUP"),
    ("2018-05-01", "2020-01-01", "2018-06-01", 610, True, 0, None),
    ("2018-05-01", None, "2018-04-01", -30, False, None, "EXCL_FOLLOWUP_BEFORE_STUDY"),
    ("2019-12-31", "2020-01-01", None, 1, True, 1, None),
]


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_every_row_of_the_definition(tmp_path, dates):
    rows = {
        "patient": [person(f"P{number}") for number in range(len(TABLE))],
        "study": [(f"S{number}", f"P{number}", row[0], "") for number, row in enumerate(TABLE)],
        "death": [(f"P{number}", row[1], "registry") for number, row in enumerate(TABLE) if row[1]],
        "contact": [(f"P{number}", row[2], "visit") for number, row in enumerate(TABLE) if row[2]],
    }
    connection, _ = staged(tmp_path, rows, dates)
    link(connection, OPEN, KEYRING)
    found = {key: row for key, *row in fetch(connection, "SELECT study_key, days, event, label, reason FROM outcome")}
    assert [tuple(found[study_key(f"S{number}")]) for number in range(len(TABLE))] == [row[3:] for row in TABLE]


def test_a_study_just_before_midnight_and_a_death_that_day_are_the_same_day(tmp_path):
    assert outcome_of(tmp_path, "2018-05-01 23:50:00", [("2018-05-01 00:00:00", "registry")])[0] == 0


def test_a_contact_a_minute_after_midnight_is_a_day_later(tmp_path):
    assert outcome_of(tmp_path, "2018-05-01 23:59:00", contacts=["2019-05-01 00:01:00"])[:3] == (365, False, 0)


def test_a_study_without_a_date_is_counted_not_lost(tmp_path):
    assert outcome_of(tmp_path, None, contacts=["2019-05-01"])[3] == "EXCL_NO_STUDY_DATE"


def test_the_horizon_is_a_setting(tmp_path):
    settings = Outcome(horizon_days=30, require_full_window=False)
    assert outcome_of(tmp_path, "2018-05-01", [("2018-05-31", "registry")], settings=settings)[2] == 1
    assert outcome_of(tmp_path, "2018-05-01", [("2018-06-01", "registry")], settings=settings)[2] == 0


def test_a_later_echo_is_evidence_of_life_and_the_study_itself_is_not(tmp_path):
    rows = {
        "patient": [person("P")],
        "study": [("early", "P", "2016-01-01", ""), ("late", "P", "2017-06-01", "")],
    }
    connection, _ = staged(tmp_path, rows)
    link(connection, OPEN, KEYRING)
    found = dict(fetch(connection, "SELECT study_key, label FROM outcome"))
    assert found == {study_key("early"): 0, study_key("late"): None}
    assert fetch(connection, "SELECT reason FROM outcome WHERE label IS NULL") == [("EXCL_NO_FOLLOWUP",)]


# --- the end of the data ------------------------------------------------------------------------------------------


def window(folder, settings, study_at, *, deaths=(), contacts=(), dates="shifted"):
    """Return (label, reason) of one study in data that end with 2020, as another patient's visit says."""
    rows = {
        "patient": [person("P"), person("witness")],
        "study": [("S", "P", study_at, "")],
        "death": [("P", day, "registry") for day in deaths],
        "contact": [("witness", "2020-12-31", "visit"), *(("P", day, "visit") for day in contacts)],
    }
    connection, _ = staged(folder, rows, dates)
    link(connection, settings, KEYRING)
    return fetch(connection, "SELECT label, reason FROM outcome")[0]


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_without_the_full_window_neither_deaths_nor_survivors_count(tmp_path, dates):
    full = Outcome()
    # 2020 has 366 days: 2020-01-01 + 365 is the last day of the data, 2020-01-02 + 365 is past it.
    assert window(tmp_path / "a", full, "2020-01-01", deaths=["2020-02-01"], dates=dates) == (1, None)
    assert window(tmp_path / "b", full, "2020-01-02", deaths=["2020-02-01"], dates=dates) == (
        None,
        "EXCL_INCOMPLETE_WINDOW",
    )
    assert window(tmp_path / "c", full, "2020-01-02", contacts=["2020-12-31"], dates=dates) == (
        None,
        "EXCL_INCOMPLETE_WINDOW",
    )
    assert window(tmp_path / "d", OPEN, "2020-01-02", deaths=["2020-02-01"], dates=dates) == (1, None)


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_in_registry_mode_nobody_needs_a_contact(tmp_path, dates):
    registry = Outcome(follow_up="registry", registry_complete_through=date(2020, 12, 31))
    assert window(tmp_path / "a", registry, "2020-01-01", dates=dates) == (0, None)
    assert window(tmp_path / "b", registry, "2020-01-02", dates=dates) == (None, "EXCL_INCOMPLETE_WINDOW")
    assert window(tmp_path / "c", registry, "2019-01-01", deaths=["2019-12-31"], dates=dates) == (1, None)
    half = registry.model_copy(update={"require_full_window": False})
    assert window(tmp_path / "d", half, "2020-01-02", dates=dates) == (None, "EXCL_CENSORED_LT_1Y")
    assert window(tmp_path / "e", half, "2021-06-01", dates=dates) == (None, "EXCL_FOLLOWUP_BEFORE_STUDY")


def test_shifted_dates_need_the_key_that_shifted_them(tmp_path):
    connection, _ = staged(tmp_path, {"patient": [person("P")], "study": [("S", "P", "2018-05-01", "")]})
    with pytest.raises(ValueError, match="keyring"):
        link(connection, OPEN)
    with pytest.raises(UserError, match="another key"):
        link(connection, OPEN, Keyring(b"another key, as long as it has to be"))


def test_the_warehouse_never_holds_what_would_undo_the_shift(tmp_path):
    connection, _ = staged(tmp_path, {"patient": [person("P")], "study": [("S", "P", "2018-05-01", "")]})
    link(connection, OPEN, KEYRING)
    tables = {name for (name,) in fetch(connection, "SELECT table_name FROM duckdb_tables() WHERE temporary")}
    assert not tables & {"patient_offset", "data_end", "judged", "person", "echo"}


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_a_death_in_some_year_does_not_prove_that_the_data_reach_its_end(tmp_path, dates):
    rows = {
        "patient": [person("P"), person("witness"), person("Q")],
        "study": [("S", "P", "2019-06-01", "")],
        "death": [("P", "2019-07-01", "registry"), ("Q", "2020", "registry")],
        "contact": [("witness", "2020-03-01", "visit")],
    }
    connection, _ = staged(tmp_path, rows, dates)
    link(connection, Outcome(), KEYRING)
    assert fetch(connection, "SELECT label, reason FROM outcome") == [(None, "EXCL_INCOMPLETE_WINDOW")]


# --- deaths that disagree -----------------------------------------------------------------------------------------


def test_within_a_week_the_better_source_is_taken(tmp_path):
    days = [("2019-05-05", "ehr"), ("2019-05-01", "registry"), ("2019-05-03", "hospital")]
    assert outcome_of(tmp_path, "2018-05-01", days)[:3] == (365, True, 1)
    assert outcome_of(tmp_path / "no_registry", "2018-05-01", days[::2])[:3] == (367, True, 0)


SAID = [
    ("State registry", "registry"),
    ("SSA death master file", "registry"),
    ("National Death Index", "registry"),
    ("Discharge disposition", "hospital"),
    ("in-hospital", "hospital"),
    ("EHR deceased flag", "record"),
    ("", "unknown"),
]


@pytest.mark.parametrize(("said", "kept"), SAID)
def test_a_source_is_known_by_its_words(tmp_path, said, kept):
    connection, _ = staged(tmp_path, {"patient": [person("P")], "death": [("P", "2018-05-01", said)]})
    assert fetch(connection, "SELECT source FROM death") == [(kept,)]


def test_seven_days_are_one_death_and_eight_are_two(tmp_path):
    week = [("2019-05-01", "registry"), ("2019-05-08", "ehr")]
    assert outcome_of(tmp_path / "a", "2018-05-01", week)[:3] == (365, True, 1)
    longer = [("2019-05-01", "registry"), ("2019-05-09", "ehr")]
    assert outcome_of(tmp_path / "b", "2018-05-01", longer)[2:] == (None, "EXCL_DEATH_DATE_UNCERTAIN")


def test_a_contact_is_weighed_against_the_latest_of_several_deaths(tmp_path):
    deaths = [("2018-06-01", "registry"), ("2018-09-01", "ehr")]
    assert outcome_of(tmp_path / "a", "2018-05-01", deaths, ["2018-10-31"])[2:] == (1, None)
    assert outcome_of(tmp_path / "b", "2018-05-01", deaths, ["2018-11-01"])[3] == "EXCL_CONTACT_AFTER_DEATH"
    partial = [("2018-06", "registry")]
    assert outcome_of(tmp_path / "c", "2018-05-01", partial, ["2018-08-29"])[2:] == (1, None)
    assert outcome_of(tmp_path / "d", "2018-05-01", partial, ["2018-08-30"])[3] == "EXCL_CONTACT_AFTER_DEATH"


def test_further_apart_a_label_needs_every_candidate_to_agree(tmp_path):
    assert outcome_of(tmp_path / "a", "2018-05-01", [("2018-06-01", "ehr"), ("2018-09-01", "registry")])[2:] == (
        1,
        None,
    )
    assert outcome_of(tmp_path / "b", "2018-05-01", [("2018-06-01", "ehr"), ("2019-09-01", "registry")])[2:] == (
        None,
        "EXCL_DEATH_DATE_UNCERTAIN",
    )
    assert outcome_of(tmp_path / "c", "2018-05-01", [("2019-06-01", "ehr"), ("2020-09-01", "registry")])[2:] == (
        0,
        None,
    )
    assert outcome_of(tmp_path / "d", "2018-05-01", [("2018-04-01", "ehr"), ("2018-09-01", "registry")])[2:] == (
        None,
        "EXCL_DEATH_DATE_UNCERTAIN",
    )


@pytest.mark.parametrize(
    ("death", "label", "reason"),
    [
        ("2018-07", 1, None),
        ("2018-07-00", 1, None),
        ("2019-05", None, "EXCL_DEATH_DATE_UNCERTAIN"),
        ("2019-06", 0, None),
        ("2018", 1, None),
        ("2019", None, "EXCL_DEATH_DATE_UNCERTAIN"),
        ("2020-00-00", 0, None),
    ],
)
def test_a_partial_date_gives_a_label_only_where_both_ends_do(tmp_path, death, label, reason):
    assert outcome_of(tmp_path, "2018-05-01", [(death, "registry")])[2:] == (label, reason)


def test_an_exact_date_fills_in_a_partial_one(tmp_path):
    assert outcome_of(tmp_path, "2018-05-01", [("2019", "registry"), ("2019-04-30", "hospital")])[:3] == (364, True, 1)


@pytest.mark.parametrize("death", [None, "1900-01-01", "9999-12-31", "2090-01-01", "soon"])
def test_dead_on_an_unknown_day_is_never_a_survivor(tmp_path, death):
    found = outcome_of(tmp_path, "2018-05-01", [(death, "record"), (death, "hospital")], ["2021-01-01"])
    assert found[2:] == (None, "EXCL_DEATH_DATE_UNKNOWN")


def test_an_unknown_day_beside_a_known_one_adds_nothing(tmp_path):
    assert outcome_of(tmp_path, "2018-05-01", [(None, "record"), ("2018-07-01", "registry")])[2] == 1


# --- contradictions condemn the patient ---------------------------------------------------------------------------


def test_a_death_before_an_echo_stands_in_the_table_of_conflicts(tmp_path):
    rows = {
        "patient": [person("P"), person("Q")],
        "study": [("s1", "P", "2017-01-01", ""), ("s2", "P", "2018-05-01", ""), ("s3", "Q", "2018-05-01", "")],
        "death": [("P", "2017-06-01", "registry"), ("Q", "2018-05-01", "registry")],
    }
    connection, report = staged(tmp_path, rows)
    assert [(one.reason, one.count, one.action, one.example) for one in report.conflicts] == [
        ("DEATH_BEFORE_STUDY", 1, "quarantined", patient_key("P"))
    ]
    assert fetch(connection, "SELECT * FROM quarantine") == [(patient_key("P"), "DEATH_BEFORE_STUDY")]


def test_records_joined_in_a_circle_are_one_person_whose_death_and_life_count_together(tmp_path):
    rows = {
        "patient": [person("A"), person("B"), person("C"), person("D")],
        "identity": [("A", "B"), ("B", "C"), ("C", "A"), ("D", "D")],
        "study": [("s1", "A", "2017-01-01", ""), ("s2", "B", "2017-03-01", ""), ("s3", "D", "2017-03-01", "")],
        "death": [("C", "2017-06-01", "registry")],
        "contact": [("B", "2017-05-01", "visit"), ("D", "2018-05-01", "visit")],
    }
    connection, report = staged(tmp_path, rows)
    link(connection, OPEN, KEYRING)
    found = dict(fetch(connection, "SELECT study_key, (days, label)::VARCHAR FROM outcome"))
    assert found == {study_key("s1"): "(151, 1)", study_key("s2"): "(92, 1)", study_key("s3"): "(426, 0)"}
    assert fetch(connection, "SELECT count(DISTINCT patient_key) FROM study") == [(2,)]
    assert {one.reason for one in report.conflicts} == {"MERGED_RECORD_NUMBER", "MERGED_INTO_ANOTHER_ROW"}


def test_a_number_shared_by_two_births_or_two_sexes_through_a_merge_is_quarantined(tmp_path):
    for place, other in enumerate((person("B", "1981-11-20"), person("B", sex="M"))):
        connection, _ = staged(
            tmp_path / str(place),
            {
                "patient": [person("A"), other],
                "identity": [("A", "B")],
                "study": [("s1", "A", "2017-01-01", "")],
                "contact": [("B", "2019-05-01", "visit")],
            },
        )
        link(connection, OPEN, KEYRING)
        assert fetch(connection, "SELECT label, reason FROM outcome") == [(None, "EXCL_PATIENT_QUARANTINED")]
        assert check(connection, "attrition_reconciles") == 0


def reasons(folder, **rows):
    """Return study number -> (label, reason)."""
    connection, _ = staged(folder, rows)
    link(connection, OPEN, KEYRING)
    found = {key: rest for key, *rest in fetch(connection, "SELECT study_key, label, reason FROM outcome")}
    return {number: tuple(found[study_key(number)]) for number, *_ in rows["study"] if study_key(number) in found}


def test_a_death_before_one_study_takes_the_others_of_the_patient_with_it(tmp_path):
    found = reasons(
        tmp_path,
        patient=[person("P"), person("Q")],
        study=[("s1", "P", "2017-01-01", ""), ("s2", "P", "2018-05-01", ""), ("s3", "Q", "2018-05-01", "")],
        death=[("P", "2017-06-01", "registry"), ("Q", "2018-06-01", "registry")],
    )
    assert found == {
        "s1": (None, "EXCL_PATIENT_QUARANTINED"),
        "s2": (None, "EXCL_DEATH_BEFORE_STUDY"),
        "s3": (1, None),
    }


@pytest.mark.parametrize(
    ("contact", "expected"), [("2018-07-31", (1, None)), ("2018-08-01", (None, "EXCL_CONTACT_AFTER_DEATH"))]
)
def test_a_contact_more_than_sixty_days_after_death(tmp_path, contact, expected):
    found = reasons(
        tmp_path,
        patient=[person("P")],
        study=[("s1", "P", "2018-05-01", "")],
        death=[("P", "2018-06-01", "registry")],
        contact=[("P", contact, "visit")],
    )
    assert found == {"s1": expected}


def test_a_reused_number_gives_no_label(tmp_path):
    found = reasons(
        tmp_path,
        patient=[person("P", "1950-03-04"), person("P", "1981-11-20"), person("Q"), person("Q", sex="M")],
        study=[("s1", "P", "2018-05-01", ""), ("s2", "Q", "2018-05-01", "")],
        death=[("P", "2018-06-01", "registry"), ("Q", "2018-06-01", "registry")],
    )
    assert set(found.values()) == {(None, "EXCL_PATIENT_QUARANTINED")}


def test_a_death_before_birth_never_turns_into_a_survivor(tmp_path):
    found = reasons(
        tmp_path,
        patient=[person("P", "1950-03-04")],
        study=[("s1", "P", "2018-05-01", "")],
        death=[("P", "1949-01-01", "registry")],
        contact=[("P", "2021-01-01", "visit")],
    )
    assert found == {"s1": (None, "EXCL_PATIENT_QUARANTINED")}


def test_a_missing_birth_date_keeps_its_label(tmp_path):
    assert reasons(
        tmp_path,
        patient=[person("P", None)],
        study=[("s1", "P", "2018-05-01", "")],
        death=[("P", "2018-06-01", "registry")],
    ) == {"s1": (1, None)}


# --- laws ---------------------------------------------------------------------------------------------------------

DAYS = st.integers(min_value=0, max_value=1500)
PATIENT = st.tuples(
    st.lists(DAYS, min_size=1, max_size=3), st.none() | DAYS, st.lists(DAYS, max_size=4)
)  # studies, death, contacts


def extract_of(patients):
    """Return the rows of an extract; days count from 2014-01-01."""
    rows = {"patient": [], "study": [], "death": [], "contact": []}
    for number, (studies, death, contacts) in enumerate(patients):
        name = f"P{number}"
        rows["patient"].append(person(name))
        rows["study"] += [(f"S{number}.{place}", name, moment(day), "") for place, day in enumerate(studies)]
        rows["death"] += [(name, moment(death), "registry")] if death is not None else []
        rows["contact"] += [(name, moment(day), "visit") for day in contacts]
    return rows


def moment(day):
    return str(date(2014, 1, 1) + timedelta(days=int(day)))


def oracle(patients, horizon=365, full=True):
    """Return study -> label by pandas, written from the rules and not from the SQL."""
    known = [max([*studies, *contacts, -1 if death is None else death]) for studies, death, contacts in patients]
    end = max(known, default=0)
    labels = {}
    for number, (studies, death, contacts) in enumerate(patients):
        quarantined = death is not None and (
            any(study > death + 7 for study in studies) or any(contact > death + 60 for contact in contacts)
        )
        for place, study in enumerate(studies):
            label = None
            alive = max([*contacts, *(other for other in studies if other > study)], default=None)
            if quarantined or (death is not None and death < study) or (full and study + horizon > end):
                label = None
            elif death is not None:
                label = int(death - study <= horizon)
            elif alive is not None and alive - study >= horizon:
                label = 0
            labels[f"S{number}.{place}"] = label
    return labels


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patients=st.lists(PATIENT, min_size=1, max_size=8), full=st.booleans())
def test_labels_equal_an_oracle_and_every_study_is_accounted_for(tmp_path_factory, patients, full):
    connection, _ = staged(tmp_path_factory.mktemp("extract"), extract_of(patients))
    link(connection, Outcome(require_full_window=full), KEYRING)
    found = dict(fetch(connection, "SELECT study_key, label FROM outcome"))
    assert found == {study_key(number): label for number, label in oracle(patients, full=full).items()}
    assert check(connection, "attrition_reconciles") == 0
    assert check(connection, "no_label_without_follow_up") == 0
    assert check(connection, "staging_reconciles") == 0


def test_the_attrition_table_counts_each_study_once_under_one_reason(tmp_path):
    random = np.random.default_rng(7)
    patients = [
        (
            random.integers(0, 1500, random.integers(1, 4)).tolist(),
            int(random.integers(0, 1800)) if random.random() < 0.3 else None,
            random.integers(0, 1800, random.integers(0, 5)).tolist(),
        )
        for _ in range(300)
    ]
    connection, _ = staged(tmp_path, extract_of(patients))
    link(connection, Outcome(), KEYRING)
    attrition = pd.DataFrame(fetch(connection, "SELECT reason, studies FROM attrition"), columns=["reason", "studies"])
    counts = attrition.set_index("reason")["studies"]
    assert counts["STUDIES"] == sum(len(studies) for studies, _, _ in patients)
    assert counts["STUDIES"] == counts.drop("STUDIES").sum()
    found = dict(fetch(connection, "SELECT study_key, label FROM outcome"))
    assert found == {study_key(number): label for number, label in oracle(patients).items()}
    assert (counts[["EXCL_CENSORED_LT_1Y", "EXCL_DEATH_BEFORE_STUDY", "EXCL_INCOMPLETE_WINDOW"]] > 0).all()
    assert fetch(connection, "SELECT count(*) FROM outcome WHERE (label IS NULL) = (reason IS NULL)") == [(0,)]


def test_a_patient_of_the_extract_is_known_by_pseudonym_only(tmp_path):
    connection, _ = staged(tmp_path, {"patient": [person("P")], "study": [("S", "P", "2018-05-01", "")]})
    link(connection, OPEN, KEYRING)
    assert fetch(connection, "SELECT study_key, patient_key FROM outcome") == [(study_key("S"), patient_key("P"))]


def test_a_death_after_the_registry_is_complete_is_censored_there(tmp_path):
    """Of those who live, nothing is known after that day either."""
    registry = Outcome(follow_up="registry", registry_complete_through=date(2020, 12, 31))
    late = [("2021-03-01", "registry")]
    assert outcome_of(tmp_path / "a", "2019-06-01", late, settings=registry) == (579, False, 0, None)
    whole = (213, False, None, "EXCL_INCOMPLETE_WINDOW")
    assert outcome_of(tmp_path / "b", "2020-06-01", late, settings=registry) == whole
    lax = registry.model_copy(update={"require_full_window": False})
    assert outcome_of(tmp_path / "c", "2020-06-01", late, settings=lax) == (213, False, None, "EXCL_CENSORED_LT_1Y")
    assert outcome_of(tmp_path / "d", "2019-06-01", [("2020-12-31", "registry")], settings=registry)[:2] == (579, True)
