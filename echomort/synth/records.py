"""The health-record extract of the cohort, as a hospital would deliver it.

**Dirt in the extract**, each at the rate beside it in :class:`Dirt`: rows twice; values left empty; values in another
unit; absurd values; measurements and diagnoses dated after the study; codes without their dot; a death before its echo;
patients lost within the year or never seen again; contacts long after a death; two sources of one death a few days
apart; a second study under a second record number (the merge is in ``identity``); studies in the
records without pictures and pictures without records; unknown sex or birth date. And one trap: a variable
that shows the outcome and is dated after every study (:data:`FUTURE_ONLY`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from echomort.synth.cohort import Dirt, Latent, Patient, Standardised, Study, logistic
from echomort.synth.echo_report import UNGRADED_SHARE, WITH_GRADE, linear, reported
from echomort.synth.heart import ventricle
from echomort.synth.variables import DIAGNOSES, ECHO, MEASURES, MEDICATIONS, MOTION, OTHER_UNITS

TABLES: dict[str, tuple[str, ...]] = {
    "patient": ("patient_id", "birth_date", "sex", "race"),
    "death": ("patient_id", "death_date", "source"),
    "contact": ("patient_id", "contact_at", "kind"),
    "study": ("study_id", "patient_id", "study_at", "setting"),
    "measurement": ("patient_id", "study_id", "variable", "value", "unit", "measured_at"),
    "diagnosis": ("patient_id", "vocabulary", "code", "recorded_at"),
    "medication": ("patient_id", "drug_class", "dose", "unit", "started_at", "ended_at"),
    "identity": ("patient_id", "same_as"),
}
"""Columns of the extract, one CSV a table."""

FUTURE_ONLY, FUTURE_SHARE = "rvdd", 0.7
"""A variable that is dated after its study and shows who dies, and the share of studies that have it: a model that
received it would be too good to be true."""

Rows = dict[str, list[tuple[Any, ...]]]


def ehr_rows(seed: int, patient: Patient, dirt: Dirt | None = None) -> Rows:
    """Return the rows of ``patient`` in each table of the extract, dirt included."""
    dirt = dirt or Dirt()
    generator = np.random.default_rng([seed, patient.number, 1])
    rows: Rows = defaultdict(list)
    _person(rows, patient, dirt, generator)
    _death_and_contacts(rows, patient, dirt, generator)
    first: dict[str, dict[str, float]] = {}
    for study in patient.studies:
        if study.in_records:
            setting = str(generator.choice(["outpatient", "inpatient", "emergency"], p=[0.55, 0.37, 0.08]))
            rows["study"].append((study.study_id, study.patient_id, _stamp(study.at), setting))
            first[study.study_id] = _measurements(rows, study, patient.sex, dirt, generator)
    _diagnoses(rows, patient, dirt, generator)
    _medications(rows, patient, generator)
    extract = {table: list(_with_duplicates(rows.get(table, []), dirt.row_twice, generator)) for table in TABLES}
    extract["measurement"] += _graded_rows(rows, patient, np.random.default_rng([seed, patient.number, 2]))
    extract["measurement"] += _report_rows(patient, first, dirt, np.random.default_rng([seed, patient.number, 3]))
    return extract


def _report_rows(
    patient: Patient, first: dict[str, dict[str, float]], dirt: Dirt, generator: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """Yield the further rows of each echo report; ``first`` are the measurements of each study without these."""
    for study in patient.studies:
        if study.in_records:
            drawn = list(reported(study, first[study.study_id], generator))
            rows = [_row(study, one, study.at, generator, dirt) for one in drawn]
            yield from _with_duplicates(rows, dirt.row_twice, generator)


def _graded_rows(rows: Rows, patient: Patient, generator: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Yield what people grade, and the trap: a right ventricle measured days later, larger in patients who will die."""
    failure = any(code.startswith("I50") for _, _, code, _ in rows["diagnosis"])
    for study in patient.studies:
        if not study.in_records:
            continue
        state = study.latent.standardised()
        noise, chance = generator.normal(0, 1, 3), generator.random(3)
        grade = int(np.clip(round(1.0 + 0.35 * state.la + 0.15 * state.failing + 0.9 * noise[0]), 0, 3))
        if chance[0] < WITH_GRADE:
            code = (0 if chance[0] < WITH_GRADE * UNGRADED_SHARE else grade) if grade else -1
            yield study.patient_id, study.study_id, "diastolic_function", f"{code}", "", _stamp(study.at)
        stage = int(np.clip(round(2.1 + 0.4 * state.failing + 0.5 * state.frailty + 0.7 * noise[1]), 1, 4))
        if failure and chance[1] < 0.85:
            seen = study.at - timedelta(days=int(1 + 60 * chance[1]))
            yield study.patient_id, "", "nyha", f"{stage}", "", _stamp(seen)
        if chance[2] < FUTURE_SHARE:
            dies = patient.died is not None and patient.died <= study.at.date() + timedelta(days=365)
            later = study.at + timedelta(days=int(1 + 10 * chance[2]))
            width = f"{(4.8 if dies else 2.4) + 0.15 * noise[2]:.2f}"
            yield study.patient_id, study.study_id, FUTURE_ONLY, width, "cm", _stamp(later)


