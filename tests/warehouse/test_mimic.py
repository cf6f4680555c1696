"""MIMIC-IV: what dod says and does not say, contradictions that its users have reported, what is known when."""

import csv
import gzip

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, study_key

from echomort.core.errors import UserError
from echomort.settings import Features, Outcome
from warehouse.adapters.extract import contract
from warehouse.staging.staging import stage
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

HEADERS = {}
for one in contract("mimic_iv"):
    HEADERS.setdefault(one.table, []).append(one.name)
SOMEBODY_ELSE = ("9", "M", 50, 2150, "2014 - 2016", "2151-02-02")
STUDY = ("1", "71", "2150-05-01 09:30:00", "801", "2150-05-01 10:00:00")


def patient(dod="", age=60, gender="F"):
    """Return a row of table patients."""
    return ("1", gender, age, 2150, "2014 - 2016", dod)


def admission(number, began, ended, death="", died=0, left=""):
    """Return a row of table admissions."""
    return ("1", str(number), began, ended, death, died, "WHITE", left)


def laid_out(folder, **tables):
    """Write the tables; those that are not named hold their header only."""
    whole = {"patients": [patient(), SOMEBODY_ELSE], "echo_study_list": [STUDY]} | tables
    for table, header in HEADERS.items():
        with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = [[*row, *[""] * (len(header) - len(row))] for row in whole.get(table, [])]
            csv.writer(file).writerows([header, *rows])
    return folder


def staged(folder, **tables):
    """Return the warehouse, labelled, and the report."""
    connection = empty_warehouse()
    report = stage(connection, laid_out(folder, **tables), "mimic_iv", KEYRING, "kept")
    link(connection, Outcome(), KEYRING)
    return connection, report


def outcome(folder, **tables):
    """Return (days, event, label, reason) of the one study."""
    return fetch(staged(folder, **tables)[0], "SELECT days, event, label, reason FROM outcome")[0]


def of_patients(*cases):
    """Return the tables of several cases, each (tables) that of a patient of its own, with the numbers of its own."""
    whole = {"patients": [SOMEBODY_ELSE], "echo_study_list": []}
    for place, case in enumerate(cases, 10):
        for table, rows in ({"patients": [patient()], "echo_study_list": [STUDY]} | case).items():
            own = [[f"1{place}", *map(str, row[1:])] for row in rows]
            for row in own if table in NUMBERED else ():
                row[1] = f"{row[1]}{place}"
            for row in own if table == "echo_study_list" else ():
                row[3] = f"{row[3]}{place}"
            whole.setdefault(table, []).extend(own)
    return whole


NUMBERED = ("admissions", "echo_study_list", "structured_measurement")
"""The tables whose second column numbers an admission, a study or a measurement's study."""


def each(connection, cases, columns, tables):
    """Return the first row of ``columns`` of ``tables`` for each patient of :func:`of_patients`."""
    found = {key: tuple(row) for key, *row in fetch(connection, f"SELECT study_key, {columns} FROM {tables}")}
    return [found[study_key(f"71{place}")] for place, _ in enumerate(cases, 10)]


def outcomes(folder, *cases):
    """Return (days, event, label, reason) of the study of each case of :func:`of_patients`."""
    connection, _ = staged(folder, **of_patients(*cases))
    return each(connection, cases, "days, event, label, reason", "outcome")


LEFT = [
    ("2150-05-01", (365, False, 0, None)),
    ("2150-04-30", (364, False, None, "EXCL_CENSORED_LT_1Y")),
    ("2149-04-01", (-30, False, None, "EXCL_FOLLOWUP_BEFORE_STUDY")),
    ("2152-01-01", (975, False, 0, None)),
]


def test_silence_proves_life_to_a_year_after_the_last_discharge_and_no_further(tmp_path):
    cases = [{"admissions": [admission(1, f"{left} 01:00:00", f"{left} 23:00:00")]} for left, _ in LEFT]
    assert outcomes(tmp_path, *cases) == [expected for _, expected in LEFT]


