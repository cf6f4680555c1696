"""The cohort's hazard is the one it states, and its extract is as dirty as it says."""

import functools
from collections import Counter
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from echomort.ehr.clean import conversions, plain_unit
from echomort.ehr.variables import catalogue
from echomort.synth.cohort import YEAR_DAYS, Dirt, Hazard, Latent, Patient, Standardised, draw_latent, draw_patient, uid
from echomort.synth.echo_report import _valves
from echomort.synth.records import TABLES, Rows, _diagnosis_logit, ehr_rows
from echomort.synth.variables import MOTION

HAZARD = Hazard()
MANY = 1500


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    return [draw_patient(11, number) for number in range(MANY)]


@functools.cache
def extract_of(number: int) -> Rows:
    return ehr_rows(11, draw_patient(11, number))


def rows_of(patients: list[Patient], table: str) -> list[tuple[object, ...]]:
    return [row for patient in patients for row in extract_of(patient.number)[table]]


def soft_auc(score: np.ndarray, probability: np.ndarray) -> float:
    order = np.argsort(score)
    dies = probability[order]
    lives = 1 - dies
    return float((dies * (np.cumsum(lives) - lives / 2)).sum() / (dies.sum() * lives.sum()))


def test_one_in_four_dies_within_a_year_and_the_latent_heart_tells_most_of_it() -> None:
    """The figures of a draw of 20,000 of another seed: 25 %, heart .870, heart and age .888, all .906, age .624."""
    generator = np.random.default_rng(3)
    latents = [draw_latent(generator) for _ in range(8000)]
    probability = np.array([HAZARD.death_probability(latent) for latent in latents])
    assert probability.mean() == pytest.approx(0.25, abs=0.012)
    for score, expected in (
        (HAZARD.heart_log_hazard, 0.870),
        (HAZARD.heart_and_age_log_hazard, 0.888),
        (HAZARD.log_hazard, 0.906),
        (lambda latent: latent.age, 0.624),
    ):
        assert soft_auc(np.array([score(latent) for latent in latents]), probability) == pytest.approx(
            expected, abs=0.012
        )


def test_drawn_deaths_have_the_stated_probability() -> None:
    generator = np.random.default_rng(4)
    latent = draw_latent(generator)
    days = np.array([HAZARD.draw_days(latent, generator) for _ in range(4000)])
    expected = HAZARD.death_probability(latent)
    error = np.sqrt(expected * (1 - expected) / len(days))
    assert (days < YEAR_DAYS).mean() == pytest.approx(expected, abs=4 * error)


WORSE = {"ef": -0.1, "la": 0.5, "wall": 0.2, "hr": 20, "age": 10, "frailty": 1}
WORSE |= {"hypokinesis": 0.2, "delay": 0.04, "opening": -0.2}


