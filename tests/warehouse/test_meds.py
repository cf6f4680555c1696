"""MEDS datasets: shards, vocabularies, parent codes, static events, the site's map; what is not read is counted."""

from datetime import datetime

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, study_key
from layouts.meds_events import AT, STATIC, VISIT, event, written

from warehouse.staging.staging import stage


def staged(folder, *events, **more):
    connection = empty_warehouse()
    return connection, stage(connection, written(folder, *STATIC, VISIT, *events, **more), "meds", KEYRING, "kept")


def staged_together(folder, *cases, **more):
    """Return what :func:`staged` does of several cases (lists of events), each that of a subject of its own."""
    events = [one | {"subject_id": 100 + place} for place, case in enumerate(cases) for one in (*STATIC, VISIT, *case)]
    connection = empty_warehouse()
    return connection, stage(connection, written(folder, *events, **more), "meds", KEYRING, "kept")


def each(connection, cases, columns, table):
    """Return the ``columns`` of the rows in ``table`` of each case of :func:`staged_together`."""
    rows = fetch(connection, f"SELECT patient_key, {columns} FROM {table} ORDER BY ALL")
    return [[tuple(row) for key, *row in rows if key == patient_key(f"{100 + place}")] for place, _ in enumerate(cases)]


@pytest.mark.parametrize(
    "shard", ["data/0.parquet", "data/train/0.parquet", "data/held_out/shard-a.parquet", "data/x/y/part.parquet"]
)
def test_shards_are_found_by_any_name(tmp_path, shard):
    connection, _ = staged(tmp_path, shard=shard)
    assert fetch(connection, "SELECT patient_key, birth_date::VARCHAR, sex, race FROM patient") == [
        (patient_key("7"), "1950-03-04", "F", "white")
    ]


def test_a_death_has_other_codes(tmp_path):
    codes = ["SNOMED/419620001", "SNOMED//419620001", "DEATH"]
    connection, _ = staged_together(tmp_path, *([event(code, datetime(2020, 2, 3, 4))] for code in codes))
    assert each(connection, codes, "precision, death_date::VARCHAR", "death") == [[("day", "2020-02-03")]] * 3


@pytest.mark.parametrize("code", ["SNOMED/184099003", "SNOMED//3950001"])
def test_a_birth_has_other_codes_where_nothing_else_says_it(tmp_path, code):
    ones = [event(code, datetime(1960, 2, 3), subject=8), event(code, datetime(2001, 2, 3))]
    connection, _ = staged(tmp_path, *ones, event("MEDS_BIRTH", None, subject=8))
    births = dict(fetch(connection, "SELECT patient_key, birth_date::VARCHAR FROM patient"))
    assert births == {patient_key("7"): "1950-03-04", patient_key("8"): "1960-02-03"}


def test_a_death_is_dated_or_of_unknown_date(tmp_path):
    connection, _ = staged(tmp_path, event("MEDS_DEATH", datetime(2020, 2, 3, 4)), event("MEDS_DEATH", None))
    found = fetch(connection, "SELECT precision, death_date::VARCHAR FROM death ORDER BY precision")
    assert found == [("day", "2020-02-03"), ("unknown", None)]


VALUES = [
    ("LOINC//2160-0", {"unit": "mg/dL"}, ("creatinine", 1.5, "mg/dL")),
    ("LOINC//38483-4", {"unit": "mg/dL"}, ("creatinine", 1.5, "mg/dL")),
    ("LOINC/2160-0", {"unit": "mg/dL"}, ("creatinine", 1.5, "mg/dL")),
    ("LOINC//2160-0//mg/dL", {}, ("creatinine", 1.5, "mg/dL")),
    ("LAB//50912//mg/dL", {}, ("creatinine", 1.5, "mg/dL")),
    ("SITE//K//UNK", {}, ("creatinine", 1.5, "mg/dL")),
    ("rvsp", {"unit": "mm[Hg]"}, ("rvsp", 1.5, "mm[Hg]")),
    ("echomort//rvsp", {"unit": "mm[Hg]"}, ("rvsp", 1.5, "mm[Hg]")),
    ("SITE//K", {}, ("creatinine", 1.5, "mg/dL")),
]