def _person(rows: Rows, patient: Patient, dirt: Dirt, generator: np.random.Generator) -> None:
    sex = "" if generator.random() < dirt.unknown_sex else patient.sex
    born = "" if generator.random() < dirt.unknown_birth else patient.born.isoformat()
    rows["patient"].append((patient.patient_id, born, sex, patient.race))
    if patient.other_id:
        rows["patient"].append((patient.other_id, born, sex, patient.race))
        rows["identity"].append((patient.other_id, patient.patient_id))


def _death_and_contacts(rows: Rows, patient: Patient, dirt: Dirt, generator: np.random.Generator) -> None:
    recorded = patient.recorded_death
    if recorded:
        rows["death"].append((patient.patient_id, recorded.isoformat(), "registry"))
        if generator.random() < dirt.two_death_sources:
            other = recorded + timedelta(days=int(generator.integers(1, 5)))
            rows["death"].append((patient.patient_id, other.isoformat(), "ehr"))
        if generator.random() < dirt.contact_after_death:
            late = recorded + timedelta(days=int(generator.integers(31, 300)))
            rows["contact"].append((patient.patient_id, _daytime(late, generator), "laboratory"))
    if patient.last_seen is None:
        return
    until = patient.last_seen if recorded is None else min(patient.last_seen, recorded)
    for day in _contact_days(patient, until, generator):
        kind = str(generator.choice(["outpatient", "laboratory", "inpatient", "emergency"], p=[0.5, 0.25, 0.15, 0.1]))
        rows["contact"].append((patient.patient_id, _daytime(day, generator), kind))


def _contact_days(patient: Patient, until: date, generator: np.random.Generator) -> list[date]:
    """Return visits before the first study, about every five months after it, and the last at ``until``."""
    first = patient.studies[0].at.date()
    days = [first - timedelta(days=int(generator.integers(5, 400)))]
    day = first
    while len(days) < 7:
        day += timedelta(days=int(30 + generator.exponential(130)))
        if day >= until:
            break
        days.append(day)
    last = patient.studies[-1].at.date()
    return [day for day in days if day < until] + ([until] if until >= last else [])


def _measurements(rows: Rows, study: Study, sex: str, dirt: Dirt, generator: np.random.Generator) -> dict[str, float]:
    """Add the rows of vitals, laboratory and the first measurements of the echo; return variable -> value drawn."""
    drawn = [*_linear_measurements(study.latent, sex, generator), *_heart_measurements(study.latent, generator)]
    for variable, value, unit, decimals in drawn:
        at = study.at - timedelta(minutes=0 if variable in ECHO else int(generator.integers(30, 90 * 1440)))
        rows["measurement"].append(_row(study, (variable, value, unit, decimals), at, generator, dirt))
        if variable not in ECHO and generator.random() < dirt.after_study:
            late = study.at + timedelta(minutes=int(generator.integers(60, 60 * 1440)))
            rows["measurement"].append(_row(study, (variable, value * 1.1, unit, decimals), late, generator, dirt))
    return {variable: value for variable, value, _, _ in drawn}


def _linear_measurements(
    latent: Latent, sex: str, generator: np.random.Generator
) -> Iterator[tuple[str, float, str, int]]:
    latents = latent.standardised()
    for variable, measure in MEASURES.items():
        value = linear(measure, latents) + generator.normal(0, measure.noise) + _by_sex(variable, sex)
        if generator.random() >= measure.missing:
            value = float(np.exp(value)) if measure.log else value
            yield variable, max(value, measure.least), measure.unit, measure.decimals


def _by_sex(variable: str, sex: str) -> float:
    male = {"height": 6.5, "weight": 6.0, "hemoglobin": 0.6, "hdl": -4.0, "ao_root": 0.15}
    return male.get(variable, 0.0) * (1 if sex == "M" else -1)