@pytest.mark.parametrize(("name", "worse"), WORSE.items())
def test_every_latent_moves_the_hazard_the_right_way(name: str, worse: float) -> None:
    latent = draw_latent(np.random.default_rng(5))
    assert HAZARD.log_hazard(replace(latent, **{name: getattr(latent, name) + worse})) > HAZARD.log_hazard(latent)


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Hearts with the log-hazard of each, and what they pump."""
    generator = np.random.default_rng(7)
    latents = [draw_latent(generator) for _ in range(6000)]
    state = pd.DataFrame([latent.standardised() for latent in latents]).add_prefix("z_")
    drawn = pd.concat([pd.DataFrame(map(vars, latents)), state], axis=1)
    hearts = [latent.heart() for latent in latents]
    drawn["volume"] = [heart.edv for heart in hearts]
    drawn["atrium"] = [heart.la_volume for heart in hearts]
    drawn["chance"] = [HAZARD.death_probability(one) for one in latents]
    return drawn.assign(stroke=drawn["volume"] * drawn["ef"], risk=[HAZARD.heart_log_hazard(one) for one in latents])


@pytest.mark.parametrize(
    "still", ["volume", "edv", "size", "slenderness", "wall", "la", "atrium", "hypokinesis", "delay", "opening"]
)
def test_nothing_but_the_rate_goes_with_the_ejection_fraction(many: pd.DataFrame, still: str) -> None:
    """Planted null: the correlation of independent draws stays within four standard errors of 0."""
    assert abs(many["ef"].corr(many[still], "spearman")) < 4 / np.sqrt(len(many))


def test_rate_and_age_confound(many: pd.DataFrame) -> None:
    assert many["z_failing"].corr(many["hr"]) == pytest.approx(0.2, abs=0.05)
    assert many["age"].corr(many["la"]) == pytest.approx(0.2, abs=0.05)
    assert many["age"].corr(many["wall"]) == pytest.approx(0.2, abs=0.05)
    assert abs(many["age"].corr(many["z_failing"])) < 0.05


def test_the_latent_state_is_standardised(many: pd.DataFrame) -> None:
    state = many[[f"z_{name}" for name in Standardised._fields]].to_numpy()
    assert state.mean(axis=0) == pytest.approx(np.zeros(state.shape[1]), abs=0.1)
    assert state.std(axis=0) == pytest.approx(np.ones(state.shape[1]), abs=0.1)


@pytest.mark.parametrize(("names", "share"), [(["failing"], 0.93), (["la", "wall"], 0.19)])
def test_motion_holds_the_risk_and_a_still_frame_little_of_it(
    many: pd.DataFrame, names: list[str], share: float
) -> None:
    """Share of the heart's headroom, as in a draw of 20,000 of another seed."""
    part = sum(getattr(HAZARD, name) * many[f"z_{name}"] for name in names)
    known, best = (soft_auc(score.to_numpy(), many["chance"].to_numpy()) - 0.5 for score in (part, many["risk"]))
    assert known / best == pytest.approx(share, abs=0.05)


def test_what_hearts_pump_is_plausible(many: pd.DataFrame) -> None:
    """Ranges of an adult echo laboratory: EF 15 to 70 %, EDV 60 to 300 mL, atrium 20 to 170 mL, and nearly all strokes
    from 20 (shock) to 160 mL, outputs from 1.5 to 12 L a minute."""
    assert many["ef"].between(0.15, 0.70).all()
    assert many["volume"].between(60, 310).all()
    assert many["atrium"].between(20, 170).all()
    assert many["stroke"].between(20, 160).mean() > 0.97
    assert (many["stroke"] * many["hr"] / 1000).between(1.5, 12).mean() > 0.97


def test_the_records_tell_what_moves_badly() -> None:
    """Infarctions are coded more often with a wall that moves less, bundle-branch blocks with one that is late; a valve
    that opens less has a higher grade of stenosis."""
    healthy = draw_latent(np.random.default_rng(6))
    sick = replace(healthy, hypokinesis=0.8, delay=0.15, opening=0.3)
    for code in MOTION:
        assert _diagnosis_logit(code, sick.standardised()) > _diagnosis_logit(code, healthy.standardised()) + 0.3

    def stenosis(latent: Latent) -> float:
        drawn = (_valves(latent.standardised(), np.random.default_rng(seed)) for seed in range(200))
        return float(np.mean([value for rows in drawn for name, value, _, _ in rows if name == "ms_grade"]))

    assert stenosis(sick) > stenosis(replace(healthy, opening=1.0)) + 0.5


def test_a_patient_depends_on_seed_and_number_alone() -> None:
    assert draw_patient(1, 17) == draw_patient(1, 17)
    assert draw_patient(1, 17) != draw_patient(2, 17)
    assert ehr_rows(1, draw_patient(1, 17)) == ehr_rows(1, draw_patient(1, 17))


def test_uids_are_valid_and_unique(patients: list[Patient]) -> None:
    uids = [study.study_uid for patient in patients for study in patient.studies]
    assert len(set(uids)) == len(uids)
    assert all(len(one) <= 64 and one.startswith("2.25.") for one in uids)
    assert uid(1, "a") != uid(2, "a")


def test_record_numbers_belong_to_one_person(patients: list[Patient]) -> None:
    numbers = [number for patient in patients for number in (patient.patient_id, patient.other_id) if number]
    assert len(set(numbers)) == len(numbers)