def test_a_value_is_known_by_code_parent_code_name_or_the_site_s_map(tmp_path):
    codes = [{"code": "LAB//50912//mg/dL", "description": "Creatinine", "parent_codes": ["LOINC/2160-0"]}]
    (tmp_path / "code_map.csv").write_text(
        "code,target,unit\nSITE//K,creatinine,mg/dL\nSITE//K//UNK,creatinine,mg/dL\n"
    )
    cases = [[event(code, number=1.5, **more), event("SITE//X")] for code, more, _ in VALUES]
    connection, report = staged_together(tmp_path, *cases, codes=codes)
    assert each(connection, cases, "variable, value, unit", "measurement") == [[expected] for *_, expected in VALUES]
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == len(cases)


def test_a_number_that_the_text_calls_a_bound_is_no_value(tmp_path):
    events = [event("LOINC//2160-0", number=1.5, words=words, unit="mg/dL") for words in ("<1.5", "> 1.5", "1.5")]
    _, report = staged(tmp_path, *events)
    assert report.rows["measurement"] == (1, 1, 0)
    assert counted(report)["measurement", "VALUE_IS_A_BOUND"] == 2


def test_the_site_s_map_decides_alone_and_may_say_none(tmp_path):
    (tmp_path / "code_map.csv").write_text("code,target\nLOINC//2160-0,none\nLOINC//2951-2,potassium\n")
    events = [event("LOINC//2160-0", number=1.5), event("LOINC//2951-2", number=4, unit="mmol/L")]
    connection, report = staged(tmp_path, *events)
    assert fetch(connection, "SELECT variable FROM measurement") == [("potassium",)]
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == 1


DIAGNOSES = [
    ("ICD10CM//I50.9", ("ICD10CM", "I509")),
    ("ICD10/I50.9", ("ICD10CM", "I509")),
    ("ICD10GM//I50.14", ("ICD10CM", "I5014")),
    ("ICD-10-AM//I50.9", ("ICD10CM", "I509")),
    ("ICD9CM//428.0", ("ICD9CM", "4280")),
    ("DIAGNOSIS//ICD//10//I509", ("ICD10CM", "I509")),
    ("DIAGNOSIS//ICD//9//4280", ("ICD9CM", "4280")),
    ("SNOMED//84114007", ("ICD10CM", "I50")),
    ("SNOMED//79619009", ("ICD10CM", "I05")),
    ("LOCAL//HF", ("ICD10CM", "I509")),
]


def test_a_diagnosis_is_known_by_its_vocabulary(tmp_path):
    codes = [{"code": "LOCAL//HF", "description": "x", "parent_codes": ["ICD10CM/I50.9", "SNOMED/1"]}]
    connection, _ = staged_together(tmp_path, *([event(code)] for code, _ in DIAGNOSES), codes=codes)
    assert each(connection, DIAGNOSES, "vocabulary, code", "diagnosis") == [[expected] for _, expected in DIAGNOSES]


HIERARCHY = {
    "SNOMED//11000003": ["SNOMED/84114007"],
    "SNOMED//12000005": ["SNOMED//11000003"],
    "SNOMED//13000008": ["SNOMED/14000002", "SNOMED/84114007"],
    "SNOMED//14000002": ["SNOMED/13000008"],
    "SNOMED//15000001": ["SNOMED/15500003"],
    "SNOMED//15500003": ["SNOMED/15000001"],
    "SNOMED//64715009": ["SNOMED/38341003"],
    "SNOMED//16000000": ["SNOMED/64715009", "SNOMED/38341003"],
    "SNOMED//17000009": ["SNOMED/64715009", "SNOMED/84114007"],
    "SNOMED//18000004": ["SNOMED/230690007"],
    "LOCAL//STROKE": ["SNOMED/230690007"],
    "SNOMED//19000007": ["SNOMED/60573004", "SNOMED/13213009"],
    "SNOMED//20000001": ["SNOMED/398254007", "SNOMED/38341003"],
    "SNOMED//398254007": ["SNOMED/38341003"],
    "SNOMED//21000002": ["SNOMED/22000009"],
    "SNOMED//22000009": ["ICD10CM/I71.4", "SNOMED/84114007"],
    "SNOMED//23000004": ["SNOMED/24000005"],
    "SNOMED//24000005": ["ICD10CM/I50.9", "ICD10CM/I11.0"],
    "SNOMED//25000006": ["SNOMED/84114007", "SNOMED/24000005"],
    "SNOMED//26000007": ["SNOMED/27000003"],
    "LOCAL//CHILD": ["LOCAL//PARENT"],
    "LOCAL//PARENT": ["SNOMED/84114007"],
}


