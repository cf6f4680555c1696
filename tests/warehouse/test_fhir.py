"""FHIR bulk export, R4 and R5: names of files, references, dates, states and codes; whatever is refused is counted."""

import json

import pytest
from extracts import KEYRING, counted, empty_warehouse, fetch, patient_key, study_key
from layouts.fhir_resources import (
    LOINC,
    MR,
    SNOMED,
    UCUM,
    ZONE,
    as_r5,
    coded,
    condition,
    imaged,
    observed,
    of,
    of_patients,
    patient,
    visit,
    written,
)

from echomort.core.errors import UserError
from warehouse.adapters.extract import ExtractLocation
from warehouse.staging.staging import stage


def staged(folder, *resources, names=None, zone=ZONE):
    """Return the warehouse and the report of the resources."""
    connection = empty_warehouse()
    place = ExtractLocation(written(folder, *resources, names=names), None, zone)
    return connection, stage(connection, place, "fhir", KEYRING, "kept")


def each(connection, cases, columns, table):
    """Return the ``columns`` of the rows in ``table`` of each patient of :func:`of_patients`."""
    rows = fetch(connection, f"SELECT patient_key, {columns} FROM {table} ORDER BY ALL")
    return [[row for key, *row in rows if key == patient_key(f"N{place}")] for place, _ in enumerate(cases, 1)]


def for_each_reason(cases):
    """Return reason -> the cases of it, without the reason, which is the last of each case."""
    return {reason: [case[:-1] for case in cases if case[-1] == reason] for reason in {case[-1]: 0 for case in cases}}


@pytest.mark.parametrize(
    "name",
    [
        "Patient.ndjson",
        "Patient.000.ndjson",
        "1.Patient.ndjson",
        "Patient_1.ndjson.gz",
        "Patient-1-1.ndjson",
        "Patient/part-0.ndjson",
        "2024-01-01/Patient/export.jsonl",
        "0b7d1f.ndjson",
    ],
)
def test_files_are_found_by_what_they_hold(tmp_path, name):
    connection, _ = staged(tmp_path, names={"Patient": name})
    assert fetch(connection, "SELECT patient_key FROM patient") == [(patient_key("N1"),)]


def test_all_files_of_a_type_are_read_and_other_types_are_not(tmp_path):
    written(tmp_path / "more", patient("2"), of("Practitioner"), {"resourceType": "OperationOutcome", "id": "x"})
    (tmp_path / "empty.ndjson").write_text("")
    (tmp_path / "manifest.json").write_text('{"output": [{"type": "Patient", "url": "x"}]}')
    connection, _ = staged(tmp_path)
    assert fetch(connection, "SELECT count(*) FROM patient") == [(2,)]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("export.json", '{"resourceType": "Bundle", "entry": []}', "export.json is a FHIR Bundle.*NDJSON"),
        ("export.ndjson", '{"type": "transaction", "resourceType": "Bundle"}\n', "export.ndjson is a FHIR Bundle"),
        ("one.json", '{"resourceType":\n "Observation"}', "one.json holds a FHIR resource as JSON"),
        ("pretty.ndjson", '{\n "resourceType": "Patient"\n}\n', "pretty.ndjson is not one JSON object a line"),
    ],
)
def test_other_forms_are_refused_with_their_remedy(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words):
        staged(tmp_path)


def test_a_type_that_is_missing_is_no_error_but_persons_and_encounters_are(tmp_path):
    (tmp_path / "Patient.ndjson").write_text(json.dumps(patient()) + "\n")
    with pytest.raises(UserError, match="no table encounter"):
        stage(empty_warehouse(), tmp_path, "fhir", KEYRING, "kept")


def test_the_newest_version_of_a_resource_is_read_and_the_others_are_counted(tmp_path):
    old = observed(value=9.9) | {"meta": {"lastUpdated": "2018-05-02T00:30:00+02:00"}}
    new = observed(value=1.1) | {"meta": {"lastUpdated": "2018-05-01T23:59:60Z"}}  # a leap second
    connection, report = staged(tmp_path, new, old)
    assert fetch(connection, "SELECT value FROM measurement") == [(1.1,)]
    assert counted(report)["measurement", "OLDER_VERSION"] == 1


def test_which_version_is_read_does_not_depend_on_the_order_of_the_rows(tmp_path):
    at = {"lastUpdated": "2018-05-02T00:30:00Z"}
    ones = [observed(value=float(number)) | {"meta": at | {"versionId": str(number)}} for number in (9, 10)]
    other = [observed("p", ("http://loinc.org", "2951-2"), float(number), "mmol/L") for number in (140, 141)]
    found = [staged(tmp_path / "there", *ones, *other), staged(tmp_path / "back", *other[::-1], *ones[::-1])]
    there, back = (fetch(connection, "SELECT variable, value FROM measurement ORDER BY ALL") for connection, _ in found)
    assert there == back
    assert there[0] == ("creatinine", 10)


def test_a_resource_of_another_type_than_its_file_is_counted(tmp_path):
    written(tmp_path, patient())
    with (tmp_path / "Patient.ndjson").open("a") as file:
        file.write(json.dumps(visit("other")) + "\n")
    connection = empty_warehouse()
    report = stage(connection, ExtractLocation(tmp_path, None, ZONE), "fhir", KEYRING, "kept")
    assert counted(report)["patient", "RESOURCE_OF_ANOTHER_TYPE"] == 1
    assert fetch(connection, "SELECT count(*) FROM patient") == [(1,)]


REFERENCES = [
    {"reference": "Patient/1"},
    {"reference": "Patient/1/_history/4"},
    {"reference": "https://fhir.example/r4/Patient/1"},
    {"reference": "urn:uuid:1"},
    {"reference": "Patient?identifier=urn:oid:1.2|N1"},
    {"identifier": {"system": "urn:oid:1.2", "value": "N1"}},
    {"identifier": {"value": "N1"}},
]


def test_a_patient_is_found_by_every_form_of_reference(tmp_path):
    ones = [observed(f"o{place}", value=float(place), subject=one) for place, one in enumerate(REFERENCES)]
    connection, _ = staged(tmp_path, *ones)
    found = fetch(connection, "SELECT patient_key, value FROM measurement ORDER BY value")
    assert found == [(patient_key("N1"), place) for place, _ in enumerate(REFERENCES)]


NO_PATIENTS = [
    ({"reference": "Group/1"}, "MISSING_IDENTIFIER"),
    ({"reference": "Device/1"}, "MISSING_IDENTIFIER"),
    ({"reference": "Patient/999"}, "UNKNOWN_PATIENT"),
    ({"reference": "Patient/N1"}, "UNKNOWN_PATIENT"),  # the number of a patient is no id
    ({"identifier": {"system": "urn:visits", "value": "N1"}}, "UNKNOWN_PATIENT"),
    ({"reference": "Patient?identifier=urn:visits|N1"}, "UNKNOWN_PATIENT"),
    ({"reference": "#p"}, "MISSING_IDENTIFIER"),
    ({}, "MISSING_IDENTIFIER"),
    ("Patient/1", "MISSING_IDENTIFIER"),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(NO_PATIENTS).items())
def test_a_subject_that_is_no_patient_of_the_export_is_counted(tmp_path, reason, cases):
    ones = [observed(f"p{place}", subject=one) for place, (one,) in enumerate(cases)]
    connection, report = staged(tmp_path, observed(), *ones)
    assert counted(report)["measurement", reason] == len(cases)
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(1,)]


BIRTHS = [("1950", "1950-07-02"), ("1950-03", "1950-03-16"), ("1950-03-04", "1950-03-04")]


def test_a_partial_birth_date_lies_in_the_middle_of_what_is_known(tmp_path):
    connection, _ = staged(tmp_path, *of_patients([patient(birthDate=said)] for said, _ in BIRTHS))
    assert each(connection, BIRTHS, "birth_date::VARCHAR", "patient") == [[[birth]] for _, birth in BIRTHS]


DEATHS = [
    ({"deceasedDateTime": "2019-03-04T23:30:00Z"}, "day", "2019-03-05"),
    ({"deceasedDateTime": "2019-03-04"}, "day", "2019-03-04"),
    ({"deceasedDateTime": "2019-03"}, "month", "2019-03-01"),
    ({"deceasedDateTime": "2019"}, "year", "2019-01-01"),
    ({"deceasedBoolean": True}, "unknown", None),
]


def test_a_death_is_as_precise_as_it_is_stated(tmp_path):
    connection, _ = staged(tmp_path, *of_patients([patient(**said)] for said, *_ in DEATHS))
    found = each(connection, DEATHS, "precision, death_date::VARCHAR", "death")
    assert found == [[[precision, earliest]] for _, precision, earliest in DEATHS]


def test_who_is_not_dead_has_no_death(tmp_path):
    connection, _ = staged(tmp_path, patient(deceasedBoolean=False))
    assert fetch(connection, "SELECT count(*) FROM death") == [(0,)]


