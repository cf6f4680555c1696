"""The sets apart are evaluated by the risks that are served, on patients whom no model has seen."""

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.sets_apart import served_scores, set_apart_rows
from echomort.settings import Evaluation

SETTINGS = Evaluation(bootstrap=100)
MODELS = {"ehr": (2.0, 1.0), "video_ehr": (0.5, -1.0)}
"""Model -> factor and shift by which its log odds are wrong."""


def patients(count, seed, fold):
    """Frame and scores of ``count`` patients, by models that know the risk but for a factor and a shift."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1.2, count)
    died = random.uniform(size=count) < 1 / (1 + np.exp(-log_odds))
    keys = [f"{seed}.{number}" for number in range(count)]
    folds = np.arange(count) % 5 if fold is None else fold
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": folds, "label": died.astype(float)})
    frame = frame.assign(days=np.where(died, 100, 400), event=died, headline=True, heart_failure="yes", sex="female")
    parts = [
        frame[["study_key", "fold"]].assign(model=model, logit=factor * log_odds + shift)
        for model, (factor, shift) in MODELS.items()
    ]
    part = frame[["study_key", "fold"]].assign(model="maggic", logit=log_odds - 1)
    return frame, pd.concat([*parts, part[: count // 2]])


def evaluated(count, role="heart_failure"):
    seen, seen_scores = patients(4000, 1, None)
    frame, scores = patients(count, 2, -1)
    return set_apart_rows(role, frame, served_scores(scores, seen, seen_scores), SETTINGS, 365)


def row(table, model, metric):
    (found,) = table[(table["model"] == model) & (table["metric"] == metric)].itertuples()
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_risks_are_those_that_are_served_calibrated_on_the_cross_validation(model):
    table = evaluated(4000)
    assert set(table["evaluation"]) == {"held_out"}
    assert set(table["subset"]) == {"role=heart_failure"}
    slope, shift = row(table, model, "calibration_slope"), row(table, model, "calibration_in_the_large")
    assert slope.value == pytest.approx(1, abs=0.12) and slope.low < 1 < slope.high
    assert shift.value == pytest.approx(0, abs=0.12)
    assert row(table, model, "auc").n == 4000


def test_a_clinical_score_stays_as_it_is_and_is_compared_on_the_patients_that_have_it():
    table = evaluated(4000)
    assert row(table, "maggic", "calibration_in_the_large").value == pytest.approx(0.95, abs=0.2)
    compared = row(table, "video_ehr vs maggic", "auc_difference")
    assert compared.n == 2000
    assert compared.value == pytest.approx(0, abs=1e-9)


def test_a_small_set_has_its_counts_and_no_figure():
    table = evaluated(20)
    assert set(table["metric"]) == {"auc"}
    assert table["value"].isna().all()
    assert row(table, "ehr", "auc").n == 20
    assert table["method"].str.startswith("suppressed").all()


def test_an_empty_set_has_no_row():
    frame, scores = patients(10, 2, -1)
    assert set_apart_rows("later_years", frame.iloc[:0], scores.iloc[:0], SETTINGS, 365).empty
