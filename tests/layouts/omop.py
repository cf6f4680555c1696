"""The synthetic extract as an OMOP database (CDM 5.4) with a table of its echo studies."""

from __future__ import annotations

from collections import Counter
from typing import Any

from layouts.shapes import Shape, Table, as_one_person, once, persons, tables_of

from echomort.ehr.variables import catalogue
from echomort.synth.records import Rows

COLUMNS = {
    "person": "person_id gender_concept_id year_of_birth month_of_birth day_of_birth race_source_value "
    "person_source_value gender_source_value",
    "death": "person_id death_date death_type_concept_id",
    "visit_occurrence": "visit_occurrence_id person_id visit_concept_id visit_start_date visit_start_datetime "
    "visit_source_value",
    "observation_period": "observation_period_id person_id observation_period_start_date observation_period_end_date "
    "period_type_concept_id",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date measurement_datetime "
    "value_as_number unit_concept_id unit_source_value measurement_source_value measurement_event_id "
    "meas_event_field_concept_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id condition_start_date "
    "condition_start_datetime condition_source_value condition_source_concept_id",
    "drug_exposure": "drug_exposure_id person_id drug_concept_id drug_exposure_start_date drug_exposure_start_datetime "
    "drug_exposure_end_date drug_source_value",
    "observation": "observation_id person_id observation_concept_id observation_date observation_datetime "
    "value_as_number observation_source_value",
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id procedure_date procedure_datetime "
    "procedure_source_value",
    "concept": "concept_id concept_name vocabulary_id concept_code",
    "echo_study": "study_id person_id study_at procedure_occurrence_id setting",
}
SEXES = {"M": 8507, "F": 8532}
VISITS = {"inpatient": 9201, "outpatient": 9202, "emergency": 9203}
STATEMENTS = {"registry": 32815, "ehr": 32817}
ENCOUNTERS, PROCEDURE_EVENT = 44814724, 1147082
LOCAL_CONCEPT = 2_000_000_000
"""Where a site's own concept ids begin, by the convention of the vocabulary."""
UNITS = {"mg/dL": 8840, "cm": 8582, "kg": 9529}
INGREDIENTS = {
    "ace_inhibitor": "Lisinopril",
    "arb": "Losartan",
    "beta_blocker": "Metoprolol",
    "statin": "Atorvastatin",
    "loop_diuretic": "Furosemide",
    "potassium_sparing_diuretic": "Spironolactone",
    "thiazide": "Hydrochlorothiazide",
    "allopurinol": "Allopurinol",
}


def to_omop(rows: Rows) -> Shape:
    """Return ``rows`` (the canonical contract) as OMOP tables.

    Lost: second record numbers (OMOP has one row a person) and daily doses.
    """
    merged = persons(once(rows))
    kept = as_one_person(rows, merged)
    writer = _Writer({number: place for place, number in enumerate(sorted(set(merged.values())), 1)})
    writer.write(kept)
    lost = Counter(
        {
            ("identity", "second record numbers"): len(set(rows["identity"])),
            ("medication", "daily doses"): len(kept["medication"]),
        }
    )
    studies = {row[0]: row[0] for row in kept["study"]}
    return Shape(writer.tables, kept, lost, merged, studies)