DISCHARGES = [
    ("http://terminology.hl7.org/CodeSystem/discharge-disposition", "exp", True),
    ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "20", True),
    ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "01", False),
    ("urn:local", "20", False),
    ("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-discharge-disposition", "DIED", True),
    ("urn:oid:2.16.840.1.113883.6.301.5", "41", True),
    ("http://snomed.info/sct", "371828006", True),
    ("http://snomed.info/sct", "306689006", False),
    ("http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle", "07", True),
    ("http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle", "01", False),
]


def test_a_discharge_as_dead_is_a_death(tmp_path):
    stays = [visit("v", "IMP", hospitalization={"dischargeDisposition": coded(*code)}) for *code, _ in DISCHARGES]
    for stay in stays:
        stay["period"]["end"] = "2018-05-07T10:00:00+02:00"
    connection, _ = staged(tmp_path, *of_patients([stay] for stay in stays))
    found = each(connection, DISCHARGES, "source, death_date::VARCHAR", "death")
    assert found == [[["hospital", "2018-05-07"]] if dead else [] for *_, dead in DISCHARGES]


DISCHARGE_WORDS = [
    (coded("urn:local", "7", display="Expired in medical facility"), True),
    ({"text": "Deceased"}, True),
    ({"text": "Patient verstorben"}, True),
    ({"text": "Alive, not expired"}, False),
    ({"text": "Home after fetal death"}, False),
    ({"text": "Hospice"}, False),
]


def test_a_discharge_as_dead_may_be_in_words(tmp_path):
    period = {"start": "2018-05-01", "end": "2018-05-07"}
    stays = [
        visit("v", "IMP", period=period, hospitalization={"dischargeDisposition": one}) for one, _ in DISCHARGE_WORDS
    ]
    connection, _ = staged(tmp_path, *of_patients([stay] for stay in stays))
    assert [len(rows) for rows in each(connection, stays, "source", "death")] == [dead for _, dead in DISCHARGE_WORDS]


def test_a_discharge_without_an_end_adds_nothing_to_a_dated_death(tmp_path):
    disposition = coded("http://terminology.hl7.org/CodeSystem/discharge-disposition", "exp")
    stay = visit("v", "IMP", hospitalization={"dischargeDisposition": disposition})
    connection, _ = staged(tmp_path / "dated", patient(deceasedDateTime="2019-03-04"), stay)
    assert fetch(connection, "SELECT precision FROM death") == [("day",)]
    connection, _ = staged(tmp_path / "alone", stay)
    assert fetch(connection, "SELECT precision FROM death") == [("unknown",)]


def test_moved_dates_are_recognised(tmp_path):
    connection, report = staged(tmp_path, *(visit(f"v{month}", start=f"2150-0{month}-01") for month in range(1, 9)))
    assert fetch(connection, "SELECT count(*) FROM contact") == [(8,)]
    assert ("contact", "FUTURE_DATE") not in counted(report)


@pytest.mark.parametrize("kind", ["replaced-by", "replaces", "refer", "seealso"])
def test_linked_patients_are_one_person(tmp_path, kind):
    link = [{"type": kind, "other": {"reference": "Patient/1"}}]
    relative = [{"type": "seealso", "other": {"reference": "RelatedPerson/3"}}]
    connection, _ = staged(tmp_path, patient(link=relative), patient("2", link=link), patient("3"))
    keys = dict(fetch(connection, "SELECT alias_key, patient_key FROM patient_alias"))
    assert keys[patient_key("N1")] == keys[patient_key("N2")]
    assert len(set(keys.values())) == 2


def test_numbers_of_two_systems_never_join_two_persons(tmp_path):
    foreign = {"type": MR, "system": "urn:oid:9.9", "value": "N1"}
    second = patient("2")
    second["identifier"].insert(0, foreign)
    connection, _ = staged(tmp_path, patient(), second, patient("3"))
    assert fetch(connection, "SELECT count(*) FROM patient") == [(3,)]


def test_the_site_names_the_system_of_the_record_numbers(tmp_path):
    one = patient(identifier=[{"system": "urn:ssn", "value": "S"}, {"system": "urn:pacs", "value": "DICOM-7"}])
    (tmp_path / "record_number_system.csv").write_text("system\nurn:pacs\n")
    connection, _ = staged(tmp_path, one)
    assert fetch(connection, "SELECT patient_key FROM patient") == [(patient_key("DICOM-7"),)]


def test_a_record_number_may_be_named_in_words(tmp_path):
    numbers = [{"type": {"text": "EPI"}, "system": "urn:epi", "value": "E7"}, {"type": {"text": "MRN"}, "value": "007"}]
    connection, _ = staged(tmp_path, patient(identifier=numbers))
    assert fetch(connection, "SELECT patient_key FROM patient") == [(patient_key("007"),)]


def test_the_id_of_one_patient_is_not_the_number_of_another(tmp_path):
    connection, _ = staged(tmp_path, patient("1"), {"resourceType": "Patient", "id": "N1", "gender": "female"})
    assert fetch(connection, "SELECT count(*) FROM patient") == [(2,)]


def test_a_patient_without_record_number_has_the_id(tmp_path):
    connection, _ = staged(tmp_path, patient(identifier=[{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "9"}]))
    assert fetch(connection, "SELECT patient_key FROM patient") == [(patient_key("1"),)]


CLASSES = [
    ("AMB", "outpatient", None),
    ("IMP", "inpatient", None),
    ("EMER", "emergency", None),
    ("HH", "home", None),
    ("VR", None, "NOT_EVIDENCE_OF_LIFE"),
    ("PRENC", None, "NOT_EVIDENCE_OF_LIFE"),
    ("ZZZ", None, "UNKNOWN_KIND"),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(CLASSES).items())
def test_the_class_of_an_encounter_says_what_it_proves(tmp_path, reason, cases):
    contacts = [[visit(), visit("w", code, "2019-01-01")] for code, _ in cases]
    connection, report = staged(tmp_path, *of_patients(contacts))
    late = each(connection, cases, "kind", "contact WHERE contact_at > '2018-12-31'")
    assert late == [[[kind]] if kind else [] for _, kind in cases]
    assert reason is None or counted(report)["contact", reason] == len(cases)


STATUSES = [
    ("finished", True),
    ("in-progress", True),
    ("arrived", True),
    ("planned", False),
    ("cancelled", False),
    ("entered-in-error", False),
    ("unknown", False),
]


def test_an_encounter_counts_only_if_it_took_place(tmp_path):
    contacts = [[visit(), visit("w", start="2019-01-01", status=status)] for status, _ in STATUSES]
    connection, report = staged(tmp_path, *of_patients(contacts))
    found = each(connection, STATUSES, "kind", "contact")
    assert [len(rows) for rows in found] == [1 + took_place for _, took_place in STATUSES]
    not_counted = sum(not took_place for _, took_place in STATUSES)
    assert counted(report)["contact", "CONTACT_DID_NOT_TAKE_PLACE"] == not_counted


def test_the_type_of_an_encounter_may_deny_presence(tmp_path):
    told = ["Telephone encounter", "Death Certification", "Postmortem examination", "Leichenschau"]
    types = [{name: [coded(SNOMED, "1", display=words)]} for words in told for name in ("type", "serviceType")]
    cases = [[visit(), visit("w", start="2019-01-01", **one)] for one in types]
    connection, report = staged(tmp_path, *of_patients(cases))
    assert [len(rows) for rows in each(connection, cases, "kind", "contact")] == [1] * len(cases)
    assert counted(report)["contact", "NOT_EVIDENCE_OF_LIFE"] == len(cases)


def test_a_virtual_encounter_by_video_proves_life(tmp_path):
    connection, _ = staged(tmp_path, visit(), visit("w", "VR", "2019-01-01", type=[{"text": "Video visit"}]))
    assert fetch(connection, "SELECT count(*) FROM contact WHERE kind = 'telehealth'") == [(1,)]


def test_times_with_an_offset_need_the_hospital_s_zone(tmp_path):
    connection, _ = staged(tmp_path, visit(start="2018-05-01T23:30:00Z"), zone="Europe/Berlin")
    assert str(fetch(connection, "SELECT contact_at FROM contact")[0][0]) == "2018-05-02 01:30:00"
    contacts = [visit(f"w{place}", start="2018-05-01") for place in range(3)]
    _, report = staged(tmp_path / "none", *contacts, visit("x"), zone=None)
    assert counted(report)["contact", "TIME_WITH_OFFSET"] == 1


