"""Patients with a latent heart and a hazard with known coefficients.

Everything of a patient is drawn from ``numpy.random.default_rng([seed, number, stream])``: a patient is the
same whatever the archive's size and whichever process draws it.

**Hazard.** One-year cumulative hazard exp(intercept + log-hazard), Gompertz within the year (0.08 a year); the clock
starts anew at a second study, which is never earlier than 380 days after the first, so that the one-year probability of
each study is exact. A year is days 0 to 365, 366 whole days.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from echomort.synth.heart import Heart

YEAR_DAYS = 366
"""Days 0 to 365 after the study."""
GOMPERTZ = 0.08
"""Growth of the log-hazard a year, as of human mortality with age (Gompertz)."""
FIRST_DAY, LAST_DAY = date(2012, 1, 2), date(2019, 6, 28)
"""Days on which first studies lie."""
END_OF_DATA = date(2021, 12, 31)
"""Last day that the records cover."""
SECOND_STUDY_DAYS = (380, 560)
"""Days from the first study to the second: more than a year, so that each study has its exact probability."""


class Standardised(NamedTuple):
    """The latent state that decides the hazard, each of about mean 0 and standard deviation 1, worse where larger."""

    failing: float
    la: float
    wall: float
    hr: float
    age: float
    frailty: float
    hypokinesis: float
    delay: float
    narrowing: float


@dataclass(frozen=True)
class Latent:
    """The true state of a patient at a study, which no table of the extract holds.

    Ejection fraction (0..1), standardised left atrial size and frailty, wall (cm), heart rate (beats a minute), age
    (years), body size (about 1), whether the rhythm is atrial fibrillation, end-diastolic volume of a body of size 1
    (mL) and slenderness of the left ventricle, and how its walls and its valve move, as in
    :class:`echomort.synth.heart.Heart`.
    """

    ef: float
    la: float
    wall: float
    hr: float
    age: float
    frailty: float
    size: float = 1.0
    fibrillation: bool = False
    edv: float = 140.0
    slenderness: float = 3.3
    hypokinesis: float = 0.0
    delay: float = 0.0
    opening: float = 1.0

    def standardised(self) -> Standardised:
        """Return the state in standard deviations from its mean."""
        return Standardised(
            (0.50 - self.ef) / 0.136,
            self.la,
            (self.wall - 1.05) / 0.26,
            (self.hr - 74) / 13,
            (self.age - 70) / 10,
            self.frailty,
            (self.hypokinesis - 0.32) / 0.22,
            (self.delay - 0.06) / 0.04,
            (0.78 - self.opening) / 0.17,
        )

    def heart(self) -> Heart:
        """Return the heart that the phantom draws. Its size, shape and atrium say nothing of its ejection fraction."""
        return Heart(
            self.ef,
            self.size * self.edv,
            float(np.clip(52 * self.size * np.exp(0.27 * self.la), 22, 170)),
            self.wall,
            self.hr,
            not self.fibrillation,
            self.slenderness,
            self.hypokinesis,
            self.delay,
            self.opening,
        )


@dataclass(frozen=True)
class Hazard:
    """Log-hazard ratios a standard deviation.

    The defaults put most of the hazard into how the heart moves, which a loop shows and a single frame does not, and
    give one death in four within a year.
    """

    failing: float = 1.5
    la: float = 0.2
    wall: float = 0.1
    hr: float = 0.15
    hypokinesis: float = 0.35
    delay: float = 0.3
    narrowing: float = 0.3
    age: float = 0.6
    frailty: float = 0.6
    intercept: float = -2.04

    def heart_log_hazard(self, latent: Latent) -> float:
        """Return the part of the log-hazard that the loops show."""
        return self._sum(latent, "failing", "la", "wall", "hr", "hypokinesis", "delay", "narrowing")

    def heart_and_age_log_hazard(self, latent: Latent) -> float:
        """Return the part that the loops and the birth date show."""
        return self.heart_log_hazard(latent) + self._sum(latent, "age")

    def log_hazard(self, latent: Latent) -> float:
        """Return the whole log-hazard, the intercept left out."""
        return self.heart_and_age_log_hazard(latent) + self._sum(latent, "frailty")

    def _sum(self, latent: Latent, *names: str) -> float:
        state = latent.standardised()
        return float(sum(getattr(self, name) * getattr(state, name) for name in names))

    def death_probability(self, latent: Latent) -> float:
        """Return the probability of death within days 0 to 365 of the study."""
        return float(-np.expm1(-np.exp(self.intercept + self.log_hazard(latent))))

    def draw_days(self, latent: Latent, generator: np.random.Generator) -> int:
        """Return the day of death, counted from the study's."""
        growth = np.expm1(GOMPERTZ) / np.exp(self.intercept + self.log_hazard(latent))
        return int(np.log1p(generator.exponential() * growth) / GOMPERTZ * YEAR_DAYS)


