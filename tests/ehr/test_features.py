"""Features between echoes, against each other, from older codes; and nothing of the future, however it is offered."""

import csv
import random
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import resources

import pandas as pd
import pytest
from extracts import KEYRING, fetch, person, staged, study_key
from feature_oracle import drawn_time, feature

import warehouse.tables.feature.features
from echomort.ehr.catalogue import Catalogue
from echomort.ehr.clean import NOT_LARGER_THAN, SMALLER_THAN, conversions_of, unit_rows
from echomort.ehr.variables import catalogue, icd9_groups, model_inputs, names
from echomort.models.coding import coded_columns
from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.models.tabular import encode, fit_nested
from echomort.settings import Cohort, Features, Outcome, Tabular
from echomort.synth.cohort import draw_patient
from echomort.synth.records import FUTURE_ONLY, TABLES, ehr_rows
from warehouse.checks.assertions import check
from warehouse.queries import run
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build, refusal_counts
from warehouse.tables.outcome.outcomes import link

AT = datetime(2018, 5, 1, 9, 30)
STUDIES = {"S1": AT - timedelta(days=100), "S2": AT, "S3": AT + timedelta(days=300)}
LEAKS = ("no_feature_after_its_echo", "no_feature_without_an_earlier_record")


def made(folder, measurements=(), diagnoses=(), **settings):
    """Return the warehouse of three studies of one patient."""
    rows = {
        "patient": [person("P")],
        "study": [(name, "P", at, "") for name, at in STUDIES.items()],
        "measurement": [("P", *row) for row in measurements],
        "diagnosis": [("P", *row) for row in diagnoses],
    }
    connection, _ = staged(folder, rows, "kept")
    build(connection, Features(**settings))
    return connection


def made_together(folder, cases):
    """Return the warehouse of three studies of one patient a case: ``cases`` is name -> the rows of a table, by table.

    Each patient is apart from the others; one staging serves them all. The studies of a case are those of
    :func:`study_of`.
    """
    rows = {"patient": [], "study": [], "measurement": [], "diagnosis": []}
    for case, tables in cases.items():
        rows["patient"].append(person(case))
        rows["study"] += [(study_of(case, name), case, at, "") for name, at in STUDIES.items()]
        for study, *measured in tables.get("measurement", ()):
            rows["measurement"].append((case, study_of(case, study) if study else "", *measured))
        rows["diagnosis"] += [(case, *row) for row in tables.get("diagnosis", ())]
    connection, _ = staged(folder, rows, "kept")
    build(connection, Features())
    return connection


def study_of(case, name="S2"):
    """Return the number of a study of ``case``."""
    return f"{name} of {case}"


def value(connection, variable, study="S2"):
    """Return one feature."""
    return dict(fetch(connection, f"SELECT study_key, {variable} FROM feature"))[study_key(study)]


def own(study, variable, number, unit="%"):
    """Return a value measured in a study."""
    return (study, variable, number, unit, STUDIES[study])


# --- between echoes -----------------------------------------------------------------------------------------------


def test_the_last_echo_s_value_is_carried_forward_and_never_back(tmp_path):
    connection = made(tmp_path, [own("S1", "lvef", 40), own("S3", "lvef", 20)])
    assert [value(connection, "lvef", name) for name in STUDIES] == [40, 40, 20]
    assert refusal_counts(connection)["values carried_forward"] == 1
    assert [check(connection, name) for name in LEAKS] == [0, 0]


def test_a_value_older_than_the_limit_is_not_carried(tmp_path):
    assert value(made(tmp_path / "a", [own("S1", "lvef", 40)], carry_days=99), "lvef") is None
    assert value(made(tmp_path / "b", [own("S1", "lvef", 40)], carry_days=100), "lvef") == 40


def test_what_the_echo_itself_gave_is_never_replaced(tmp_path):
    for mode in ("prospective", "paper"):
        measured = [own("S1", "lvef", 40), own("S2", "lvef", 33), own("S3", "lvef", 20)]
        assert value(made(tmp_path / mode, measured, between_echoes=mode), "lvef") == 33


def test_as_the_method_did_it_lies_on_the_line_between_two_echoes(tmp_path):
    connection = made(tmp_path, [own("S1", "lvef", 40), own("S3", "lvef", 20)], between_echoes="paper")
    assert value(connection, "lvef") == pytest.approx(40 - 20 * 100 / 400)
    assert refusal_counts(connection)["values interpolated_to_a_later_echo"] == 1


