"""The synthetic extract as the NDJSON files of a FHIR R4 bulk export (resources by type)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from layouts.omop import INGREDIENTS
from layouts.shapes import once, persons

from echomort.ehr.variables import catalogue
from echomort.synth.records import Rows

ZONE, OFFSET = "America/Phoenix", "-07:00"
"""The hospital's time zone, which has no summer time: its offset."""

LOINC, UCUM, ICD = "http://loinc.org", "http://unitsofmeasure.org", "http://hl7.org/fhir/sid/icd-10-cm"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
NUMBERS, SITE = "urn:oid:1.2.36.146.595.217.0.1", "urn:example:site"
CLASSES = {"inpatient": "IMP", "outpatient": "AMB", "emergency": "EMER", "laboratory": "AMB"}
SEXES = {"M": "male", "F": "female"}
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"

Resources = dict[str, list[dict[str, Any]]]


def to_fhir(rows: Rows) -> tuple[Resources, Rows, Counter[tuple[str, str]]]:
    """Return ``rows`` (the canonical contract) as resources, what they say in the contract, and what is lost.

    Lost: further statements of one death (a patient has one deceasedDateTime), and who stated it.
    """
    rows = once(rows)
    kept, lost = _with_one_death(rows)
    resources: Resources = {}
    for table, make in MAKERS.items():
        for place, row in enumerate(kept[table]):
            one = make(f"{table}-{place}", row)
            resources.setdefault(one["resourceType"], []).append(one)
    _complete_persons(resources["Patient"], kept)
    settings = {f"{row[0]}": row[3] for row in kept["study"]}
    for study in resources["ImagingStudy"]:
        setting = settings[study["identifier"][0]["value"].removeprefix("urn:oid:")]
        visit = {"id": f"visit-of-{study['id']}", "resourceType": "Encounter", "status": "cancelled"}
        visit |= {"subject": study["subject"], "class": {"system": ACT, "code": CLASSES[setting]}}
        resources["Encounter"].append(visit)
        study["encounter"] = {"reference": f"https://hospital.example/fhir/Encounter/{visit['id']}"}
    return resources, kept, lost