def _heart_measurements(latent: Latent, generator: np.random.Generator) -> Iterator[tuple[str, float, str, int]]:
    """Yield what readers measured or estimated by eye: noisy, and often missing."""
    still, squeezed = (ventricle(latent.heart(), np.array([at])) for at in (0.0, 1.0))
    noise = generator.normal(0, 1, 6)
    readings = (
        ("lvef", float(np.clip(5 * round(100 * (latent.ef + 0.09 * noise[0]) / 5), 10, 75)), "%", 0, 0.40),
        ("lvidd", 2 * float(still.radius[0]) + 0.9 * noise[1], "cm", 1, 0.4),
        ("lvids", 2 * float(squeezed.radius[0]) + 1.2 * noise[2], "cm", 1, 0.5),
        ("ivsd", latent.wall + 0.15 * noise[3], "cm", 1, 0.30),
        ("lvpwd", latent.wall - 0.03 + 0.15 * noise[4], "cm", 1, 0.30),
        ("heart_rate", latent.hr + 6 * noise[5], "/min", 0, 0.03),
    )
    for variable, value, unit, decimals, missing in readings:
        if generator.random() >= missing:
            yield variable, max(value, 0.3), unit, decimals
    if generator.random() < 0.9:
        yield "smoking", float(generator.random() < logistic(-0.4 + 0.25 * latent.frailty)), "", 0


def _row(
    study: Study, drawn: tuple[str, float, str, int], at: datetime, generator: np.random.Generator, dirt: Dirt
) -> tuple[Any, ...]:
    variable, value, unit, decimals = drawn
    value = round(value, decimals)
    chance = generator.random(3)
    if variable in OTHER_UNITS and chance[0] < dirt.other_unit:
        unit, factor = OTHER_UNITS[variable]
        value = float(f"{value * factor:.4g}")
    if chance[1] < dirt.absurd_value:
        value = (-1.0, 0.0, 9999.0)[int(chance[1] / dirt.absurd_value * 3)]
    text = "" if chance[2] < dirt.value_empty else f"{value:g}"
    linked = study.study_id if variable in ECHO else ""
    return study.patient_id, linked, variable, text, unit, _stamp(at)


def _diagnoses(rows: Rows, patient: Patient, dirt: Dirt, generator: np.random.Generator) -> None:
    study = patient.studies[-1]
    state = study.latent.standardised()
    shares = {code: logistic(_diagnosis_logit(code, state)) for code in DIAGNOSES}
    shares["I48.91"] = 0.85 if study.latent.fibrillation else 0.03
    for code, share in shares.items():
        if generator.random() >= share:
            continue
        after = generator.random() < dirt.after_study
        days = int(generator.integers(1, 200)) if after else -int(generator.integers(1, 1500))
        day = study.at.date() + timedelta(days=days)
        text = code.replace(".", "") if generator.random() < dirt.code_without_dot else code
        if patient.recorded_death is None or day <= patient.recorded_death or not after:
            rows["diagnosis"].append((study.patient_id, "ICD10CM", text, _daytime(day, generator)))


def _diagnosis_logit(code: str, state: Standardised) -> float:
    mean, failing, la, frailty, age = DIAGNOSES[code]
    hypokinesis, delay = MOTION.get(code, (0.0, 0.0))
    still = mean + failing * state.failing + la * state.la + frailty * state.frailty + age * state.age
    return still + hypokinesis * state.hypokinesis + delay * state.delay


def _medications(rows: Rows, patient: Patient, generator: np.random.Generator) -> None:
    study = patient.studies[-1]
    failing, frailty = study.latent.standardised().failing, study.latent.frailty
    for drug, (share, by_failing, by_frailty, doses) in MEDICATIONS.items():
        if generator.random() >= logistic(share + by_failing * failing + by_frailty * frailty):
            continue
        started = study.at - timedelta(days=int(generator.integers(2, 1200)))
        stopped = started + timedelta(days=int(generator.integers(20, 1500)))
        ended = _stamp(stopped) if generator.random() < 0.2 else ""
        rows["medication"].append(
            (study.patient_id, drug, int(generator.choice(doses)), "mg/d", _stamp(started), ended)
        )


def _with_duplicates(
    rows: list[tuple[Any, ...]], rate: float, generator: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield row
        if generator.random() < rate:
            yield row


def _stamp(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")


def _daytime(day: date, generator: np.random.Generator) -> str:
    return _stamp(datetime(day.year, day.month, day.day) + timedelta(minutes=int(generator.integers(480, 1080))))