VALUES = [
    ({}, [("creatinine", 1.2, "mg/dL")]),
    (
        {"code": {"coding": [{"system": "urn:x", "code": "k"}, {"system": LOINC, "code": "2160-0"}]}},
        [("creatinine", 1.2, "mg/dL")],
    ),
    ({"code": coded(LOINC, "38483-4")}, [("creatinine", 1.2, "mg/dL")]),
    ({"code": coded("urn:x", "rvsp")}, [("rvsp", 1.2, "mg/dL")]),
    ({"code": coded(LOINC, "rvsp")}, []),
    ({"code": coded("urn:x", "2160-0")}, []),
    ({"status": "entered-in-error"}, []),
    ({"status": "cancelled"}, []),
    ({"status": "registered"}, []),
    ({"status": "preliminary"}, [("creatinine", 1.2, "mg/dL")]),
    ({"valueQuantity": {"value": 1.2, "unit": "mg/dL"}}, [("creatinine", 1.2, "mg/dL")]),
    ({"valueQuantity": {"value": 1.2, "unit": "mg/dL", "comparator": "<"}}, []),
]


def test_an_observation_is_a_value_of_the_catalogue_or_counted(tmp_path):
    connection, report = staged(tmp_path, *of_patients([observed() | said] for said, _ in VALUES))
    found = each(connection, VALUES, "variable, round(value, 3), unit", "measurement")
    assert found == [list(map(list, expected)) for _, expected in VALUES]
    set_aside = sum(count for (table, _), count in counted(report).items() if table == "measurement")
    assert set_aside == sum(not expected for _, expected in VALUES)


def test_a_blood_pressure_is_two_components(tmp_path):
    parts = [
        {
            "code": coded(LOINC, code),
            "valueQuantity": {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 120), ("8462-4", 80), ("8478-0", 93))
    ]
    panel = observed(code=(LOINC, "85354-9"), component=parts)
    del panel["valueQuantity"]
    connection, report = staged(tmp_path, panel)
    assert fetch(connection, "SELECT variable, value, unit FROM measurement ORDER BY value") == [
        ("dbp", 80, "mm[Hg]"),
        ("sbp", 120, "mm[Hg]"),
    ]
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 1


ANSWERS = [
    ((LOINC, "72166-2"), coded(SNOMED, "266919005"), 0),
    ((LOINC, "72166-2"), coded(SNOMED, "8517006"), 1),
    ((LOINC, "72166-2"), {"text": "Never smoker"}, 0),
    ((LOINC, "72166-2"), {"text": "Former smoker"}, 1),
    ((LOINC, "72166-2"), {"text": "Smoker, current status unknown"}, 1),
    (("urn:x", "mr_grade"), coded(SNOMED, "255604002"), 1),
    (("urn:x", "mr_grade"), {"text": "moderate to severe"}, 3),
    (("urn:x", "diastolic_function"), {"text": "II"}, 2),
    ((LOINC, "88020-3"), coded(LOINC, "LA28406-9"), 3),
    ((LOINC, "88020-3"), {"text": "NYHA Class III"}, 3),
    ((SNOMED, "420816009"), coded(SNOMED, "421704003"), 2),
]


def test_a_coded_or_worded_answer_is_a_number(tmp_path):
    ones = [observed(code=code, valueCodeableConcept=answer) for code, answer, _ in ANSWERS]
    for one in ones:
        del one["valueQuantity"]
    connection, _ = staged(tmp_path, *of_patients([one] for one in ones))
    found = each(connection, ANSWERS, "value", "measurement WHERE variable <> 'current_smoker'")
    assert found == [[[expected]] for *_, expected in ANSWERS]


NO_ANSWERS = [coded(SNOMED, "266927001"), {"text": "Unknown if ever smoked"}, {"text": "Current non-smoker"}]


def test_an_answer_that_says_nothing_is_counted(tmp_path):
    ones = [
        observed(f"p{place}", code=(LOINC, "72166-2"), valueCodeableConcept=one) for place, one in enumerate(NO_ANSWERS)
    ]
    for one in ones:
        del one["valueQuantity"]
    _, report = staged(tmp_path, observed(), *ones)
    assert counted(report)["measurement", "NOT_A_NUMBER"] == len(NO_ANSWERS)


DATED = [
    ({"effectiveDateTime": "2018-05-01"}, "2018-05-01 00:00:00"),
    ({"effectiveDateTime": None, "effectiveInstant": "2018-05-01T10:00:00.5+02:00"}, "2018-05-01 10:00:00.5"),
    (
        {"effectiveDateTime": None, "effectivePeriod": {"start": "2018-05-01", "end": "2018-05-03"}},
        "2018-05-03 00:00:00",
    ),
    (
        {"effectiveDateTime": None, "effectiveTiming": {"event": ["2018-05-01", "2018-05-03"]}},
        "2018-05-03 00:00:00",
    ),
    ({"issued": "2018-05-02T10:00:00+02:00"}, "2018-05-02 10:00:00"),
    ({"issued": "2018-05-02T10:00:00+02:00", "category": [coded("urn:c", "LAB")]}, "2018-05-02 10:00:00"),
    ({"issued": "2018-05-02T10:00:00+02:00", "category": [coded("urn:c", "vital-signs")]}, "2018-05-01 10:00:00"),
    ({"issued": "2018-05-02T10:00:00+02:00", "category": [coded("urn:c", "laboratory")]}, "2018-05-02 10:00:00"),
]


def test_a_value_is_dated_by_when_it_was_known(tmp_path):
    ones = [{key: value for key, value in observed(**said).items() if value is not None} for said, _ in DATED]
    connection, _ = staged(tmp_path, *of_patients([one] for one in ones))
    assert each(connection, DATED, "measured_at::VARCHAR", "measurement") == [[[at]] for _, at in DATED]


LINKS = [
    {"partOf": [{"reference": "ImagingStudy/i"}]},
    {"derivedFrom": [{"reference": "https://x/ImagingStudy/i"}]},
    {"partOf": [{"reference": "Procedure/p"}]},
    {"id": "r"},
]


def test_an_echo_value_is_of_the_study_that_it_is_part_of(tmp_path):
    procedure = of("Procedure", "p", status="completed", code=coded("http://www.ama-assn.org/go/cpt", "93306"))
    procedure |= {"performedDateTime": "2018-05-01"}
    report = of(
        "DiagnosticReport", "d", imagingStudy=[{"reference": "ImagingStudy/i"}], result=[{"reference": "Observation/r"}]
    )
    ones = [observed("o", (LOINC, "18043-0"), 55, "%", **link) for link in LINKS]
    cases = of_patients(([imaged(), procedure, report, one] for one in ones), [UID])
    connection, said = staged(tmp_path, *cases)
    studies = [[[study_key(f"1.2.3.{place}")]] for place, _ in enumerate(LINKS, 1)]
    assert each(connection, LINKS, "study_key", "measurement") == studies
    assert each(connection, LINKS, "study_key", "study") == studies
    assert counted(said)["study", "PROCEDURE_OF_AN_IMAGING_STUDY"] == len(LINKS)


IMAGES = [
    ({}, None),
    ({"description": "TTE complete"}, None),
    ({"series": [{"modality": {"code": "US"}, "bodySite": {"system": SNOMED, "code": "80891009"}}]}, None),
    ({"procedureCode": [coded("http://www.ama-assn.org/go/cpt", "93306")]}, None),
    ({"description": "US abdomen"}, "ULTRASOUND_OF_ANOTHER_KIND"),
    ({"description": "Transesophageal echo"}, "ULTRASOUND_OF_ANOTHER_KIND"),
    ({"modality": [{"code": "CT"}]}, "IMAGING_STUDY_NOT_OF_ULTRASOUND"),
    ({"status": "entered-in-error"}, "ENTERED_IN_ERROR"),
    ({"status": "cancelled"}, "STUDY_DID_NOT_TAKE_PLACE"),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(IMAGES).items())
def test_an_imaging_study_is_an_echo_or_counted(tmp_path, reason, cases):
    connection, report = staged(tmp_path, *of_patients(([imaged(**said)] for (said,) in cases), [UID]))
    assert [len(rows) for rows in each(connection, cases, "study_key", "study")] == [reason is None] * len(cases)
    assert reason is None or counted(report)["study", reason] == len(cases)


UID = "urn:oid:1.2.3"
"""The number of the study that :func:`imaged` returns."""

HEARTS = (
    "Echokardiographie|TTE|Ultraschall Herz|Ecocardiograma transtorácico|Ecocardiografia|Ecografía del corazón|"
    "Échographie cardiaque|Échocardiographie transthoracique|ETT|Echo cor transthoracaal|Hartecho|"
    "心エコー|経胸壁心臓超音波|Echo for respiratory distress"
)
OTHERS = (
    "Echokardiographie transösophageal|TÖE|Stressechokardiographie|Dobutamin-Echo|Belastungsechokardiographie|"
    "Ecocardiograma transesofágico|Eco de estrés|Échocardiographie transœsophagienne|ETO|Écho d'effort|"
    "Ecocardiogramma transesofageo|Slokdarm|Transoesofageale echo|経食道心エコー|負荷心エコー|"
    "ICE echo|Fetale Echokardiographie|Ecocardiograma de esfuerzo|Ecocardiogramma da sforzo|Ecostress|"
    "Chart of the abdomen"
)


