"""Stacking sees other folds' out-of-fold scores only, gains where scores complement each other, and finds nothing in
shuffled labels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.models.fusion import FusionModel, fit_stack, permuted_null_aucs
from echomort.models.platt import Platt, sigmoid
from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.settings import Evaluation, Fusion, Settings, Tabular

KINDS = ["logistic", "xgboost"]


def scored(n=400, seed=0):
    """Two noisy views of one risk, one of them missing at times, and whose rows they are."""
    generator = np.random.default_rng(seed)
    risk = generator.normal(size=n)
    labels = (generator.random(n) < sigmoid(1.5 * risk - 1)).astype(int)
    scores = pd.DataFrame({"apical_4": risk + generator.normal(size=n), "plax": risk + generator.normal(size=n)})
    scores.loc[generator.random(n) < 0.2, "plax"] = np.nan
    rows = LabelledRows.of(labels, np.arange(n) % 5 - 1, [f"p{index}" for index in range(n)])
    return scores, rows


@pytest.mark.parametrize("kind", KINDS)
def test_the_stack_of_a_fold_never_sees_that_fold(kind):
    """A column that gives the label away in fold 0 alone must not help there."""
    scores, rows = scored()
    planted = scores.assign(leak=np.where(rows.folds == 0, 50.0 * (2 * rows.labels - 1), 0.0))
    flipped = LabelledRows(np.where(rows.folds == 0, 1 - rows.labels, rows.labels), rows.folds, rows.patients)
    before = fit_stack(planted, rows, Fusion(model=kind)).scores
    after = fit_stack(planted, flipped, Fusion(model=kind)).scores
    assert np.array_equal(before[rows.folds == 0], after[rows.folds == 0])
    without = fit_stack(scores, rows, Fusion(model=kind)).scores
    assert np.allclose(before[rows.folds == 0], without[rows.folds == 0])  # a column that was constant in training


@pytest.mark.parametrize("kind", KINDS)
def test_two_views_are_better_than_one(kind):
    scores, rows = scored(1500)
    both = mean_fold_auc(fit_stack(scores, rows, Fusion(model=kind)).scores, rows)
    assert both > mean_fold_auc(scores["apical_4"].to_numpy(), rows) + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_stack_scores_as_before_whatever_the_order_of_its_columns(kind):
    scores, rows = scored()
    result = fit_stack(scores, rows, Fusion(model=kind))
    read = FusionModel.from_json(result.model.to_json())
    held_out = rows.folds == -1
    assert np.allclose(read.score(scores[["plax", "apical_4"]])[held_out], result.scores[held_out])
    assert np.isfinite(read.score(scores[["apical_4"]])).all()  # a view that is not there at all
    assert np.isfinite(read.score(pd.DataFrame(index=range(2)))).all()


def test_the_logistic_stack_is_ridge_regression_on_standardised_scores():
    """Against its defining equation: the penalised gradient vanishes at the solution."""
    scores, rows = scored()
    scores = scores[["apical_4"]]
    stacker = fit_stack(scores, rows, Fusion(model="logistic", ridge=3.0)).model.folds[2]
    training = rows.training(2)
    x = scores["apical_4"].to_numpy()[training]
    z = (x - x.mean()) / x.std()
    residual = rows.labels[training] - sigmoid(stacker.coefficients[0] * z + stacker.intercept)
    assert residual.sum() == pytest.approx(0, abs=1e-3)
    assert residual @ z == pytest.approx(3.0 * stacker.coefficients[0], abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_shuffled_labels_give_a_half(kind):
    scores, rows = scored(300)
    generator = np.random.default_rng(5)
    features = pd.DataFrame(generator.normal(size=(300, 8))).assign(lvef=scores["apical_4"]).rename(columns=str)
    settings = Settings(
        fusion=Fusion(model=kind), tabular=Tabular(rounds=15, depth=2), evaluation=Evaluation(permutations=6)
    )
    null = permuted_null_aucs(features, scores, rows, settings)
    assert list(null.columns) == ["ehr", "video_ehr", "video"]
    error = null.std() / np.sqrt(len(null))
    assert ((null.mean() - 0.5).abs() < 4 * error + 0.01).all()
    assert (null.std() > 0.005).all()  # labels were shuffled anew each time


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=1, max_size=40), st.integers(0, 99))
def test_shuffling_by_patient_keeps_the_deaths(pairs, seed):
    patients = np.array([f"p{patient}" for patient, _ in pairs], dtype=object)
    rows = LabelledRows(np.array([label for _, label in pairs]), np.zeros(len(pairs), int), patients)
    shuffled = rows.permuted(np.random.default_rng(seed))
    assert shuffled.labels.sum() == rows.labels.sum()
    assert shuffled.patients is rows.patients


def test_platt_recovers_a_known_distortion():
    generator = np.random.default_rng(0)
    truth = generator.normal(-1, 1.5, 20_000)
    labels = (generator.random(len(truth)) < sigmoid(truth)).astype(int)
    platt = Platt.fit((truth - 0.7) / 2.5, labels)
    assert platt.slope == pytest.approx(2.5, rel=0.05)
    assert platt.intercept == pytest.approx(0.7, abs=0.07)


def test_platt_stays_finite_where_the_labels_are_separable():
    platt = Platt.fit(np.array([-2.0, -1, 1, 2]), np.array([0, 0, 1, 1]))
    assert 0 < platt.slope < 20
    assert 0.5 < platt.risk(1.0) < 1