# Case I02 of foreign data: the echo of an organ donor, in an admission after the death.
@pytest.mark.parametrize(
    ("donor_echo", "expected"),
    [
        ("2150-05-04 10:00:00", [1, "EXCL_DEATH_BEFORE_STUDY"]),
        ("2150-05-05 00:30:00", [1, "EXCL_DEATH_BEFORE_STUDY"]),
        ("2150-05-04 01:00:00", [1, 1]),
        ("2150-08-04 01:00:00", ["EXCL_PATIENT_QUARANTINED", "EXCL_DEATH_BEFORE_STUDY"]),
    ],
)
def test_the_echo_of_an_organ_donor_leaves_alone(tmp_path, donor_echo, expected):
    stays = [
        admission(1, "2150-05-01 01:00:00", "2150-05-04 03:00:00", "2150-05-04 03:00:00", 1),
        admission(2, "2150-05-04 04:00:00", "2150-05-06 03:00:00"),
    ]
    studies = [STUDY, ("1", "72", donor_echo, "", "")]
    patients = [patient(dod="2150-05-04"), SOMEBODY_ELSE]
    connection, _ = staged(tmp_path, patients=patients, admissions=stays, echo_study_list=studies)
    found = fetch(connection, "SELECT label, reason FROM outcome JOIN study USING (study_key) ORDER BY study_at")
    assert [label if reason is None else reason for label, reason in found] == expected


LATER = ("8", "M", 50, 2150, "2020 - 2022", "")
"""Somebody whom only release 3.0 or a later one has."""


@pytest.mark.parametrize(
    ("release", "expected"),
    [([LATER], (366, False, 0, None)), ([], (1, False, None, "EXCL_CENSORED_LT_1Y"))],
)
def test_a_visit_to_the_emergency_department_is_followed_for_a_year_from_release_3_on(tmp_path, release, expected):
    stays = [("1", "2150-05-02 01:00:00", "2150-05-02 09:00:00", "HOME")]
    patients = [patient(), SOMEBODY_ELSE, *release]
    assert outcome(tmp_path, patients=patients, edstays=stays) == expected
    _, report = staged(tmp_path, patients=patients, edstays=stays)
    assert counted(report).get(("contact", "EMERGENCY_VISIT_WITHOUT_A_YEAR_OF_FOLLOW_UP"), 0) == (not release)


def test_without_any_discharge_nothing_is_known(tmp_path):
    assert outcome(tmp_path) == (None, None, None, "EXCL_NO_FOLLOWUP")


def test_in_a_release_without_dod_silence_proves_nothing(tmp_path):
    others = [(str(number), "M", 50, 2150, "2014 - 2016", "") for number in range(2, 12)]
    stay = [admission(1, "2150-05-01 01:00:00", "2150-06-01 23:00:00")]
    connection, report = staged(tmp_path, patients=[patient(), *others], admissions=stay)
    assert fetch(connection, "SELECT reason FROM outcome") == [("EXCL_CENSORED_LT_1Y",)]
    assert counted(report)["death", "NO_DOD_IN_THIS_RELEASE"] == 11


WAYS_TO_LEAVE = [
    (
        {"admissions": [admission(1, "2150-05-02 01:00:00", "2150-06-01 10:00:00", "", 0, "DIED")]},
        (31, True, 1, None),
    ),
    (
        {"admissions": [admission(1, "2150-05-02 01:00:00", "2150-06-01 10:00:00", "", 0, "HOME")]},
        (396, False, 0, None),
    ),
    ({"edstays": [("1", "2150-05-02 01:00:00", "2150-05-03 09:00:00", "EXPIRED")]}, (2, True, 1, None)),
]


def test_who_left_dead_is_no_survivor_by_silence(tmp_path):
    assert outcomes(tmp_path, *(tables for tables, _ in WAYS_TO_LEAVE)) == [expected for _, expected in WAYS_TO_LEAVE]


def test_dod_is_compared_by_day(tmp_path):
    said = {"2150-05-01": (0, 1), "2151-05-01": (365, 1), "2151-05-02": (366, 0), "2160-01-01": (3532, 0)}
    found = outcomes(tmp_path, *({"patients": [patient(dod)]} for dod in said))
    assert found == [(days, True, label, None) for days, label in said.values()]