def test_a_grade_between_two_echoes_is_the_nearest_grade_and_no_fraction(tmp_path):
    measured = [
        *(own("S1", "mr_grade", 0, ""), own("S3", "mr_grade", 3, "")),
        *(own("S1", "tr_grade", 1, ""), own("S3", "tr_grade", 2, "")),
        *(own("S1", "diastolic_function", -1, ""), own("S3", "diastolic_function", 3, "")),
    ]
    connection = made(tmp_path, measured, between_echoes="paper")
    found = [value(connection, name) for name in ("mr_grade", "tr_grade", "diastolic_function")]
    assert found == [1, 1, 0]  # a quarter of the way: 0.75, 1.25, 0


def test_nothing_is_extrapolated(tmp_path):
    connection = made(tmp_path, [own("S2", "lvef", 40)], between_echoes="paper")
    assert [value(connection, "lvef", name) for name in STUDIES] == [None, 40, None]


def test_gaps_stay_where_nothing_is_to_be_filled(tmp_path):
    connection = made(tmp_path, [own("S1", "lvef", 40), own("S3", "lvef", 20)], between_echoes="none")
    assert value(connection, "lvef") is None
    assert "values carried_forward" not in refusal_counts(connection)


TWINS = {
    "A": AT - timedelta(days=100),
    "B": AT,
    "C": AT,
    "D": AT + timedelta(hours=5),
    "E": AT + timedelta(days=100),
}
"""Two echoes of one time (a source that keeps dates only has many), and one more of their day."""


def of_twins(folder, measurements, **settings):
    """Return the warehouse of the studies of ``TWINS``."""
    rows = {
        "patient": [person("P")],
        "study": [(name, "P", at, "") for name, at in TWINS.items()],
        "measurement": [("P", *row) for row in measurements],
    }
    connection, _ = staged(folder, rows, "kept")
    build(connection, Features(**settings))
    assert [check(connection, name) for name in LEAKS] == [0, 0]
    return connection


def test_an_echo_has_from_the_one_before_what_its_twin_of_the_same_time_measured(tmp_path):
    measured = [(name, "lvef", number, "%", TWINS[name]) for name, number in (("A", 40), ("C", 60), ("E", 20))]
    carried = of_twins(tmp_path / "a", measured)
    assert [value(carried, "lvef", name) for name in TWINS] == [40, 40, 60, 60, 20]
    drawn = of_twins(tmp_path / "b", measured, between_echoes="paper")
    on_the_line = [40, 40 - 20 * 100 / 200, 60, 60 - 40 * 5 / 2400, 20]
    assert [value(drawn, "lvef", name) for name in TWINS] == pytest.approx(on_the_line)


def test_the_last_day_of_a_window_is_in_it_to_its_last_echo(tmp_path):
    late = AT - timedelta(days=365) + timedelta(hours=3)
    connection = of_twins(tmp_path, [("", "sodium", 140, "mmol/L", late), ("", "lvef", 55, "%", AT)])
    assert [value(connection, "sodium", name) for name in TWINS] == [140, 140, 140, 140, None]
    assert [value(connection, "lvef", name) for name in TWINS] == [None, 55, 55, 55, None]


