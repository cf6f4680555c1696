"""Stacking learns from scores that no label of the evaluated fold has influenced, gains where scores complement each
other, and finds nothing in noise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.core.errors import UserError
from echomort.models.cross_fit import CrossFit, folds_left_out
from echomort.models.fusion import FusionModel, fit_stack
from echomort.models.null import permute_labels, permuted_null
from echomort.models.platt import Platt, sigmoid
from echomort.models.rows import LabelledRows, chance_error, mean_fold_auc
from echomort.settings import Fusion, Settings, Tabular

KINDS = ["logistic", "xgboost"]


def scored(n=400, seed=0):
    """Two noisy views of one risk, which no label has influenced, one of them missing at times, and whose rows they
    are."""
    generator = np.random.default_rng(seed)
    risk = generator.normal(size=n)
    labels = (generator.random(n) < sigmoid(1.5 * risk - 1)).astype(int)
    scores = pd.DataFrame({"apical_4": risk + generator.normal(size=n), "plax": risk + generator.normal(size=n)})
    scores.loc[generator.random(n) < 0.2, "plax"] = np.nan
    rows = LabelledRows.of(labels, np.arange(n) % 5 - 1, [f"p{index}" for index in range(n)])
    return scores, rows


def parts(scores, rows):
    """The columns of ``scores`` as scores that no label has influenced."""
    shape = len(rows.folds), rows.folds.max() + 1
    own = np.arange(shape[1]) == rows.folds[:, None]
    columns = {str(name): scores[name].to_numpy() for name in scores}
    return {
        name: CrossFit(values, np.where(own, np.nan, np.broadcast_to(values[:, None], shape)))
        for name, values in columns.items()
    }


def noise(seed, views=12, n=300, columns=10):
    """Ridge regressions on columns of noise, by view, and rows whose labels depend on nothing."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.3).astype(int)
    rows = LabelledRows.of(labels, generator.permutation(n) % 5, [f"p{index}" for index in range(n)])
    return {f"view_{number}": generator.normal(size=(n, columns)) for number in range(views)}, rows


def ridge(matrix, rows, left_out):
    from sklearn.linear_model import LogisticRegression

    training = rows.training(*left_out)
    return LogisticRegression(C=0.01).fit(matrix[training], rows.labels[training]).decision_function(matrix)


def cross_fitted(views, rows):
    left_out = folds_left_out(rows.trained_folds)
    return {
        view: CrossFit.of_models(rows.folds, {folds: ridge(matrix, rows, folds) for folds in left_out})
        for view, matrix in views.items()
    }


def with_flipped(rows, fold):
    return LabelledRows(np.where(rows.folds == fold, 1 - rows.labels, rows.labels), rows.folds, rows.patients)


@pytest.mark.parametrize("kind", KINDS)
def test_no_label_of_a_fold_reaches_its_scores_or_the_scores_to_learn_from_for_it(kind):
    views, rows = noise(1)
    before = fit_stack(cross_fitted(views, rows), rows, Fusion(model=kind)).scores
    flipped = with_flipped(rows, 2)
    after = fit_stack(cross_fitted(views, flipped), flipped, Fusion(model=kind)).scores
    assert np.array_equal(before.logits[rows.folds == 2], after.logits[rows.folds == 2])
    assert np.array_equal(before.without[:, 2], after.without[:, 2], equal_nan=True)
    assert not np.array_equal(before.logits[rows.folds == 1], after.logits[rows.folds == 1])


def test_a_stack_of_many_views_finds_nothing_in_noise_where_plain_folds_would():
    """The fault that nesting mends: a stack on plain out-of-fold scores ranks noise (docs/stacking.md)."""
    honest, plain = [], []
    for seed in range(6):
        views, rows = noise(seed)
        honest.append(mean_fold_auc(fit_stack(cross_fitted(views, rows), rows, Fusion()).scores.logits, rows))
        scores = pd.DataFrame({view: out_of_fold(matrix, rows) for view, matrix in views.items()})
        plain.append(mean_fold_auc(fit_stack(parts(scores, rows), rows, Fusion()).scores.logits, rows))
    assert np.mean(honest) == pytest.approx(0.5, abs=0.03)
    assert np.mean(plain) > 0.55


def out_of_fold(matrix, rows):
    scores = np.zeros(len(matrix))
    for fold in rows.trained_folds:
        scores[rows.folds == fold] = ridge(matrix, rows, (fold,))[rows.folds == fold]
    return scores


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_learnt_in_one_fold_alone_does_not_help_there(kind):
    """A column that gives the label away in fold 0 alone must not help there."""
    scores, rows = scored()
    planted = scores.assign(leak=np.where(rows.folds == 0, 50.0 * (2 * rows.labels - 1), 0.0))
    before = fit_stack(parts(planted, rows), rows, Fusion(model=kind)).scores.logits
    after = fit_stack(parts(planted, rows), with_flipped(rows, 0), Fusion(model=kind)).scores.logits
    assert np.array_equal(before[rows.folds == 0], after[rows.folds == 0])
    unplanted = fit_stack(parts(scores, rows), rows, Fusion(model=kind)).scores.logits
    assert np.allclose(before[rows.folds == 0], unplanted[rows.folds == 0])  # a column that was constant in training