@pytest.mark.parametrize("joint", ["//", "/"])
def test_a_diagnosis_is_known_by_the_codes_above_it(tmp_path, joint):
    expected = {
        "SNOMED//84114007": ["I50"],  # on the list itself
        "SNOMED//11000003": ["I50"],  # a child
        "SNOMED//12000005": ["I50"],  # a grandchild
        "SNOMED//13000008": ["I50"],  # in a circle that has a way out
        "SNOMED//14000002": ["I50"],
        "SNOMED//15000001": [],  # in a circle without one
        "SNOMED//16000000": ["I11"],  # the most specific of two on the list
        "SNOMED//17000009": ["I11", "I50"],  # two of which none is above the other
        "SNOMED//18000004": [],  # below a concept that counts without its descendants
        "LOCAL//STROKE": ["I63"],  # stands for this concept
        "SNOMED//19000007": [],  # an excluded concept is above it too
        "SNOMED//20000001": [],  # of another chapter
        "SNOMED//21000002": ["I71"],  # the ICD code of the nearest ancestor, before the list
        "SNOMED//22000009": ["I714"],  # its own ICD code
        "SNOMED//23000004": [],  # ICD codes of several categories, and no concept on the list
        "SNOMED//25000006": ["I50"],  # the list decides between several categories
        "SNOMED//26000007": [],  # its parent is unknown
        "LOCAL//CHILD": ["I50"],
        "SNOMED//28000008": [],  # an orphan
    }
    codes = [
        {"code": code.replace("SNOMED//", f"SNOMED{joint}"), "description": None, "parent_codes": parents}
        for code, parents in HIERARCHY.items()
    ]
    events = [
        event(code.replace("SNOMED//", f"SNOMED{joint}"), datetime(2018, 1, 1 + day))
        for day, code in enumerate(expected)
    ]
    connection, report = staged(tmp_path, *events, codes=codes)
    found = fetch(connection, "SELECT day(recorded_at), code FROM diagnosis ORDER BY ALL")
    assert found == [(1 + day, code) for day, groups in enumerate(expected.values()) for code in groups]
    reasons = {
        reason: rows for (table, reason), rows in counted(report).items() if reason.startswith(("CONDITION_", "EVENT_"))
    }
    assert reasons == {
        "CONDITION_BY_THE_LIST": 10,
        "CONDITION_BY_ITS_MAP": 1,
        "CONDITION_BY_ITS_ANCESTOR_S_MAP": 1,
        "CONDITION_OF_SEVERAL_CATEGORIES": 1,
        "EVENT_CODE_NOT_READ": 6,
    }


def test_the_site_s_map_decides_before_the_codes_above(tmp_path):
    codes = [{"code": code, "description": None, "parent_codes": parents} for code, parents in HIERARCHY.items()]
    (tmp_path / "code_map.csv").write_text(
        "code,target\nSNOMED//11000003,ICD10CM//I42.0\nSNOMED//12000005,none\nSNOMED//23000004,ICD10CM//I50.9\n"
    )
    events = [event(f"SNOMED//{code}") for code in ("11000003", "12000005", "23000004")]
    connection, report = staged(tmp_path, *events, codes=codes)
    assert fetch(connection, "SELECT code FROM diagnosis ORDER BY ALL") == [("I420",), ("I509",)]
    assert ("diagnosis", "CONDITION_BY_THE_LIST") not in counted(report)
    assert ("diagnosis", "CONDITION_OF_SEVERAL_CATEGORIES") not in counted(report)