def test_what_an_ultrasound_is_of_may_be_said_in_seven_languages(tmp_path):
    words = [*HEARTS.split("|"), *OTHERS.split("|")]
    studies = [
        imaged(f"i{place}", description=said, identifier=[{"system": "urn:dicom:uid", "value": f"1.2.{place}"}])
        for place, said in enumerate(words)
    ]
    connection, report = staged(tmp_path, *studies)
    keys = {key for (key,) in fetch(connection, "SELECT study_key FROM study")}
    found = [said for place, said in enumerate(words) if study_key(f"1.2.{place}") in keys]
    assert found == HEARTS.split("|")
    assert counted(report)["study", "ULTRASOUND_OF_ANOTHER_KIND"] == len(OTHERS.split("|"))


NUMBERS = [
    ([{"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.9"}], "1.2.840.9"),
    ([{"system": "urn:dicom:uid", "value": "1.2.840.9"}], "1.2.840.9"),
    ([{"type": coded("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN"), "value": "A7"}], "A7"),
]


def test_the_number_of_a_study_is_that_of_its_files(tmp_path):
    numbers = ["urn:oid:1.2.840.9", "1.2.840.9", "A7"]
    images = of_patients(([imaged(identifier=identifiers)] for identifiers, _ in NUMBERS), numbers)
    connection, _ = staged(tmp_path, *images)
    studies = [[[study_key(f"{number}.{place}")]] for place, (_, number) in enumerate(NUMBERS, 1)]
    assert each(connection, NUMBERS, "study_key", "study") == studies


PROCEDURES = [
    ("http://www.ama-assn.org/go/cpt", "93306", "completed", 1),
    (SNOMED, "40701008", "completed", 1),
    ("urn:oid:2.16.840.1.113883.6.285", "C8929", "completed", 1),
    ("urn:oid:2.16.840.1.113883.6.12", "93312", "completed", 0),
    (SNOMED, "40701008", "not-done", 0),
    (SNOMED, "40701008", "entered-in-error", 0),
    (SNOMED, "93306", "completed", 0),
]


def test_a_procedure_without_an_imaging_study_is_a_study(tmp_path):
    ones = [
        of("Procedure", "p", status=status, code=coded(system, code), performedDateTime="2018-05-01")
        for system, code, status, _ in PROCEDURES
    ]
    connection, _ = staged(tmp_path, *of_patients([one] for one in ones))
    found = each(connection, PROCEDURES, "study_key", "study")
    assert [len(rows) for rows in found] == [studies for *_, studies in PROCEDURES]


def reported(key="r", **more):
    one = {"status": "final", "code": coded(LOINC, "42148-7"), "effectiveDateTime": "2018-05-01T12:00:00+02:00"}
    return of("DiagnosticReport", key, **(one | {"result": [{"reference": "Observation/o"}]} | more))


ACCESSION = {"type": {"coding": [{"code": "ACSN"}]}, "value": "A1"}
PROCEDURE = of("Procedure", "p", status="completed", code=coded("http://www.ama-assn.org/go/cpt", "93306"))
PROCEDURE["performedDateTime"] = "2018-05-01T11:00:00+02:00"
CPT = "http://www.ama-assn.org/go/cpt"
TEE = PROCEDURE | {"code": coded(CPT, "93312")}
OWN, OF_ANOTHER = "diagnosticreport r", "of another kind"
OLD, NEW = ({"meta": {"lastUpdated": f"2018-05-0{day}T00:00:00Z"}} for day in (2, 3))


REPORTS = [
    ([reported(identifier=[ACCESSION])], ["A1"], 0),
    ([reported(), reported("s", identifier=[ACCESSION])], ["A1"], 1),  # an addendum
    ([reported(), PROCEDURE], ["procedure p"], 1),
    ([reported(), imaged()], ["1.2.3"], 1),
    (
        [reported(effectiveDateTime="2018-05-04", imagingStudy=[{"reference": "ImagingStudy/i"}]), imaged()],
        ["1.2.3"],
        1,
    ),
    ([reported(imagingStudy=[{"reference": "ImagingStudy/i"}]), imaged(description="TEE")], OF_ANOTHER, 1),
    ([reported(code=coded(LOINC, "42148-7", display="Stress echo report"))], OF_ANOTHER, 0),
    ([reported(), imaged(description="TEE")], OF_ANOTHER, 1),
    ([reported(), imaged(procedureCode=[coded(CPT, "93312")])], OF_ANOTHER, 1),
    ([reported(), imaged(procedureReference={"reference": "Procedure/p"}), TEE], OF_ANOTHER, 1),
    ([reported(), TEE], OF_ANOTHER, 1),
    (
        [reported(), of("Procedure", "p", performedDateTime="2018-05-01", code={"text": "Stress echo"})],
        OF_ANOTHER,
        1,
    ),
    (
        [
            reported(),
            *(
                of("Procedure", key, performedDateTime="2018-05-01", code={"text": key})
                for key in ("Stress test", "Stress ECG recording", "AMPUTATION OF TOE")
            ),
        ],
        [OWN],
        0,
    ),
    ([reported(), TEE | {"status": "not-done"}], [OWN], 0),
    ([reported(), TEE | {"performedDateTime": "2018-04-30"}], [OWN], 0),
    ([reported(code=coded(LOINC, "42148-7", display="TTE")), TEE], [OWN], 0),
    ([reported(), TEE, PROCEDURE | {"id": "q"}], ["procedure q"], 1),
    ([reported() | OLD, reported(status="entered-in-error") | NEW], [], 0),
    ([reported() | OLD, reported(result=[]) | NEW, PROCEDURE], ["procedure p"], 1),
    ([reported(code=coded(LOINC, "24627-2"))], [], 0),
    ([reported(status="cancelled")], [], 0),
]


def test_a_report_is_a_study_if_nothing_else_of_that_day_is(tmp_path):
    value = observed("o", (LOINC, "18043-0"), 55.0, "%")
    cases = of_patients(([value, *resources] for resources, *_ in REPORTS), ["A1", UID])
    connection, report = staged(tmp_path, *cases)
    found = each(connection, REPORTS, "study_key", "study")
    values = each(connection, REPORTS, "study_key", "measurement")
    for place, (resources, studies, _) in enumerate(REPORTS):
        keys = [] if studies == OF_ANOTHER else [[study_key(f"{one}.{place + 1}")] for one in studies]
        assert found[place] == keys, resources
        is_named = all(one.get("result", True) for one in resources)
        assert values[place] == ([] if studies == OF_ANOTHER else keys if keys and is_named else [[None]]), resources
    assert counted(report)["study", "REPORT_OF_ANOTHER_STUDY"] == sum(of_another for *_, of_another in REPORTS)
    dropped = sum(studies == OF_ANOTHER for _, studies, _ in REPORTS)
    assert counted(report)["measurement", "NOT_A_RESTING_TRANSTHORACIC_STUDY"] == dropped


CONDITIONS = [
    ("http://hl7.org/fhir/sid/icd-10-cm", "I50.9", ("ICD10CM", "I509")),
    ("http://hl7.org/fhir/sid/icd-10", "I50.9", ("ICD10CM", "I509")),
    ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "I50.14", ("ICD10CM", "I5014")),
    ("urn:oid:2.16.840.1.113883.6.90", "I50.9", ("ICD10CM", "I509")),
    ("2.16.840.1.113883.6.90", "I50.9", ("ICD10CM", "I509")),
    ("https://hl7.org/fhir/sid/icd-10-cm/", "I50.9", ("ICD10CM", "I509")),
    ("http://snomed.info/sct/731000124108", "84114007", ("ICD10CM", "I50")),
    ("http://hl7.org/fhir/sid/icd-9-cm", "428.0", ("ICD9CM", "4280")),
    (SNOMED, "84114007", ("ICD10CM", "I50")),
    (SNOMED, "79619009", ("ICD10CM", "I05")),
    ("urn:local", "HF", ("ICD10CM", "I509")),
]


def test_a_condition_is_known_by_its_codes(tmp_path):
    (tmp_path / "code_map.csv").write_text("system,code,target\nurn:local,HF,ICD10CM//I50.9\n")
    cases = [[condition(system, code), condition(SNOMED, "1", "d")] for system, code, _ in CONDITIONS]
    connection, report = staged(tmp_path, *of_patients(cases))
    found = each(connection, CONDITIONS, "vocabulary, code", "diagnosis")
    assert found == [[list(expected)] for *_, expected in CONDITIONS]
    assert counted(report)["diagnosis", "CONDITION_WITHOUT_ICD_CODE"] == len(CONDITIONS)