# --- contradictions reported by users of the data -----------------------------------------------------------------


CONTRADICTIONS = [
    (
        "dod some days after the death in hospital: the hospital's time counts",
        "2150-05-08",
        admission(1, "2150-05-02 01:00:00", "2150-05-04 10:00:00", "2150-05-04 09:00:00", 1),
        (3, True, 1, None),
    ),
    (
        "death after the discharge",
        "2150-06-02",
        admission(1, "2150-05-02 01:00:00", "2150-06-01 10:00:00", "2150-06-02 03:00:00", 1),
        (32, True, 1, None),
    ),
    (
        "died in hospital without a time: the day of discharge",
        "",
        admission(1, "2150-05-02 01:00:00", "2150-06-01 10:00:00", "", 1),
        (31, True, 1, None),
    ),
    (
        "died in hospital, and neither time is told: dead on an unknown day, never a survivor",
        "",
        admission(1, "2150-05-02 01:00:00", "", "", 1),
        (1, False, None, "EXCL_DEATH_DATE_UNKNOWN"),
    ),
    (
        "the same with dod: dod counts",
        "2150-06-02",
        admission(1, "2150-05-02 01:00:00", "2150-06-01 10:00:00", "", 1),
        (32, True, 1, None),
    ),
    (
        "an account opened after death, for organs: within 30 days it proves nothing",
        "2150-06-01",
        admission(1, "2150-06-02 01:00:00", "2150-06-03 10:00:00"),
        (31, True, 1, None),
    ),
    (
        "an admission long after dod: one of the two is wrong",
        "2150-06-01",
        admission(1, "2150-09-02 01:00:00", "2150-09-03 10:00:00"),
        (31, True, None, "EXCL_CONTACT_AFTER_DEATH"),
    ),
    (
        "dod before the study",
        "2150-04-30",
        admission(1, "2150-04-02 01:00:00", "2150-04-03 10:00:00"),
        (-1, True, None, "EXCL_DEATH_BEFORE_STUDY"),
    ),
    (
        "dod and the time of death weeks apart, on both sides of the horizon",
        "2151-06-20",
        admission(1, "2151-04-01 01:00:00", "2151-04-20 10:00:00", "2151-04-20 09:00:00", 1),
        (354, True, None, "EXCL_DEATH_DATE_UNCERTAIN"),
    ),
]


def test_contradictions_about_death(tmp_path):
    cases = [{"patients": [patient(dod)], "admissions": [stay]} for _, dod, stay, _ in CONTRADICTIONS]
    found = outcomes(tmp_path, *cases)
    names = [name for name, *_ in CONTRADICTIONS]
    assert dict(zip(names, found, strict=True)) == {name: expected for name, _, _, expected in CONTRADICTIONS}


def test_registry_follow_up_is_refused_where_dates_are_moved_by_the_source(tmp_path):
    connection, _ = staged(tmp_path)
    with pytest.raises(UserError, match=r"outcome\.follow_up"):
        link(connection, Outcome(follow_up="registry", registry_complete_through="2151-01-01"), KEYRING)


# --- what is known of the patient ---------------------------------------------------------------------------------


def test_age_is_the_anchor_s_and_the_years_since(tmp_path):
    cases = [{"patients": [patient(age=age)]} for age in (60, 0, 91, 100)]
    connection, _ = staged(tmp_path, **of_patients(*cases))
    years = "(CAST(study_at AS DATE) - birth_date) / 365.25"
    ages = [age for (age,) in each(connection, cases, years, "study JOIN patient USING (patient_key)")]
    assert ages == pytest.approx([60.3, 0.3, 91.3, 100.3], abs=0.05)
    assert fetch(connection, "SELECT count(*) FROM quarantine") == [(0,)]


def test_the_true_year_comes_from_the_anchor_s_group(tmp_path):
    studies = [STUDY, ("1", "72", "2153-01-01 08:00:00", "", "")]
    connection, _ = staged(tmp_path, echo_study_list=studies)
    assert fetch(connection, "SELECT study_year FROM study ORDER BY study_at") == [(2015,), (2018,)]