@dataclass(frozen=True)
class Dirt:
    """How often each fault of the extract occurs: share of rows, or of patients."""

    row_twice: float = 0.008
    value_empty: float = 0.006
    other_unit: float = 0.05
    absurd_value: float = 0.003
    after_study: float = 0.06
    code_without_dot: float = 0.05
    death_before_study: float = 0.006
    lost: float = 0.055
    never_seen_again: float = 0.008
    contact_after_death: float = 0.02
    two_death_sources: float = 0.04
    second_study: float = 0.22
    second_number: float = 0.2
    no_pictures: float = 0.015
    no_records: float = 0.01
    too_late: float = 0.02
    unknown_sex: float = 0.004
    unknown_birth: float = 0.003


@dataclass(frozen=True)
class Study:
    """One echo: its patient, time and numbers, and the latent state of that day."""

    patient_id: str
    study_uid: str
    accession: str
    study_id: str
    at: datetime
    latent: Latent
    in_records: bool = True
    has_pictures: bool = True


@dataclass(frozen=True)
class Patient:
    """One person: numbers, name, studies, death and follow-up."""

    number: int
    patient_id: str
    other_id: str | None
    family_name: str
    given_name: str
    sex: str
    race: str
    born: date
    studies: tuple[Study, ...]
    died: date | None
    recorded_death: date | None
    last_seen: date | None


def uid(seed: int, *parts: object) -> str:
    """Return a DICOM UID under 2.25 that depends on ``seed`` and ``parts`` alone."""
    text = "|".join(map(str, ("echomort synthetic", seed, *parts)))
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"


def draw_latent(generator: np.random.Generator) -> Latent:
    """Draw a heart: 40 % failing N(0.36, 0.10), 60 % N(0.59, 0.06).

    Rate and age confound: failing hearts beat a little faster, and the old have larger atria and thicker walls; both
    move the hazard by themselves too. All else is independent.
    """
    failing = generator.random() < 0.4
    ef = float(np.clip(generator.normal(0.36, 0.10) if failing else generator.normal(0.59, 0.06), 0.18, 0.70))
    la, wall, rate, age = generator.normal(size=4)
    la, wall, rate = _with_share(la, age, 0.2), _with_share(wall, age, 0.2), _with_share(rate, (0.50 - ef) / 0.136, 0.2)
    return Latent(
        ef=ef,
        la=la,
        wall=float(np.clip(1.05 + 0.26 * wall, 0.6, 1.8)),
        hr=float(np.clip(74 + 13 * rate, 50, 120)),
        age=float(np.clip(70 + 10 * age, 19, 99)),
        frailty=float(generator.normal()),
        size=float(np.exp(generator.normal(0, 0.07))),
        fibrillation=bool(generator.random() < logistic(-2.2 + 0.7 * la)),
        **_draw_motion(*generator.spawn(1)),
    )


def _draw_motion(generator: np.random.Generator) -> dict[str, float]:
    """Draw size and shape of the ventricle, and how its walls and its valve move, from a stream of their own."""
    return {
        "edv": float(np.clip(140 * np.exp(generator.normal(0, 0.28)), 85, 250)),
        "slenderness": float(np.clip(generator.normal(3.3, 0.35), 2.6, 4.1)),
        "hypokinesis": float(np.clip(generator.normal(0.3, 0.25), 0, 0.8)),
        "delay": float(np.clip(generator.normal(0.06, 0.045), 0, 0.15)),
        "opening": float(np.clip(generator.normal(0.8, 0.2), 0.3, 1)),
    }


def _with_share(own: float, other: float, correlation: float) -> float:
    """Return a standard normal that correlates with ``other``."""
    return float(correlation * other + np.sqrt(1 - correlation**2) * own)