VERIFICATIONS = [
    ("confirmed", None),
    ("refuted", "CONDITION_REFUTED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("provisional", "CONDITION_NOT_CONFIRMED"),
    ("differential", "CONDITION_NOT_CONFIRMED"),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(VERIFICATIONS).items())
def test_only_what_is_not_denied_is_a_diagnosis(tmp_path, reason, cases):
    ones = [
        condition("http://hl7.org/fhir/sid/icd-10-cm", "I50.9", verificationStatus=coded("x", status))
        for (status,) in cases
    ]
    connection, report = staged(tmp_path, *of_patients([one] for one in ones))
    assert [len(rows) for rows in each(connection, cases, "code", "diagnosis")] == [reason is None] * len(cases)
    assert reason is None or counted(report)["diagnosis", reason] == len(cases)


GERMAN = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"


def certain(letter):
    coding = {"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "I50.9"}
    return {"code": {"coding": [coding | {"extension": [{"url": GERMAN, "valueCoding": {"code": letter}}]}]}}


CODINGS = [
    ({"verificationStatus": {"coding": [{"code": "7"}, {"code": "refuted"}]}}, "CONDITION_REFUTED"),
    ({"verificationStatus": {"text": "Refuted"}}, "CONDITION_REFUTED"),
    ({"verificationStatus": {"coding": [{"code": "confirmed"}]}}, None),
    (certain("A"), "CONDITION_REFUTED"),
    (certain("V"), "CONDITION_NOT_CONFIRMED"),
    (certain("G"), None),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(CODINGS).items())
def test_a_condition_is_refuted_in_any_of_its_codings(tmp_path, reason, cases):
    ones = [condition("http://hl7.org/fhir/sid/icd-10-cm", "I50.9") | said for (said,) in cases]
    connection, report = staged(tmp_path, *of_patients([one] for one in ones))
    assert [len(rows) for rows in each(connection, cases, "code", "diagnosis")] == [reason is None] * len(cases)
    assert reason is None or counted(report)["diagnosis", reason] == len(cases)


@pytest.mark.parametrize(
    ("said", "at", "by_onset"),
    [
        ({"onsetDateTime": "2010"}, "2018-01-02 00:00:00", 0),
        ({"recordedDate": None, "encounter": {"reference": "Encounter/v"}}, "2018-05-07 23:59:59", 0),
        ({"recordedDate": None, "onsetDateTime": "2017-06-05"}, "2017-06-05 00:00:00", 1),
        ({"recordedDate": None, "onsetPeriod": {"start": "2017-06-05"}}, "2017-06-05 00:00:00", 1),
        ({"recordedDate": None, "onsetDateTime": "2017"}, None, 0),
    ],
)
def test_a_condition_is_known_when_it_was_recorded(tmp_path, said, at, by_onset):
    stay = visit("v", "IMP")
    stay["period"]["end"] = "2018-05-07"
    one = condition("http://hl7.org/fhir/sid/icd-10-cm", "I50.9", **said)
    connection, report = staged(tmp_path, stay, {key: value for key, value in one.items() if value is not None})
    assert fetch(connection, "SELECT recorded_at::VARCHAR FROM diagnosis") == ([(at,)] if at else [])
    assert counted(report).get(("diagnosis", "UNREADABLE_DATE"), 0) == (at is None)
    assert counted(report).get(("diagnosis", "CONDITION_DATED_BY_ITS_ONSET"), 0) == by_onset


RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


DRUGS = [
    ({"medicationCodeableConcept": {"text": "Lisinopril 10 MG Oral Tablet"}}, ["ace_inhibitor"]),
    ({"medicationCodeableConcept": coded(RXNORM, "29046")}, ["ace_inhibitor"]),
    ({"medicationCodeableConcept": coded(RXNORM, "314076", display="lisinopril 10 MG")}, ["ace_inhibitor"]),
    ({"medicationCodeableConcept": coded("http://www.whocc.no/atc", "C09AA03")}, ["ace_inhibitor"]),
    ({"medicationReference": {"reference": "Medication/m"}}, ["statin"]),
    (
        {
            "medicationReference": {"reference": "#k"},
            "contained": [{"resourceType": "Medication", "id": "k", "code": {"text": "Furosemide"}}],
        },
        ["loop_diuretic"],
    ),
    ({"medicationCodeableConcept": {"text": "Aspirin"}}, []),
    ({"medicationCodeableConcept": {"text": "amLODIPine 5 mg tab"}}, ["calcium_channel_blocker"]),
    ({"medicationCodeableConcept": {"text": "LASIX 40 MG TABLET"}}, ["loop_diuretic"]),
    ({"medicationCodeableConcept": {"text": "Torasemid AL 10"}}, ["torsemide"]),
    ({"medicationCodeableConcept": {"text": "Hydrochlorothiazide"}}, ["thiazide"]),
    ({"medicationCodeableConcept": coded("http://www.whocc.no/atc", "C03CA02")}, ["bumetanide"]),
    ({"medicationCodeableConcept": coded("http://www.whocc.no/atc", "C10BA10")}, []),
]


@pytest.mark.parametrize("kind", ["MedicationStatement", "MedicationRequest"])
def test_a_drug_is_known_by_code_name_or_reference(tmp_path, kind):
    at = {"effectiveDateTime": "2018-01-01", "authoredOn": "2018-01-01"}
    named = {"resourceType": "Medication", "id": "m", "code": {"text": "Atorvastatin"}}
    connection, report = staged(tmp_path, *of_patients([of(kind, "d", **at, **drug), named] for drug, _ in DRUGS))
    assert each(connection, DRUGS, "drug_class", "medication") == [
        [expected] if expected else [] for _, expected in DRUGS
    ]
    assert counted(report)["medication", "DRUG_OF_NO_CLASS"] == sum(not expected for _, expected in DRUGS)


TAKEN = [
    ("MedicationStatement", {"status": "active"}, None),
    ("MedicationStatement", {"status": "completed"}, "DRUG_ENDED_ON_AN_UNKNOWN_DAY"),
    ("MedicationStatement", {"status": "completed", "effectivePeriod": {"end": "2018-02-01"}}, None),
    ("MedicationRequest", {"status": "stopped"}, "DRUG_ENDED_ON_AN_UNKNOWN_DAY"),
    ("MedicationStatement", {"status": "entered-in-error"}, "ENTERED_IN_ERROR"),
    ("MedicationStatement", {"status": "not-taken"}, "DRUG_NOT_TAKEN"),
    ("MedicationStatement", {"status": "intended"}, "DRUG_NOT_TAKEN"),
    ("MedicationRequest", {"status": "active", "intent": "order"}, None),
    ("MedicationRequest", {"status": "entered-in-error"}, "ENTERED_IN_ERROR"),
    ("MedicationRequest", {"status": "cancelled"}, "DRUG_NOT_TAKEN"),
    ("MedicationRequest", {"status": "active", "intent": "proposal"}, "DRUG_NOT_TAKEN"),
    ("MedicationRequest", {"status": "active", "doNotPerform": True}, "DRUG_NOT_TAKEN"),
    ("MedicationRequest", {"status": "ended"}, "DRUG_ENDED_ON_AN_UNKNOWN_DAY"),
    ("MedicationStatement", {"status": "draft"}, "DRUG_NOT_TAKEN"),
]


@pytest.mark.parametrize(("reason", "cases"), for_each_reason(TAKEN).items())
def test_a_drug_that_is_not_taken_is_counted(tmp_path, reason, cases):
    at = {"effectiveDateTime": "2018-01-01", "authoredOn": "2018-01-01"}
    ones = [of(kind, "d", medicationCodeableConcept={"text": "Lisinopril"}, **said) | at for kind, said in cases]
    connection, report = staged(tmp_path, *of_patients([one] for one in ones))
    assert [len(rows) for rows in each(connection, cases, "drug_class", "medication")] == [reason is None] * len(cases)
    assert reason is None or counted(report)["medication", reason] == len(cases)


TWO = [imaged(f"i{place}", identifier=[{"system": "urn:dicom:uid", "value": f"1.2.{place}"}]) for place in (1, 2)]
SECOND = {"reference": "ImagingStudy/i2"}


@pytest.mark.parametrize(
    ("value", "resources", "study"),
    [
        ({"partOf": [SECOND]}, [*TWO, reported()], "1.2.2"),
        ({}, [*TWO, reported(imagingStudy=[SECOND])], "1.2.2"),
        ({}, [TWO[0], TWO[1] | {"description": "TEE"}, reported(imagingStudy=[SECOND])], OF_ANOTHER),
    ],
)
def test_a_value_is_of_the_study_that_is_named_before_that_of_the_day(tmp_path, value, resources, study):
    connection, _ = staged(tmp_path, observed("o", (LOINC, "18043-0"), 55.0, "%", **value), *resources)
    expected = [] if study == OF_ANOTHER else [(study_key(study),)]
    assert fetch(connection, "SELECT study_key FROM measurement") == expected


DAYS = {"value": 30, "code": "d"}


def repeated(**said):
    return {"dosageInstruction": [{"timing": {"repeat": said}}]}


SUPPLIES = [
    ({"dispenseRequest": {"expectedSupplyDuration": DAYS}}, ("2018-01-01", "2018-01-31")),
    (
        {"dispenseRequest": {"expectedSupplyDuration": DAYS, "numberOfRepeatsAllowed": 2}},
        ("2018-01-01", "2018-04-01"),
    ),
    ({"dispenseRequest": {"expectedSupplyDuration": DAYS}, "status": "stopped"}, None),
    ({"dispenseRequest": {"expectedSupplyDuration": DAYS}, "status": "active"}, ("2018-01-01", None)),
    ({"dispenseRequest": {"expectedSupplyDuration": {"value": 1, "unit": "box"}}}, None),
    (repeated(boundsDuration={"value": 2, "unit": "weeks"}), ("2018-01-01", "2018-01-15")),
    (repeated(boundsPeriod={"start": "2018-03-01", "end": "2018-05-01"}), ("2018-03-01", "2018-05-01")),
    ({"effectiveDosePeriod": {"start": "2018-03-01", "end": "2018-05-01"}}, ("2018-03-01", "2018-05-01")),
    (
        {
            "dosageInstruction": [
                one
                for day in ("2018-02-01", "2018-06-01")
                for one in repeated(boundsPeriod={"end": day})["dosageInstruction"]
            ]
        },
        ("2018-01-01", "2018-06-01"),
    ),
]


def test_a_completed_request_ends_with_its_supply_or_its_bounds(tmp_path):
    one = {"status": "completed", "authoredOn": "2018-01-01", "medicationCodeableConcept": {"text": "Lisinopril"}}
    ones = [of("MedicationRequest", "d", **one | said) for said, _ in SUPPLIES]
    connection, report = staged(tmp_path, *of_patients([one] for one in ones))
    found = each(connection, SUPPLIES, "started_at::DATE::VARCHAR, ended_at::DATE::VARCHAR", "medication")
    assert found == [[list(period)] if period else [] for _, period in SUPPLIES]
    unknown = sum(period is None for _, period in SUPPLIES)
    assert counted(report)["medication", "DRUG_ENDED_ON_AN_UNKNOWN_DAY"] == unknown


def test_a_duration_that_is_none_stops_nothing(tmp_path):
    one = {"status": "completed", "authoredOn": "2018-01-01", "medicationCodeableConcept": {"text": "Lisinopril"}}
    odd = [{"value": value, "code": "d"} for value in (1e10, 1e300, "NaN", -5, "x")]
    supplies = [{"expectedSupplyDuration": one} for one in odd]
    supplies += [{"expectedSupplyDuration": DAYS, "numberOfRepeatsAllowed": 2**31 - 1}]
    requests = [
        of("MedicationRequest", f"d{place}", dispenseRequest=said, **one) for place, said in enumerate(supplies)
    ]
    timings = [{"timing": "daily"}, {"timing": {"repeat": "daily"}}, {"timing": {"repeat": ["daily"]}}]
    requests += [
        of("MedicationRequest", f"t{place}", dosageInstruction=[said], **one) for place, said in enumerate(timings)
    ]
    _, report = staged(tmp_path, *requests)
    assert counted(report)["medication", "DRUG_ENDED_ON_AN_UNKNOWN_DAY"] == len(requests)


DOSES = [
    ({}, {}, 40),
    ({"asNeededBoolean": False}, {}, 40),
    ({"asNeededBoolean": True}, {}, None),
    ({"asNeeded": True}, {}, None),
    ({"asNeededCodeableConcept": {"text": "swelling"}}, {}, None),
    ({}, {"dayOfWeek": ["mon", "thu"]}, None),
    ({}, {"when": ["MORN", "NOON"]}, None),
    ({}, {"frequencyMax": 3}, None),
]


def test_a_dose_is_daily_where_nothing_else_is_said(tmp_path):
    one = {"status": "active", "authoredOn": "2018-01-01", "medicationCodeableConcept": {"text": "Furosemide"}}
    cases = []
    for instruction, repeat, _ in DOSES:
        taken = {"doseAndRate": [{"doseQuantity": {"value": 40, "code": "mg"}}]} | instruction
        taken["timing"] = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"} | repeat}
        cases.append([of("MedicationRequest", "d", dosageInstruction=[taken], **one)])
    connection, _ = staged(tmp_path, *of_patients(cases))
    assert each(connection, DOSES, "dose", "medication") == [[[dose]] for *_, dose in DOSES]


def test_the_dose_of_a_combination_is_no_dose_of_its_diuretic(tmp_path):
    repeat = {"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}
    taken = repeat | {"doseAndRate": [{"doseQuantity": {"value": 100, "code": "mg"}}]}
    drugs = [
        of(
            "MedicationStatement",
            name,
            effectiveDateTime="2018-01-01",
            medicationCodeableConcept={"text": name},
            dosage=[taken],
        )
        for name in ("hyzaar", "torsemide")
    ]
    connection, _ = staged(tmp_path, *drugs)
    assert fetch(connection, "SELECT drug_class, dose FROM medication ORDER BY drug_class") == [
        ("arb", None),
        ("thiazide", None),
        ("torsemide", 200),
    ]


US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


RACES = [
    ("White", "Unknown", "white"),
    ("White", "Not Hispanic or Latino", "white"),
    ("Black or African American", "Patient declined", "black"),
    ("Unknown", "Unknown", None),
    ("Other Race", "Hispanic or Latino", "hispanic"),
]


def test_an_unknown_ethnicity_hides_no_race(tmp_path):
    extensions = [
        [
            {"url": US_CORE + name, "extension": [{"url": "text", "valueString": text}]}
            for name, text in (("race", race), ("ethnicity", ethnicity))
        ]
        for race, ethnicity, _ in RACES
    ]
    connection, _ = staged(tmp_path, *of_patients([patient(extension=said)] for said in extensions))
    assert each(connection, RACES, "race", "patient") == [[[expected]] for *_, expected in RACES]


def test_a_year_of_birth_agrees_with_the_day_of_a_merged_patient(tmp_path):
    other = patient("2", birthDate="1950-03-04", link=[{"other": {"reference": "Patient/1"}, "type": "replaces"}])
    connection, report = staged(tmp_path, patient(), other)
    assert fetch(connection, "SELECT birth_date::VARCHAR FROM patient") == [("1950-03-04",)]
    assert ("patient", "TWO_BIRTH_DATES") not in counted(report)


def test_what_is_not_of_the_standard_stops_nothing(tmp_path):
    odd = [
        observed("a", code=("http://loinc.org", 5)),
        of("Observation", "b", code="text", valueQuantity=[1], component="x", category=7, status=None),
        of(
            "Observation",
            "c",
            code={"coding": {"system": LOINC, "code": "2160-0"}},
            valueQuantity={"value": "1.5", "unit": "mg/dL"},
            effectiveDateTime="2018",
        ),
        of(
            "Observation",
            "d",
            code={"coding": {"system": LOINC, "code": "2160-0"}},
            valueQuantity={"value": "1.5", "unit": "mg/dL"},
            issued="2018-01-01",
        ),
    ]
    connection, report = staged(tmp_path, *odd, of("Condition", "k", code=[]), imaged(modality="US", identifier={}))
    assert fetch(connection, "SELECT variable, value FROM measurement") == [("creatinine", 1.5)]
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 2
    assert counted(report)["measurement", "UNREADABLE_DATE"] == 1


def test_a_german_reason_of_discharge_is_an_extension(tmp_path):
    told = {"system": "http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle", "code": "07"}
    parts = [{"url": "ErsteUndZweiteStelle", "valueCoding": told}]
    disposition = {"extension": [{"url": "http://fhir.de/StructureDefinition/Entlassungsgrund", "extension": parts}]}
    stay = visit("v", "IMP", hospitalization={"dischargeDisposition": disposition})
    connection, _ = staged(tmp_path, stay | {"period": {"start": "2018-05-01", "end": "2018-05-07"}})
    assert fetch(connection, "SELECT death_date::VARCHAR FROM death") == [("2018-05-07",)]


ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


ABSENCES = [
    ([{"url": ABSENT, "valueCode": "unknown"}], True),
    ([{"url": "urn:local", "valueString": "x"}, {"url": ABSENT, "valueCode": "masked"}], True),
    ([{"url": ABSENT, "valueCode": "not-applicable"}], False),
    ([{"url": ABSENT, "valueCode": "unsupported"}], False),
    ([{"url": ABSENT, "valueCode": "not-performed"}], False),
    ([{"url": "urn:local", "valueCode": "unknown"}], False),
]


def test_a_time_of_death_that_is_absent_for_a_reason_is_a_death(tmp_path):
    patients = [patient(_deceasedDateTime={"extension": extensions}) for extensions, _ in ABSENCES]
    connection, _ = staged(tmp_path, *of_patients([one] for one in patients))
    assert each(connection, ABSENCES, "precision", "death") == [[["unknown"]] if dead else [] for _, dead in ABSENCES]


VITAL_STATUS = "https://www.medizininformatik-initiative.de/fhir/core/modul-person/CodeSystem/Vitalstatus"


STATED = [
    ("81956-5", {"valueDateTime": "2018-07-01"}, [("2018-07-01",)]),
    ("81956-5", {"valueDateTime": "2018-07-01", "status": "entered-in-error"}, []),
    ("81956-5", {}, []),
    ("67162-8", {"valueCodeableConcept": coded(VITAL_STATUS, "T")}, [(None,)]),
    ("67162-8", {"valueCodeableConcept": coded(VITAL_STATUS, "L")}, []),
    ("67162-8", {"valueCodeableConcept": coded(VITAL_STATUS, "A")}, []),
    ("67162-8", {"valueString": "Dead"}, [(None,)]),
    ("67162-8", {"valueString": "Alive"}, []),
]


def test_an_observation_may_state_a_death(tmp_path):
    ones = [observed(code=(LOINC, code), **said) for code, said, _ in STATED]
    for one in ones:
        del one["valueQuantity"]
    connection, report = staged(tmp_path, *of_patients([one] for one in ones))
    found = each(connection, STATED, "death_date::VARCHAR", "death")
    assert found == [list(map(list, expected)) for *_, expected in STATED]
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 4


SMOKERS = [
    (coded(SNOMED, "449868002"), {"smoking": 1, "current_smoker": 1}),
    (coded(SNOMED, "8517006"), {"smoking": 1, "current_smoker": 0}),
    (coded(LOINC, "LA18978-9"), {"smoking": 0, "current_smoker": 0}),
    (coded(SNOMED, "77176002"), {"smoking": 1}),
    ({"text": "Former smoker"}, {"smoking": 1, "current_smoker": 0}),
    ({"text": "Current non-smoker"}, {"current_smoker": 0}),
]


def test_who_smokes_now_is_told_from_who_ever_did(tmp_path):
    ones = [observed(code=(LOINC, "72166-2"), valueCodeableConcept=answer) for answer, _ in SMOKERS]
    for one in ones:
        del one["valueQuantity"]
    connection, _ = staged(tmp_path, *of_patients([observed("x"), one] for one in ones))
    found = each(connection, SMOKERS, "variable, value", "measurement WHERE variable <> 'creatinine'")
    assert list(map(dict, found)) == [expected for _, expected in SMOKERS]


def test_a_code_may_be_an_answer_itself(tmp_path):
    told = observed("a", code=(SNOMED, "420913000"), effectiveDateTime="2018-01-03")
    denied = observed("b", code=(SNOMED, "422293003"), valueBoolean=False)
    connection, _ = staged(
        tmp_path,
        *({key: value for key, value in one.items() if key != "valueQuantity"} for one in (told, denied)),
        condition(SNOMED, "421704003"),
    )
    rows = fetch(connection, "SELECT variable, value, measured_at::DATE::VARCHAR FROM measurement ORDER BY ALL")
    assert rows == [("nyha", 2, "2018-01-02"), ("nyha", 3, "2018-01-03")]


def test_an_observation_with_an_answer_says_nothing_by_its_code(tmp_path):
    denied = observed("b", code=(SNOMED, "8517006"), valueCodeableConcept=coded(SNOMED, "373067005"))
    other = observed("c", code=(LOINC, "72166-2"), valueCodeableConcept=coded(SNOMED, "8517006"))
    other |= {"status": "entered-in-error"}
    ones = ({key: value for key, value in one.items() if key != "valueQuantity"} for one in (denied, other))
    connection, report = staged(tmp_path, *ones, observed())
    assert fetch(connection, "SELECT variable FROM measurement") == [("creatinine",)]
    assert counted(report)["measurement", "OBSERVATION_NOT_IN_CATALOGUE"] == 1
    assert counted(report)["measurement", "ENTERED_IN_ERROR"] == 1


@pytest.mark.parametrize("status", ["final", "entered-in-error"])
def test_an_answer_of_two_variables_is_counted_once(tmp_path, status):
    told = observed("b", code=(SNOMED, "8517006"), status=status)
    del told["valueQuantity"]
    connection, report = staged(tmp_path, told, observed())
    assert fetch(connection, "SELECT count(*) FROM measurement") == [(3 if status == "final" else 1,)]
    assert counted(report).get(("measurement", "ENTERED_IN_ERROR"), 0) == (status != "final")


def test_a_site_may_say_itself_who_smokes_now(tmp_path):
    connection, _ = staged(tmp_path, observed(code=("urn:x", "current_smoker"), value=1, unit="1"))
    assert fetch(connection, "SELECT variable, value FROM measurement") == [("current_smoker", 1)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (coded("x", "active"), {"smoking": 1, "current_smoker": 1}),
        (coded("x", "resolved"), {"smoking": 1}),
        ({"text": "Inactive"}, {"smoking": 1}),
        (None, {"smoking": 1, "current_smoker": 1}),
    ],
)
def test_a_condition_that_has_ended_is_none_of_now(tmp_path, status, expected):
    connection, report = staged(tmp_path, observed(), condition(SNOMED, "65568007", clinicalStatus=status))
    found = dict(fetch(connection, "SELECT variable, value FROM measurement WHERE variable <> 'creatinine'"))
    assert found == expected
    assert counted(report).get(("measurement", "CONDITION_HAS_ENDED"), 0) == 2 - len(expected)


HOLDER = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"value": "X"}, {"type": MR, "system": "urn:oid:1.2", "value": "N1"}],
}
RESULT = {"resourceType": "Observation", "id": "x", "status": "final", "code": coded(LOINC, "2160-0")}
RESULT |= {"valueQuantity": {"value": 1.3, "system": UCUM, "code": "mg/dL"}}
STAY = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "IMP"}}
STAY |= {"period": {"start": "2018-02-01", "end": "2018-02-09"}}
PILL = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": {"text": "Atorvastatin"}}]}


