"""Which patients a survey set and the subsets of a learning curve consist of; every draw is a hash of the patient."""

import hashlib
from collections import Counter
from collections.abc import Mapping

SURVEY_SHARE = 5
"""A survey set takes at most one in this many of the rarer outcome: models still learn from the others. Ours."""


FEWEST_OF_EACH = 2
"""Patients who died, and others, that a model needs: one to learn from, and one by whom the training stops. Ours."""


def survey_patients(died: Mapping[str, bool], most: int, salt: str) -> frozenset[str]:
    """Return the patients of the survey set: as many who died as did not, ``most`` of each, drawn from ``died``
    (patient -> whether it died by the horizon); fewer where :data:`SURVEY_SHARE` asks for it, none where either is
    rare."""
    by_outcome = _in_order(died, salt, "survey")
    each = min(most, *(len(patients) // SURVEY_SHARE for patients in by_outcome))
    return frozenset(patient for patients in by_outcome for patient in patients[:each])


def subset_patients(
    died: Mapping[str, bool], size: int, salt: str, folds: Mapping[str, int] | None = None
) -> frozenset[str]:
    """Return patients of ``died`` (patient -> whether it died by the horizon) of whom a model is trained on ``size``.

    They have the same share of deaths, and at least :data:`FEWEST_OF_EACH`. With ``folds`` (patient -> fold) each model
    leaves out one: a larger subset is drawn, evenly over the folds, so that every model has about ``size`` patients. A
    larger subset holds every smaller one.
    """
    left_out = 0 if folds is None else 1
    count = len(set((folds or {}).values()))
    drawn = min(len(died), round(size * count / (count - 1)) if count > 1 else size)
    dead, alive = (_over_folds(patients, folds) for patients in _in_order(died, salt, "subset"))
    deaths = min(len(dead), drawn, max(FEWEST_OF_EACH + left_out, round(drawn * len(dead) / len(died))))
    return frozenset([*dead[:deaths], *alive[: drawn - deaths]])


def _over_folds(patients: list[str], folds: Mapping[str, int] | None) -> list[str]:
    """Return ``patients`` so that the first come from different folds, then the second of each, and so on."""
    if folds is None:
        return patients
    taken: Counter[int] = Counter()
    places = []
    for patient in patients:
        places.append(taken[folds[patient]])
        taken[folds[patient]] += 1
    return [patient for _, patient in sorted(zip(places, patients, strict=True), key=lambda pair: pair[0])]


def _in_order(died: Mapping[str, bool], salt: str, purpose: str) -> tuple[list[str], list[str]]:
    """Return the patients who died, and the others, each in the order of the draw."""
    order = sorted(died, key=lambda patient: hashlib.md5(f"{salt}|{purpose}|{patient}".encode()).hexdigest())
    return [patient for patient in order if died[patient]], [patient for patient in order if not died[patient]]
