"""The ladder climbs as high as the truth asks for, and no higher; clusters are pooled as the formulas say."""

import numpy as np
import pytest
from scipy.stats import chi2

from echomort.evaluation.calibration import brier, calibration_in_the_large, calibration_slope
from echomort.evaluation.heterogeneity import pool_auc, pool_ratio
from echomort.evaluation.inputs import expit
from echomort.evaluation.recalibration import climb, rung_risks
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, SHIFTED


def patients(seed, n=1500):
    """True log odds, and who died."""
    random = np.random.default_rng(seed)
    truth = random.normal(-1.5, 1.2, n)
    return truth, random.random(n) < expit(truth)


@pytest.mark.parametrize(
    ("spoilt", "expected"),
    [
        (lambda truth: truth, OUT_OF_FOLD),
        (lambda truth: truth - 0.8, SHIFTED),
        (lambda truth: 2.5 * truth + 1.0, RECALIBRATED),
    ],
)
def test_the_ladder_climbs_to_the_rung_that_mends_the_risks(spoilt, expected):
    found = []
    for seed in range(20):
        truth, died = patients(seed)
        found.append(climb(died, spoilt(truth)).advised)
    assert found.count(expected) >= 17, "the tests are at 5 %"


def test_the_maps_undo_what_was_done():
    truth, died = patients(3, 20_000)
    shifted = climb(died, truth - 0.8)
    assert shifted.shift.low <= 0.8 <= shifted.shift.high
    sloped = climb(died, 2 * truth + 1)
    assert sloped.slope.low <= 0.5 <= sloped.slope.high and sloped.intercept == pytest.approx(-0.5, abs=0.1)


def test_the_tests_are_likelihood_ratio_tests():
    truth, died = patients(5, 400)
    values = 1.4 * truth + 0.3
    found = climb(died, values)

    def likelihood(line):
        return np.where(died, np.log(expit(line)), np.log1p(-expit(line))).sum()

    slope, intercept = calibration_slope(died, expit(values))
    shift = calibration_in_the_large(died, expit(values)).value
    best = likelihood(intercept + slope.value * values)
    assert found.p_none == pytest.approx(chi2.sf(2 * (best - likelihood(values)), 2), rel=1e-6)
    assert found.p_in_the_large == pytest.approx(chi2.sf(2 * (best - likelihood(values + shift)), 1), rel=1e-6)


def test_a_rung_is_judged_on_others_than_it_was_fitted_on():
    """On pure noise a map that saw its own patients would gain; one that did not loses a little, on average."""
    random, gains = np.random.default_rng(0), []
    for _ in range(60):
        died, values = random.random(60) < 0.3, random.normal(-0.85, 0.01, 60)
        risks = dict(rung_risks(died, values, np.arange(60) % 10))
        gains.append(brier(died, risks[OUT_OF_FOLD]) - brier(died, risks[RECALIBRATED]))
    assert np.mean(gains) < 0


def test_the_rungs_keep_the_order_within_a_part():
    truth, died = patients(1, 500)
    fold = np.arange(500) % 10
    for _, risk in rung_risks(died, truth, fold):
        for part in range(10):
            inside = fold == part
            assert (np.argsort(risk[inside]) == np.argsort(truth[inside])).all()


def test_separated_patients_have_no_slope_and_the_ladder_says_so():
    found = climb([0, 0, 0, 1, 1, 1], [-3.0, -2.5, -2.0, 2.0, 2.5, 3.0])
    assert np.isnan(found.p_none) and np.isnan(found.slope.value) and found.advised == OUT_OF_FOLD


def test_paul_and_mandels_variance_solves_its_equation_and_the_mean_is_weighted_by_it():
    area, error = np.array([0.70, 0.78, 0.83, 0.65, 0.90]), np.array([0.03, 0.02, 0.04, 0.05, 0.02])
    pooled = pool_auc(area, error)
    effect, variance = np.log(area / (1 - area)), (error / (area * (1 - area))) ** 2
    weight = 1 / (variance + pooled.tau**2)
    mean = (weight * effect).sum() / weight.sum()
    assert (weight * (effect - mean) ** 2).sum() == pytest.approx(len(area) - 1, rel=1e-3)
    assert pooled.mean.value == pytest.approx(expit(mean), rel=1e-4)
    assert pooled.next.low < pooled.mean.low < pooled.mean.value < pooled.mean.high < pooled.next.high


def test_the_interval_of_a_further_cluster_holds_it_as_often_as_it_says():
    random, held = np.random.default_rng(1), 0
    for _ in range(400):
        truth = random.normal(0.0, 0.4, 9)
        error = random.uniform(0.1, 0.25, 8)
        pooled = pool_ratio(np.exp(truth[:8] + random.normal(0, error)), error)
        held += pooled.next.low <= np.exp(truth[8]) <= pooled.next.high
    assert 0.91 <= held / 400 <= 0.985


def test_clusters_that_differ_by_chance_alone_have_a_mean_with_their_interval():
    random, held = np.random.default_rng(2), 0
    for _ in range(300):
        error = random.uniform(0.1, 0.3, 6)
        pooled = pool_ratio(np.exp(random.normal(0, error)), error)
        held += pooled.mean.low <= 1 <= pooled.mean.high
    assert held / 300 >= 0.93


@pytest.mark.parametrize("values", [[], [0.8], [0.8, 0.7], [1.0, 0.8, 0.7]])
def test_fewer_than_three_clusters_with_an_estimate_are_not_pooled(values):
    pooled = pool_auc(values, [0.0 if value == 1 else 0.05 for value in values])
    assert np.isnan(pooled.mean.value) and "fewer than 3" in str(pooled.mean.note)


def test_a_cluster_without_a_variance_is_left_out_and_the_others_are_counted():
    pooled = pool_auc([0.8, 0.82, 0.78, 1.0], [0.03, 0.03, 0.03, 0.0])
    assert pooled.clusters == 3 and 0.78 < pooled.mean.value < 0.82
