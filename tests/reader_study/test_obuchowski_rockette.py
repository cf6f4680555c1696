"""The analysis of several readers: the published figures of the Van Dyke study, an oracle, and laws."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from echomort.evaluation.discrimination import delong_test
from echomort.reader_study.obuchowski_rockette import (
    Merits,
    area_merits,
    fixed_readers_change,
    random_readers_change,
    random_readers_mean,
    share_merits,
)

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from readers import AREA, BOOTSTRAP, FIXED, SHARE, Scene, coverage

FIRST = [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066]
SECOND = [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169]
"""Empirical AUC of five readers of 114 cases (45 with aortic dissection) under two ways of MRI: Van Dyke 1993, as the
manual of RJafroc prints them for its dataset02 (chapter on Obuchowski-Rockette applications) and MRMCaov's manual."""
COV1, COV3 = 0.00034661371, 0.00023902837
VARIANCES, COV2_EACH = (0.00101410277, 0.00059047376), (0.00048396180, 0.00020418785)
"""The jackknife covariances of the same pages: of both modalities, and of each."""

SENSITIVITY = {
    "11111 11111": 28, "11110 11111": 3, "10110 10111": 2, "11110 11010": 1, "10010 11111": 1, "00100 10011": 1,
    "10111 11111": 1, "00010 10010": 1, "11011 10110": 1, "11011 11111": 1, "11110 11110": 1, "10010 10110": 1,
    "00000 11111": 1, "00000 10111": 1, "00010 00011": 1,
}  # fmt: skip
"""How many of the 45 dissections were rated 3 or more by which readers: first modality, then second. Counted from the
ratings of the same study."""


def published() -> Merits:
    """The published means as a covariance matrix in which all pairs of a kind agree, each modality with its own."""
    covariance = np.empty((2, 5, 2, 5))
    for (i, j, k, m), _ in np.ndenumerate(covariance):
        same = (VARIANCES[i], COV1) if j == m else (COV2_EACH[i], COV3)
        covariance[i, j, k, m] = same[0] if i == k else same[1]
    return Merits(np.array([FIRST, SECOND]), covariance)


def test_random_readers_as_published_for_the_van_dyke_study():
    found = random_readers_change(published())
    limits = found.interval(0.95, -1, "")
    assert (found.value, found.error) == (pytest.approx(0.04380032, abs=1e-8), pytest.approx(0.02074862, abs=1e-8))
    assert found.degrees == pytest.approx(15.25967, abs=1e-4)
    assert (limits.low, limits.high) == (pytest.approx(-0.0003588544, abs=1e-7), pytest.approx(0.0879594986, abs=1e-7))
    assert found.p_value == pytest.approx(0.05166569, abs=1e-7)


def test_fixed_readers_as_published_for_the_van_dyke_study():
    found = fixed_readers_change(published())
    limits = found.interval(0.95, -1, "")
    assert found.error == pytest.approx(0.01871748, abs=1e-8)
    assert (limits.low, limits.high) == (pytest.approx(0.00711473, abs=1e-7), pytest.approx(0.08048591, abs=1e-7))
    assert found.p_value == pytest.approx(0.01927984, abs=1e-7)


