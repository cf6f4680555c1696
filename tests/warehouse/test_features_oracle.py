"""Features of two hundred patients against rules written one study and one variable at a time: units, limits, windows,
what the study itself measured, what other echoes gave, and what can't stand beside another value.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

import pytest
from extracts import fetch, person, staged, study_key

from echomort.settings import Features
from warehouse.checks.assertions import check
from warehouse.tables.feature.features import build

FIRST = datetime(2012, 1, 1, 9)
ECHO, CARRY, WINDOW = ("lvef", "lvidd", "lvids", "mv_e", "mv_a", "mv_ea"), 365, 365
VARIABLES = {
    # lowest and highest drawn, limits, unit -> factor (None: refused)
    "lvef": ((3, 92), (5, 90), {"%": 1, "1": 100, "fraction": 100, "": None, "cm": None}),
    "lvidd": ((2.5, 6), (2, 10), {"cm": 1, "mm": 0.1, "[in_i]": 2.54, "": None}),
    "lvids": ((2.5, 6), (1, 9), {"cm": 1, "mm": 0.1, "MM ": 0.1, "": None}),
    "mv_e": ((40, 120), (10, 350), {"m/s": 100, "cm/s": 1, "kg": None}),
    "mv_a": ((40, 120), (10, 250), {"m/s": 100, "cm/s": 1}),
    "mv_ea": ((0.5, 2), (0.1, 8), {"1": 1, "": 1, "{ratio}": 1, "%": None}),
    "sbp": ((80, 200), (50, 280), {"mm[Hg]": 1, "mmHg": 1, "kPa": 7.50061683, "": None}),
    "dbp": ((60, 110), (20, 180), {"mm[Hg]": 1, "mmHg": 1}),
    "creatinine": ((0.05, 3), (0.1, 25), {"mg/dL": 1, "umol/L": 0.011312217194570135, "": None}),
    "smoking": ((0, 1), (0, 1), {"": 1}),
}


@dataclass(frozen=True)
class Reading:
    """A value as it was written, and what it is worth: ``value`` None where it must be refused."""

    study: int | None
    variable: str
    written: float
    unit: str
    at: datetime
    value: float | None


def reading(generator: random.Random, studies: list[datetime]) -> Reading:
    """Draw a reading near one of the studies, in it or outside of it."""
    variable = generator.choice(list(VARIABLES))
    (lowest, highest), (low, high), units = VARIABLES[variable]
    unit, factor = generator.choice(list(units.items()))
    number = generator.uniform(lowest, highest) if variable != "smoking" else generator.choice([0, 1, 1, 0.5])
    written = number / (factor or 1)
    worth = None if factor is None or not low <= written * factor <= high else written * factor
    value = None if variable == "smoking" and number == 0.5 else worth
    near = generator.randrange(len(studies))
    apart = generator.choice([0, 0, 0, 1, 60, 600, 1440, 8760 * 60, 366 * 1440]) * generator.choice([-1, -1, 1])
    study = near if generator.random() < 0.5 else None
    return Reading(study, variable, written, unit, studies[near] + timedelta(minutes=apart), value)


def middle(variable: str, values: list[float]) -> float:
    """Return the mean of values, of codes the highest."""
    return max(values) if variable == "smoking" else fmean(values)


def own(readings: list[Reading], studies: list[datetime], study: int, variable: str) -> float | None:
    """Return what the study measured: of its own day, and where an echo does not measure it, of before its time."""
    at = studies[study]
    values = [
        one.value
        for one in readings
        if (one.study, one.variable) == (study, variable)
        and one.value is not None
        and (one.at.date() <= at.date() if variable in ECHO else one.at <= at)
    ]
    return middle(variable, values) if values else None


def last_known(readings: list[Reading], at: datetime, variable: str) -> float | None:
    """Return the last value at or before ``at`` within its window."""
    known = [
        one
        for one in readings
        if one.variable == variable
        and one.value is not None
        and one.at <= at
        and (variable not in ECHO or one.study is None)
    ]
    if not known:
        return None
    latest = max(one.at for one in known)
    if (at.date() - latest.date()).days > (0 if variable in ECHO else WINDOW):
        return None
    return middle(variable, [one.value for one in known if one.at == latest])


def filled(readings: list[Reading], studies: list[datetime], study: int, variable: str, mode: str) -> float | None:
    """Return what the patient's other echoes give."""
    if variable not in ECHO or mode == "none":
        return None
    at = studies[study]
    gave = {studies[place]: own(readings, studies, place, variable) for place in range(len(studies))}
    known = {time: value for time, value in gave.items() if value is not None}
    before, after = max((t for t in known if t < at), default=None), min((t for t in known if t > at), default=None)
    if before is None:
        return None
    if mode == "prospective":
        return known[before] if (at.date() - before.date()).days <= CARRY else None
    if after is None:
        return None
    return known[before] + (known[after] - known[before]) * ((at - before) / (after - before))


