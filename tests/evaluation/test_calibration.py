"""Calibration curves: loess as R has it, and what its bands and the interval of its index promise."""

import numpy as np
import pytest

from echomort.evaluation.benefit import decision_curve, decision_statistic
from echomort.evaluation.calibration import calibration_curve, integrated_calibration_index
from echomort.evaluation.inputs import expit
from echomort.evaluation.interval import Interval, of_a_distance
from echomort.evaluation.loess import SPAN, Loess, loess
from echomort.evaluation.resampling import Resampling, clustered_bootstrap, pointwise_band

ROWS = np.arange(100)
X = ((37 * ROWS) % 101 / 101) ** 2
Y = ((53 * ROWS) % 101 / 101 < X**1.3 + 0.05).astype(float)


def draw(patients: int, seed: int, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and risks whose log odds are off by the factor ``slope`` about log odds of -0.8."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1.5, 1.2, patients)
    return (rng.random(patients) < expit(slope * (log_odds + 0.8) - 0.8)).astype(int), expit(log_odds)


def test_a_curve_as_r_loess_gives_it():
    """R 4.2.2: ``loess(y ~ x, control = loess.control(surface = "direct"))``."""
    expected = (0.0698206320, 0.3783268043, 0.3625898057, 0.8452997063, 0.8381755112, 0.1126288114)
    assert loess(X, Y)[[0, 10, 40, 60, 90, 99]] == pytest.approx(expected, abs=1e-9)


def test_a_curve_on_tied_values_as_r_loess_gives_it():
    tied = np.round(X, 1)
    expected = (0.0806733509, 0.1340095337, 0.2835898227, 0.4460353915, 0.8418138356)
    found = loess(tied, Y)
    assert [found[tied == value][0] for value in (0, 0.1, 0.3, 0.5, 0.9)] == pytest.approx(expected, abs=1e-9)


def test_a_parabola_is_fitted_exactly():
    assert loess(X, 3 * X**2 - X + 0.2) == pytest.approx(3 * X**2 - X + 0.2, abs=1e-9)


def test_two_risks_have_their_observed_shares():
    two = np.where(ROWS < 40, 0.2, 0.6)
    assert np.unique(loess(two, Y).round(9)) == pytest.approx(sorted((Y[:40].mean(), Y[40:].mean())))


def test_knots_of_many_rows_give_the_curve_of_every_row():
    y, risk = draw(20_000, 4)
    some = risk[::400]
    exact = Loess(risk, y.astype(float), np.sort(some)).at_knots(np.ones((1, len(y))))[0]
    assert np.abs(loess(risk, y.astype(float))[::400][np.argsort(some)] - exact).max() < 5e-4


def test_a_patient_drawn_twice_counts_twice():
    """With neighbourhoods as wide as before: a row of weight 2 is the row repeated."""
    weights = 1.0 + (ROWS % 3 == 0)
    once = Loess(X, Y)
    repeated = np.repeat(ROWS, weights.astype(int))
    twice = Loess(X[repeated], Y[repeated], once.knots)
    twice._widths = once._widths
    assert once.at_knots(weights[None])[0] == pytest.approx(twice.at_knots(np.ones((1, len(repeated))))[0], abs=1e-9)
    assert SPAN == 0.75


def test_the_band_of_a_curve_holds_the_true_curve_about_as_often_as_it_says():
    covered = []
    for seed in range(20):
        y, risk = draw(600, seed, slope=0.6)
        curve = calibration_curve(y, risk, Resampling(200))
        truth = expit(0.6 * (np.log(curve.grid / (1 - curve.grid)) + 0.8) - 0.8)
        covered.append(((curve.smooth_low <= truth) & (truth <= curve.smooth_high)).mean())
    assert 0.88 < np.mean(covered) <= 1


def test_the_band_is_drawn_where_there_are_patients_and_names_no_one_s_risk():
    y, risk = draw(300, 1)
    curve = calibration_curve(y, risk, Resampling(100))
    assert risk.min() < curve.grid[0] < curve.grid[-1] < risk.max()
    assert (curve.smooth_low <= curve.smooth).mean() > 0.9 and (curve.smooth_low < curve.smooth_high).all()


@pytest.mark.parametrize(("slope", "least"), [(1.0, 10), (0.5, 17)])
def test_the_interval_of_the_calibration_index_holds_the_truth(slope, least):
    """Percentiles would never hold 0, the truth of a calibrated model; these limits hold it in 7 of 10."""
    _, risk = draw(100_000, 0)
    odds = np.log(risk / (1 - risk))
    truth = np.abs(expit(slope * (odds + 0.8) - 0.8) - risk).mean()
    covered = 0
    for seed in range(20):
        y, risk = draw(400, seed, slope)
        statistic = integrated_calibration_index(y, risk)
        percentile = clustered_bootstrap(range(400), {"ici": statistic}, Resampling(200))["ici"]
        limits = of_a_distance(percentile, "both")
        covered += limits.low <= truth <= limits.high
        assert limits.low <= limits.value <= limits.high and percentile.low > 0
    assert covered >= least


@pytest.mark.parametrize("resampled", [(0.06, 0.2), (0.03, 0.09), (0.01, 0.04)])
def test_the_interval_of_a_distance_holds_the_estimate_wherever_resamples_lie(resampled):
    """With few deaths resamples lie above the estimate: neither percentiles nor limits reflected about it hold it."""
    limits = of_a_distance(Interval(0.05, *resampled, "percentile"), "both")
    assert 0 <= limits.low <= 0.05 <= limits.high


def test_a_decision_curve_s_band_is_about_the_curve_and_narrows_with_patients():
    thresholds, widths = np.array([0.1, 0.2, 0.4]), []
    for patients in (300, 4800):
        y, risk = draw(patients, 2)
        statistic = decision_statistic(y, risk, thresholds)
        assert statistic(np.ones((1, patients)))[0] == pytest.approx(decision_curve(y, risk, thresholds))
        low, high = pointwise_band(range(patients), statistic, Resampling(400))
        assert (low < decision_curve(y, risk, thresholds)).all() and (decision_curve(y, risk, thresholds) < high).all()
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)