def test_about_one_in_six_comes_back_alive_after_more_than_a_year(patients: list[Patient]) -> None:
    twice = [patient for patient in patients if len(patient.studies) == 2]
    assert len(twice) / MANY == pytest.approx(0.16, abs=0.04)
    for patient in twice:
        first, second = patient.studies
        assert (second.at.date() - first.at.date()).days > 365
        assert second.latent.ef <= first.latent.ef
        assert patient.died is not None
        assert patient.died >= second.at.date()


def test_the_extract_has_the_contracts_columns(patients: list[Patient]) -> None:
    for table, columns in TABLES.items():
        rows = rows_of(patients[:200], table)
        assert rows
        assert {len(row) for row in rows} == {len(columns)}


def test_every_measurement_is_of_the_catalogue_in_a_unit_that_can_be_converted(patients: list[Patient]) -> None:
    known = {variable.name for variable in catalogue()}
    readable = {(conversion.variable, conversion.unit) for conversion in conversions()}
    measured = {(str(row[2]), plain_unit(str(row[4]))) for row in rows_of(patients[:400], "measurement")}
    assert {name for name, _ in measured} <= known
    assert measured <= readable
    assert {"lvef", "sbp", "creatinine", "hemoglobin", "la_ap", "smoking"} <= {name for name, _ in measured}


def test_a_clean_extract_holds_plausible_values(patients: list[Patient]) -> None:
    clean = Dirt(row_twice=0, value_empty=0, other_unit=0, absurd_value=0, after_study=0)
    limits = {variable.name: (variable.low, variable.high) for variable in catalogue()}
    factors = {(one.variable, one.unit): one.factor for one in conversions()}
    outside = Counter()
    rows = [row for patient in patients[:300] for row in ehr_rows(11, patient, clean)["measurement"]]
    for row in rows:
        low, high = limits[str(row[2])]
        if low is not None and high is not None:
            value = float(str(row[3])) * factors[str(row[2]), plain_unit(str(row[4]))]
            outside[row[2]] += not low <= value <= high
    assert sum(outside.values()) < 0.002 * len(rows), outside


def test_every_kind_of_dirt_is_there(patients: list[Patient]) -> None:
    measured = rows_of(patients, "measurement")
    study_at = {study.study_id: study.at for patient in patients for study in patient.studies}
    assert max(Counter(measured).values()) == 2
    assert any(row[3] == "" for row in measured)
    assert {"mm", "cm", "mmol/L", "mg/dL"} <= {row[4] for row in measured}
    assert any(row[3] in ("-1", "9999") for row in measured)
    assert rows_of(patients, "identity")
    codes = {str(row[2]) for row in rows_of(patients, "diagnosis")}
    assert {"I50.22", "I5022"} <= codes
    recorded = {str(row[0]) for row in rows_of(patients, "study")}
    assert 0 < len(study_at.keys() - recorded) < 0.03 * len(study_at)
    assert any(not study.has_pictures for patient in patients for study in patient.studies)
    assert {row[2] for row in rows_of(patients, "patient")} == {"F", "M", ""}


def test_some_deaths_precede_their_study_and_some_contacts_follow_a_death(patients: list[Patient]) -> None:
    before = [p for p in patients if p.recorded_death and p.recorded_death < p.studies[0].at.date()]
    assert 0 < len(before) < 0.02 * MANY
    deaths = {p.patient_id: p.recorded_death for p in patients if p.recorded_death}
    late = [
        row
        for row in rows_of(patients, "contact")
        if str(row[0]) in deaths and (datetime.fromisoformat(str(row[1])).date() - deaths[str(row[0])]).days > 30
    ]
    assert 0 < len(late) < 0.02 * MANY


def test_few_are_lost_and_nobody_else_lacks_a_year_of_follow_up(patients: list[Patient]) -> None:
    lost = never = 0
    for patient in patients:
        last = patient.studies[-1].at.date()
        if patient.recorded_death or last > date(2021, 1, 1):
            continue
        if patient.last_seen is None:
            never += 1
        else:
            lost += (patient.last_seen - last).days < 365
    assert 0.02 < lost / MANY < 0.07
    assert 0 < never / MANY < 0.02


def test_heart_failure_is_coded_in_a_realistic_share(patients: list[Patient]) -> None:
    failing = {row[0] for row in rows_of(patients, "diagnosis") if str(row[2]).startswith("I50")}
    assert 0.15 < len(failing) / MANY < 0.35
