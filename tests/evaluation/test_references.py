"""Reference values computed once with independent software on tests/data/clinical_evalset.csv.

R pROC 1.18.0 (DeLong), R survival 3.5-3 (log-rank, Cox, Kaplan-Meier), R glm (calibration), scikit-survival 0.28.0
(IPCW), statsmodels 0.15.0 (McNemar, Cochran), dcurves 1.1.7 (net benefit). 300 rows, 39 deaths; threshold 0.2.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echomort import evaluation

SET = pd.read_csv(Path(__file__).parents[1] / "data" / "clinical_evalset.csv")
Y, A, B = SET["y"], SET["pa"], SET["pb"]
CALLED_A, CALLED_B, CALLED_MEAN = A >= 0.2, B >= 0.2, (A + B) / 2 >= 0.2


def test_delong_interval_as_proc_gives_it():
    interval = evaluation.delong_interval(Y, A)
    assert interval.value == pytest.approx(0.8705177326, abs=1e-9)
    assert (interval.low, interval.high) == pytest.approx((0.814955152, 0.926080313), abs=1e-8)


def test_delong_test_as_proc_gives_it():
    test = evaluation.delong_test(Y, A, B)
    assert (test.auc_a, test.auc_b) == pytest.approx((0.8705177326, 0.7632380), abs=1e-7)
    assert (test.z, test.p_value) == pytest.approx((2.6757297, 0.007456675), abs=1e-7)


def test_average_precision_and_brier():
    assert evaluation.WeightedAveragePrecision(Y, A)(np.ones((1, len(Y))))[0] == pytest.approx(0.5350871968, abs=1e-9)
    assert evaluation.brier(Y, A) == pytest.approx(0.0842324762, abs=1e-9)


def test_calibration_slope_intercept_and_in_the_large():
    figures = evaluation.calibration_figures(Y, A)
    assert figures.slope.value == pytest.approx(1.12559072, abs=1e-8)
    assert (figures.slope.high - figures.slope.low) / 2 / 1.959963985 == pytest.approx(0.1755607, abs=2e-6)
    assert figures.intercept == pytest.approx(-0.23636403, abs=1e-8)
    assert figures.in_the_large.value == pytest.approx(-0.36500719, abs=1e-8)
    assert figures.in_the_large.high - figures.in_the_large.value == pytest.approx(1.959963985 * 0.1974782, abs=1e-6)
    assert figures.observed_expected.value == pytest.approx(0.79200573, abs=1e-8)


def test_calibration_error_by_both_bin_rules():
    assert evaluation.expected_calibration_error(Y, A, "equal_width") == pytest.approx(0.0402742036, abs=1e-9)
    assert evaluation.expected_calibration_error(Y, A, "quantile") == pytest.approx(0.0386426730, abs=1e-9)


def test_calibration_index_as_r_loess_gives_it():
    """R 4.2.2: ``loess(y ~ pa, control = loess.control(surface = "direct"))``."""
    figures = evaluation.calibration_figures(Y, A)
    assert (figures.ici, figures.e50) == pytest.approx((0.0335080568, 0.0323743543), abs=1e-9)
    assert (figures.e90, figures.emax) == pytest.approx((0.0464112458, 0.0884181880), abs=1e-9)


def test_sensitivity_and_specificity_with_wilson_limits():
    figures = evaluation.decisions(Y, CALLED_A)
    assert (figures.true_positive, figures.false_negative) == (31, 8)
    assert figures.sensitivity.value == pytest.approx(0.7948718, abs=1e-7)
    assert (figures.sensitivity.low, figures.sensitivity.high) == pytest.approx((0.6446603, 0.8922028), abs=1e-7)
    assert figures.specificity.value == pytest.approx(0.7969349, abs=1e-7)
    other = evaluation.decisions(Y, CALLED_B)
    assert (other.sensitivity.value, other.specificity.value) == pytest.approx((0.5128205, 0.7969349), abs=1e-7)


def test_clopper_pearson_limits():
    exact = evaluation.proportion(31, 39, method="beta")
    assert (exact.low, exact.high) == pytest.approx((0.6353558, 0.9070361), abs=1e-7)


def test_net_benefit():
    assert evaluation.net_benefit(Y, A, 0.2) == pytest.approx(0.0591667, abs=1e-7)
    assert evaluation.net_benefit(Y, B, 0.2) == pytest.approx(0.0225, abs=1e-9)
    assert evaluation.net_benefit_treat_all(Y, 0.2) == pytest.approx(-0.0875, abs=1e-9)
    assert evaluation.decision_curve(Y, A, [0.2, 0.5])[0] == evaluation.net_benefit(Y, A, 0.2)


def test_mcnemar_in_its_three_forms():
    right_a, right_b = CALLED_A == Y, CALLED_B == Y
    assert evaluation.mcnemar(right_a, right_b).p_value == pytest.approx(0.28909608, abs=1e-8)
    corrected = evaluation.mcnemar(right_a, right_b, "corrected")
    assert (corrected.statistic, corrected.p_value) == pytest.approx((1.1235955, 0.28914556), abs=1e-7)
    uncorrected = evaluation.mcnemar(right_a, right_b, "uncorrected")
    assert (uncorrected.statistic, uncorrected.p_value) == pytest.approx((1.3595506, 0.24361539), abs=1e-7)


def test_cochran_q_of_three():
    test = evaluation.cochran_q(CALLED_A == Y, CALLED_B == Y, CALLED_MEAN == Y)
    assert (test.statistic, test.p_value) == pytest.approx((3.66292135, 0.16017943), abs=1e-8)
    assert test.degrees == 2


def test_log_rank_and_cox():
    test = evaluation.log_rank(SET["t"], SET["e"], SET["c"])
    assert test.chi_squared == pytest.approx(117.079206, abs=1e-5)
    assert test.p_value == pytest.approx(2.758e-27, rel=1e-3)
    ratio = evaluation.hazard_ratio(SET["t"], SET["e"], SET["c"])
    assert ratio.interval.value == pytest.approx(6.98442878, abs=1e-6)


@pytest.mark.parametrize(("group", "survival"), [(0, 0.872140445), (1, 0.443467462)])
def test_kaplan_meier_at_one_year(group, survival):
    part = SET[SET["c"] == group]
    curve = evaluation.kaplan_meier(part["t"], part["e"])
    assert curve.loc[curve["day"] <= 365, "survival"].iloc[-1] == pytest.approx(survival, abs=1e-9)


@pytest.mark.parametrize(
    ("day", "auc_a", "auc_b", "brier_a", "brier_b"),
    [
        (90, 0.747220405494, 0.657455853499, 0.0864707243657, 0.0770370964742),
        (180, 0.754957525013, 0.622023358903, 0.109841825957, 0.123119570778),
        (270, 0.768482530738, 0.635501585364, 0.131428997103, 0.156309514756),
        (365, 0.725999502169, 0.619318359745, 0.164412025187, 0.188970757649),
    ],
)
def test_ipcw_auc_and_brier(day, auc_a, auc_b, brier_a, brier_b):
    """R riskRegression 2022.11.28, ``Score(..., cens.model = "km")``. scikit-survival weighs a death on day t by G(t)
    instead of G(t-), and differs in the fourth digit."""
    for chance, area, brier in ((A, auc_a, brier_a), (B, auc_b, brier_b)):
        assert evaluation.ipcw_auc(SET["t"], SET["e"], chance, day) == pytest.approx(area, abs=1e-11)
        assert evaluation.ipcw_brier(SET["t"], SET["e"], chance, day) == pytest.approx(brier, abs=1e-11)


def test_labels_at_one_year_and_their_auc():
    died = (SET["e"] == 1) & (SET["t"] <= 365)
    alive = SET["t"] > 365
    assert (died.sum(), alive.sum(), (~died & ~alive).sum()) == (70, 187, 43)
    known = died | alive
    assert evaluation.auc(died[known], A[known]) == pytest.approx(0.73071046, abs=1e-8)
