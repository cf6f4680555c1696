"""Instability: what refits differ by is what was planted."""

import numpy as np
import pandas as pd
import pytest
from evaluation.test_summary import SETTINGS, cohort, figure

from echomort.evaluation import evaluate
from echomort.evaluation.inputs import expit
from echomort.evaluation.instability import refits_of


def nested(frame: pd.DataFrame, logit: np.ndarray, noise: float) -> list[np.ndarray]:
    """Scores without a further fold: the score plus ``noise``, missing in the column of the row's own fold."""
    drawn = np.random.default_rng(5).normal(scale=noise, size=(len(frame), 5)) + logit[:, None]
    drawn[np.arange(len(frame)), frame["fold"]] = np.nan
    return list(drawn)


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_mean_difference_is_that_of_the_planted_noise(noise):
    frame, scores, _ = cohort()
    one = scores[scores["model"] == "video_ehr"].reset_index(drop=True)
    logit = one["logit"].to_numpy()
    given = one.assign(without=nested(frame, logit, noise))
    table = evaluate(frame, given, None, SETTINGS)
    slope = expit(logit) * (1 - expit(logit))
    expected = (slope * noise * np.sqrt(2 / np.pi)).mean()
    found = figure(table, "video_ehr", "refit_mape")
    assert found["value"] == pytest.approx(expected, rel=0.06, abs=1e-12)
    assert found["low"] <= found["value"] <= found["high"]
    assert "4 refits of each patient" in found["method"]


def test_a_model_that_was_not_refitted_has_no_instability():
    frame, scores, _ = cohort()
    assert "refit_mape" not in set(evaluate(frame, scores, None, SETTINGS)["metric"])
    assert refits_of(np.zeros(2), np.array([[0.1, np.nan], [np.nan, np.nan]])) is None


def test_a_band_holds_the_refits_of_its_patients():
    rng = np.random.default_rng(2)
    logit = rng.normal(size=2000)
    refits = refits_of(logit, logit[:, None] + 0.5 + rng.normal(scale=0.1, size=(2000, 4)))
    assert refits is not None
    risk, low, middle, high = refits.bands()
    assert (np.diff(risk) > 0).all() and (low < middle).all() and (middle < high).all()
    assert middle[5:15] == pytest.approx(expit(np.log(risk / (1 - risk)) + 0.5)[5:15], abs=0.02)