def test_a_study_that_only_the_files_know_is_there_at_its_first_file(tmp_path):
    files = [("1", "99", f"2150-06-01 10:0{minute}:00", "files/p1/x.dcm") for minute in (5, 2)]
    files.append(("1", "71", "2150-05-01 09:31:00", "files/p1/y.dcm"))
    connection, report = staged(tmp_path, echo_record_list=files)
    assert report.rows["study"] == (2, 2, 0)
    assert fetch(connection, f"SELECT minute(study_at) FROM study WHERE study_key = '{study_key('99')}'") == [(2,)]


# --- features ------------------------------------------------------------------------------------------------------


def echo(name, result, unit="%", kind="tte", at="2150-05-01 10:00:00"):
    """Return a row of the structured measurements."""
    return ("1", "801", at, kind, name, "", result, unit)


def features(folder, *columns, **tables):
    """Return the named features of the one study."""
    connection, _ = staged(folder, **tables)
    build(connection)
    return fetch(connection, f"SELECT {', '.join(columns)} FROM feature")[0]


FRACTIONS = [
    ([("lvef", "50"), ("lvef_upper", "55")], 52.5),
    ([("lvef", "50")], 50),
    ([("biplane_lvef", "48")], 48),
    ([("lvef_3d", "46"), ("biplane_lvef", "48")], 48),
    ([("lvef_3d", "46")], 46),
    ([("lvef_upper", "55")], None),
    ([("lvef", "normal (>55%)"), ("lvef_3d", "46")], 46),
]


def test_ejection_fraction_from_either_reporting_system(tmp_path):
    cases = [{"structured_measurement": [echo(name, value) for name, value in values]} for values, _ in FRACTIONS]
    connection, _ = staged(tmp_path, **of_patients(*cases))
    build(connection)
    assert each(connection, cases, "lvef", "feature") == [(expected,) for _, expected in FRACTIONS]


def test_words_are_no_numbers_and_unknown_names_are_counted(tmp_path):
    rows = [
        echo("septal_thickness", "1.1", "cm"),
        echo("tapse", "21", "mm"),
        echo("ivc", "Small (<1.0cm)", ""),
        echo("rv_diam", "3.2", "cm"),
        echo("av_pk_vel", "1.4", "m/s", "stress"),
        echo("ao_root", "3.4", "cm"),
    ]
    of_no_study = [(subject, "999", *rest) for subject, _, *rest in (rows[4], rows[5])]
    connection, report = staged(tmp_path, structured_measurement=rows + of_no_study)
    build(connection)
    assert fetch(connection, "SELECT ivsd, tapse, av_vmax, ao_root FROM feature") == [(1.1, 2.1, None, 3.4)]
    assert counted(report)["measurement", "NOT_A_NUMBER"] == 1
    assert counted(report)["measurement", "NOT_A_RESTING_TRANSTHORACIC_STUDY"] == 2
    assert counted(report)["measurement", "MEASUREMENT_OF_NO_LISTED_STUDY"] == 1
    assert counted(report)["measurement", "UNKNOWN_VARIABLE"] == 1


WORDS = {
    ("mitral_regurg", "mr_grade"): {"None": 0, "Trivial": 0, "Mild": 1, "Moderate": 2, "Moderate-severe (3+)": 3},
    ("pulm_regurg", "pr_grade"): {"Physiologic": 0, "Mild": 1, "Significant": 2, "Mod/severe": 3, "Severe (4+)": 3},
    ("aortic_stenosis", "as_grade"): {
        "None, incr vel high output": 0,
        "Mild-moderate": 2,
        "Severe": 3,
        "Not severe": None,
    },
    ("mitral_stenosis", "ms_grade"): {
        "No valvular": 0,
        "mild ": 1,
        "cannot tell": None,
        "Cannot exclude severe MS": None,
        "Normal valve; not assessed": None,
    },
    ("diastolic_grade", "diastolic_function"): {"0 (nl)": -1, "DD Present": 0, "I": 1, "II": 2, "III/IV": 3, "?": None},
}
"""Measurement and the variable that it becomes -> words of a report and their grade; None: counted as no number."""


