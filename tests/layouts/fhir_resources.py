"""FHIR resources of one patient, one by one, in R4 or R5, and the files of an export that holds them."""

import gzip
import json

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
ZONE = "Europe/Berlin"


def patient(key="1", **more):
    """Return a Patient with record number N<key>."""
    number = {"type": MR, "system": "urn:oid:1.2", "value": f"N{key}"}
    return {
        "resourceType": "Patient",
        "id": key,
        "gender": "female",
        "identifier": [number],
        "birthDate": "1950",
    } | more


def of(kind, key="a", **more):
    """Return a resource of patient 1."""
    return {"resourceType": kind, "id": key, "subject": {"reference": "Patient/1"}} | more


def visit(key="v", code="AMB", start="2018-05-01T10:00:00+02:00", **more):
    period = {"start": start} if start else {}
    return of(
        "Encounter", key, **({"status": "finished", "class": {"system": ACT, "code": code}, "period": period} | more)
    )


def coded(system, code, **more):
    return {"coding": [{"system": system, "code": code} | more]}


def observed(key="o", code=("http://loinc.org", "2160-0"), value=1.2, unit="mg/dL", **more):
    quantity = {"value": value, "system": UCUM, "code": unit, "unit": "shown"}
    one = {
        "status": "final",
        "code": coded(*code),
        "valueQuantity": quantity,
        "effectiveDateTime": "2018-05-01T10:00:00+02:00",
    }
    return of("Observation", key, **(one | more))


def imaged(key="i", **more):
    one = {"status": "available", "modality": [{"code": "US"}], "started": "2018-05-01T12:00:00+02:00"}
    uid = {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    return of("ImagingStudy", key, **(one | {"identifier": [uid]} | more))


def written(folder, *resources, names=None):
    """Write resources by type; patient 1 and a visit are there unless others of their type are."""
    found = {}
    for one in resources:
        found.setdefault(one["resourceType"], []).append(one)
    found.setdefault("Patient", [patient()])
    found.setdefault("Encounter", [visit()])
    for kind, ones in found.items():
        path = folder / (names or {}).get(kind, f"{kind}.ndjson")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(one) + "\n" for one in ones).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return folder


def condition(system, code, key="c", **more):
    return of("Condition", key, **({"code": coded(system, code), "recordedDate": "2018-01-02"} | more))


R5_NAMES = {
    "period": "actualPeriod",
    "hospitalization": "admission",
    "performedDateTime": "occurrenceDateTime",
    "performedPeriod": "occurrencePeriod",
    "imagingStudy": "study",
    "medicationCodeableConcept": "medication",
    "medicationReference": "medication",
    "itemCodeableConcept": "item",
    "itemReference": "item",
    "procedureReference": "partOf",
    "procedureCode": "procedure",
}
"""Name of an element in R4 -> in R5."""

STATES = {"finished": "completed", "active": "recorded", "not-taken": "recorded", "stopped": "recorded"}
"""State of an encounter or a medication statement in R4 -> in R5."""


def as_r5(one):
    """Return a resource of R4 as R5 has it."""
    kind = one["resourceType"]
    made = one | {"contained": [as_r5(each) for each in one["contained"]]} if "contained" in one else dict(one)
    if kind in {"Encounter", "MedicationStatement"} and made.get("status") in STATES:
        made["status"] = STATES[made["status"]]
    if kind == "MedicationStatement" and one.get("status") in {"active", "not-taken", "stopped"}:
        said = {"active": "taking-as-directed", "not-taken": "not-taking", "stopped": "stopped-as-directed"}
        made["adherence"] = {"code": {"coding": [OWN, {"code": said[one["status"]]}]}}
    return {R5_NAMES.get(name, name): _in_r5(name, value) for name, value in made.items()}


def _parts_as_r5(ones):
    return [{R5_NAMES.get(part, part): _in_r5(part, value) for part, value in one.items()} for one in ones]


def _in_r5(name, value):
    """Return an element of R4, by its name there, as R5 has it."""
    return R5_FORMS[name](value) if name in R5_FORMS else value


OWN = {"system": "urn:site", "code": "7"}
"""A coding of the site, which may stand before that of the standard."""

R5_FORMS = {
    "class": lambda coding: [{"coding": [OWN, coding]}],
    "modality": lambda said: (
        [{"coding": [OWN, one]} for one in said] if isinstance(said, list) else {"coding": [OWN, said]}  # of a series
    ),
    "medicationCodeableConcept": lambda concept: {"concept": concept},
    "medicationReference": lambda reference: {"reference": reference},
    "itemCodeableConcept": lambda concept: {"concept": concept},
    "itemReference": lambda reference: {"reference": reference},
    "serviceType": lambda concept: [{"concept": concept}],
    "procedureCode": lambda concepts: [{"concept": concept} for concept in concepts],
    "procedureReference": lambda reference: [reference],
    "bodySite": lambda coding: {"concept": {"coding": [coding]}},
    "series": _parts_as_r5,
    "ingredient": _parts_as_r5,
}
"""Name of an element in R4 -> what makes of its value that of R5."""


def of_patients(cases, numbers=()):
    """Return the resources of all ``cases``, each a list of resources of patient 1, as those of patients 1, 2, ...

    To stage them takes the time of one case. A case without a patient or a visit gets one. The place of the case is
    added to every id and the references to it, and to ``numbers``, the identifiers of studies in the cases.
    """
    return [one for place, case in enumerate(cases, 1) for one in _of_patient(place, case, numbers)]


def _of_patient(place, case, numbers):
    kinds = {one["resourceType"] for one in case}
    whole = [*case, *([] if "Patient" in kinds else [patient()]), *([] if "Encounter" in kinds else [visit()])]
    text = json.dumps(whole).replace('"Patient/1"', f'"Patient/{place}"').replace('"N1"', f'"N{place}"')
    for kind, key in {(one["resourceType"], one["id"]) for one in whole if one["resourceType"] != "Patient"}:
        text = text.replace(f'{kind}/{key}"', f'{kind}/{key}.{place}"')
    for number in numbers:
        text = text.replace(f'"{number}"', f'"{number}.{place}"')
    return [
        one | {"id": f"{place}" if one["resourceType"] == "Patient" else f"{one['id']}.{place}"}
        for one in json.loads(text)
    ]
