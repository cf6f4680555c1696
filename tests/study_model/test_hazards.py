"""Hazards by intervals: who counts where, the likelihood, and what censored patients add."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echomort.evaluation import kaplan_meier
from echomort.study_model.hazards import HORIZONS, base_log_odds, fates, interval_ends, log_odds_of_death
from echomort.study_model.network import hazard_loss

ENDS = (30, 90, 180)


def expit(values):
    return 1 / (1 + np.exp(-np.asarray(values, dtype=float)))


def test_the_intervals_are_the_six_and_the_horizon_of_the_other_models():
    assert interval_ends(365) == HORIZONS == (30, 90, 180, 365, 1095, 1825)
    assert interval_ends(270) == (30, 90, 180, 270, 365, 1095, 1825)


@pytest.mark.parametrize(
    ("days", "event", "died", "survived"),
    [
        (0, True, [1, 0, 0], [0, 0, 0]),
        (30, True, [1, 0, 0], [0, 0, 0]),
        (31, True, [0, 1, 0], [1, 0, 0]),
        (181, True, [0, 0, 0], [1, 1, 1]),
        (0, False, [0, 0, 0], [0, 0, 0]),
        (89, False, [0, 0, 0], [1, 0, 0]),
        (90, False, [0, 0, 0], [1, 1, 0]),
        (4000, False, [0, 0, 0], [1, 1, 1]),
    ],
)
def test_a_patient_counts_in_the_intervals_survived_whole_and_in_that_of_the_death(days, event, died, survived):
    found = fates([days], [event], ENDS)
    assert [part.astype(int).tolist() for part in found] == [[died], [survived]]


def test_the_likelihood_is_the_product_by_hand():
    """Hazards 0.1, 0.2 and 0.5 for all: one dies on day 40, one is seen alive last on day 100, one outlives all."""
    hazards = np.array([0.1, 0.2, 0.5])
    log_odds = torch.from_numpy(np.tile(np.log(hazards / (1 - hazards)), (3, 1)))
    died, survived = (torch.from_numpy(part).double() for part in fates([40, 100, 999], [True, False, False], ENDS))
    by_hand = math.log(0.9 * 0.2) + math.log(0.9 * 0.8) + math.log(0.9 * 0.8 * 0.5)
    assert float(hazard_loss(log_odds, died, survived)) == pytest.approx(-by_hand / 3, abs=1e-12)


def test_the_risk_is_one_minus_the_product_of_survivals():
    hazards = np.array([[0.1, 0.2, 0.5]])
    risk = expit(log_odds_of_death(np.log(hazards / (1 - hazards))))
    assert risk == pytest.approx(np.array([[0.1, 1 - 0.9 * 0.8, 1 - 0.9 * 0.8 * 0.5]]), abs=1e-12)


@given(st.lists(st.floats(-15, 15), min_size=1, max_size=7))
def test_the_risk_never_falls_with_time(log_odds):
    risk = log_odds_of_death(np.array([log_odds]))[0]
    assert np.isfinite(risk).all() and (np.diff(risk) >= 0).all()


def follow_up(patients=4000, seed=1):
    """Days to death, exponential with mean 300, and the same with censoring at random within 400 days."""
    generator = np.random.default_rng(seed)
    death = np.ceil(generator.exponential(300, patients))
    seen = np.ceil(generator.uniform(0, 400, patients))
    return death, np.minimum(death, seen), death <= seen


def test_censored_patients_correct_the_hazards():
    """Left out, they take survivors with them, and all hazards are too high; counted by what they survived, the risks
    are Kaplan-Meier's, but for those censored within an interval."""
    death, days, event = follow_up()
    ends = (30, 60, 90, 120, 150, 180)
    truth = (death <= 180).mean()
    risks = {}
    for name, kept in (("with", np.ones(len(days), bool)), ("without", event | (days >= 180))):
        base = base_log_odds(*fates(days[kept], event[kept], ends))
        risks[name] = float(expit(log_odds_of_death(base[None]))[0, -1])
    curve = kaplan_meier(days, event)
    by_kaplan_meier = 1 - curve.loc[curve["day"] <= 180, "survival"].iloc[-1]
    assert risks["without"] > truth + 0.04 > risks["with"]
    assert risks["with"] == pytest.approx(by_kaplan_meier, abs=0.03) == pytest.approx(truth, abs=0.03)