DRUGS = [
    ("RxNorm//29046", ["ace_inhibitor"]),
    ("ATC//C09AA03", ["ace_inhibitor"]),
    ("RxNorm//314076", ["ace_inhibitor"]),
    ("MEDICATION//START//Lisinopril", ["ace_inhibitor"]),
    ("NOTE//Lisinopril", []),
    ("RxNorm//1", []),
]


def test_a_drug_is_known_by_code_or_name(tmp_path):
    codes = [{"code": "RxNorm//314076", "description": "lisinopril 10 MG Oral Tablet", "parent_codes": None}]
    connection, report = staged_together(tmp_path, *([event(code)] for code, _ in DRUGS), codes=codes)
    found = each(connection, DRUGS, "drug_class", "medication")
    assert found == [[(one,) for one in expected] for _, expected in DRUGS]
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == sum(not expected for _, expected in DRUGS)


def test_a_stop_alone_is_no_drug(tmp_path):
    connection, report = staged(tmp_path, event("MEDICATION//STOP//Lisinopril"))
    assert fetch(connection, "SELECT drug_class FROM medication") == []
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == 1


CONTACTS = [
    ("VISIT//inpatient", "inpatient"),
    ("Visit/IP", "inpatient"),
    ("ENCOUNTER//emergency room", "emergency"),
    ("HOSPITAL_ADMISSION//EW EMER.//INFORMATION NOT AVAILABLE", "inpatient"),
    ("HOSPITAL_DISCHARGE//HOME", "inpatient"),
    ("ED_REGISTRATION", "emergency"),
    ("CLINIC//A", "outpatient"),
    ("VISIT//telephone", None),
    ("HOSPITAL_DISCHARGE//DIED", None),
    ("HOSPITAL_ADMISSION//DEAD ON ARRIVAL", None),
    ("TRANSFER_TO//morgue//Morgue", None),
    ("TRANSFER_TO//discharge//UNKNOWN", "transfer"),
    ("HOSPITAL_ADMISSION//URGENT//PHYSICIAN REFERRAL", "inpatient"),
    ("LOINC//2160-0", None),
]


def test_only_what_proves_presence_is_evidence_of_life(tmp_path):
    (tmp_path / "code_map.csv").write_text("code,target\nCLINIC//A,contact//outpatient\n")
    cases = [[event(code, datetime(2019, 2, 1, 9), number=1.0)] for code, _ in CONTACTS]
    connection, _ = staged_together(tmp_path, *cases)
    late = each(connection, CONTACTS, "kind", "contact WHERE contact_at > '2019-01-15'")
    assert late == [[(kind,)] if kind else [] for _, kind in CONTACTS]


DISCHARGES = [
    "HOSPITAL_DISCHARGE//DIED",
    "HOSPITAL_DISCHARGE//Expired",
    "HOSPITAL_DISCHARGE//HOME//DIED",
    "ED_DISCHARGE//EXPIRED",
    "HOSPITAL_ADMISSION//DEAD ON ARRIVAL",
    "HOSPITAL_DISCHARGE//EXPIRED, AUTOPSY",
]


def test_a_discharge_as_dead_is_a_death(tmp_path):
    connection, _ = staged_together(tmp_path, *([event(code, datetime(2019, 2, 1, 9))] for code in DISCHARGES))
    deaths = each(connection, DISCHARGES, "source, death_date::VARCHAR", "death")
    assert deaths == [[("hospital", "2019-02-01")]] * len(DISCHARGES)


