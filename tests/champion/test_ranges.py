"""Studies unlike any of the cohort are found by name, and those like the cohort's are not."""

import json

import numpy as np
import pandas as pd
import pytest

from echomort.champion.ranges import LEAST, LOOP, Ranges, studies_within
from echomort.watch.appearance import appearance

ADULTS = (18.0, 110.0)
SHARE = 0.02
"""Of studies like the cohort's, with twenty values each, the most that may be beyond: twice what is usual for a single
value between the 0.5th and the 99.5th percentile."""


def drawn(random: np.random.Generator, studies: int) -> pd.DataFrame:
    """Variables as a record has them: ages, normal and skewed values, a grade and a rare diagnosis."""
    normal = {f"normal_{number}": random.normal(60, 9, studies) for number in range(12)}
    skewed = {f"skewed_{number}": random.lognormal(3, 0.5, studies) for number in range(4)}
    codes = {"grade": random.choice([0.0, 1.0, 2.0, 3.0], studies), "rare": (random.random(studies) < 0.004) * 1.0}
    frame = pd.DataFrame({"age": random.uniform(18, 99, studies), **normal, **skewed, **codes})
    return frame.mask(random.random(frame.shape) < 0.2).assign(age=frame["age"])


def beyond(ranges: Ranges, features: pd.DataFrame) -> list[tuple[str, ...]]:
    return [ranges.beyond_in_study(row, []) for row in features.to_dict("records")]


@pytest.mark.parametrize("studies", [300, 5000])
def test_studies_like_the_cohorts_are_seldom_beyond(studies: int) -> None:
    random = np.random.default_rng(studies)
    ranges = Ranges.learnt(drawn(random, studies), {}, ADULTS)
    share = np.mean([len(found) > 0 for found in beyond(ranges, drawn(random, 2000))])
    assert share <= SHARE


def test_what_is_beyond_is_named_and_nothing_else() -> None:
    random = np.random.default_rng(1)
    ranges = Ranges.learnt(drawn(random, 400), {}, ADULTS)
    usual = drawn(random, 400).median().to_dict()
    assert ranges.beyond_in_study(usual, []) == ()
    assert ranges.beyond_in_study(usual | {"age": 9.0}, []) == ("age",)
    assert ranges.beyond_in_study(usual | {"normal_3": 5.0, "grade": 4.0}, []) == ("normal 3", "grade")
    assert ranges.beyond_in_study(usual | {"skewed_1": np.nan, "unknown": 1e9}, []) == (), "missing is not beyond"
    assert Ranges().beyond_in_study(usual | {"age": 9.0}, []) == (), "nothing is known of an earlier candidate"


def test_a_slip_in_the_cohort_does_not_widen_its_range() -> None:
    values = np.random.default_rng(2).normal(60, 9, 1000)
    values[:3] = 6000
    ranges = Ranges.learnt(pd.DataFrame({"lvef": values}), {}, ADULTS)
    assert ranges.beyond_in_study({"lvef": 150.0}, []) == ("lvef",)


def test_the_age_is_within_the_limits_of_the_cohort_whatever_was_seen() -> None:
    """Ages are widened as all values are, but not to those that the cohort leaves out."""
    few = pd.DataFrame({"age": [40.0, 60.0]})
    for features in (few, pd.DataFrame({"age": np.linspace(18, 99, 500)})):
        ranges = Ranges.learnt(features, {}, ADULTS)
        assert [ranges.beyond_in_study({"age": age}, []) for age in (17.0, 18.0, 111.0)] == [("age",), (), ("age",)]


def test_of_too_few_values_no_range_is_made() -> None:
    some = pd.DataFrame({"lvef": [60.0, 61.0] * (LEAST // 2 - 1)})
    assert "lvef" not in Ranges.learnt(some, {}, ADULTS).variables
    assert "lvef" in Ranges.learnt(pd.concat([some, some]), {}, ADULTS).variables


def loop(random: np.random.Generator, level: float = 90, noise: float = 4) -> np.ndarray:
    tissue = level + 25 * random.normal(size=(16, 20)) + random.normal(0, 8)
    return np.clip(tissue + noise * random.normal(size=(12, 16, 20)), 1, 255).astype(np.uint8)


@pytest.fixture
def of_loops() -> Ranges:
    random = np.random.default_rng(3)
    looks = pd.DataFrame([appearance(loop(random)) for _ in range(200)])
    return Ranges.learnt(pd.DataFrame(), {"a4c": looks}, ADULTS)


def test_a_dark_a_noisy_and_a_black_loop_are_beyond_and_others_are_not(of_loops: Ranges) -> None:
    random = np.random.default_rng(4)
    usual = [of_loops.beyond_in_loop(loop(random), "a4c") for _ in range(200)]
    assert np.mean([len(found) > 0 for found in usual]) <= SHARE
    assert "loop brightness" in of_loops.beyond_in_loop(loop(random, level=12), "a4c")
    assert "loop noise" in of_loops.beyond_in_loop(loop(random, noise=14), "a4c")
    assert "loop brightness" in of_loops.beyond_in_loop(np.zeros((12, 16, 20), np.uint8), "a4c")
    assert of_loops.beyond_in_loop(loop(random), "subcostal") == ("view",)
    assert Ranges().beyond_in_loop(loop(random), "subcostal") == ()


def test_one_odd_loop_among_several_does_not_make_a_study_beyond(of_loops: Ranges) -> None:
    odd = ("loop brightness",)
    assert of_loops.beyond_in_study({}, [odd, (), ()]) == ()
    assert of_loops.beyond_in_study({}, [odd, ()]) == odd
    assert of_loops.beyond_in_study({"age": 9}, [odd]) == ("age", *odd)


def test_ranges_are_the_same_after_json(of_loops: Ranges) -> None:
    assert Ranges.of_record(json.loads(json.dumps(of_loops.as_record(), allow_nan=False))) == of_loops


def test_a_study_is_compared_with_other_folds_alone() -> None:
    """A whole fold of odd values would make them usual, if it learnt from itself; what is planted is left out."""
    random, folds = np.random.default_rng(3), 4
    keys = [f"study_{number:03}" for number in range(400)]
    studies = drawn(random, len(keys)).assign(study_key=keys, fold=np.arange(len(keys)) % folds)
    studies.loc[studies["fold"] == 2, "normal_5"] = 600.0 + np.arange(len(keys) // folds)
    studies.loc[0, "skewed_2"] = 1e6
    looks = pd.DataFrame({name: random.normal(60, 5, 2 * len(keys)) for name in LOOP})
    looks = looks.assign(study_key=keys * 2, view=["apical_4"] * len(keys) + ["parasternal_long"] * len(keys))
    looks.loc[looks["study_key"] == keys[1], "brightness"] = 255.0
    looks.loc[5, "noise"] = np.nan
    within = studies_within(studies, looks, ADULTS)
    assert not within & {*studies.loc[studies["fold"] == 2, "study_key"], keys[0], keys[1], keys[5]}
    usual = studies.loc[studies["fold"] != 2, "study_key"]
    assert len(within) > (1 - 2 * SHARE) * len(usual)
    assert within == studies_within(studies.sample(frac=1, random_state=1), looks, ADULTS), "in any order"


def test_a_loop_of_a_view_that_few_have_says_nothing() -> None:
    studies = pd.DataFrame({"study_key": ["a", "b"], "fold": [0, 1], "age": [50.0, 60.0]})
    looks = pd.DataFrame({"study_key": ["a"], "view": ["apical_2"], "brightness": 1.0, "contrast": 1.0, "noise": 1.0})
    assert studies_within(studies, looks, ADULTS) == {"a", "b"}
