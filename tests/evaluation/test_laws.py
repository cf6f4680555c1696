"""What must hold of the statistics whatever the data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from echomort import evaluation
from echomort.evaluation import (
    Resampling,
    WeightedAuc,
    WeightedAveragePrecision,
    clustered_bootstrap,
    difference,
    headroom_share,
)


def cases(seed: int, n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two correlated scores with ties."""
    random = np.random.default_rng(seed)
    risk = random.normal(size=n)
    y = (random.random(n) < 1 / (1 + np.exp(1 - 1.5 * risk))).astype(int)
    y[:2] = 0, 1
    return y, np.round(risk + random.normal(size=n), 1), np.round(risk + 2 * random.normal(size=n), 1)


seeds = st.integers(0, 10_000)


@given(seeds)
def test_auc_is_scikit_learns(seed):
    y, a, _ = cases(seed)
    assert evaluation.auc(y, a) == pytest.approx(roc_auc_score(y, a), abs=1e-12)


@given(seeds)
def test_auc_ignores_monotone_maps_and_flips_with_the_sign(seed):
    y, a, _ = cases(seed)
    assert evaluation.auc(y, np.exp(a / 3)) == evaluation.auc(y, a)
    assert evaluation.auc(y, -a) == pytest.approx(1 - evaluation.auc(y, a), abs=1e-12)
    assert evaluation.auc(1 - y, a) == pytest.approx(1 - evaluation.auc(y, a), abs=1e-12)


@given(seeds)
def test_delong_is_antisymmetric(seed):
    y, a, b = cases(seed)
    one, other = evaluation.delong_test(y, a, b), evaluation.delong_test(y, b, a)
    assert one.z == pytest.approx(-other.z)
    assert one.p_value == pytest.approx(other.p_value)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@given(seeds)
def test_a_monotone_map_of_the_same_score_is_no_difference(seed):
    y, a, _ = cases(seed)
    for same in (a, np.exp(a), 3 * a - 1):
        test = evaluation.delong_test(y, a, same)
        assert (test.z, test.p_value, test.difference) == (0.0, 1.0, 0.0)