def test_contained_resources_are_read_or_counted(tmp_path):
    stroke = condition("http://hl7.org/fhir/sid/icd-10-cm", "I63.9", recordedDate=None, onsetDateTime="2018-02-02")
    of_nobody = HOLDER | {"identifier": []}
    resources = [
        observed(subject={"reference": "#p"}, contained=[HOLDER]),
        observed("q", value=9.0, subject={"reference": "#p"}, contained=[of_nobody]),
        stroke | {"encounter": {"reference": "#e"}, "contained": [STAY]},
        reported(result=[{"reference": "#x"}], contained=[RESULT]),
        reported(
            "lab", code=coded(LOINC, "24323-8"), issued="2018-05-03T08:00:00+02:00", result=[], contained=[RESULT]
        ),
        of("MedicationStatement", "s", status="active", effectiveDateTime="2018-01-02", contained=[PILL])
        | {"medicationReference": {"reference": "#m"}},
        of("MedicationStatement", "t", status="active", effectiveDateTime="2018-01-02", contained=[stroke])
        | {"medicationCodeableConcept": {"text": "Metoprolol"}},
    ]
    in_error = [
        reported("f", status="entered-in-error", result=[{"reference": "#x"}], contained=[RESULT]),
        stroke
        | {"id": "d", "verificationStatus": coded("", "entered-in-error"), "encounter": {"reference": "#e"}}
        | {"contained": [STAY | {"period": {"start": "2021-02-01"}}]},
    ]
    connection, report = staged(tmp_path, *resources, *in_error)
    values = "SELECT value, measured_at::DATE::VARCHAR, study_key IS NOT NULL FROM measurement ORDER BY ALL"
    assert fetch(connection, values) == [
        (1.2, "2018-05-01", False),
        (1.3, "2018-05-01", True),
        (1.3, "2018-05-03", False),
    ]
    assert fetch(connection, "SELECT code, recorded_at::DATE::VARCHAR FROM diagnosis") == [("I639", "2018-02-09")]
    assert fetch(connection, "SELECT drug_class FROM medication ORDER BY ALL") == [("beta_blocker",), ("statin",)]
    assert ("2018-02-09",) in fetch(connection, "SELECT contact_at::DATE::VARCHAR FROM contact")
    assert ("2021-02-01",) not in fetch(connection, "SELECT contact_at::DATE::VARCHAR FROM contact")
    assert counted(report)["measurement", "ENTERED_IN_ERROR"] == 1
    assert counted(report)["measurement", "MISSING_IDENTIFIER"] == 1
    assert counted(report)["diagnosis", "CONTAINED_RESOURCE_NOT_READ"] == 1


