"""Labels of a thousand lives against rules written one study at a time: every kind of statement of death, both ways of
follow-up, with and without the full window, at every horizon.
"""

import calendar
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from extracts import KEYRING, fetch, person, staged, study_key

from echomort.settings import Outcome
from warehouse.checks.assertions import check
from warehouse.tables.outcome.outcomes import link

FIRST = date(2010, 1, 1)
DAYS = 2500
LOCK = date(2016, 1, 1)
CONTACT_GRACE, STUDY_GRACE = timedelta(days=60), timedelta(days=7)
PRIORITY = {"registry": 1, "hospital": 2, "record": 3}


@dataclass(frozen=True)
class Statement:
    """The first and the last day that a statement of death allows (None: day unknown), how it is written, by whom."""

    first: date | None
    last: date | None
    written: str
    source: str

    @property
    def exact(self) -> bool:
        return self.first is not None and self.first == self.last


@dataclass
class Life:
    """What is on record of a person."""

    studies: list[date]
    deaths: list[Statement] = field(default_factory=list)
    contacts: list[date] = field(default_factory=list)

    @property
    def last_stated(self) -> date | None:
        """The last day that any statement of death allows."""
        return max((one.last for one in self.deaths if one.last), default=None)

    @property
    def seen(self) -> list[date]:
        """The contacts that are believed."""
        return [day for day in self.contacts if not self._long_dead(day)]

    @property
    def quarantined(self) -> str | None:
        if any(self._long_dead(day) for day in self.contacts):
            return "EXCL_CONTACT_AFTER_DEATH"
        after = self.last_stated is not None and any(day > self.last_stated + STUDY_GRACE for day in self.studies)
        return "EXCL_PATIENT_QUARANTINED" if after else None

    def _long_dead(self, day: date) -> bool:
        return self.last_stated is not None and day > self.last_stated + CONTACT_GRACE

    def death(self) -> tuple[date, date, date] | None:
        """Return the day of death that is taken, and the first and last that may be; None where no day is known."""
        week = timedelta(days=7)
        exact = [one for one in self.deaths if one.exact]
        partial = [
            one
            for one in self.deaths
            if one.first
            and not one.exact
            and not any(one.first - week <= other.first <= one.last + week for other in exact)
        ]
        partial = self._cut(partial)
        candidates = exact + partial
        if not candidates:
            return None
        best = min(candidates, key=lambda one: (PRIORITY[one.source], one in partial, one.first)).first
        first, last = min(one.first for one in candidates), max(one.last for one in candidates)
        agree = not partial and (last - first).days <= 7
        return (best, best, best) if agree else (best, first, last)

    def _cut(self, partial: list[Statement]) -> list[Statement]:
        """Return the statements from the last evidence of life within them on, and what they have in common."""
        known = [*self.seen, *self.studies]
        cut = [
            replace(one, first=max([one.first, *(day for day in known if one.first <= day <= one.last)]))
            for one in partial
        ]
        first, last = max((one.first for one in cut), default=None), min((one.last for one in cut), default=None)
        return [replace(one, first=first, last=last) for one in cut] if cut and first <= last else cut


def barred(life: Life, study: date, end: date, rule: Outcome) -> str | None:
    """Return why a study can't have a label whatever became of the patient, as docs/outcome.md says."""
    death = life.death()
    if death and death[2] < study:
        return "EXCL_DEATH_BEFORE_STUDY"
    if life.quarantined or (death and death[2] + STUDY_GRACE < max(life.studies)):
        return life.quarantined or "EXCL_PATIENT_QUARANTINED"
    if life.deaths and not death:
        return "EXCL_DEATH_DATE_UNKNOWN"
    if rule.require_full_window and (end - study).days < rule.horizon_days:
        return "EXCL_INCOMPLETE_WINDOW"
    return None


def judged(life: Life, study: date, end: date, rule: Outcome) -> tuple[int | None, str | None]:
    """Return (label, reason) of one study."""
    reason = barred(life, study, end, rule)
    if reason:
        return None, reason
    death = life.death()
    if death and rule.follow_up == "registry" and death[1] > end:
        death = None  # nothing is known of others after the registry's end: this one is censored there too
    if death:
        within = [(day - study).days <= rule.horizon_days for day in death[1:]]
        around = rule.follow_up == "registry" and death[2] > end and (end - study).days < rule.horizon_days
        uncertain = death[1] < study or within[0] != within[1] or around
        return (None, "EXCL_DEATH_DATE_UNCERTAIN") if uncertain else (int(within[0]), None)
    later = [day for day in life.studies if day > study]
    proofs = [end] if rule.follow_up == "registry" else [*life.seen, *later]
    if not proofs:
        return None, "EXCL_NO_FOLLOWUP"
    alive = (max(proofs) - study).days
    if alive >= rule.horizon_days:
        return 0, None
    return None, "EXCL_FOLLOWUP_BEFORE_STUDY" if alive < 0 else "EXCL_CENSORED_LT_1Y"