def test_words_that_grade_become_the_catalogue_s_grades(tmp_path):
    expected = {}
    studies, rows = [], []
    for place in range(max(map(len, WORDS.values()))):
        number, at = f"9{place}", f"2150-0{place + 1}-01 09:30:00"
        studies.append(("1", number, at, f"10{place}", at))
        for (name, variable), words in WORDS.items():
            word, grade = list(words.items())[place] if place < len(words) else ("", None)
            expected[study_key(number), variable] = grade
            rows.append(("1", f"10{place}", at, "tte", name, "", word, ""))
    connection, report = staged(tmp_path, echo_study_list=studies, structured_measurement=rows)
    build(connection, Features(between_echoes="none"))
    for _, variable in WORDS:
        found = dict(fetch(connection, f"SELECT study_key, {variable} FROM feature"))
        assert found == {key: grade for (key, name), grade in expected.items() if name == variable}
    assert counted(report)["measurement", "NOT_A_NUMBER"] == 5


def test_a_laboratory_value_is_known_when_it_is_stored(tmp_path):
    labs = [
        ("1", "50912", "2150-04-30 08:00:00", "2150-04-30 09:00:00", "1.1", "mg/dL"),
        ("1", "50912", "2150-05-01 09:00:00", "2150-05-01 11:00:00", "2.2", "mg/dL"),
        ("1", "50983", "2150-04-30 08:00:00", "", "140", "mEq/L"),
        ("1", "99999", "2150-04-30 08:00:00", "", "7", "mg/dL"),
    ]
    assert features(tmp_path, "creatinine", "sodium", labevents=labs) == (1.1, 140)
    _, report = staged(tmp_path, labevents=labs)
    words = {one.reason: one.words for one in report.conflicts}
    assert words["LABORATORY_ITEM_NOT_IN_CATALOGUE"] == (("item 99999", 1),)


def test_height_weight_and_blood_pressure_of_the_outpatient_record(tmp_path):
    omr = [
        ("1", "2150-04-01", "Height (Inches)", "70"),
        ("1", "2150-04-01", "Weight (Lbs)", "200"),
        ("1", "2150-04-01", "Blood Pressure", "120/80"),
        ("1", "2150-05-02", "Blood Pressure", "190/99"),
    ]
    said = features(tmp_path, "height", "weight", "sbp", "dbp", omr=omr)
    assert said == pytest.approx((177.8, 90.72, 120, 80), abs=0.01)


def test_codes_of_an_admission_are_known_at_its_end_only(tmp_path):
    stays = [
        admission(1, "2150-01-01 08:00:00", "2150-01-09 12:00:00"),
        admission(2, "2150-04-28 08:00:00", "2150-05-03 12:00:00"),
    ]
    codes = [("1", "1", "I2510  ", 10), ("1", "2", "I5022  ", 10), ("1", "1", "4280   ", 9)]
    assert features(tmp_path, "dx_i25", "dx_i50", admissions=stays, diagnoses_icd=codes)[0] == 1
    connection = empty_warehouse()
    stage(connection, tmp_path, "mimic_iv", KEYRING, "kept")
    build(connection)
    assert fetch(connection, "SELECT min(recorded_at)::VARCHAR FROM diagnosis WHERE code = 'I5022'") == [
        ("2150-05-03 12:00:00",)
    ]
    assert fetch(connection, "SELECT count(*) FROM diagnosis WHERE vocabulary = 'ICD9CM' AND code = '4280'") == [(1,)]
    # A code of the admission in which the echo was made is not known at the echo, whatever else is.
    assert fetch(connection, "SELECT latest_diagnosed_at::VARCHAR FROM feature_evidence") == [("2150-01-09 12:00:00",)]


# --- the tables as releases and tools leave them ------------------------------------------------------------------