def features(readings: list[Reading], studies: list[datetime], study: int, mode: str) -> dict[str, float | None]:
    """Return every variable of one study."""
    chosen: dict[str, float | None] = {}
    borrowed = set()
    for variable in VARIABLES:
        value = own(readings, studies, study, variable)
        if value is None:
            value = last_known(readings, studies[study], variable)
        if value is None:
            value = filled(readings, studies, study, variable, mode)
            borrowed |= {variable} if value is not None else set()
        chosen[variable] = value
    lost = set()
    for smaller, larger in (("lvids", "lvidd"), ("dbp", "sbp")):
        one, other = chosen[smaller], chosen[larger]
        if one is not None and other is not None and one >= other:
            yields = {smaller, larger} & borrowed
            lost |= yields or {smaller, larger}
    parts = [None if name in borrowed | lost else chosen[name] for name in ("mv_ea", "mv_e", "mv_a")]
    if None not in parts and abs(parts[0] - parts[1] / parts[2]) > 0.1 * parts[1] / parts[2]:
        lost.add("mv_ea")
    return {name: None if name in lost else value for name, value in chosen.items()}


@pytest.mark.parametrize("mode", ["prospective", "paper", "none"])
def test_every_feature_is_what_the_rules_say_of_that_study(tmp_path, mode):
    generator = random.Random(f"patients {mode}")
    patients = []
    rows = {"patient": [], "study": [], "measurement": []}
    for number in range(200):
        studies = sorted(FIRST + timedelta(days=generator.randint(0, 900)) for _ in range(generator.randint(1, 4)))
        studies = [at + timedelta(minutes=place) for place, at in enumerate(studies)]
        readings = [reading(generator, studies) for _ in range(generator.randint(0, 60))]
        patients.append((studies, readings))
        rows["patient"].append(person(f"P{number}"))
        rows["study"] += [(f"S{number}.{place}", f"P{number}", at, "") for place, at in enumerate(studies)]
        rows["measurement"] += [
            (
                f"P{number}",
                "" if one.study is None else f"S{number}.{one.study}",
                one.variable,
                one.written,
                one.unit,
                one.at,
            )
            for one in readings
        ]
    connection, _ = staged(tmp_path, rows)
    build(connection, Features(between_echoes=mode, carry_days=CARRY))
    found = {key: rest for key, *rest in fetch(connection, f"SELECT study_key, {', '.join(VARIABLES)} FROM feature")}
    present = 0
    for number, (studies, readings) in enumerate(patients):
        for place in range(len(studies)):
            expected = features(readings, studies, place, mode)
            assert found[study_key(f"S{number}.{place}")] == [
                None if value is None else pytest.approx(value, rel=1e-9) for value in expected.values()
            ]
            present += sum(value is not None for value in expected.values())
    assert present > 1000
    assert [check(connection, one) for one in ("no_feature_after_its_echo", "features_equal_studies")] == [0, 0]