@pytest.mark.parametrize(
    ("codes", "studies", "left_out"),
    [
        (["TTE", "NUMBERED"], 1, {"ECHO_CODED_TWICE": 1}),
        (["TEE", "ANY"], 0, {"ECHO_NOT_TRANSTHORACIC": 2}),
        (["TEE", "TTE"], 1, {"ECHO_NOT_TRANSTHORACIC": 1}),
        (["TTE", "ANY"], 1, {"ECHO_CODED_TWICE": 1}),
        (["TTE", "TTE", "TTE"], 1, {"ECHO_CODED_TWICE": 2}),
        (["BOTH"], 1, {}),  # one code of two parents
        (["BOTH", "TEE", "TEE AND ANY"], 1, {"ECHO_NOT_TRANSTHORACIC": 2}),
    ],
)
def test_every_event_of_an_echo_is_a_study_or_counted(tmp_path, codes, studies, left_out):
    """A code for any echo says nothing beside one of another kind."""
    known = {"TEE": ["CPT4/93312"], "TTE": ["CPT4/93306"], "ANY": ["SNOMED/40701008"]}
    known |= {"BOTH": known["TTE"] + known["ANY"], "TEE AND ANY": known["ANY"] + known["TEE"]}
    described = [{"code": code, "description": None, "parent_codes": parents} for code, parents in known.items()]
    later = event("ANY", datetime(2018, 6, 1))
    events = [event("TTE", study_id="1.2.3") if code == "NUMBERED" else event(code) for code in codes]
    connection, report = staged(tmp_path, *events, later, codes=described)
    assert fetch(connection, "SELECT count(*) FROM study") == [(studies + 1,)]
    reasons = {reason: rows for (table, reason), rows in counted(report).items() if table == "study"}
    assert reasons == left_out | {"NO_NUMBER_OF_A_DICOM_STUDY": 1 if "NUMBERED" in codes else studies + 1}
    assert studies + sum(left_out.values()) == len(codes)


def test_an_event_without_a_code_and_a_stop_that_ends_nothing_are_counted(tmp_path):
    stops = [event(f"MEDICATION//STOP//{name}") for name in ("Lisinopril", "Metoprolol")]
    codes = [{"code": "SNOMED//25000006", "description": None, "parent_codes": ["ICD10CM/I50.9", "ICD10CM/I11.0"]}]
    several = event("SNOMED//25000006")
    _, report = staged(tmp_path, event(None), event("MEDICATION//START//Lisinopril"), *stops, several, codes=codes)
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == 2
    assert counted(report)["diagnosis", "CONDITION_OF_SEVERAL_CATEGORIES"] == 1


def test_which_codes_are_a_resting_transthoracic_echo(tmp_path):
    codes = {"CPT4//93306": 1, "HCPCS//93306": 1, "HCPCS//C8929": 1, "CPT4//93312": 0, "SNOMED//433236007": 1}
    cases = [[event(code, study_id=f"1.2.{place}")] for place, code in enumerate(codes)]
    connection, _ = staged_together(tmp_path, *cases)
    assert [len(studies) for studies in each(connection, cases, "study_key", "study")] == list(codes.values())


def test_an_echo_is_an_event_or_a_row_of_echo_study(tmp_path):
    events = [event("CPT4//93306", study_id="1.2.3"), event("LOINC//18043-0", number=55, unit="%", study_id="1.2.3")]
    connection, _ = staged(tmp_path / "events", *events)
    assert fetch(connection, "SELECT study_key FROM study") == [(study_key("1.2.3"),)]
    assert fetch(connection, "SELECT study_key FROM measurement") == [(study_key("1.2.3"),)]
    (tmp_path / "echo_study.csv").write_text("study_id,subject_id,study_at\n9.8,7,2018-05-01 10:00:00\n")
    connection, report = staged(tmp_path, event("CPT4//93306"))
    assert fetch(connection, "SELECT study_key FROM study") == [(study_key("9.8"),)]
    assert counted(report)["study", "ECHO_EVENT_NOT_READ"] == 1


def test_an_echo_without_the_number_of_its_files_is_counted(tmp_path):
    connection, report = staged(tmp_path, event("CPT//93306"), event("CPT//93306", datetime(2018, 6, 1)))
    assert fetch(connection, "SELECT count(*) FROM study") == [(2,)]
    assert counted(report)["study", "NO_NUMBER_OF_A_DICOM_STUDY"] == 2


