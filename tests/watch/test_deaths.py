"""Right risks are called wrong no more often than stated, however often one looks; wrong ones are found."""

import numpy as np
import pytest

from echomort.watch.deaths import observed_deaths, sentence

FALSE_ALARMS = 0.05


def site(seed: int, odds: float, patients: int = 800, since: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (died, risk) of a site where the odds of death are ``odds`` times those of the risks from patient
    ``since`` on."""
    generator = np.random.default_rng(seed)
    risk = generator.beta(1, 5, patients).clip(0.01, 0.95)
    true = odds * risk / (1 - risk + odds * risk)
    true[:since] = risk[:since]
    return (generator.random(patients) < true).astype(int), risk


def alarms(sites: int, odds: float, since: int = 0) -> int:
    return sum(observed_deaths(*site(seed, odds, since=since), FALSE_ALARMS).reached for seed in range(sites))


def test_right_risks_are_seldom_called_wrong_though_one_looks_after_each_patient() -> None:
    sites = 200
    assert alarms(sites, 1.0) <= FALSE_ALARMS * sites + 2 * (sites * FALSE_ALARMS * (1 - FALSE_ALARMS)) ** 0.5


@pytest.mark.parametrize("odds", [2.0, 0.5])
def test_wrong_risks_are_found(odds: float) -> None:
    assert alarms(50, odds) >= 48


def test_risks_that_become_wrong_are_found() -> None:
    assert alarms(50, 2.0, since=400) >= 45


def test_the_evidence_is_a_martingale_of_mean_one() -> None:
    ends = [observed_deaths(*site(seed, 1.0, patients=40), FALSE_ALARMS).path[-1] for seed in range(4000)]
    assert np.mean(ends) == pytest.approx(1, abs=4 * np.std(ends) / len(ends) ** 0.5)


def test_the_words_say_the_side_and_count_no_small_group() -> None:
    died, risk = site(1, 2.0)
    assert "more than chance explains" in sentence(observed_deaths(died, risk, FALSE_ALARMS), least=10)
    few = observed_deaths(np.ones(9), np.full(9, 0.01), FALSE_ALARMS)
    assert few.reached and sentence(few, least=10) == "more patients died than their risks said"


def test_nobody_is_no_evidence() -> None:
    assert not observed_deaths([], [], FALSE_ALARMS).reached
