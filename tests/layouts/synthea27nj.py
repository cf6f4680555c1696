"""An extract in the shape of OHDSI's Synthea27Nj: OMOP 5.4 with every column of its DDL, conditions and procedures in
SNOMED, laboratory in LOINC, drugs in RxNorm, and a vocabulary without ICD-10-CM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

DDL = {
    "person": "person_id integer, gender_concept_id integer, year_of_birth integer, month_of_birth integer, "
    "day_of_birth integer, birth_datetime timestamp, race_concept_id integer, ethnicity_concept_id integer, "
    "location_id integer, provider_id integer, care_site_id integer, person_source_value varchar, "
    "gender_source_value varchar, gender_source_concept_id integer, race_source_value varchar, "
    "race_source_concept_id integer, ethnicity_source_value varchar, ethnicity_source_concept_id integer",
    "observation_period": "observation_period_id integer, person_id integer, observation_period_start_date date, "
    "observation_period_end_date date, period_type_concept_id integer",
    "visit_occurrence": "visit_occurrence_id integer, person_id integer, visit_concept_id integer, "
    "visit_start_date date, visit_start_datetime timestamp, visit_end_date date, visit_end_datetime timestamp, "
    "visit_type_concept_id integer, "
    "provider_id integer, care_site_id integer, visit_source_value varchar, visit_source_concept_id integer, "
    "admitted_from_concept_id integer, admitted_from_source_value varchar, discharged_to_concept_id integer, "
    "discharged_to_source_value varchar, preceding_visit_occurrence_id integer",
    "condition_occurrence": "condition_occurrence_id integer, person_id integer, condition_concept_id integer, "
    "condition_start_date date, condition_start_datetime timestamp, condition_end_date date, "
    "condition_end_datetime timestamp, condition_type_concept_id integer, condition_status_concept_id integer, "
    "stop_reason varchar, provider_id integer, visit_occurrence_id integer, visit_detail_id integer, "
    "condition_source_value varchar, condition_source_concept_id integer, condition_status_source_value varchar",
    "drug_exposure": "drug_exposure_id integer, person_id integer, drug_concept_id integer, "
    "drug_exposure_start_date date, drug_exposure_start_datetime timestamp, drug_exposure_end_date date, "
    "drug_exposure_end_datetime timestamp, verbatim_end_date date, drug_type_concept_id integer, "
    "stop_reason varchar, refills integer, quantity numeric, days_supply integer, sig varchar, "
    "route_concept_id integer, lot_number varchar, "
    "provider_id integer, visit_occurrence_id integer, visit_detail_id integer, drug_source_value varchar, "
    "drug_source_concept_id integer, route_source_value varchar, dose_unit_source_value varchar",
    "procedure_occurrence": "procedure_occurrence_id integer, person_id integer, procedure_concept_id integer, "
    "procedure_date date, procedure_datetime timestamp, procedure_end_date date, procedure_end_datetime timestamp, "
    "procedure_type_concept_id integer, modifier_concept_id integer, quantity integer, provider_id integer, "
    "visit_occurrence_id integer, visit_detail_id integer, procedure_source_value varchar, "
    "procedure_source_concept_id integer, modifier_source_value varchar",
    "measurement": "measurement_id integer, person_id integer, measurement_concept_id integer, measurement_date date, "
    "measurement_datetime timestamp, measurement_time varchar, measurement_type_concept_id integer, "
    "operator_concept_id integer, value_as_number numeric(18, 5), value_as_concept_id integer, "
    "unit_concept_id integer, range_low numeric, range_high numeric, provider_id integer, visit_occurrence_id integer, "
    "visit_detail_id integer, measurement_source_value varchar, measurement_source_concept_id integer, "
    "unit_source_value varchar, "
    "unit_source_concept_id integer, value_source_value varchar, measurement_event_id integer, "
    "meas_event_field_concept_id integer",
    "observation": "observation_id integer, person_id integer, observation_concept_id integer, observation_date date, "
    "observation_datetime timestamp, observation_type_concept_id integer, value_as_number numeric, "
    "value_as_string varchar, value_as_concept_id integer, qualifier_concept_id integer, unit_concept_id integer, "
    "provider_id integer, visit_occurrence_id integer, visit_detail_id integer, observation_source_value varchar, "
    "observation_source_concept_id integer, unit_source_value varchar, qualifier_source_value varchar, "
    "value_source_value varchar, observation_event_id integer, obs_event_field_concept_id integer",
    "death": "person_id integer, death_date date, death_datetime timestamp, death_type_concept_id integer, "
    "cause_concept_id integer, cause_source_value varchar, cause_source_concept_id integer",
    "concept": "concept_id integer, concept_name varchar, domain_id varchar, vocabulary_id varchar, "
    "concept_class_id varchar, standard_concept varchar, concept_code varchar, valid_start_date date, "
    "valid_end_date date, invalid_reason varchar",
    "concept_relationship": "concept_id_1 integer, concept_id_2 integer, relationship_id varchar, "
    "valid_start_date date, valid_end_date date, invalid_reason varchar",
    "concept_ancestor": "ancestor_concept_id integer, descendant_concept_id integer, min_levels_of_separation integer, "
    "max_levels_of_separation integer",
    "cdm_source": "cdm_source_name varchar, cdm_version varchar",
    "note": "note_id integer, person_id integer, note_text varchar",
}
"""Table -> its columns, in the order of the DDL of OMOP CDM 5.4; the last two are not read."""

CONCEPTS = [
    (316139, "Heart failure", "Condition", "SNOMED", "S", "84114007"),
    (4229440, "Chronic congestive heart failure", "Condition", "SNOMED", "S", "88805009"),
    (320128, "Essential hypertension", "Condition", "SNOMED", "S", "59621000"),
    (4230911, "Echocardiography", "Procedure", "SNOMED", "S", "40701008"),
    (3000001, "Creatinine [Mass/volume] in Blood", "Measurement", "LOINC", "S", "38483-4"),
    (3000285, "Sodium [Moles/volume] in Blood", "Measurement", "LOINC", "S", "2947-0"),
    (3000002, "Urea nitrogen [Mass/volume] in Blood", "Measurement", "LOINC", "S", "6299-2"),
    (3005456, "Potassium [Moles/volume] in Blood", "Measurement", "LOINC", "S", "6298-4"),
    (40000001, "lisinopril 10 MG Oral Tablet", "Drug", "RxNorm", "S", "314076"),
    (8840, "milligram per deciliter", "Unit", "UCUM", "S", "mg/dL"),
    (8753, "millimole per liter", "Unit", "UCUM", "S", "mmol/L"),
    (2000000500, "a code of this site", "Condition", "local", None, "X1"),
]
LABORATORY = ((3000001, "38483-4", 1.1, 8840, "mg/dL"), (3000285, "2947-0", 139, 8753, "mmol/L"))
LABORATORY += ((3000002, "6299-2", 14, 8840, "mg/dL"), (3005456, "6298-4", 4.1, 8753, "mmol/L"))
ENCOUNTER_RECORD, LABORATORY_RESULT, CLAIM = 32827, 32856, 32810
"""Type concepts that the ETL of Synthea writes; they decide nothing here."""


def tables(persons: int) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of ``persons``: an echo on 2018-06-15, conditions and laboratory before it, a visit in 2020; each
    fourth dies in 2018."""
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in DDL}
    for one in range(1, persons + 1):
        uuid = f"{one:08d}-aaaa-bbbb-cccc-{one:012d}"
        person = {"person_id": one}
        found["person"].append(
            person
            | {
                "gender_concept_id": 8507 + 25 * (one % 2),
                "year_of_birth": 1950,
                "month_of_birth": 3,
                "day_of_birth": 4,
            }
            | {"birth_datetime": "1950-03-04 00:00:00", "race_concept_id": 8527, "person_source_value": uuid}
            | {"gender_source_value": "M", "race_source_value": "white"}
        )
        dies = one % 4 == 0
        days = ["2018-06-15", *([] if dies else ["2020-06-15"])]
        for place, day in enumerate(days):
            visit = {"visit_occurrence_id": 10 * one + place, "visit_concept_id": 9202, "visit_source_value": uuid}
            ends = {"visit_start_date": day, "visit_end_date": day}
            times = {"visit_start_datetime": f"{day} 08:00:00", "visit_end_datetime": f"{day} 08:45:00"}
            found["visit_occurrence"].append(person | visit | ends | times)
        found["observation_period"].append(
            person
            | {"observation_period_id": one, "observation_period_start_date": "2010-01-01"}
            | {"observation_period_end_date": days[-1], "period_type_concept_id": ENCOUNTER_RECORD}
        )
        if dies:
            found["death"].append(person | {"death_date": "2018-09-01", "death_type_concept_id": CLAIM})
        for place, (concept, code) in enumerate(((320128, "59621000"), (4229440, "88805009"), (0, "X1"))):
            condition = {"condition_occurrence_id": 10 * one + place, "condition_concept_id": concept}
            source = {"condition_source_value": code, "condition_source_concept_id": concept or 2000000500}
            found["condition_occurrence"].append(person | condition | source | {"condition_start_date": "2017-02-03"})
        found["procedure_occurrence"].append(
            person
            | {"procedure_occurrence_id": one, "procedure_concept_id": 4230911, "procedure_date": "2018-06-15"}
            | {"procedure_datetime": "2018-06-15 08:20:00", "procedure_source_value": "40701008"}
            | {"procedure_source_concept_id": 4230911, "visit_occurrence_id": 10 * one}
        )
        for place, (concept, code, value, unit, text) in enumerate(LABORATORY):
            found["measurement"].append(
                person
                | {"measurement_id": 10 * one + place, "measurement_concept_id": concept, "operator_concept_id": 0}
                | {"measurement_date": "2018-06-01", "measurement_datetime": "2018-06-01 07:00:00"}
                | {"measurement_type_concept_id": LABORATORY_RESULT, "value_as_number": value, "unit_concept_id": unit}
                | {"measurement_source_value": code, "unit_source_value": text}
            )
        found["drug_exposure"].append(
            person
            | {"drug_exposure_id": one, "drug_concept_id": 40000001, "drug_source_value": "314076"}
            | {"drug_exposure_start_date": "2018-01-01", "drug_exposure_end_date": "2018-12-31"}
        )
    named = ("concept_id", "concept_name", "domain_id", "vocabulary_id", "standard_concept", "concept_code")
    found["concept"] = [dict(zip(named, row, strict=True)) for row in CONCEPTS]
    found["concept_relationship"] = [
        {"concept_id_1": row[0], "concept_id_2": row[0], "relationship_id": "Maps to"} for row in CONCEPTS if row[4]
    ]
    pairs = [(one[0], one[0], 0) for one in CONCEPTS] + [(316139, 4229440, 2)]
    ends = ("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation")
    found["concept_ancestor"] = [dict(zip(ends, pair, strict=True)) for pair in pairs]
    found["note"] = [{"note_id": 1, "person_id": 1, "note_text": 'a "note", with\nlines'}]
    return found


def write(folder: Path, form: str, persons: int = 12) -> Path:
    """Write the extract as ``csv`` (names in capitals, as OHDSI's file) or ``parquet`` (typed) into ``folder``."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        for table, rows in tables(persons).items():
            connection.execute(f"CREATE TABLE {table} ({DDL[table]})")
            for row in rows:
                names = ", ".join(row)
                marks = ", ".join(f"${name}" for name in row)
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)
            name = f"{table.upper()}.csv" if form == "csv" else f"{table}.parquet"
            options = "format csv, header" if form == "csv" else "format parquet"
            connection.execute(f"COPY {table} TO '{folder / name}' ({options})")
    return folder