def test_a_value_in_words_is_a_number(tmp_path):
    """A tool of data frames writes NaN for the number that is not there."""
    said = [("LOINC//72166-2", "Never smoker"), ("LOINC//72166-2", "Former smoker"), ("mr_grade", "moderate")]
    cases = [[event(code, number=float("nan"), words=words)] for code, words in said]
    connection, _ = staged_together(tmp_path, *cases)
    values = each(connection, cases, "value", "measurement WHERE variable <> 'current_smoker'")
    assert values == [[(0,)], [(1,)], [(2,)]]


ANSWERS = [
    (event("LOINC//88020-3", words="NYHA III"), {"nyha": 3}),
    (event("SNOMED//420913000"), {"nyha": 3}),
    (event("SNOMED//420816009", number=2), {"nyha": 2}),
    (event("SNOMED//8517006"), {"smoking": 1, "current_smoker": 0}),
    (event("SNOMED//8517006", words="No"), {}),
    (event("SNOMED//8517006", number=0), {}),
    (event("LOINC//72166-2", words="Former smoker"), {"smoking": 1, "current_smoker": 0}),
]


def test_an_answer_is_words_or_a_code(tmp_path):
    connection, report = staged_together(tmp_path, *([one] for one, _ in ANSWERS))
    found = each(connection, ANSWERS, "variable, value", "measurement")
    assert list(map(dict, found)) == [expected for _, expected in ANSWERS]
    assert counted(report)["event", "EVENT_CODE_NOT_READ"] == sum(not expected for _, expected in ANSWERS)


def test_a_value_without_a_time_is_counted(tmp_path):
    events = [event("LOINC//2160-0", None, 1.0, unit="mg/dL"), event("LOINC//2160-0", AT, 1.0, unit="mg/dL")]
    _, report = staged(tmp_path, *events)
    assert counted(report)["measurement", "MISSING_DATE"] == 1


ETHNICITIES = [
    (["ETHNICITY//Not Hispanic or Latino"], "white"),
    (["RACE//WHITE - RUSSIAN"], "white"),
    (["RACE//BLACK/AFRICAN AMERICAN"], None),
    (["Ethnicity/Hispanic"], "hispanic"),
]


def test_an_ethnicity_stands_beside_a_race(tmp_path):
    cases = ([event(code, None) for code in codes] for codes, _ in ETHNICITIES)
    connection, report = staged_together(tmp_path, *cases)
    assert each(connection, ETHNICITIES, "race", "patient") == [[(race,)] for _, race in ETHNICITIES]
    assert counted(report)["patient", "TWO_RACES"] == 1


def test_a_race_may_be_a_code_of_omop_or_a_text(tmp_path):
    ones = [event("Race/3", None, subject=8), event("Race/2.04", None, subject=9)]
    ones += [event("RACE", None, words="Asian", subject=10), event("GENDER", None, words="Female", subject=10)]
    connection, _ = staged(tmp_path, *ones)
    assert (patient_key("10"), "F") in fetch(connection, "SELECT patient_key, sex FROM patient")
    races = dict(fetch(connection, "SELECT patient_key, race FROM patient"))
    assert [races[patient_key(number)] for number in ("8", "9", "10")] == ["black", "asian", "asian"]


def test_an_order_that_is_renewed_goes_on(tmp_path):
    said = [("START", 1), ("STOP", 3), ("START", 3), ("STOP", 6), ("START", 7), ("STOP", 7), ("START", 8), ("STOP", 8)]
    connection, _ = staged(
        tmp_path, *(event(f"MEDICATION//{what}//Lisinopril", datetime(2018, month, 1)) for what, month in said)
    )
    found = fetch(connection, "SELECT month(started_at), month(ended_at) FROM medication ORDER BY ALL")
    assert found == [(1, 3), (3, 6), (7, 7), (8, 8)]


