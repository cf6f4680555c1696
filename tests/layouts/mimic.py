"""The synthetic extract as MIMIC-IV, its emergency module and MIMIC-IV-ECHO hold patients: numbers instead of names,
each patient's dates moved far into the future, and life proven by the silence of ``dod``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from layouts.omop import INGREDIENTS
from layouts.shapes import Shape, Table, as_one_person, by_patient, once, persons, tables_of

from echomort.synth.records import TABLES, Rows

COLUMNS = {
    "patients": "subject_id gender anchor_age anchor_year anchor_year_group dod",
    "admissions": "subject_id hadm_id admittime dischtime deathtime hospital_expire_flag race",
    "diagnoses_icd": "subject_id hadm_id seq_num icd_code icd_version",
    "labevents": "labevent_id subject_id hadm_id itemid charttime storetime value valuenum valueuom",
    "omr": "subject_id chartdate seq_num result_name result_value",
    "prescriptions": "subject_id hadm_id starttime stoptime drug",
    "transfers": "subject_id hadm_id eventtype intime outtime",
    "edstays": "subject_id stay_id intime outtime",
    "echo_study_list": "subject_id study_id study_datetime measurement_id measurement_datetime",
    "echo_record_list": "subject_id study_id acquisition_datetime dicom_filepath",
    "structured_measurement": "subject_id measurement_id measurement_datetime test_type measurement "
    "measurement_description result unit",
}
FILES = {
    name: f"hosp/{name}"
    for name in ("patients", "admissions", "diagnoses_icd", "labevents", "omr", "prescriptions", "transfers")
} | {"edstays": "ed/edstays", "echo_study_list": "echo-study-list", "echo_record_list": "echo-record-list"}
HYPHENS = FILES | {"structured_measurement": "structured-measurement"}
UNDERSCORES = FILES | {"structured_measurement": "structured_measurement"}
"""Two namings of the structured measurements are about."""

ITEMS = {
    "creatinine": 50912,
    "sodium": 50983,
    "potassium": 50971,
    "bun": 51006,
    "albumin": 50862,
    "hemoglobin": 51222,
    "rdw": 51277,
    "lymph_pct": 51244,
    "total_chol": 50907,
    "hdl": 50904,
    "ldl": 50905,
    "hba1c": 50852,
    "ntprobnp": 50963,
    "uric_acid": 51007,
}
NAMES = {
    "lvidd": "lvedd",
    "lvids": "lvesd",
    "ivsd": "septal_thickness",
    "lvpwd": "inf_lat_thickness",
    "lvot_d": "lvot_diam",
    "av_vmax": "av_pk_vel",
    "tr_vmax": "tr_velocity",
    "mv_e": "mv_peak_e",
    "mv_a": "mv_peak_a",
}
BODY = {"height": ("Height (Inches)", "[in_i]", "cm", 2.54), "weight": ("Weight (Lbs)", "[lb_av]", "kg", 0.45359237)}
PRESSURE = {"sbp": "{}/", "dbp": "/{}"}
SILENCE = timedelta(days=365)
"""How long after the last discharge a death would be in dod."""


def to_mimic(rows: Rows) -> Shape:
    """Return ``rows`` (the canonical contract) as MIMIC-IV's tables.

    Lost, or said less exactly: second record numbers; days of birth; the times of vital signs, and the units of height
    and weight; heart rate outside an echo, smoking, NYHA class and doses; diagnoses later than the last discharge may
    be, since each needs an admission, which would prove life.
    """
    one = as_one_person(rows, persons(once(rows)))
    writer = _Writer()
    whole = {table: by_patient(one[table], 1 if table == "study" else 0) for table in one}
    for number, patient in enumerate(sorted(whole["patient"])):
        writer.add(_Person(number, patient, {table: whole[table].get(patient, []) for table in whole}))
    writer.lost["identity", "second record numbers"] = len(set(rows["identity"]))
    merged = {number: writer.patients[first] for number, first in persons(once(rows)).items()}
    return Shape(writer.tables, writer.kept, writer.lost, merged, writer.studies)


@dataclass(frozen=True)
class _Person:
    """One patient's rows, and what the shape makes of the person."""

    number: int
    patient: str
    rows: Rows

    @property
    def subject(self) -> str:
        return str(10_000_001 + self.number)

    @property
    def shift(self) -> timedelta:
        return timedelta(days=40_000 + self.number * 7919 % 25_000)

    @property
    def death(self) -> date | None:
        return min((date.fromisoformat(row[1]) for row in self.rows["death"]), default=None)

    @property
    def last_seen(self) -> datetime | None:
        return max((datetime.fromisoformat(row[1]) for row in self.rows["contact"]), default=None)

    @property
    def last_discharge(self) -> datetime | None:
        """So early that a year of dod's silence ends where the records end."""
        return self.last_seen - SILENCE if self.last_seen else None

    @property
    def known_until(self) -> datetime | None:
        """After this no admission may be written: it would say more than the records do."""
        return datetime.combine(self.death, datetime.max.time()) if self.death else self.last_discharge

    @property
    def anchor(self) -> datetime:
        return min((datetime.fromisoformat(row[2]) for row in self.rows["study"]), default=datetime(2015, 7, 1))

    def moved(self, text: str) -> str:
        """Return the date or time in the source's calendar."""
        at = datetime.fromisoformat(text) + self.shift
        return at.date().isoformat() if len(text) == 10 else at.isoformat(sep=" ")


