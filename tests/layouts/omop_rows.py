"""Tables of an OMOP extract of one person, row by row, and the files that hold them."""

import csv

from warehouse.adapters.extract import contract

HEADERS = {}
for one in contract("omop"):
    HEADERS.setdefault(one.table, []).append(one.name)

PERSON = {"person_id": 7, "person_source_value": "P", "year_of_birth": 1950, "gender_concept_id": 8532}
ECHO = {"study_id": "S", "person_id": 7, "study_at": "2018-05-01 09:30:00", "procedure_occurrence_id": 31}
VISIT = {"visit_occurrence_id": 1, "person_id": 7, "visit_concept_id": 9202, "visit_start_date": "2019-06-01"}
CONCEPTS = [
    {"concept_id": 2000000001, "vocabulary_id": "ICD10CM", "concept_code": "I50.9"},
    {"concept_id": 2000000002, "vocabulary_id": "LOINC", "concept_code": "2345-7"},
    {"concept_id": 2000000003, "vocabulary_id": "LOINC", "concept_code": "18043-0"},
    {"concept_id": 2000000004, "vocabulary_id": "UCUM", "concept_code": "mmol/L"},
    {"concept_id": 2000000005, "vocabulary_id": "LOINC", "concept_code": "LA15920-4"},
    {"concept_id": 2000000006, "vocabulary_id": "SNOMED", "concept_code": "266919005"},
]


def laid_out(folder, **tables):
    """Write the tables as CSV; required ones that are not named hold their header only."""
    whole = {"person": [PERSON], "echo_study": [ECHO], "visit_occurrence": [VISIT], "concept": CONCEPTS} | tables
    for table, header in HEADERS.items():
        if whole.get(table, ()) is None:
            continue
        with (folder / f"{table.upper()}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(whole.get(table, []))
    return folder