def test_an_event_of_a_drug_without_an_end_counts_for_a_year(tmp_path):
    said = {"MEDICATION//START//Lisinopril": None, "DRUG//Simvastatin": None, "RxNorm//x//Metoprolol": "2018-06-01"}
    connection, _ = staged(tmp_path, *(event(code, end=end) for code, end in said.items()))
    found = dict(fetch(connection, "SELECT drug_class, ended_at::DATE::VARCHAR FROM medication"))
    assert found == {"ace_inhibitor": None, "statin": "2019-05-01", "beta_blocker": "2018-06-01"}


ENDS = [
    ("2018-06-01 10:00:00", "2018-06-01", None),
    ("June 2018", None, "UNREADABLE_DATE"),
    ("2018-06-01T10:00:00Z", None, "TIME_WITH_OFFSET"),
    (" ", None, None),
]


def test_a_visit_and_a_drug_end_when_their_event_says_so(tmp_path):
    """A drug that says its end in words does not end by a rule for drugs without one."""
    cases = [[event("VISIT//inpatient", end=end), event("RxNorm//29046", end=end)] for end, *_ in ENDS]
    connection, report = staged_together(tmp_path, *cases)
    days = each(connection, ENDS, "contact_at::DATE::VARCHAR", "contact WHERE year(contact_at) = 2018")
    assert days == [[("2018-05-01",)] + ([(ended,)] if ended else []) for _, ended, _ in ENDS]
    drugs = each(connection, ENDS, "ended_at::DATE::VARCHAR", "medication")
    assert drugs == [[(ended if end.strip() else "2019-05-01",)] for end, ended, _ in ENDS]
    reasons = {(table, reason) for table in ("contact", "medication") for *_, reason in ENDS if reason}
    assert {one: counted(report).get(one) for one in reasons} == dict.fromkeys(reasons, 1)


NOT_GIVEN = ("Not Given", "Hold Dose", "Stopped", "Delayed Not Confirmed", "Refused", "Flushed", "Infusion Not Done")


def test_a_drug_ends_with_the_next_stop_of_the_same_drug(tmp_path):
    said = [
        ("START", 1, "Lisinopril"),
        ("STOP", 2, "Simvastatin"),
        ("STOP", 3, "Lisinopril"),
        ("START", 4, "Lisinopril"),
    ]
    said += [("START", 2, "Simvastatin"), ("STOP", 5, "Lisinopril"), ("STOP", 1, "Lisinopril 10")]
    connection, _ = staged(
        tmp_path, *(event(f"MEDICATION//{what}//{name}", datetime(2018, month, 1)) for what, month, name in said)
    )
    found = fetch(connection, "SELECT drug_class, month(started_at), month(ended_at) FROM medication ORDER BY ALL")
    assert found == [("ace_inhibitor", 1, 3), ("ace_inhibitor", 4, 5), ("statin", 2, 2)]


def test_a_drug_that_was_not_given_is_not_taken(tmp_path):
    ones = [event(f"MEDICATION//Lisinopril//{word}") for word in NOT_GIVEN]
    connection, _ = staged(tmp_path, *ones, event("MEDICATION//Simvastatin//Administered"))
    assert fetch(connection, "SELECT drug_class FROM medication") == [("statin",)]


def test_two_sexes_or_births_quarantine_the_subject(tmp_path):
    _, report = staged(tmp_path, event("GENDER//M", None), event("MEDS_BIRTH", datetime(1960, 1, 1)))
    assert counted(report)["patient", "TWO_SEXES"] == 1
    assert counted(report)["patient", "TWO_BIRTH_DATES"] == 1


def test_moved_dates_are_recognised(tmp_path):
    late = [event("MEDS_BIRTH", datetime(2090, 1, 1)), event("GENDER//F", None)]
    late += [event("VISIT//outpatient", datetime(2150, month, 1)) for month in range(1, 9)]
    connection = empty_warehouse()
    report = stage(connection, written(tmp_path, *late), "meds", KEYRING, "kept")
    assert fetch(connection, "SELECT count(*) FROM contact") == [(8,)]
    assert ("contact", "FUTURE_DATE") not in counted(report)