class _Writer:
    """MIMIC's tables as they fill, and what they say in the canonical contract."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = tables_of(COLUMNS)
        self.kept: Rows = {table: [] for table in TABLES}
        self.lost: Counter[tuple[str, str]] = Counter()
        self.patients: dict[str, str] = {}
        self.studies: dict[str, str] = {}
        self.measured: dict[str, str] = {}

    def add(self, person: _Person) -> None:
        """Add one patient."""
        self.patients[person.patient] = person.subject
        self._patient(person)
        self._fate(person)
        for study, _, at, setting in person.rows["study"]:
            self._study(person, study, at, setting)
        for row in person.rows["measurement"]:
            self._measurement(person, row)
        for row in person.rows["diagnosis"]:
            self._diagnosis(person, *row[1:])
        for _, drug, _dose, _unit, started, ended in person.rows["medication"]:
            self.tables["prescriptions"].add(
                subject_id=person.subject,
                starttime=person.moved(started),
                stoptime=person.moved(ended) if ended else "",
                drug=INGREDIENTS[drug],
            )
            self.kept["medication"].append((person.subject, drug, "", "", started, ended))
            self.lost["medication", "doses"] += 1

    def _patient(self, person: _Person) -> None:
        _, born, sex, race = person.rows["patient"][0]
        year, age, birth = (person.anchor + person.shift).year, "", ""
        if born:
            years = year - (date.fromisoformat(born) + person.shift).year
            years = years if years <= 89 else 91
            age, birth = str(years), (date(year - years, 1, 1) - person.shift).isoformat()
            self.lost["patient", "days of birth"] += 1
        group = 2008 + 3 * ((person.anchor.year - 2008) // 3)
        others = [row for row in person.rows["death"] if row[2] != "registry"]
        dod = (others or person.rows["death"] or [("", "", "")])[0][1]
        self.tables["patients"].add(
            subject_id=person.subject,
            gender=sex,
            anchor_age=age,
            anchor_year=year,
            anchor_year_group=f"{group} - {group + 2}",
            dod=person.moved(dod) if dod else "",
        )
        self.kept["patient"].append((person.subject, birth, sex, race))
        if others:
            self._death_in_hospital(person)

    def _death_in_hospital(self, person: _Person) -> None:
        day = person.moved(next(row[1] for row in person.rows["death"] if row[2] == "registry"))
        self._admission(person, f"{day} 06:00:00", f"{day} 12:00:00", died=True)

    def _admission(self, person: _Person, began: str, ended: str, died: bool = False) -> int:
        number = 20_000_001 + len(self.tables["admissions"].rows)
        self.tables["admissions"].add(
            subject_id=person.subject,
            hadm_id=number,
            admittime=began,
            dischtime=ended,
            deathtime=ended if died else "",
            hospital_expire_flag=int(died),
            race=person.rows["patient"][0][3].upper(),
        )
        return number

    def _fate(self, person: _Person) -> None:
        self.kept["death"] += [(person.subject, *row[1:]) for row in person.rows["death"]]
        self.kept["contact"] += [(person.subject, *row[1:]) for row in person.rows["contact"]]
        days = [row[1] for row in person.rows["contact"]]
        discharge = person.last_discharge
        if person.death is None and discharge:
            days = [day for day in days if datetime.fromisoformat(day) < discharge]
            left = person.moved(discharge.isoformat(sep=" "))
            self._admission(person, left, left)
        for day in days:
            at = person.moved(day)
            stay = 30_000_001 + len(self.tables["edstays"].rows)
            self.tables["edstays"].add(subject_id=person.subject, stay_id=stay, intime=at, outtime=at)

    def _study(self, person: _Person, study: str, at: str, setting: str) -> None:
        number = str(90_000_001 + len(self.studies))
        measurement = str(500_001 + len(self.studies))
        self.studies[study], self.measured[study] = number, measurement
        moved = person.moved(at)
        self.tables["echo_study_list"].add(
            subject_id=person.subject,
            study_id=number,
            study_datetime=moved,
            measurement_id=measurement,
            measurement_datetime=moved,
        )
        path = f"files/p{person.subject[:2]}/p{person.subject}/s{number}/{number}_0001.dcm"
        self.tables["echo_record_list"].add(
            subject_id=person.subject, study_id=number, acquisition_datetime=moved, dicom_filepath=path
        )
        self.kept["study"].append((number, person.subject, at, setting))

    def _measurement(self, person: _Person, row: tuple[Any, ...]) -> None:
        _, study, variable, value, unit, at = row
        if study:
            self._echo_value(person, study, row[2:])
        elif variable in ITEMS:
            self._laboratory_value(person, variable, value, unit, at)
        elif variable in BODY or variable in PRESSURE:
            self._vital_sign(person, variable, value, unit, at)
        else:
            self.lost["measurement", f"{variable} outside an echo"] += 1

    def _echo_value(self, person: _Person, study: str, said: tuple[Any, ...]) -> None:
        variable, value, unit, at = said
        self.kept["measurement"].append((person.subject, self.studies[study], *said))
        for name, result in _reported(variable, value, unit, person.number):
            self.tables["structured_measurement"].add(
                subject_id=person.subject,
                measurement_id=self.measured[study],
                measurement_datetime=person.moved(at),
                test_type="tte",
                measurement=name,
                result=result,
                unit=unit,
            )

    def _laboratory_value(self, person: _Person, variable: str, value: str, unit: str, at: str) -> None:
        self.kept["measurement"].append((person.subject, "", variable, value, unit, at))
        moved = person.moved(at)
        self.tables["labevents"].add(
            labevent_id=len(self.tables["labevents"].rows) + 1,
            subject_id=person.subject,
            itemid=ITEMS[variable],
            charttime=moved,
            storetime=moved,
            value=value or "___",
            valuenum=value,
            valueuom=unit,
        )

    def _vital_sign(self, person: _Person, variable: str, value: str, unit: str, at: str) -> None:
        name, own, metric, factor = BODY.get(variable, ("Blood Pressure", unit, "", 1.0))
        if unit == metric and value:
            value = f"{float(value) / factor:.1f}"
        said = PRESSURE.get(variable, "{}").format(value)
        self.tables["omr"].add(
            subject_id=person.subject,
            chartdate=person.moved(at)[:10],
            seq_num=1,
            result_name=name,
            result_value=said,
        )
        self.kept["measurement"].append((person.subject, "", variable, value, own, at[:10]))
        self.lost["measurement", "times of vital signs"] += 1

    def _diagnosis(self, person: _Person, vocabulary: str, code: str, at: str) -> None:
        until = person.known_until
        if until is None or datetime.fromisoformat(at) > until:
            self.lost["diagnosis", "later than the last discharge may be"] += 1
            return
        moved = person.moved(at)
        began = datetime.fromisoformat(moved) - timedelta(days=2)
        number = self._admission(person, began.isoformat(sep=" "), moved)
        version = 10 if vocabulary == "ICD10CM" else 9
        plain = code.replace(".", "").ljust(7)
        self.tables["diagnoses_icd"].add(
            subject_id=person.subject, hadm_id=number, seq_num=1, icd_code=plain, icd_version=version
        )
        self.kept["diagnosis"].append((person.subject, vocabulary, code, at))


def _reported(variable: str, value: str, unit: str, number: int) -> list[tuple[str, Any]]:
    """How one of the two reporting systems writes a value: a range, or a single three-dimensional measurement."""
    if variable != "lvef":
        return [(NAMES.get(variable, variable), value)]
    if number % 2:
        return [("lvef_3d", value)]
    if unit == "%" and value:
        return [("lvef", f"{float(value) - 2.5:g}"), ("lvef_upper", f"{float(value) + 2.5:g}")]
    return [("lvef", value)]