def draw_patient(seed: int, number: int, hazard: Hazard | None = None, dirt: Dirt | None = None) -> Patient:
    """Draw patient ``number`` of the archive of ``seed``: heart, studies, death and follow-up."""
    hazard, dirt = hazard or Hazard(), dirt or Dirt()
    generator = np.random.default_rng([seed, number, 0])
    first = draw_latent(generator)
    late = generator.random() < dirt.too_late
    on = _random_day(generator, date(2021, 1, 4), date(2021, 12, 20)) if late else None
    on = on or _random_day(generator, FIRST_DAY, LAST_DAY)
    sex = "F" if generator.random() < 0.46 else "M"
    born = on - timedelta(days=int(first.age * 365.25) + 1)
    patient = Patient(
        number=number,
        patient_id=f"H{number:06d}{int(generator.integers(100)):02d}",
        other_id=None,
        family_name=_syllables(generator, 3),
        given_name=_syllables(generator, 3),
        sex=sex,
        race=str(generator.choice(["White", "Black", "Asian", "Other"], p=[0.72, 0.16, 0.07, 0.05])),
        born=born,
        studies=(),
        died=None,
        recorded_death=None,
        last_seen=None,
    )
    return _with_follow_up(_with_studies(patient, first, on, (seed, hazard, dirt), generator), dirt, generator)


def _with_studies(
    patient: Patient, first: Latent, on: date, world: tuple[int, Hazard, Dirt], generator: np.random.Generator
) -> Patient:
    """Add the studies, and the day of death, counted from the last study."""
    seed, hazard, dirt = world
    patient = replace(patient, studies=(_study(seed, patient, on, first, generator),))
    days = hazard.draw_days(first, generator)
    later = on + timedelta(days=int(generator.integers(*SECOND_STUDY_DAYS)))
    if generator.random() < dirt.second_study and later < on + timedelta(days=days) and later.year < END_OF_DATA.year:
        second = _worsened(first, (later - on).days / 365.25, generator)
        if generator.random() < dirt.second_number:
            patient = replace(patient, other_id=f"K{patient.number:06d}{int(generator.integers(100)):02d}")
        patient = replace(patient, studies=(*patient.studies, _study(seed, patient, later, second, generator)))
        on, days = later, hazard.draw_days(second, generator)
    *earlier, last = patient.studies
    if generator.random() < dirt.no_pictures:
        last = replace(last, has_pictures=False)
    elif generator.random() < dirt.no_records:
        last = replace(last, in_records=False)
    return replace(patient, studies=(*earlier, last), died=on + timedelta(days=min(days, 40_000)))


def _study(seed: int, patient: Patient, on: date, latent: Latent, generator: np.random.Generator) -> Study:
    number = len(patient.studies)
    study_uid = uid(seed, patient.number, number)
    accession = f"E{on.year}{patient.number:06d}{number}{int(generator.integers(10))}"
    at = datetime(on.year, on.month, on.day) + timedelta(minutes=int(generator.integers(7 * 60, 19 * 60)))
    linked = study_uid if generator.random() < 0.2 else accession
    holder = patient.other_id if number and patient.other_id else patient.patient_id
    return Study(holder, study_uid, accession, linked, at, latent)


def _worsened(latent: Latent, years: float, generator: np.random.Generator) -> Latent:
    return replace(
        latent,
        ef=max(0.15, latent.ef - abs(generator.normal(0.02, 0.02))),
        la=latent.la + abs(generator.normal(0.2, 0.15)),
        hr=float(np.clip(latent.hr + generator.normal(0, 5), 50, 120)),
        age=latent.age + years,
        frailty=latent.frailty + abs(generator.normal(0.15, 0.1)),
    )


def _with_follow_up(patient: Patient, dirt: Dirt, generator: np.random.Generator) -> Patient:
    """Decide which death date and which last contact the records hold."""
    on, died = patient.studies[-1].at.date(), patient.died
    assert died is not None
    last_seen: date | None = min(died, END_OF_DATA - timedelta(days=int(generator.integers(1, 150))))
    recorded = died if died <= END_OF_DATA else None
    lost = on + timedelta(days=int(generator.integers(10, 350)))
    if generator.random() < dirt.lost and lost < died:
        last_seen, recorded = min(lost, END_OF_DATA), None
    elif generator.random() < dirt.never_seen_again:
        last_seen, recorded = None, None
    elif generator.random() < dirt.death_before_study:
        recorded = patient.studies[0].at.date() - timedelta(days=int(generator.integers(2, 200)))
    return replace(patient, recorded_death=recorded, last_seen=last_seen)


def _random_day(generator: np.random.Generator, first: date, last: date) -> date:
    return first + timedelta(days=int(generator.integers((last - first).days + 1)))


def _syllables(generator: np.random.Generator, count: int) -> str:
    """A name that belongs to nobody."""
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    picks = generator.integers(0, 70, count)
    return "".join(consonants[pick // 5] + vowels[pick % 5] for pick in picks).capitalize() + "x"


def logistic(x: float) -> float:
    """Return the share whose logit is ``x``."""
    return float(1 / (1 + np.exp(-x)))