class _Writer:
    """OMOP's tables as they fill, person by number."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers
        self.tables: dict[str, Table] = tables_of(COLUMNS)
        self.concepts: dict[tuple[str, str], int] = {}
        self.events: dict[str, int] = {}
        self.loinc = {one.name: one.code.split()[0] for one in catalogue() if one.code_system == "LOINC"}

    def write(self, rows: Rows) -> None:
        """Fill every table from canonical ``rows``."""
        fill = {
            "patient": self._patient,
            "death": self._death,
            "study": self._study,
            "contact": self._contact,
            "measurement": self._measurement,
            "diagnosis": self._diagnosis,
            "medication": self._medication,
        }
        for table, add in fill.items():
            for row in rows[table]:
                add(row)
        self._periods(rows["contact"])
        for (vocabulary, code), number in self.concepts.items():
            self.tables["concept"].add(
                concept_id=number, concept_name=code, vocabulary_id=vocabulary, concept_code=code
            )

    def _add(self, table: str, patient: str, **cells: Any) -> int:
        number = len(self.tables[table].rows) + 1
        key = {f"{table}_id": number} if f"{table}_id" in self.tables[table].columns else {}
        self.tables[table].add(**({"person_id": self.numbers.get(patient, patient)} | key | cells))
        return number

    def _concept(self, vocabulary: str, code: str) -> int:
        return self.concepts.setdefault((vocabulary, code), LOCAL_CONCEPT + 1 + len(self.concepts))

    def _patient(self, row: tuple[Any, ...]) -> None:
        patient, born, sex, race = row
        year, month, day = born.split("-") if born else ("", "", "")
        self._add(
            "person",
            patient,
            person_id=self.numbers[patient],
            gender_concept_id=SEXES.get(sex, 0),
            gender_source_value=sex,
            year_of_birth=year,
            month_of_birth=month,
            day_of_birth=day,
            race_source_value=race,
            person_source_value=patient,
        )

    def _death(self, row: tuple[Any, ...]) -> None:
        patient, day, source = row
        self._add("death", patient, death_date=day, death_type_concept_id=STATEMENTS[source])

    def _study(self, row: tuple[Any, ...]) -> None:
        study, patient, at, setting = row
        event = self._add(
            "procedure_occurrence",
            patient,
            procedure_concept_id=0,
            procedure_date=at[:10],
            procedure_datetime=at,
            procedure_source_value="93306",
        )
        self.events[study] = event
        self._add("echo_study", patient, study_id=study, study_at=at, procedure_occurrence_id=event, setting=setting)

    def _contact(self, row: tuple[Any, ...]) -> None:
        patient, at, kind = row
        self._add(
            "visit_occurrence",
            patient,
            visit_concept_id=VISITS.get(kind, 0),
            visit_start_date=at[:10],
            visit_start_datetime=at,
            visit_source_value=kind,
        )

    def _measurement(self, row: tuple[Any, ...]) -> None:
        patient, study, variable, value, unit, at = row
        code = self.loinc.get(variable)
        if variable == "smoking":
            self._add(
                "observation",
                patient,
                observation_concept_id=0,
                observation_source_value=code,
                observation_date=at[:10],
                observation_datetime=at,
                value_as_number=value,
            )
            return
        self._add(
            "measurement",
            patient,
            measurement_concept_id=self._concept("LOINC", code) if code else 0,
            measurement_source_value=code or variable,
            measurement_date=at[:10],
            measurement_datetime=at,
            value_as_number=value,
            unit_concept_id=UNITS.get(unit, 0),
            unit_source_value=unit,
            measurement_event_id=self.events.get(study, ""),
            meas_event_field_concept_id=PROCEDURE_EVENT if study in self.events else "",
        )

    def _diagnosis(self, row: tuple[Any, ...]) -> None:
        patient, vocabulary, code, at = row
        self._add(
            "condition_occurrence",
            patient,
            condition_concept_id=0,
            condition_start_date=at[:10],
            condition_start_datetime=at,
            condition_source_value=code,
            condition_source_concept_id=self._concept(vocabulary, code),
        )

    def _medication(self, row: tuple[Any, ...]) -> None:
        patient, drug, _, _, started, ended = row
        self._add(
            "drug_exposure",
            patient,
            drug_concept_id=0,
            drug_source_value=INGREDIENTS[drug],
            drug_exposure_start_date=started[:10],
            drug_exposure_start_datetime=started,
            drug_exposure_end_date=ended[:10],
        )

    def _periods(self, contacts: list[tuple[Any, ...]]) -> None:
        days: dict[str, list[str]] = {}
        for patient, at, _ in contacts:
            days.setdefault(patient, []).append(at[:10])
        for patient, seen in days.items():
            self._add(
                "observation_period",
                patient,
                observation_period_start_date=min(seen),
                observation_period_end_date=max(seen),
                period_type_concept_id=ENCOUNTERS,
            )
