"""Which patients a survey set and the subsets of a learning curve consist of; every draw is a hash of the patient."""

import hashlib
from collections.abc import Mapping

SURVEY_SHARE = 5
"""A survey set takes at most one in this many of the rarer outcome: models still learn from the others. Ours."""


def survey_patients(died: Mapping[str, bool], most: int, salt: str) -> frozenset[str]:
    """Return the patients of the survey set: as many who died as did not, ``most`` of each, drawn from ``died``
    (patient -> whether it died by the horizon); fewer where :data:`SURVEY_SHARE` asks for it, none where either is
    rare."""
    by_outcome = _in_order(died, salt, "survey")
    each = min(most, *(len(patients) // SURVEY_SHARE for patients in by_outcome))
    return frozenset(patient for patients in by_outcome for patient in patients[:each])


def subset_patients(died: Mapping[str, bool], size: int, salt: str) -> frozenset[str]:
    """Return ``size`` of the patients ``died`` (patient -> whether it died by the horizon), with the same share of
    deaths, at least one. A larger subset holds every smaller one."""
    dead, alive = _in_order(died, salt, "subset")
    deaths = min(len(dead), max(1, round(size * len(dead) / len(died)))) if dead else 0
    return frozenset([*dead[:deaths], *alive[: size - deaths]])


def _in_order(died: Mapping[str, bool], salt: str, purpose: str) -> tuple[list[str], list[str]]:
    """Return the patients who died, and the others, each in the order of the draw."""
    order = sorted(died, key=lambda patient: hashlib.md5(f"{salt}|{purpose}|{patient}".encode()).hexdigest())
    return [patient for patient in order if died[patient]], [patient for patient in order if not died[patient]]