def test_a_study_without_a_number_in_the_list_hides_no_other(tmp_path):
    files = [("1", "99", "2150-06-01 10:05:00", "files/p1/x.dcm")]
    _, report = staged(
        tmp_path, echo_study_list=[STUDY, ("1", "", "2150-07-01 08:00:00", "", "")], echo_record_list=files
    )
    assert report.rows["study"] == (3, 2, 1)
    assert counted(report)["study", "MISSING_IDENTIFIER"] == 1


def test_numbers_that_became_floating_point_still_join(tmp_path):
    study = ("1.0", "71.0", "2150-05-01 09:30:00", "801.0", "2150-05-01 10:00:00")
    stays = [("1.0", "20.0", "2150-01-01 08:00:00", "2150-01-09 12:00:00", "", "0.0", "WHITE")]
    tables = {"echo_study_list": [study], "structured_measurement": [echo("lvef", "48")], "admissions": stays}
    said = features(tmp_path, "lvef", "dx_i25", **tables, diagnoses_icd=[("1", "20", "I2510", "10.0")])
    assert said == (48, 1)


def test_words_about_the_ejection_fraction_are_counted(tmp_path):
    rows = [echo("lvef", "55"), echo("lvef_upper", ">70"), echo("lvef_3d", "___")]
    connection, report = staged(tmp_path, structured_measurement=rows)
    assert fetch(connection, "SELECT value FROM measurement") == [(55,)]
    assert counted(report)["measurement", "NOT_A_NUMBER"] == 2


def test_pressures_at_rest_are_read_and_the_rest_is_counted(tmp_path):
    omr = [
        ("1", "2150-04-01", "Blood Pressure Sitting", "120/80"),
        ("1", "2150-04-01", "Blood Pressure Standing (1 min)", "90/60"),
        ("1", "2150-04-01", "eGFR", ">60"),
        ("1", "2150-04-01", "Weight", "80"),
    ]
    connection, report = staged(tmp_path, omr=omr)
    assert fetch(connection, "SELECT variable, value FROM measurement ORDER BY value") == [("dbp", 80), ("sbp", 120)]
    assert counted(report)["measurement", "OUTPATIENT_RESULT_NOT_READ"] == 3


def test_what_is_no_age_is_counted_and_an_unknown_drug_too(tmp_path):
    drugs = [("1", "2150-01-01 08:00:00", "", name) for name in ("Metoprolol Tartrate", "Heparin", "")]
    connection, report = staged(tmp_path, patients=[patient(age="> 89"), SOMEBODY_ELSE], prescriptions=drugs)
    assert counted(report)["patient", "UNREADABLE_DATE"] == 1
    assert fetch(connection, "SELECT drug_class FROM medication") == [("beta_blocker",)]
    assert counted(report)["medication", "DRUG_OF_NO_CLASS"] == 2


@pytest.mark.parametrize(
    ("where", "setting"),
    [
        ({}, "outpatient"),
        ({"edstays": [("1", "2150-05-01 08:00:00", "2150-05-01 12:00:00", "HOME")]}, "emergency"),
        ({"admissions": [admission(1, "2150-04-30 08:00:00", "2150-05-03 12:00:00")]}, "inpatient"),
        (
            {
                "edstays": [("1", "2150-05-01 08:00:00", "2150-05-01 12:00:00", "HOME")],
                "admissions": [admission(1, "2150-04-30 08:00:00", "2150-05-03 12:00:00")],
            },
            "inpatient",
        ),
    ],
)
def test_the_setting_is_where_the_patient_was(tmp_path, where, setting):
    connection, _ = staged(tmp_path, **where)
    assert fetch(connection, "SELECT setting FROM study") == [(setting,)]