def test_delong_without_both_classes_is_undefined_and_says_so():
    test = evaluation.delong_test([1, 1, 1], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    assert math.isnan(test.z)
    assert math.isnan(test.p_value)
    assert test.note == "one class only"
    assert evaluation.delong_interval([0, 0], [0.1, 0.2]).note == "one class only"


def test_delong_with_a_single_death_has_an_area_but_no_variance():
    interval = evaluation.delong_interval([1, 0, 0, 0], [0.9, 0.1, 0.95, 0.3])
    assert interval.value == pytest.approx(2 / 3)
    assert math.isnan(interval.low)
    assert "no variance" in interval.note


def test_a_perfect_score_is_reported_with_a_note():
    interval = evaluation.delong_interval([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)
    assert "separated" in interval.note
    y, a, _ = cases(3)
    against = evaluation.delong_test(y, y, a)
    assert against.auc_a == 1.0
    assert against.p_value < 0.05


def test_two_perfectly_opposite_scores_claim_no_p():
    test = evaluation.delong_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert test.difference == 1.0
    assert math.isnan(test.p_value)
    assert test.note


@pytest.mark.parametrize(
    ("y", "score", "word"),
    [
        ([0, 1, 1], [0.1, 0.2], "2 values where 3"),
        ([0, 1, 1], [0.1, math.nan, 0.3], "missing"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "0 or 1"),
        ([0, 1, None], [0.1, 0.2, 0.3], "labels"),
        ([0, 1, 1], ["a", "b", "c"], "not numbers"),
        ([[0, 1]], [0.1, 0.2], "one vector"),
    ],
)
def test_bad_arguments_are_named(y, score, word):
    with pytest.raises(ValueError, match=word):
        evaluation.auc(y, score)


def test_delong_interval_holds_the_truth_as_often_as_it_says():
    """Scores of deaths are N(1, 1), of survivors N(0, 1): the true area is Phi(1 / sqrt 2) = 0.7602."""
    random = np.random.default_rng(0)
    y = np.repeat([1, 0], [60, 140])
    intervals = [evaluation.delong_interval(y, random.normal(size=200) + y) for _ in range(400)]
    covered = np.mean([interval.low <= 0.7602499 <= interval.high for interval in intervals])
    assert 0.91 <= covered <= 0.98


def test_bootstrap_agrees_with_delong_where_patients_are_studies():
    y, a, b = cases(5, 1000)
    test = evaluation.delong_test(y, a, b)
    drawn = clustered_bootstrap(
        np.arange(1000), {"difference": difference(WeightedAuc(y, a), WeightedAuc(y, b))}, Resampling(4000)
    )["difference"]
    assert drawn.value == pytest.approx(test.difference)
    assert drawn.high - drawn.low == pytest.approx(test.high - test.low, rel=0.08)


def test_repeating_every_study_widens_nothing_when_patients_are_resampled():
    """Three copies of each study carry no more information: the interval must not shrink as if they did."""
    y, a, _ = cases(6, 400)
    patients = np.arange(400)
    once = clustered_bootstrap(patients, {"auc": WeightedAuc(y, a)})["auc"]
    thrice = clustered_bootstrap(np.tile(patients, 3), {"auc": WeightedAuc(np.tile(y, 3), np.tile(a, 3))})["auc"]
    naive = clustered_bootstrap(np.arange(1200), {"auc": WeightedAuc(np.tile(y, 3), np.tile(a, 3))})["auc"]
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert naive.high - naive.low < 0.7 * (once.high - once.low)


def test_the_bootstrap_depends_on_its_seed_alone():
    y, a, _ = cases(7)
    keys = [f"patient-{number // 2}" for number in range(120)]
    first, again, other = (
        clustered_bootstrap(keys, {"auc": WeightedAuc(y, a)}, Resampling(200, seed=seed))["auc"] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_resamples_without_a_death_are_left_out_and_counted():
    y = np.array([1, 0, 0, 0, 0])
    interval = clustered_bootstrap(np.arange(5), {"auc": WeightedAuc(y, [5, 1, 2, 3, 4])}, Resampling(300))["auc"]
    assert interval.value == 1.0
    assert "left out" in interval.note


@given(seeds)
def test_weighted_areas_are_those_of_the_repeated_rows(seed):
    y, a, _ = cases(seed, 40)
    weights = np.random.default_rng(seed).integers(0, 3, size=(1, 40)).astype(float)
    weights[0, :2] = 1
    rows = np.repeat(np.arange(40), weights[0].astype(int))
    assert WeightedAuc(y, a)(weights)[0] == pytest.approx(roc_auc_score(y[rows], a[rows]))
    expected = average_precision_score(y[rows], a[rows])
    assert WeightedAveragePrecision(y, a)(weights)[0] == pytest.approx(expected)


def soft_auc(chance: np.ndarray, score: np.ndarray) -> float:
    return float(WeightedAuc(chance, score)(np.ones((1, len(chance))))[0])


@given(seeds)
def test_soft_auc_is_that_of_all_pairs_of_different_rows(seed):
    random = np.random.default_rng(seed)
    p, s = random.random(25), np.round(random.normal(size=25), 1)
    pairs = p[:, None] * (1 - p[None, :]) * ~np.eye(25, dtype=bool)
    wins = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    assert soft_auc(p, s) == pytest.approx((pairs * wins).sum() / pairs.sum())


@given(seeds)
def test_soft_auc_of_certain_deaths_is_the_auc(seed):
    y, a, _ = cases(seed)
    assert soft_auc(y, a) == pytest.approx(evaluation.auc(y, a))


def test_soft_auc_is_what_drawn_labels_average_to():
    random = np.random.default_rng(2)
    p = random.beta(1, 3, size=400)
    score = p + 0.2 * random.normal(size=400)
    drawn = [evaluation.auc(random.random(400) < p, score) for _ in range(300)]
    assert np.mean(drawn) == pytest.approx(soft_auc(p, score), abs=0.004)


def test_no_score_has_a_higher_soft_auc_than_the_truth():
    random = np.random.default_rng(4)
    p = random.beta(1, 3, size=300)
    best = soft_auc(p, p)
    assert all(soft_auc(p, p + 0.1 * random.normal(size=300)) < best for _ in range(20))
    oracle, whole = WeightedAuc(p, p), np.ones((1, 300))
    assert headroom_share(oracle, oracle)(whole)[0] == 1.0
    assert headroom_share(WeightedAuc(p, np.zeros(300)), oracle)(whole)[0] == pytest.approx(0, abs=1e-12)
    assert math.isnan(headroom_share(oracle, WeightedAuc(p, -p))(whole)[0])


@given(seeds)
def test_cochran_q_of_two_raters_is_mcnemar_without_correction(seed):
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 2, size=(2, 60))
    q, test = evaluation.cochran_q(a, b), evaluation.mcnemar(a, b, "uncorrected")
    assert (q.statistic, q.p_value) == pytest.approx((test.statistic, test.p_value))


@pytest.mark.parametrize("variant", ["exact", "corrected", "uncorrected"])
def test_raters_who_never_differ_give_p_1(variant):
    assert evaluation.mcnemar([0, 1, 1], [0, 1, 1], variant).p_value == 1.0
    assert evaluation.cochran_q([0, 1, 1], [0, 1, 1], [0, 1, 1]).p_value == 1.0


def test_holm_by_hand():
    adjusted = evaluation.holm([0.04, 0.01, math.nan, 0.03])
    assert adjusted[[0, 1, 3]] == pytest.approx([0.06, 0.03, 0.06])
    assert math.isnan(adjusted[2])


def test_thresholds_are_chosen_on_other_folds():
    y, a, _ = cases(8, 600)
    fold = np.arange(600) % 5
    called = evaluation.out_of_fold_decisions(y, a, fold)
    for name in range(5):
        other = evaluation.choose_threshold(y[fold != name], a[fold != name])
        assert (called[fold == name] == (a[fold == name] >= other)).all()
    flipped = np.where(fold == 0, 1 - y, y)
    assert (evaluation.out_of_fold_decisions(flipped, a, fold)[fold == 0] == called[fold == 0]).all()


def test_thresholds_and_calibration_for_a_fold_are_learnt_from_its_column():
    y, a, b = cases(11, 600)
    fold = np.arange(600) % 3
    without = np.column_stack([a + shift * b for shift in (0, 1, 2)])
    high_risk = evaluation.out_of_fold_decisions(y, a, fold, without=without)
    risk = evaluation.recalibrated_risks(y, a, fold, without)
    for name in range(3):
        inside, learnt = fold == name, without[:, name]
        threshold = evaluation.choose_threshold(y[~inside], learnt[~inside])
        assert (high_risk[inside] == (a[inside] >= threshold)).all()
        other = without + np.where(np.arange(3) == name, 0, 7.0)  # other columns are not looked at
        assert np.array_equal(evaluation.recalibrated_risks(y, a, fold, other)[inside], risk[inside])
        assert not np.array_equal(evaluation.recalibrated_risks(y, a, fold)[inside], risk[inside]) or name == 0


def test_threshold_rules_keep_their_promise():
    y, a, _ = cases(9, 300)
    sensitive = evaluation.decisions(y, a >= evaluation.choose_threshold(y, a, "sensitivity", 0.9))
    specific = evaluation.decisions(y, a >= evaluation.choose_threshold(y, a, "specificity", 0.9))
    assert sensitive.sensitivity.value >= 0.9
    assert specific.specificity.value >= 0.9
    best = evaluation.choose_threshold(y, a)
    sums = {t: (a[y == 1] >= t).mean() + (a[y == 0] < t).mean() for t in np.unique(a)}
    assert sums[best] == pytest.approx(max(sums.values()))


def test_recalibration_out_of_fold_mends_a_shifted_and_stretched_score():
    random = np.random.default_rng(10)
    odds = random.normal(-1, 1, size=4000)
    y = random.random(4000) < 1 / (1 + np.exp(-odds))
    mapped = evaluation.recalibrated_risks(y, 3 * odds + 2, np.arange(4000) % 5)
    figures = evaluation.calibration_figures(y, mapped)
    assert figures.slope.low < 1 < figures.slope.high
    assert figures.in_the_large.low < 0 < figures.in_the_large.high


def test_calibration_of_perfect_or_constant_predictions_is_undefined_not_a_crash():
    y = np.array([0, 0, 1, 1])
    slope, intercept = evaluation.calibration_slope(y, [0.1, 0.2, 0.8, 0.9])
    assert math.isnan(slope.value)
    assert math.isnan(intercept)
    assert slope.note
    figures = evaluation.calibration_figures(y, [0.5, 0.5, 0.5, 0.5])
    assert figures.in_the_large.value == pytest.approx(0.0, abs=1e-9)
    assert figures.ici == 0.0


def test_smoothing_survives_a_probability_shared_by_nearly_all():
    chance = np.append(np.full(95, 0.1), [0.2, 0.4, 0.5, 0.7, 0.9])
    y = np.append(np.arange(95) % 10 == 0, [0, 1, 0, 1, 1])
    assert evaluation.smoothed_risks(y, chance)[0] == pytest.approx(10 / 95)


def test_calibration_curve_bins_hold_every_row():
    y, a, _ = cases(11, 500)
    chance = 1 / (1 + np.exp(-a))
    curve = evaluation.calibration_curve(y, chance, Resampling(50))
    assert curve.size.sum() == 500
    assert np.average(curve.observed, weights=curve.size) == pytest.approx(y.mean())
    assert (curve.low <= curve.observed).all()
    assert (curve.observed <= curve.high).all()


def test_ipcw_without_censoring_is_the_plain_figure():
    y, a, _ = cases(12, 300)
    days = np.where(y == 1, 100, 900)
    chance = 1 / (1 + np.exp(-a))
    assert evaluation.ipcw_auc(days, y, a) == pytest.approx(evaluation.auc(y, a))
    assert evaluation.ipcw_brier(days, y, chance) == pytest.approx(evaluation.brier(y, chance))


@pytest.mark.parametrize("unit", [1, 30])
def test_the_weighted_share_of_deaths_is_that_of_kaplan_meier_also_with_ties(unit):
    random = np.random.default_rng(unit)
    died, censored = random.exponential(600, 2000), random.exponential(500, 2000)
    days = np.floor(np.minimum(died, censored) / unit) * unit
    event = died <= censored
    weights = evaluation.censoring_weights(days, event, 360.5)
    curve = evaluation.kaplan_meier(days, event)
    survival = curve.loc[curve["day"] <= 360.5, "survival"].iloc[-1]
    assert (weights * (event & (days <= 360.5))).mean() == pytest.approx(1 - survival, abs=1e-12)
    assert weights.mean() == pytest.approx(1, abs=1e-12)


def test_seen_alive_on_the_horizon_is_a_survivor():
    weights = evaluation.censoring_weights([365, 364, 100], [0, 0, 1], 365)
    assert weights[0] > 0
    assert weights[1] == 0
    assert weights[2] == 1


def test_kaplan_meier_by_hand():
    curve = evaluation.kaplan_meier([1, 2, 2, 3, 4], [1, 1, 0, 0, 1])
    assert curve["day"].tolist() == [0, 1, 2, 4]
    assert curve["survival"].tolist() == pytest.approx([1, 0.8, 0.6, 0.0])
    assert (curve["low"][1], curve["high"][1]) == pytest.approx((0.2038, 0.9692), abs=1e-4)  # by hand


def test_a_death_on_the_day_of_the_study_counts():
    curve = evaluation.kaplan_meier([0, 5, 5, 9], [1, 0, 1, 0])
    assert curve[["day", "survival"]].to_numpy().tolist() == [[0, 0.75], [5, pytest.approx(0.5)]]


def test_a_group_without_a_death_has_no_hazard_ratio():
    ratio = evaluation.hazard_ratio([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0])
    assert math.isnan(ratio.interval.value)
    assert ratio.interval.note
