"""What so many patients and deaths can show is said before any training, and no headline is made of too few."""

import re

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation import auc, evaluate
from echomort.evaluation.readiness import ASSUMED_C, FEW_DEATHS, readiness
from echomort.evaluation.sample_size import c_precision
from echomort.report.numbers import Numbers
from echomort.report.opening import limits, tiles
from echomort.report.sections.results import headline
from echomort.settings import Evaluation


@pytest.mark.parametrize(("patients", "deaths"), [(41, 0), (41, 41), (1, 1)])
def test_with_one_outcome_nothing_can_be_trained(patients: int, deaths: int) -> None:
    assert "none can be trained or judged" in readiness(patients, deaths, 10)


@pytest.mark.parametrize(("patients", "deaths"), [(41, 7), (300, 295), (30, 9)])
def test_few_deaths_or_survivors_are_no_result(patients: int, deaths: int) -> None:
    assert "no figure is a result" in readiness(patients, deaths, 10)
    assert "no figure is a result" not in readiness(patients, deaths, 3)


def test_many_deaths_need_no_word() -> None:
    assert readiness(1000, FEW_DEATHS, 10) == ""
    assert "below 100 a validation is uncertain" in readiness(1000, FEW_DEATHS - 1, 10)


def test_the_limits_are_those_that_random_scores_of_that_auc_have() -> None:
    """A binormal score of the assumed AUC, drawn again and again: the spread of its AUC is what is forecast."""
    random, died = np.random.default_rng(3), np.repeat((1, 0), (30, 120))
    distance = (
        0.9539  # standard deviations between the groups that make an AUC of 0.75: sqrt(2) times its normal quantile
    )
    drawn = [auc(died, random.normal(size=150) + distance * died) for _ in range(600)]
    assert np.mean(drawn) == pytest.approx(ASSUMED_C, abs=0.01)
    assert c_precision(ASSUMED_C, 30 / 150, 150).width / 2 == pytest.approx(1.96 * np.std(drawn), rel=0.12)


def test_the_number_that_it_would_take_is_enough_and_not_more_than_needed() -> None:
    needed = int(re.search(r"about (\d+) patients", readiness(200, 40, 10)).group(1))
    assert c_precision(ASSUMED_C, 0.2, needed).width <= 0.1 < c_precision(ASSUMED_C, 0.2, needed - 10).width


def numbers(deaths: int) -> Numbers:
    """A report's numbers of one model on 60 patients; it says the same for all patients of a fold."""
    died = np.repeat((1, 0), (deaths, 60 - deaths))
    frame = pd.DataFrame({"study_key": [f"s{index}" for index in range(60)], "fold": np.arange(60) % 5, "label": died})
    frame = frame.assign(patient_key=frame["study_key"], days=365, event=died == 1)
    base = frame.groupby("fold")["label"].transform(lambda labels: (deaths - labels.sum()) / (60 - len(labels)))
    scores = frame.assign(model="video_ehr", logit=base)[["study_key", "model", "fold", "logit"]]
    return Numbers(evaluate(frame, scores, None, Evaluation(bootstrap=100)))


def test_of_too_few_deaths_no_headline_is_made() -> None:
    few = numbers(7)
    assert "no figure is a result" in headline(few) and "times in 100" not in headline(few)
    assert not any(re.search(r"0\.\d", tile.number) for tile in tiles(few))
    assert any("7 deaths among 60 patients" in line for line in limits(few))
    assert [(tile.label, tile.aside) for tile in tiles(few)][1:] == [("AUC", "too few deaths (7)")]
    many = numbers(20)
    assert "times in 100" in headline(many) and any(tile.label.startswith("AUC") for tile in tiles(many))