@pytest.mark.parametrize("kind", KINDS)
def test_two_views_are_better_than_one(kind):
    scores, rows = scored(1500)
    both = mean_fold_auc(fit_stack(parts(scores, rows), rows, Fusion(model=kind)).scores.logits, rows)
    assert both > mean_fold_auc(scores["apical_4"].to_numpy(), rows) + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_stack_scores_as_before_whatever_the_order_of_its_columns(kind):
    scores, rows = scored()
    result = fit_stack(parts(scores, rows), rows, Fusion(model=kind))
    read = FusionModel.from_json(result.model.to_json())
    held_out = rows.folds == -1
    assert np.allclose(read.score(scores[["plax", "apical_4"]])[held_out], result.scores.logits[held_out])
    assert np.isfinite(read.score(scores[["apical_4"]])).all()  # a view that is not there at all
    assert np.isfinite(read.score(pd.DataFrame(index=range(2)))).all()


def test_the_logistic_stack_is_ridge_regression_on_standardised_scores():
    """Against its defining equation: the penalised gradient vanishes at the solution."""
    scores, rows = scored()
    scores = scores[["apical_4"]]
    stacker = fit_stack(parts(scores, rows), rows, Fusion(model="logistic", ridge=3.0)).model.folds[2]
    training = rows.training(2)
    x = scores["apical_4"].to_numpy()[training]
    z = (x - x.mean()) / x.std()
    residual = rows.labels[training] - sigmoid(stacker.coefficients[0] * z + stacker.intercept)
    assert residual.sum() == pytest.approx(0, abs=1e-3)
    assert residual @ z == pytest.approx(3.0 * stacker.coefficients[0], abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_permuted_labels_give_a_half_where_everything_is_fitted_again(kind):
    null = nulls(kind, cross_fitted)
    assert list(null.columns) == ["ehr", "all_views", "video_ehr"]
    error = null.std() / np.sqrt(len(null))
    assert ((null.mean() - 0.5).abs() < 4 * error + 0.01).all()
    assert (null.std() > 0.005).all()  # labels were permuted anew each time


def test_the_permuted_null_sees_a_stack_that_learns_from_plain_out_of_fold_scores():
    def plain(views, rows):
        return parts(pd.DataFrame({view: out_of_fold(matrix, rows) for view, matrix in views.items()}), rows)

    null = nulls("logistic", plain)
    assert null["all_views"].mean() > 0.54
    assert null["ehr"].mean() == pytest.approx(0.5, abs=0.03)


def drawn(deaths, patients, studies):
    """Return scores and rows of one fold; the studies of a patient have one label and one score."""
    labels = np.repeat(np.arange(patients) < deaths, studies).astype(int)
    names = np.repeat([f"p{index}" for index in range(patients)], studies).astype(object)
    scores = np.repeat(np.random.default_rng(1).normal(size=patients), studies)
    return scores, LabelledRows(labels, np.zeros(len(labels), int), names)


def test_the_error_under_chance_is_that_of_a_rank_sum_where_each_patient_has_one_study():
    """Mann and Whitney (1947): the variance is (n + 1) / (12 * deaths * survivors)."""
    expected = np.sqrt(101 / (12 * 20 * 80))
    assert chance_error(*drawn(20, 100, 1), seed=1) == pytest.approx(expected, rel=0.15)


def test_the_error_under_chance_counts_patients_not_studies():
    assert chance_error(*drawn(20, 100, 4), seed=1) == pytest.approx(chance_error(*drawn(20, 100, 1), seed=1), rel=0.15)


def test_the_error_under_chance_is_that_of_a_mean_over_folds():
    scores, rows = drawn(20, 100, 1)
    folds = np.where(np.arange(100) % 2, 0, 1)
    halves = chance_error(scores, LabelledRows(rows.labels, folds, rows.patients), seed=1)
    assert halves == pytest.approx(np.sqrt(51 / (12 * 10 * 40) / 2), rel=0.15)


def nulls(kind, cross_fit):
    views, rows = noise(3)
    features = pd.DataFrame(np.random.default_rng(5).normal(size=(len(rows.labels), 8))).rename(columns=str)
    settings = Settings(fusion=Fusion(model=kind), tabular=Tabular(rounds=15, depth=2))
    shuffled = [permute_labels(rows, [], (1, number)) for number in range(8)]
    return pd.DataFrame([permuted_null(cross_fit(views, rows), features, rows, settings).auc for rows in shuffled])


def test_labels_are_permuted_within_the_folds_until_every_part_can_be_trained_on():
    labels = np.array([1, 1, 1, 1, *[0] * 36, 1, 0])
    folds = np.array([*[index % 4 for index in range(40)], -1, -1])
    rows = LabelledRows(labels, folds, np.array([f"p{index}" for index in range(42)], dtype=object))
    part = np.arange(42) < 24
    for seed in range(20):
        shuffled = permute_labels(rows, [part], (seed,))
        assert shuffled.labels[:40].sum() == 4 and shuffled.labels[40:].tolist() == [1, 0]
        assert shuffled.is_trainable and shuffled.subset(part).is_trainable
    with pytest.raises(UserError, match="too few deaths"):
        permute_labels(rows, [np.arange(42) < 3], (1,))


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