ORACLE = {"lvef": (0, "%"), "sbp": (365, "mm[Hg]")}
PEOPLE = [f"P{number}" for number in range(25)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return studies and values of some patients, at times that often coincide, and their warehouse."""
    draw = random.Random(7)
    studies = {who: [(f"{who}-{n}", drawn_time(draw.random())) for n in range(draw.randint(1, 9))] for who in PEOPLE}
    values = {who: {variable: [] for variable in ORACLE} for who in PEOPLE}
    for who in PEOPLE:
        for variable in ORACLE:
            for _ in range(draw.randint(0, 12)):
                study, at = draw.choice(studies[who])
                inside = draw.random() < 0.5
                when = at + timedelta(hours=draw.choice([-24, 0, 0, 6, 24])) if inside else drawn_time(draw.random())
                values[who][variable].append((study if inside else "", draw.randint(60, 80), when))
    rows = {
        "patient": [person(who) for who in PEOPLE],
        "study": [(name, who, at, "") for who in PEOPLE for name, at in studies[who]],
        "measurement": [
            (who, study, variable, number, ORACLE[variable][1], when)
            for who in PEOPLE
            for variable in ORACLE
            for study, number, when in dict.fromkeys(values[who][variable])
        ],
    }
    return staged(tmp_path_factory.mktemp("drawn"), rows, "kept")[0], studies, values


@pytest.mark.parametrize("between", ["prospective", "paper", "none"])
@pytest.mark.parametrize(("part", "same_day"), [(1_000_000, "exclude"), (50, "exclude"), (1_000_000, "before")])
def test_every_value_is_what_the_rules_read_plainly_give(drawn, between, part, same_day, monkeypatch):
    connection, studies, values = drawn
    monkeypatch.setattr(warehouse.tables.feature.features, "SHARD_ROWS", part)
    build(connection, Features(between_echoes=between, carry_days=292, same_day=same_day))
    for variable, (window, _) in ORACLE.items():
        found = dict(fetch(connection, f"SELECT study_key, {variable} FROM feature"))
        for who in PEOPLE:
            measured = list(dict.fromkeys(values[who][variable]))
            for name, expected in feature(studies[who], measured, window, between, 292, same_day).items():
                assert found[study_key(name)] == (None if expected is None else pytest.approx(expected)), name


@pytest.mark.parametrize(("part", "same_day"), [(1_000_000, "exclude"), (50, "exclude"), (1_000_000, "before")])
@pytest.mark.parametrize("days", [1, 73, 183])
def test_every_nearest_value_is_what_the_rules_read_plainly_give(drawn, part, same_day, days, monkeypatch):
    connection, studies, values = drawn
    monkeypatch.setattr(warehouse.tables.feature.features, "SHARD_ROWS", part)
    settings = Features(outside_values="nearest", outside_days=days, carry_days=292, same_day=same_day)
    build(connection, settings)
    assert [check(connection, leak) for leak in LEAKS] == [0, 0]
    later = 0
    for variable, (window, _) in ORACLE.items():
        found = dict(fetch(connection, f"SELECT study_key, {variable} FROM feature"))
        for who in PEOPLE:
            measured = list(dict.fromkeys(values[who][variable]))
            before = feature(studies[who], measured, window, "prospective", 292, same_day)
            for name, expected in feature(studies[who], measured, window, "prospective", 292, same_day, days).items():
                assert found[study_key(name)] == (None if expected is None else pytest.approx(expected)), name
                assert window > 0 or expected == before[name], "values of the echo itself are as ever"
                later += window > 0 and expected != before[name]
    assert later > 20


# --- against each other -------------------------------------------------------------------------------------------


PAIRS = (*SMALLER_THAN, *NOT_LARGER_THAN)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """The warehouse in which each pair of two variables is measured three times: as it must be, the other way round,
    and equal."""
    limits, at, cases = {row["name"]: row for row in catalogue_rows()}, AT - timedelta(hours=1), {}
    for smaller, larger in PAIRS:
        low = max(float(limits[name]["low"] or 1) for name in (smaller, larger))
        lower, upper = 1.1 * low, 1.2 * low
        for kind, numbers in {"right": (lower, upper), "wrong": (upper, lower), "equal": (lower, lower)}.items():
            both = zip((smaller, larger), numbers, (limits[smaller]["unit"], limits[larger]["unit"]), strict=True)
            cases[f"{smaller} {larger} {kind}"] = {"measurement": [("", *one, at) for one in both]}
    return made_together(tmp_path_factory.mktemp("pairs"), cases)


@pytest.mark.parametrize(("smaller", "larger"), PAIRS)
def test_of_two_values_that_contradict_each_other_neither_is_taken(pairs, smaller, larger):
    def both(kind):
        return [value(pairs, name, study_of(f"{smaller} {larger} {kind}")) for name in (smaller, larger)]

    below, above = both("right")
    assert below < above
    assert both("wrong") == [None, None]
    assert (both("equal")[0] is not None) == ((smaller, larger) in NOT_LARGER_THAN)


def test_values_that_contradict_each_other_are_counted(pairs):
    assert refusal_counts(pairs)["values contradicts_another"] >= 2 * len(PAIRS) + 2 * len(SMALLER_THAN)


def test_what_another_echo_gave_yields_to_what_this_one_measured(tmp_path):
    measured = [own("S1", "lvidd", 5.0, "cm"), own("S1", "lvids", 3.9, "cm"), own("S2", "lvidd", 3.6, "cm")]
    connection = made(tmp_path, measured)
    assert [value(connection, name) for name in ("lvidd", "lvids")] == [3.6, None]
    assert [value(connection, name, "S1") for name in ("lvidd", "lvids")] == [5.0, 3.9]


WHOLES = [
    # what follows from its parts, a value that does, the furthest one that may be, one that can't
    ({"mv_e": (0.9, "m/s"), "mv_a": (0.6, "m/s")}, "mv_ea", "1", (1.5, 1.64, 1.66, 1.36, 1.34)),
    ({"tr_vmax": (3.0, "m/s"), "rap": (8, "mm[Hg]")}, "rvsp", "mm[Hg]", (44, 49, 49.1, 39, 38.9)),
    ({"weight": (80, "kg"), "height": (2, "m")}, "bmi", "kg/m2", (20, 22.2, 22.3, 18.2, 18.1)),
    ({"lvedv_bp": (100, "mL"), "lvesv_bp": (50, "mL")}, "ef_bp", "%", (50, 65, 65.1, 35, 34.9)),
    ({"lvedv_4c": (100, "mL"), "lvesv_4c": (50, "mL")}, "ef_4c", "%", (50, 65, 65.1, 35, 34.9)),
    ({"lvedv_2c": (100, "mL"), "lvesv_2c": (50, "mL")}, "ef_2c", "%", (50, 65, 65.1, 35, 34.9)),
]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """The warehouse in which each of ``WHOLES`` is measured beside its parts, a patient a number."""
    cases = {}
    for parts, whole, unit, numbers in WHOLES:
        given = [own("S2", name, number, part_unit) for name, (number, part_unit) in parts.items()]
        cases |= {f"{whole} {number}": {"measurement": [*given, own("S2", whole, number, unit)]} for number in numbers}
    return made_together(tmp_path_factory.mktemp("wholes"), cases)


@pytest.mark.parametrize(("parts", "whole", "unit", "numbers"), WHOLES, ids=[whole for _, whole, *_ in WHOLES])
def test_what_does_not_follow_from_its_parts_is_not_taken_and_the_parts_are(wholes, parts, whole, unit, numbers):
    studies = [study_of(f"{whole} {number}") for number in numbers]
    assert [value(wholes, whole, study) is not None for study in studies] == [True, True, False, True, False]
    assert all(value(wholes, name, study) is not None for name in parts for study in studies)


def test_what_does_not_follow_from_its_parts_is_counted_and_nothing_else(wholes):
    refused = fetch(wholes, "SELECT variable, reason FROM feature_refusal ORDER BY ALL")
    assert refused == sorted((whole, "CONTRADICTS_ANOTHER") for _, whole, *_ in WHOLES)


def test_a_ratio_is_not_judged_by_the_parts_of_another_echo(tmp_path):
    measured = [own("S1", "mv_e", 0.9, "m/s"), own("S1", "mv_a", 0.6, "m/s"), own("S2", "mv_ea", 0.8, "1")]
    connection = made(tmp_path, measured)
    assert value(connection, "mv_ea") == 0.8
    assert value(connection, "mv_e") == 90


def test_what_is_only_unlikely_is_counted_and_kept(tmp_path):
    given = [
        ("lvef", 60, "%"),
        ("lvedv_bp", 100, "mL"),
        ("lvesv_bp", 70, "mL"),
        ("av_vmax", 1, "m/s"),
        ("lvot_vmax", 1.2, "m/s"),
    ]
    connection = made(tmp_path, [own("S2", *one) for one in given])
    assert [value(connection, name) for name in ("lvef", "lvedv_bp", "av_vmax")] == [60, 100, 100]
    assert fetch(connection, "FROM feature_refusal ORDER BY ALL") == [
        ("av_vmax", "UNLIKELY_BESIDE_ANOTHER", 1),
        ("lvef", "UNLIKELY_BESIDE_ANOTHER", 1),
    ]


# --- codes that are numbers ---------------------------------------------------------------------------------------


def test_who_smokes_by_one_of_two_answers_smokes(tmp_path):
    day = AT - timedelta(days=3)
    connection = made(tmp_path, [("", "smoking", 0, "", day), ("", "smoking", 1, "", day)])
    assert value(connection, "smoking") == 1
    asked = [("S2", "smoking", 0, "", AT), ("S2", "smoking", 1, "", AT)]
    assert value(made(tmp_path / "own", asked), "smoking") == 1


def test_half_a_smoker_is_no_code(tmp_path):
    connection = made(tmp_path, [("", "smoking", 0.5, "", AT)])
    assert value(connection, "smoking") is None
    assert fetch(connection, "FROM feature_refusal") == [("smoking", "OUTSIDE_LIMITS", 1)]


# --- what an echo measures and what it does not -------------------------------------------------------------------


def test_a_laboratory_value_of_later_that_day_is_not_known_even_if_it_names_the_study(tmp_path):
    later = AT + timedelta(hours=2)
    given = [("S2", "ldl", 90, "mg/dL", later), ("S2", "lvef", 50, "%", later), ("", "hdl", 50, "mg/dL", later)]
    connection = made(tmp_path, given)
    assert [value(connection, name) for name in ("ldl", "hdl", "lvef")] == [None, None, 50]
    assert value(connection, "ldl", "S3") == 90


def catalogue_rows():
    """Return the catalogue's rows as text."""
    with resources.files("echomort.ehr").joinpath("variables.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- codes --------------------------------------------------------------------------------------------------------


def test_older_codes_belong_to_groups_of_the_catalogue_each_to_one():
    groups = [(prefix, group) for prefix, group in icd9_groups() if group != "dx_e08_e13"]
    prefixes = [prefix for prefix, _ in groups]
    assert {group for _, group in groups} <= {name for name in names() if name.startswith("dx_")}
    assert not [(one, two) for one in prefixes for two in prefixes if one != two and two.startswith(one)]


OLD_CODES = [
    ("411.1", "dx_i20"),
    ("411.89", "dx_i24"),
    ("410.71", "dx_i21"),
    ("433.10", "dx_i65"),
    ("433.11", "dx_i63"),
    ("434.00", "dx_i66"),
    ("434.91", "dx_i63"),
    ("436", "dx_i67"),
    ("427.31", "dx_i48"),
    ("427.5", "dx_i46"),
    ("443.0", "dx_i73"),
    ("449", "dx_i76"),
    ("415.19", "dx_i26"),
    ("745.5", "dx_q21"),
    ("272.4", "dx_e78"),
    ("585.6", "dx_n18"),
]
"""By the general equivalence mappings of ICD-9-CM to ICD-10-CM, to the category."""


@pytest.mark.parametrize(("code", "group"), OLD_CODES)
def test_an_older_code_is_in_the_group_of_the_code_that_took_its_place(code, group):
    plain = code.replace(".", "")
    assert [variable for prefix, variable in icd9_groups() if plain.startswith(prefix)] == [group]


@pytest.mark.parametrize(
    ("code", "group"),
    [("250.00", "dx_e11"), ("250.01", "dx_e10"), ("250.42", "dx_e11"), ("250.93", "dx_e10"), ("249.00", "dx_e08")],
)
def test_an_older_code_of_diabetes_is_in_the_group_of_its_type_and_in_that_of_all(code, group):
    plain = code.replace(".", "")
    found = {variable for prefix, variable in icd9_groups() if plain.startswith(prefix)}
    assert found == {group, "dx_e08_e13"}


CODES_BESIDE = ["I1A.0", "I5A", "I84.1", "E07.9", "E14.9", "E79.0", "N19", "Q29", "R57.0"]


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """The warehouse in which each of ``CODES_BESIDE`` is the diagnosis of one patient."""
    cases = {code: {"diagnosis": [("ICD10CM", code, AT - timedelta(days=3))]} for code in CODES_BESIDE}
    return made_together(tmp_path_factory.mktemp("beside"), cases)


@pytest.mark.parametrize("code", CODES_BESIDE)
def test_codes_beside_the_ninety_groups_are_in_none(beside, code):
    keys = ", ".join(f"'{study_key(study_of(code, name))}'" for name in STUDIES)
    groups = " + ".join(names("diagnosis"))
    assert fetch(beside, f"SELECT {groups} FROM feature WHERE study_key IN ({keys})") == [(0,)] * 3


def test_every_group_is_found_by_its_codes_however_they_are_written(tmp_path):
    day = AT - timedelta(days=3)
    first = {row["name"]: row["code_from"] for row in catalogue_rows() if row["source"] == "diagnosis"}
    written = ["{}", "{}.9", " {}9  ", "{}.00X"]
    codes = [
        written[place % 4].format(code if place % 3 else code.lower()) for place, code in enumerate(first.values())
    ]
    connection = made(tmp_path, diagnoses=[("ICD10CM", code, day) for code in codes])
    assert fetch(connection, f"SELECT {', '.join(first)} FROM feature WHERE study_key = '{study_key('S2')}'") == [
        (1,) * len(first)
    ]
    assert len(first) == 90 + len([name for name in names("extended") if name.startswith("dx_")])
    assert fetch(connection, f"SELECT {' + '.join(first)} FROM feature WHERE study_key = '{study_key('S1')}'") == [(0,)]


def test_both_vocabularies_give_the_same_group(tmp_path):
    day = AT - timedelta(days=3)
    old = made(
        tmp_path / "a", diagnoses=[("ICD9CM", "428.0", day), ("ICD9CM", "250.00", day), ("ICD9CM", "V10.0", day)]
    )
    new = made(tmp_path / "b", diagnoses=[("ICD10CM", "I50.9", day), ("ICD10CM", "E11.9", day)])
    columns = ("dx_i50", "dx_e08_e13", "dx_i48")
    assert [value(old, name) for name in columns] == [value(new, name) for name in columns] == [1, 1, 0]
    assert value(old, "dx_i50", "S1") == 0
    reasons = dict(fetch(old, "SELECT reason, count FROM feature_refusal"))
    assert reasons == {"ICD9_NOT_MAPPED": 1}


def test_what_is_coded_at_discharge_was_not_known_at_the_echo(tmp_path):
    connection = made(tmp_path, diagnoses=[("ICD10CM", "I21.4", AT + timedelta(days=2))])
    assert (value(connection, "dx_i21"), value(connection, "dx_i21", "S3")) == (0, 1)


# --- nothing of the future ----------------------------------------------------------------------------------------

PATIENTS, SEED = 300, 11


def extract(late=False):
    """Return the rows of a synthetic extract; ``late``: every record dated to the day after the patient's last echo."""
    rows = {}
    for number in range(PATIENTS):
        patient = draw_patient(SEED, number)
        after = f"{(patient.studies[-1].at + timedelta(days=1)):%Y-%m-%d %H:%M:%S}"
        for table, more in ehr_rows(SEED, patient).items():
            rows.setdefault(table, []).extend(_dated(table, row, after) if late else row for row in more)
    return rows


def _dated(table, row, after):
    time = {"measurement": "measured_at", "diagnosis": "recorded_at", "medication": "started_at"}.get(table)
    if time is None:
        return row
    place = TABLES[table].index(time)
    return (*row[:place], after, *row[place + 1 :])


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    connection, _ = staged(tmp_path_factory.mktemp("extract"), extract())
    link(connection, Outcome(), KEYRING)
    select(connection, Cohort())
    build(connection)
    return connection


def test_records_of_the_day_after_the_echo_leave_every_feature_empty(tmp_path):
    connection, _ = staged(tmp_path, extract(late=True))
    build(connection)
    features = connection.table("feature").df().drop(columns=["study_key", "age", "sex"])
    groups = [name for name in features if name.startswith("dx_")]
    assert len(features) > PATIENTS
    assert features.drop(columns=groups).isna().all(axis=None)
    assert (features[groups] == 0).all(axis=None)
    assert [check(connection, name) for name in LEAKS] == [0, 0]


def test_a_variable_that_is_only_known_later_never_reaches_a_model(synthetic):
    assert FUTURE_ONLY in model_inputs()
    ((recorded,),) = fetch(synthetic, f"SELECT count(*) FROM measurement WHERE variable = '{FUTURE_ONLY}'")
    assert recorded > 100
    assert fetch(synthetic, f"SELECT count({FUTURE_ONLY}) FROM feature") == [(0,)]
    samples = run(synthetic, "reads/training/tabular_samples.sql").df()
    columns = list(model_inputs())
    rows = LabelledRows.of(*(samples[name].tolist() for name in ("label", "fold", "patient_key")))
    model = fit_nested(encode(samples[columns]), tuple(columns), rows, Tabular(rounds=20)).model
    place = f"f{coded_columns(columns).index(FUTURE_ONLY)}"
    assert not any(place in fold.booster.get_score() for fold in model.folds.values())


def test_the_trap_would_be_noticed_if_it_were_sprung(synthetic):
    samples = run(synthetic, "reads/training/tabular_samples.sql").df()
    late = dict(
        fetch(synthetic, f"SELECT study_key, avg(value) FROM measurement WHERE variable = '{FUTURE_ONLY}' GROUP BY 1")
    )
    leaking = samples.assign(**{FUTURE_ONLY: samples["study_key"].map(late)})[list(model_inputs())]
    rows = LabelledRows.of(*(samples[name].tolist() for name in ("label", "fold", "patient_key")))
    scores = fit_nested(encode(leaking), tuple(leaking.columns), rows, Tabular(rounds=30)).scores.logits
    assert mean_fold_auc(scores, rows) > 0.8
    planted = pd.DataFrame({"study_key": list(late), FUTURE_ONLY: list(late.values())})
    synthetic.begin()
    synthetic.register("planted", planted.rename(columns={FUTURE_ONLY: "value"}))
    matching = "FROM planted WHERE planted.study_key = feature.study_key"
    synthetic.execute(f"UPDATE feature SET {FUTURE_ONLY} = value {matching}")
    assert check(synthetic, "no_feature_without_an_earlier_record") > 50
    synthetic.rollback()


def test_a_diagnosis_before_any_was_recorded_is_noticed(tmp_path):
    connection = made(tmp_path, diagnoses=[("ICD10CM", "I21.4", AT + timedelta(days=2))])
    connection.execute("UPDATE feature SET dx_i21 = 1")
    assert check(connection, "no_feature_without_an_earlier_record") == 2


def test_a_diagnosis_is_not_excused_by_another_one(tmp_path):
    recorded = [("ICD10CM", "I21.4", AT + timedelta(days=2)), ("ICD10CM", "I10", AT - timedelta(days=900))]
    connection = made(tmp_path, diagnoses=[*recorded, ("ICD10CM", "E11.9", AT - timedelta(days=900))])
    assert check(connection, "no_feature_without_an_earlier_record") == 0
    assert (value(connection, "dx_i10"), value(connection, "dx_e08_e13")) == (1, 1)
    connection.execute("UPDATE feature SET dx_i21 = 1")
    assert check(connection, "no_feature_without_an_earlier_record") == 2


CHANCE = [
    (0.42, 0.58, 0.03, 0),
    (0.52, 0.56, 0.03, 0),
    (0.62, 0.7, 0.03, 1),
    (0.2, 0.35, 0.03, 1),
    (0.62, 0.7, 0.1, 0),
    (0.42, 0.58, None, 1),
]


@pytest.mark.parametrize(("low", "high", "error", "offending"), CHANCE)
def test_shuffled_labels_must_give_chance(tmp_path, low, high, error, offending):
    connection, _ = staged(tmp_path, {})
    rows = [("auc", (low + high) / 2, low, high), ("auc_chance_error", error, None, None)]
    for metric, *figures in rows:
        row = ("null", "permuted_null", "all", metric, *figures, 400, 100, "")
        connection.execute("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert check(connection, "permuted_labels_give_chance") == offending


def test_a_variable_is_one_row_of_the_catalogue_wherever_it_stands(tmp_path):
    """No migration and no list of columns names a variable."""
    more = replace(next(one for one in catalogue() if one.name == "lvef"), name="strain", low=-40, high=0, unit="%")
    longer = (*catalogue()[:3], more, *catalogue()[3:])
    connection, _ = staged(
        tmp_path, {"patient": [person("P")], "study": [("S", "P", "2020-01-01 10:00:00", "inpatient")]}
    )
    build(connection, catalogue=Catalogue(longer, conversions_of(longer, unit_rows()), icd9_groups()))
    columns = [name for name, *_ in connection.execute("DESCRIBE feature").fetchall()]
    assert columns == ["study_key", *(one.name for one in longer)]
    assert connection.execute("SELECT count(*), count(strain) FROM feature").fetchall() == [(1, 0)]
