"""A year of weekly retrainings through the gate: a simulation, in minutes, without any archive.

    python benchmarks/promotion.py --years 20

Prints one table in Markdown, for docs/promotion.md. Each week has a candidate, judged on the same sealed patients.

equal      52 retrainings of the same quality (AUC 0.80): they differ by chance alone
worse      each is truly 0.003 worse than the one before: the 52nd is at 0.644
better     equal, but from week 26 on better by 0.03

gate       the product's rule (echomort.champion.gate)
champion   not worse than the last champion by more than the margin, and nothing else: what many would write
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from echomort.champion.gate import compare, decide, judge
from echomort.evaluation import auc
from echomort.models.platt import Platt, sigmoid
from echomort.settings import Evaluation, Promotion

WEEKS = 52
AUC = 0.80
"""True AUC of the first model, as in the method's paper for the loops."""
STEP, GAIN, GAIN_WEEK = 0.003, 0.03, 26
LATENT = 1.9
"""Standard deviation of the true log odds: the best AUC is then 0.86, which leaves room for a better model."""
SHARED = 0.9
"""Share of a model's error variance that all retrainings share: they learn from nearly the same patients."""
PEOPLE, PEOPLE_SEED = 40_000, 9_000_000
"""Patients on whom true AUCs and calibrations are found, and their seed."""
SETS = {60: 200, 300: 1500}
"""Deaths -> survivors of the sealed set."""
RULES, LEAST = Promotion(), Evaluation().suppress_below_events


class Population:
    """Patients of whom everything is known; models are the true log odds with an error of some size."""

    def __init__(self) -> None:
        self.latent, self.died = people(np.random.default_rng(PEOPLE_SEED), PEOPLE)
        self.error = np.random.default_rng(PEOPLE_SEED + 1).normal(size=PEOPLE)
        self._known: dict[float, tuple[float, Platt]] = {}

    def model(self, wanted: float) -> tuple[float, Platt]:
        """Return the size of the error at which a model has the true AUC ``wanted``, and its calibration."""
        if wanted not in self._known:
            size = brentq(lambda size: auc(self.died, self.latent + size * self.error) - wanted, 0, 60)
            self._known[wanted] = size, Platt.fit(self.latent + size * self.error, self.died)
        return self._known[wanted]


def people(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the true log odds of ``count`` patients and whether they died."""
    latent = random.normal(-2.2, LATENT, count)
    return latent, (random.random(count) < sigmoid(latent)).astype(int)


def sealed_set(random: np.random.Generator, deaths: int, survivors: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the sealed patients (study_key, label) and their true log odds."""
    latent, died = people(random, 40 * (deaths + survivors))
    chosen = np.concatenate([np.flatnonzero(died == 1)[:deaths], np.flatnonzero(died == 0)[:survivors]])
    keys = [f"s{number}" for number in range(len(chosen))]
    return pd.DataFrame({"study_key": keys, "label": died[chosen].astype(float)}), latent[chosen]


def true_auc(scenario: str, week: int) -> float:
    """Return the true AUC of the candidate of ``week``; week 0 is the first champion."""
    if scenario == "better":
        return AUC + (GAIN if week >= GAIN_WEEK else 0)
    return AUC - (STEP * week if scenario == "worse" else 0)


def year(population: Population, scenario: str, rule: str, seed: int, deaths: int) -> dict[str, float]:
    """Return what a year ends with: how many were promoted, the true AUC of the champion, and how much higher its AUC
    on the sealed set is than the first champion's."""
    random = np.random.default_rng(seed)
    sealed, latent = sealed_set(random, deaths, SETS[deaths])
    shared = random.normal(size=len(latent))
    champion = reference = 0
    promoted, models = 0, []
    for week in range(WEEKS + 1):
        size, platt = population.model(true_auc(scenario, week))
        own = random.normal(size=len(latent))
        error = size * (np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own)
        models.append(dict(zip(sealed["study_key"], platt.risk(latent + error).tolist(), strict=True)))
        if week == 0:
            continue
        against_champion = compare(sealed, models[week], models[champion], RULES)
        if rule == "gate":
            against_reference = compare(sealed, models[week], models[reference], RULES)
            judged = judge(sealed, models[week])
            decision = decide(replace(judged, champion=against_champion, reference=against_reference), RULES, LEAST)
            allowed, moves = decision.promoted, decision.is_reference
        else:
            allowed, moves = against_champion is not None and against_champion.low >= -RULES.margin, False
        if allowed:
            champion, promoted = week, promoted + 1
            reference = week if moves else reference
    last, first = (auc(sealed["label"], list(models[place].values())) for place in (champion, 0))
    return {"promoted": promoted, "true": true_auc(scenario, champion), "drift": last - first}


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=20, help="simulated years of each row")
    years = parser.parse_args().years
    population, rows = Population(), []
    for deaths, survivors in SETS.items():
        for scenario in ("equal", "worse", "better"):
            for rule in ("champion", "gate"):
                ends = pd.DataFrame([year(population, scenario, rule, seed, deaths) for seed in range(years)])
                rows.append(
                    {
                        "sealed": f"{deaths} deaths, {survivors} survivors",
                        "candidates": scenario,
                        "rule": rule,
                        "promoted of 52": f"{ends['promoted'].mean():.1f}",
                        "true AUC after a year": f"{ends['true'].mean():.3f}",
                        "lowest": f"{ends['true'].min():.3f}",
                        "apparent AUC less the first champion's": f"{ends['drift'].mean():+.3f}",
                    }
                )
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