def test_a_contained_result_has_the_time_of_its_report_and_needs_no_version_of_it(tmp_path):
    """Reports without an id are no versions of each other."""
    panel = reported(code=coded(LOINC, "24323-8"), result=[], contained=[RESULT], effectiveDateTime=None)
    days = [{"effectivePeriod": {"start": f"2018-05-0{day}"}, "id": None} for day in (1, 2)]
    connection, _ = staged(tmp_path, *(panel | day for day in days))
    found = fetch(connection, "SELECT measured_at::DATE::VARCHAR FROM measurement ORDER BY ALL")
    assert found == [("2018-05-01",), ("2018-05-02",)]


def test_a_report_of_a_contained_patient_is_of_the_study_of_its_day(tmp_path):
    one = reported(subject={"reference": "#p"}, contained=[HOLDER], result=[])
    connection, report = staged(tmp_path, one, imaged())
    assert fetch(connection, "SELECT study_key FROM study") == [(study_key("1.2.3"),)]
    assert counted(report)["study", "REPORT_OF_ANOTHER_STUDY"] == 1


PLANNED = [
    ("finished", "2018-05-03T10:00:00+02:00", 2),
    ("finished", None, 1),
    ("planned", "2018-05-03T10:00:00+02:00", 0),
    (None, "2018-05-03T10:00:00+02:00", 2),
    (None, None, 0),
]


