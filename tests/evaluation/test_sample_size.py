"""Sample sizes, against the values that pmsampsize 0.1.0 and pmvalsampsize 0.2.1 print and that the papers give."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from echomort.evaluation.sample_size import (
    DevelopmentSize,
    development_size,
    evaluation_precision,
    highest_r2,
    r2_from_c,
)


@pytest.mark.parametrize(
    ("r2", "parameters", "prevalence", "expected"),
    [
        (0.288, 24, 0.174, DevelopmentSize(623, 662, 221)),  # the example in pmsampsize's manual: 662
        (0.05, 30, 0.05, DevelopmentSize(5249, 1770, 73)),  # pre-eclampsia in Riley et al., BMJ 2020: 5249
        (0.0929, 10, 0.25, DevelopmentSize(918, 278, 289)),
        (0.2075, 158, 0.25, DevelopmentSize(6029, 4090, 289)),
    ],
)
def test_patients_to_develop_a_model(r2, parameters, prevalence, expected):
    found = development_size(r2, parameters, prevalence)
    assert found == expected
    assert found.needed == max(expected.shrinkage, expected.optimism, expected.overall_risk)


@pytest.mark.parametrize(
    ("c_statistic", "prevalence", "simulated"), [(0.89, 0.174, 0.2908), (0.7, 0.25, 0.0929), (0.8, 0.25, 0.2075)]
)
def test_the_r2_of_a_c_statistic(c_statistic, prevalence, simulated):
    """pmsampsize simulates a million patients: its values are right to about 0.001."""
    assert r2_from_c(c_statistic, prevalence) == pytest.approx(simulated, abs=0.0015)


def test_no_model_is_better_than_a_perfect_one():
    assert r2_from_c(0.999, 0.3) < highest_r2(0.3)
    assert r2_from_c(0.5001, 0.3) == pytest.approx(0, abs=1e-6)
    for r2 in (0.0, -0.1, highest_r2(0.3)):
        with pytest.raises(ValueError, match="between 0 and"):
            development_size(r2, 10, 0.3)


@pytest.mark.parametrize(
    ("mean", "deviation", "c_statistic", "prevalence", "slope", "c_needed", "oe_needed"),
    [
        (-1.75, 1.47, 0.82, 0.22, 2405, 400, 1364),  # deep vein thrombosis, Archer et al. 2021
        (-5, 2.5, 0.8, 0.018, 4544, 4252, None),  # the example in pmvalsampsize's manual, its width of O/E is 1
    ],
)
def test_patients_to_evaluate_a_model(mean, deviation, c_statistic, prevalence, slope, c_needed, oe_needed):
    predictor = norm.ppf((np.arange(200_000) + 0.5) / 200_000, mean, deviation)
    found = {one.figure: one for one in evaluation_precision(predictor, c_statistic, prevalence, 1000)}
    assert found["calibration slope"].needed == pytest.approx(slope, rel=0.01)  # pmvalsampsize simulates
    assert found["C statistic"].needed == pytest.approx(c_needed, abs=2)
    if oe_needed:  # pmvalsampsize looks for the standard error in steps of 0.0001
        assert found["observed / expected"].needed == pytest.approx(oe_needed, rel=0.003)


def test_the_width_at_hand_is_the_target_with_the_patients_that_are_needed():
    predictor = np.linspace(-4, 1, 500)
    for one in evaluation_precision(predictor, 0.75, 0.25, 100):
        again = {two.figure: two for two in evaluation_precision(predictor, 0.75, 0.25, one.needed)}[one.figure]
        fewer = {two.figure: two for two in evaluation_precision(predictor, 0.75, 0.25, one.needed - 1)}[one.figure]
        assert again.width <= one.target < fewer.width
        assert one.width > one.target


def test_one_risk_for_all_has_no_slope_however_many_patients():
    found = {one.figure: one for one in evaluation_precision(np.zeros(50), 0.7, 0.2, 400)}["calibration slope"]
    assert found.needed is None and math.isinf(found.width)