@pytest.mark.parametrize(
    ("modality", "error", "degrees", "low", "high"),
    [(0, 0.03317360, 12.74465, 0.8252236, 0.9688505), (1, 0.02156637, 12.71019, 0.8941378, 0.9875369)],
)
def test_one_modality_as_published_for_the_van_dyke_study(modality, error, degrees, low, high):
    found = random_readers_mean(published(), modality)
    limits = found.interval(0.95, 0, "")
    assert (found.error, found.degrees) == (pytest.approx(error, abs=1e-7), pytest.approx(degrees, abs=1e-4))
    assert (limits.low, limits.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_sensitivity_from_answers_to_limits_as_published_for_the_van_dyke_study():
    """MRMCaov's manual, binary_sens with ratings of 3 or more: from the answers through the jackknife to the limits."""
    patterns = [pattern.replace(" ", "") for pattern, count in SENSITIVITY.items() for _ in range(count)]
    right = np.array([list(pattern) for pattern in patterns]) == "1"
    merits = share_merits(right.T.reshape(2, 5, 45))
    assert merits is not None
    kinds = [merits.covariance_between(*kind) for kind in ((True, True), (False, True), (True, False), (False, False))]
    assert kinds == pytest.approx([0.0023681257, 0.0009943883, 0.0010145903, 0.0006604938], abs=1e-10)
    found = random_readers_change(merits)
    limits = found.interval(0.95, -1, "")
    assert (found.value, found.error) == (pytest.approx(0.09777778, abs=1e-8), pytest.approx(0.03780451, abs=1e-8))
    assert (found.degrees, found.p_value) == (pytest.approx(15.71732, abs=1e-5), pytest.approx(0.02008822, abs=1e-8))
    assert (limits.low, limits.high) == (pytest.approx(0.0175185, abs=1e-7), pytest.approx(0.1780371, abs=1e-7))
    alone = random_readers_mean(merits, 1).interval(0.95, 0, "")
    assert (alone.low, alone.high) == (pytest.approx(0.8328691, abs=1e-7), 1), "limits of a share end at 1"


def ratings(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random, died = np.random.default_rng(seed), np.arange(40) < 15
    return died, np.round(random.normal(died * 1.0, 1, (2, 3, 40)) + random.normal(0, 1, 40), 0)


def test_the_jackknife_of_areas_leaves_out_one_case_after_the_other():
    died, rating = ratings()
    left_out = np.array(
        [
            [roc_auc_score(np.delete(died, case), np.delete(one, case)) for one in rating.reshape(6, 40)]
            for case in range(40)
        ]
    )
    merits = area_merits(rating, died)
    assert merits is not None
    wanted = np.cov(left_out.T, ddof=0) * 39
    assert merits.covariance.reshape(6, 6) == pytest.approx(wanted, abs=1e-12)
    assert merits.values.ravel() == pytest.approx([roc_auc_score(died, one) for one in rating.reshape(6, 40)])


def test_one_fixed_reader_is_nearly_delongs_paired_test():
    died, rating = ratings()
    merits = area_merits(rating[:, :1], died)
    assert merits is not None
    found, wanted = fixed_readers_change(merits), delong_test(died, rating[1, 0], rating[0, 0])
    assert found.value == pytest.approx(wanted.difference)
    assert found.error == pytest.approx(abs(wanted.difference / wanted.z), rel=0.03)
    assert np.isnan(random_readers_change(merits).value), "one reader is no sample"


def test_the_order_of_readers_and_cases_and_the_sign_of_the_change_do_not_matter():
    died, rating = ratings()
    shuffled = np.random.default_rng(1).permutation(40)
    merits, other = area_merits(rating, died), area_merits(rating[::-1, ::-1][..., shuffled], died[shuffled])
    assert merits is not None and other is not None
    for estimate in (random_readers_change, fixed_readers_change):
        one, two = estimate(merits), estimate(other)
        assert (one.value, one.error, one.p_value) == pytest.approx((-two.value, two.error, two.p_value))


def test_readers_who_gain_alike_leave_the_errors_of_cases_alone():
    merits = published()
    alike = Merits(np.array([SECOND, SECOND]) - np.array([[0.05], [0.0]]), merits.covariance)
    found = random_readers_change(alike)
    assert found.degrees == np.inf
    cov2 = alike.covariance_between(True, False)
    assert found.error == pytest.approx(np.sqrt(2 * (cov2 - COV3)))


def test_what_has_no_variance_says_so():
    same = share_merits(np.ones((2, 3, 10), dtype=bool))
    assert same is not None
    found = random_readers_change(same)
    assert found.p_value == 1 and "no variance" in str(found.interval(0.95, -1, "").note)
    opposite = share_merits(np.stack([np.zeros((3, 10)), np.ones((3, 10))]).astype(bool))
    assert opposite is not None and np.isnan(random_readers_change(opposite).p_value)
    assert share_merits(np.ones((2, 3, 1), dtype=bool)) is None
    assert area_merits(np.ones((2, 3, 9)), np.arange(9) == 0) is None


@pytest.mark.slow
def test_limits_hold_the_truth_where_readers_differ_and_those_of_the_bootstrap_less_often():
    held = coverage(Scene("", readers=4, gain=0.4, differ=0.1), rounds=400, seed=8)
    assert 0.91 < held[AREA] < 0.98 and 0.91 < held[SHARE] < 0.98, held
    assert held[BOOTSTRAP] < held[SHARE] - 0.02 and held[FIXED] < 0.75, held