def test_what_was_planned_is_presence_if_it_took_place(tmp_path):
    visits = []
    for status, end, _ in PLANNED:
        period = {"start": "2018-05-01T10:00:00+02:00"} | ({"end": end} if end else {})
        visits.append(visit(code="IMP", status=status, period=period, type=[{"text": "Geplante Aufnahme"}]))
    connection, _ = staged(tmp_path, *of_patients([one] for one in visits))
    found = each(connection, PLANNED, "kind", "contact")
    assert [len(rows) for rows in found] == [presence for *_, presence in PLANNED]


def drug(kind, key, **more):
    """Return a drug, taken from the first day of 2018."""
    began = {"effectiveDateTime": "2018-01-01"} if kind == "MedicationStatement" else {"authoredOn": "2018-01-01"}
    return of(kind, key, **(began | more))


def numbered(key, **more):
    """Return an imaging study with a number of its own, on a day of its own."""
    uid = {"system": "urn:dicom:uid", "value": f"1.2.{key}"}
    return imaged(f"i{key}", identifier=[uid], started=f"2018-06-{key:02}T10:00:00+02:00", **more)


LISINOPRIL = {"medicationCodeableConcept": {"text": "Lisinopril"}}


def mixture(*references, key="mix", **more):
    """Return a Medication made of what it refers to."""
    ingredients = [{"itemReference": {"reference": one}} for one in references]
    return {"resourceType": "Medication", "id": key, "ingredient": ingredients} | more


def named(key, words, kind="Medication"):
    return {"resourceType": kind, "id": key, "code": {"text": words}}


MIXED = [
    ({"medicationReference": {"reference": "Medication/two"}}, ["loop_diuretic", "statin"]),
    ({"medicationReference": {"reference": "Medication/circle"}}, ["beta_blocker"]),
    ({"medicationReference": {"reference": "Medication/within"}}, ["arb"]),
    ({"medicationReference": {"reference": "Medication/salt"}}, ["ace_inhibitor"]),
    (
        {"contained": [mixture("#x", key="m"), named("x", "Losartan")], "medicationReference": {"reference": "#m"}},
        ["arb"],
    ),
    (
        {"contained": [mixture("Medication/a", key="m")], "medicationReference": {"reference": "#m"}},
        ["loop_diuretic"],
    ),
    ({"contained": [named("m", "Losartan")]}, ["arb"]),
    ({"contained": [{"resourceType": "Medication", "code": {"text": "Losartan"}}]}, ["arb"]),
    ({"medicationReference": {"reference": "Medication/none", "display": "Losartan 50 mg"}}, ["arb"]),
    ({"medicationReference": {"reference": "Medication/none"}}, []),
    ({"medicationReference": {"reference": "Medication/inert"}}, []),
]
"""What names a drug, and the classes of its ingredients."""

MIXTURES = [
    named("a", "Furosemide"),
    mixture("Medication/a", "Medication/nested", key="two"),
    mixture("Medication/b", key="nested"),
    named("b", "Simvastatin"),
    mixture("Medication/circle", "Medication/c", key="circle"),
    named("c", "Metoprolol"),
    mixture("#x", key="within", contained=[named("x", "Valsartan", "Substance")]),
    mixture("Substance/s", key="salt"),
    named("s", "Lisinopril dihydrate", "Substance"),
    {"resourceType": "Medication", "id": "inert"}
    | {"ingredient": [{"itemCodeableConcept": {"text": "Lisinopril"}, "isActive": False}]},
]


@pytest.mark.parametrize("in_release", [dict, as_r5], ids=["R4", "R5"])
def test_a_drug_is_what_its_ingredients_are(tmp_path, in_release):
    cases = [[drug("MedicationStatement", "s", status="active", **said)] for said, _ in MIXED]
    connection, report = staged(tmp_path, *map(in_release, [*of_patients(cases), *MIXTURES]))
    found = each(connection, MIXED, "drug_class", "medication")
    assert [[name for (name,) in rows] for rows in found] == [classes for _, classes in MIXED]
    assert counted(report)["medication", "DRUG_OF_NO_CLASS"] == 2


HEART = {"system": SNOMED, "code": "80891009"}
HOSPITAL = [
    patient(deceasedDateTime="2020-01-01"),
    visit(),
    visit("w", "IMP", period={"start": "2018-02-01", "end": "2018-02-09"}),
    visit("x", "AMB", "2018-03-01", serviceType={"text": "Telephone encounter"}),
    visit("y", "AMB", "2018-03-02", serviceType={"text": "Cardiology"}, type=[{"text": "Visit"}]),
    visit("z", "IMP", "2019-12-01", hospitalization={"dischargeDisposition": {"text": "Expired"}}),
    condition("http://hl7.org/fhir/sid/icd-10-cm", "I63.9", recordedDate=None, encounter={"reference": "Encounter/w"}),
    observed(),
    observed("o2", (LOINC, "18043-0"), 55.0, "%", partOf=[{"reference": "Procedure/p"}]),
    observed("r1", (LOINC, "18043-0"), 45.0, "%"),
    drug("MedicationStatement", "a", status="active", **LISINOPRIL),
    drug("MedicationStatement", "b", status="not-taken", **LISINOPRIL),
    drug("MedicationStatement", "c", status="stopped", **LISINOPRIL),
    drug("MedicationStatement", "d", status="active", contained=[PILL], medicationReference={"reference": "#m"}),
    drug("MedicationRequest", "e", status="active", medicationReference={"reference": "Medication/m"}),
    drug("MedicationRequest", "f", status="active", medicationCodeableConcept={"text": "Metoprolol"}),
    PILL | {"ingredient": [{"itemCodeableConcept": {"text": "Spironolactone"}}]},
    PROCEDURE | {"performedDateTime": "2018-07-01"},
    PROCEDURE | {"id": "q", "performedPeriod": {"start": "2018-07-02"}, "performedDateTime": None},
    TEE | {"id": "t", "performedDateTime": "2018-06-04"},
    reported(imagingStudy=[{"reference": "ImagingStudy/i1"}], result=[{"reference": "Observation/r1"}]),
    numbered(1, encounter={"reference": "Encounter/w"}),
    numbered(2, series=[{"modality": {"code": "US"}, "bodySite": HEART}], modality=[]),
    numbered(3, series=[{"modality": {"code": "US"}, "bodySite": {"code": "1", "display": "Abdomen"}}]),
    numbered(4, procedureReference={"reference": "Procedure/t"}),
    numbered(5, procedureCode=[coded(CPT, "93306")], description="routine"),
    numbered(6, procedureCode=[{"text": "Stress echo"}]),
    numbered(7, modality=[{"code": "CT"}]),
]


def test_an_export_of_r5_says_what_that_of_r4_says(tmp_path):
    ones = [{name: value for name, value in one.items() if value is not None} for one in HOSPITAL]
    four, report = staged(tmp_path / "r4", *ones)
    five, same = staged(tmp_path / "r5", *map(as_r5, ones))
    for table in ("patient", "death", "contact", "study", "measurement", "diagnosis", "medication"):
        rows = fetch(four, f"FROM {table} ORDER BY ALL")
        assert fetch(five, f"FROM {table} ORDER BY ALL") == rows
        assert rows
    assert counted(same) == counted(report)
    drugs = fetch(four, "SELECT drug_class FROM medication ORDER BY ALL")
    assert drugs == [("ace_inhibitor",), ("beta_blocker",), ("potassium_sparing_diuretic",), ("statin",)]
    assert fetch(four, "SELECT count(*) FROM study") == [(5,)]
