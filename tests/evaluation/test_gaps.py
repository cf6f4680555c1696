"""The permutation test of gaps between groups: uniform where nothing differs, small where something was planted."""

import numpy as np
import pytest

from echomort.evaluation.benefit import benefits
from echomort.evaluation.gaps import (
    GroupRatio,
    largest_gap,
    mean_of,
    observed_over_expected,
    permutation_p,
    share_among,
)

PATIENTS = 360
KINDS = "sensitivity", "specificity", "observed_expected", "net_benefit"


def archive(seed: int, planted: str = "", sicker: float = 0.0) -> tuple[dict[str, GroupRatio], list[np.ndarray]]:
    """The ratios of three groups. ``planted``: the first group's risks are ``reversed`` or ``shifted``. ``sicker``: log
    odds by which the first group's true and predicted risks are higher."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, PATIENTS)
    log_odds = rng.normal(-1, 1.3, PATIENTS) + sicker * (group == 0)
    risk = 1 / (1 + np.exp(-log_odds))
    wrong = {"": log_odds, "reversed": -2 * log_odds - 2, "shifted": log_odds + 1.5}[planted]
    predicted = np.where(group == 0, 1 / (1 + np.exp(-wrong)), risk)
    died = rng.random(PATIENTS) < risk
    correct = (predicted > 0.3) == died
    ratios = (
        share_among(correct, died),
        share_among(correct, ~died),
        observed_over_expected(died, predicted),
        mean_of(benefits(died, predicted, 0.2)),
    )
    return dict(zip(KINDS, ratios, strict=True)), [group == number for number in range(3)]


def p_values(kind: str, archives: int, planted: str = "", sicker: float = 0.0) -> np.ndarray:
    found = [archive(seed, planted, sicker) for seed in range(archives)]
    return np.array([permutation_p(ratios[kind], members, seed=1) for ratios, members in found])


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_differs_p_is_uniform(kind):
    found = p_values(kind, archives=40)
    assert 0.3 < found.mean() < 0.7
    assert (found < 0.1).mean() <= 0.25 and found.min() > 1 / 2001


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_gap_has_a_small_p(kind):
    planted = "shifted" if kind == "observed_expected" else "reversed"
    assert np.median(p_values(kind, archives=7, planted=planted)) < 0.01


def test_a_group_of_sicker_patients_whose_risks_are_right_is_well_calibrated():
    """Patients at a higher risk are given to other groups only within like risks; else p would be too small."""
    found = p_values("observed_expected", archives=40, sicker=1.5)
    assert 0.3 < found.mean() < 0.7 and (found < 0.1).mean() <= 0.25


def test_patients_of_no_shown_group_do_not_count():
    ratios, members = archive(1, "reversed")
    correct = ratios["sensitivity"]
    outside = members[2]
    spoilt = GroupRatio(np.where(outside, 9.0, correct.numerator), correct.denominator, correct.strata)
    assert permutation_p(spoilt, members[:2], 1) == permutation_p(correct, members[:2], 1)


def test_a_gap_is_the_highest_less_the_lowest():
    ratios, members = archive(2)
    deaths = ratios["sensitivity"]
    shares = [deaths.numerator[one].sum() / deaths.denominator[one].sum() for one in members]
    gap = largest_gap(deaths, members)(np.ones((1, PATIENTS)))
    assert gap[0] == pytest.approx(max(shares) - min(shares))