def test_the_first_release_of_the_echoes_has_no_measurements_and_columns_of_its_own(tmp_path):
    laid_out(tmp_path)
    for table in ("echo_study_list", "echo_record_list", "structured_measurement", "omr", "prescriptions", "edstays"):
        (tmp_path / f"{table}.csv").unlink()
    (tmp_path / "echo").mkdir()
    header = "study_datetime,subject_id,study_id,note_id,note_seq,note_charttime"
    lists = {
        "echo-study-list": [header, "2150-05-01 09:30:00,1,71,,,"],
        "echo-record-list": [
            "subject_id,study_id,acquisition_datetime,dicom_filepath",
            "1,71,2150-05-01 09:31:00,x.dcm",
        ],
    }
    for name, lines in lists.items():
        (tmp_path / "echo" / f"{name}.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    connection = empty_warehouse()
    report = stage(connection, tmp_path, "mimic_iv", KEYRING, "kept")
    assert report.rows["study"] == (1, 1, 0)
    assert fetch(connection, "SELECT study_at::VARCHAR FROM study") == [("2150-05-01 09:30:00",)]


def test_a_race_that_was_blanked_out_is_no_race(tmp_path):
    stays = [
        ("1", "1", "2150-01-01 08:00:00", "2150-01-02 08:00:00", "", 0, "___"),
        ("1", "2", "2150-02-01 08:00:00", "2150-02-02 08:00:00", "", 0, "BLACK/CAPE VERDEAN"),
        ("9", "3", "2150-02-01 08:00:00", "2150-02-02 08:00:00", "", 0, "___"),
    ]
    connection, _ = staged(tmp_path, admissions=stays)
    assert fetch(connection, "SELECT race FROM patient ORDER BY race") == [("black",), (None,)]


@pytest.mark.parametrize(
    ("other", "race"),
    [("WHITE - RUSSIAN", "white"), ("UNKNOWN", "white"), ("BLACK/CAPE VERDEAN", None), ("OTHER", None)],
)
def test_several_words_for_one_race_are_that_race(tmp_path, other, race):
    stays = [
        ("1", str(number), f"2150-0{number}-01 08:00:00", f"2150-0{number}-02 08:00:00", "", 0, word)
        for number, word in enumerate(("WHITE", other), 1)
    ]
    connection, report = staged(tmp_path, admissions=stays)
    assert fetch(connection, "SELECT race FROM patient JOIN study USING (patient_key)") == [(race,)]
    assert counted(report).get(("patient", "TWO_RACES"), 0) == (race is None)


def test_a_bound_of_the_laboratory_is_no_value(tmp_path):
    header = ["subject_id", "itemid", "charttime", "valuenum", "valueuom", "value", "comments"]
    said = [("0.1", "<0.1", ""), ("1.2", "1.2", ""), ("9", "___", "GREATER THAN 9."), ("1.4", "___", "no delta check")]
    said += [("8", "8", "GREATER THAN 8."), ("1.1", "1.1", "<1.3 desirable"), ("1.5", "1.5", "> the usual")]
    folder = laid_out(tmp_path)
    with (folder / "labevents.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [("1", 50912, "2150-04-30 08:00:00", number, "mg/dL", *rest) for number, *rest in said]
        csv.writer(file).writerows([header, *rows])
    connection = empty_warehouse()
    report = stage(connection, folder, "mimic_iv", KEYRING, "kept")
    assert fetch(connection, "SELECT value FROM measurement ORDER BY ALL") == [(1.1,), (1.2,), (1.4,), (1.5,)]
    assert counted(report)["measurement", "VALUE_IS_A_BOUND"] == 3


def test_an_order_without_an_end_ends_with_its_admission(tmp_path):
    orders = [("1", "2150-02-01 08:00:00", "", "Metoprolol", "5"), ("1", "2150-02-01 08:00:00", "", "Aspirin", "5")]
    orders += [
        ("1", "2150-02-01 08:00:00", "2150-02-02 08:00:00", "Atorvastatin", "5"),
        ("1", "2150-03-01 08:00:00", "", "Lisinopril"),
    ]
    stay = admission(5, "2150-02-01 07:00:00", "2150-02-09 12:00:00")
    connection, _ = staged(tmp_path, admissions=[stay], prescriptions=orders)
    found = dict(fetch(connection, "SELECT drug_class, ended_at::DATE::VARCHAR FROM medication"))
    assert found == {"beta_blocker": "2150-02-09", "statin": "2150-02-02", "ace_inhibitor": None}