def write_resources(folder: Path, resources: Resources, names: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Write one file for each type (``names``: type -> files, over which its resources are spread)."""
    for kind, found in resources.items():
        files = (names or {}).get(kind, (f"{kind}.ndjson",))
        for place, name in enumerate(files):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(one) + "\n" for one in found[place :: len(files)]), encoding="utf-8")
    return folder


def when(text: str) -> str:
    """Return a local time of the extract as an instant of FHIR; a date stays a date."""
    return text.replace(" ", "T") + OFFSET if " " in text else text


def _with_one_death(rows: Rows) -> tuple[Rows, Counter[tuple[str, str]]]:
    first: dict[str, tuple[Any, ...]] = {}
    for row in rows["death"]:
        first.setdefault(row[0], (row[0], row[1], "record"))
    more = len(rows["death"]) - len(first)
    lost = Counter({("death", "who stated it"): len(first), ("death", "further statements"): more})
    return rows | {"death": list(first.values())}, lost


def _complete_persons(patients: list[dict[str, Any]], rows: Rows) -> None:
    deaths = {row[0]: row[1] for row in rows["death"]}
    by_number = {one["id"].removeprefix("p-"): one for one in patients}
    for number, one in by_number.items():
        if number in deaths:
            one["deceasedDateTime" if deaths[number] else "deceasedBoolean"] = deaths[number] or True
    for number, same_as in rows["identity"]:
        link = {"type": "replaced-by", "other": _subject(same_as)}
        by_number[number].setdefault("link", []).append(link)
    assert set(deaths) <= set(by_number) | set(persons(rows))


def _subject(number: str) -> dict[str, str]:
    """A reference in one of the forms that servers write."""
    forms = (f"Patient/p-{number}", f"https://hospital.example/fhir/Patient/p-{number}", f"urn:uuid:p-{number}")
    return {"reference": forms[sum(number.encode()) % 3]}


def _patient(_: str, row: tuple[Any, ...]) -> dict[str, Any]:
    number, born, sex, race = row
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    one: dict[str, Any] = {"resourceType": "Patient", "id": f"p-{number}", "gender": SEXES.get(sex, "unknown")}
    one["identifier"] = [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": f"999-{number}"},
        {"type": kind, "system": NUMBERS, "value": number},
    ]
    one["extension"] = [{"url": US_CORE, "extension": [{"url": "text", "valueString": race}]}] if race else []
    return one | ({"birthDate": born} if born else {})


def _contact(key: str, row: tuple[Any, ...]) -> dict[str, Any]:
    number, at, kind = row
    return {
        "resourceType": "Encounter",
        "id": key,
        "status": "finished",
        "class": {"system": ACT, "code": CLASSES[kind]},
        "subject": _subject(number),
        "period": {"start": when(at)},
    }


def _study(key: str, row: tuple[Any, ...]) -> dict[str, Any]:
    study, number, at, _ = row
    return {
        "resourceType": "ImagingStudy",
        "id": f"i-{study}",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}],
        "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "US"}],
        "subject": _subject(number),
        "started": when(at),
        "description": f"TTE complete {key}",
    }


def _measurement(key: str, row: tuple[Any, ...]) -> dict[str, Any]:
    number, study, variable, value, unit, at = row
    code = CODES.get(variable)
    coding = {"system": LOINC, "code": code} if code else {"system": SITE, "code": variable}
    quantity = {"value": json.loads(value)} if value != "" and _is_json(value) else {}
    quantity |= {"system": UCUM, "code": unit, "unit": unit} if unit else {}
    said: dict[str, Any] = {"valueQuantity": quantity} if value != "" else {"dataAbsentReason": {"text": "unknown"}}
    code_and_value = {"code": {"coding": [coding]}} | said
    if variable in {"sbp", "dbp"}:
        code_and_value = {
            "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
            "component": [code_and_value],
        }
    one = {"resourceType": "Observation", "id": key, "status": "final", "subject": _subject(number)}
    one |= code_and_value | {"effectiveDateTime": when(at)}
    return one | ({"partOf": [{"reference": f"ImagingStudy/i-{study}"}]} if study else {})


def _is_json(value: object) -> bool:
    try:
        json.loads(str(value))
    except ValueError:
        return False
    return True


def _diagnosis(key: str, row: tuple[Any, ...]) -> dict[str, Any]:
    number, vocabulary, code, at = row
    assert vocabulary == "ICD10CM"
    return {
        "resourceType": "Condition",
        "id": key,
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": ICD, "code": code}, {"system": "http://snomed.info/sct", "code": "1"}]},
        "subject": _subject(number),
        "recordedDate": when(at),
        "onsetDateTime": "1999",
    }


def _medication(key: str, row: tuple[Any, ...]) -> dict[str, Any]:
    number, drug, dose, unit, started, ended = row
    amount = {"value": float(dose) / 2, "unit": "mg", "system": UCUM, "code": unit.removesuffix("/d")}
    dosage = {
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": amount}],
    }
    one: dict[str, Any] = {"resourceType": "MedicationStatement", "id": key, "status": "active", "dosage": [dosage]}
    one |= {"subject": _subject(number), "medicationCodeableConcept": {"text": f"{INGREDIENTS[drug]} {dose} mg"}}
    if sum(key.encode()) % 2:
        one |= {"contained": [{"resourceType": "Medication", "id": "m", "code": one.pop("medicationCodeableConcept")}]}
        one |= {"medicationReference": {"reference": "#m"}}
    period = {"start": when(started)} | ({"end": when(ended)} if ended else {})
    return one | {"effectivePeriod": period}


CODES = {one.name: one.code.split()[0] for one in catalogue() if one.code_system == "LOINC"}
"""Variable -> its first LOINC code."""

MAKERS = {
    "patient": _patient,
    "contact": _contact,
    "study": _study,
    "measurement": _measurement,
    "diagnosis": _diagnosis,
    "medication": _medication,
}
"""Canonical table -> what makes a resource of one of its rows."""