def end_of_data(lives: list[Life], rule: Outcome) -> date:
    """Return the last day on which something is known of anybody."""
    if rule.follow_up == "registry":
        return rule.registry_complete_through
    return max(
        day for life in lives for day in (*life.studies, *life.seen, *(one.first for one in life.deaths if one.first))
    )


def drawn(generator: random.Random) -> Life:
    """Draw a life: some die, some of them by several statements, exact or not."""
    day = lambda low, high: FIRST + timedelta(days=generator.randint(low, high))  # noqa: E731
    life = Life(sorted(day(0, DAYS) for _ in range(generator.randint(1, 3))))
    life.contacts = [day(0, DAYS + 300) for _ in range(generator.choice([0, 0, 1, 3]))]
    if generator.random() < 0.6:
        died = life.studies[-1] + timedelta(days=generator.choice([-20, -3, 0, 1, 30, 200, 364, 365, 366, 500, 900]))
        for _ in range(generator.choice([1, 1, 2, 3])):
            said = died + timedelta(days=generator.choice([0, 0, 3, 7, 8, 60, 400]))
            life.deaths.append(
                stated(said, generator.choice(["day", "day", "day", "month", "year", "unknown"]), generator)
            )
        if generator.random() < 0.8:
            life.contacts = [one for one in life.contacts if one <= died]
    return life


def stated(day: date, precision: str, generator: random.Random) -> Statement:
    """Return ``day`` as a source may state it."""
    source = generator.choice(list(PRIORITY))
    if precision == "month":
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        return Statement(day.replace(day=1), last, generator.choice([f"{day:%Y-%m}", f"{day:%Y-%m}-00"]), source)
    if precision == "year":
        return Statement(date(day.year, 1, 1), date(day.year, 12, 31), f"{day.year}", source)
    if precision == "unknown":
        return Statement(None, None, generator.choice(["", "9999-12-31", "1900-01-01", "unknown"]), source)
    return Statement(day, day, str(day), source)


RULES = [
    Outcome(),
    Outcome(require_full_window=False),
    Outcome(horizon_days=30),
    Outcome(follow_up="registry", registry_complete_through=LOCK),
    Outcome(follow_up="registry", registry_complete_through=LOCK, require_full_window=False),
]


@pytest.mark.parametrize("dates", ["shifted", "kept"])
def test_every_label_and_reason_is_what_the_rules_say_of_that_study(tmp_path, dates):
    generator = random.Random(f"lives {dates}")
    lives = [drawn(generator) for _ in range(1000)]
    rows = {"patient": [], "study": [], "death": [], "contact": []}
    for number, life in enumerate(lives):
        name = f"P{number}"
        rows["patient"].append(person(name))
        rows["study"] += [
            (f"S{number}.{place}", name, f"{day} {generator.randint(0, 23):02}:59:00", "")
            for place, day in enumerate(life.studies)
        ]
        rows["death"] += [(name, one.written, one.source) for one in life.deaths]
        rows["contact"] += [(name, f"{day} {generator.randint(0, 23):02}:00:00", "visit") for day in life.contacts]
    connection, _ = staged(tmp_path, rows, dates)
    reasons = Counter()
    studies = {
        study_key(f"S{number}.{place}"): (life, day)
        for number, life in enumerate(lives)
        for place, day in enumerate(life.studies)
    }
    for rule in RULES:
        link(connection, rule, KEYRING)
        end = end_of_data(lives, rule)
        expected = {key: judged(life, day, end, rule) for key, (life, day) in studies.items()}
        found = {key: rest for key, *rest in fetch(connection, "SELECT study_key, label, reason FROM outcome")}
        at_horizon = fetch(connection, "SELECT study_key, horizon_days, label, reason FROM outcome_at_horizon")
        told = {(key, days): (label, reason) for key, days, label, reason in at_horizon}
        wrong = {key: (tuple(found[key]), said) for key, said in expected.items() if tuple(found[key]) != said}
        assert not wrong, (rule, list(wrong.values())[:3])
        assert len(found) == len(expected)
        for days in rule.all_horizons:
            at = rule.model_copy(update={"horizon_days": days})
            wrong = [key for key, (life, day) in studies.items() if told[key, days] != judged(life, day, end, at)]
            assert not wrong, (at, len(wrong))
        assert check(connection, "horizons_agree") == 0
        assert check(connection, "attrition_reconciles") == 0
        assert check(connection, "no_label_without_follow_up") == 0
        reasons.update(reason or label for label, reason in expected.values())
    assert len(reasons) == 11  # two labels, nine reasons: all but a study without a date
    assert min(reasons.values()) > 10
