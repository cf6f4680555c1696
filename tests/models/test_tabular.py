"""Trees on the health record: what they may see, what they take, what they leave on disk."""

import json

import numpy as np
import pandas as pd
import pytest

from echomort.core.errors import UserError
from echomort.models.rows import LabelledRows, mean_fold_auc, split_patients
from echomort.models.tabular import (
    TabularModel,
    TabularResult,
    encode,
    fit_nested,
    out_of_fold,
    permutation_importance,
)
from echomort.settings import Tabular, validate

SMALL = Tabular(rounds=40, depth=3, early_stopping=10)


def cohort(n=240, seed=0):
    """A record table whose first column matters, with sex, gaps and a held-out fold; two studies a patient at times."""
    generator = np.random.default_rng(seed)
    features = pd.DataFrame(generator.normal(size=(n, 6)), columns=["lvef", *"abcde"])
    features["sex"] = generator.choice(np.array(["F", "M", None], dtype=object), n)
    features["smoker"] = pd.array(generator.choice([True, False], n), dtype="boolean")
    labels = (generator.random(n) < 1 / (1 + np.exp(1 + 2 * features["lvef"]))).astype(int).to_numpy()
    features.loc[generator.random(n) < 0.1, "a"] = np.nan
    patients = np.array([f"p{index // 2}" for index in range(n)], dtype=object)
    folds = (np.arange(n) // 2) % 5 - 1
    return features, labels, folds, patients


def fitted(features, labels, folds, patients) -> TabularResult:
    return fit_nested(encode(features), tuple(features.columns), LabelledRows.of(labels, folds, patients), SMALL)


def test_no_label_of_a_fold_reaches_its_scores_nor_what_may_be_learnt_for_it():
    features, labels, folds, patients = cohort()
    before = fitted(features, labels, folds, patients).scores
    after = fitted(features, np.where(folds == 2, 1 - labels, labels), folds, patients).scores
    assert np.array_equal(before.logits[folds == 2], after.logits[folds == 2])
    assert np.array_equal(before.without[:, 2], after.without[:, 2], equal_nan=True)
    assert not np.array_equal(before.without[folds == 1], after.without[folds == 1], equal_nan=True)
    assert np.isnan(before.without[folds == 2, 2]).all() and np.isfinite(before.without[folds == 2][:, [0, 1, 3]]).all()


def test_held_out_labels_change_nothing():
    features, labels, folds, patients = cohort()
    before = fitted(features, labels, folds, patients)
    after = fitted(features, np.where(folds == -1, 1 - labels, labels), folds, patients)
    assert np.array_equal(before.scores.logits, after.scores.logits)


def test_a_signal_is_found_and_its_feature_named():
    features, labels, folds, patients = cohort(480)
    result = fitted(features, labels, folds, patients)
    rows = LabelledRows.of(labels, folds, patients)
    assert mean_fold_auc(result.scores.logits, rows) > 0.75
    importance = permutation_importance(result.model, features, rows, repeats=2)
    assert importance["feature"][0] == "lvef"
    assert set(importance["feature"]) == set(features.columns)


def test_a_saved_model_scores_as_before_and_held_out_rows_as_the_mean_of_the_folds(tmp_path):
    features, labels, folds, patients = cohort()
    result = fitted(features, labels, folds, patients)
    result.model.save(tmp_path / "ehr")
    scores = TabularModel.load(tmp_path / "ehr").score(features)
    assert np.allclose(scores[folds == -1], result.scores.logits[folds == -1], atol=1e-6)
    shuffled = features[features.columns[::-1]]
    assert np.array_equal(TabularModel.load(tmp_path / "ehr").score(shuffled), scores)


def test_a_changed_tree_is_refused(tmp_path):
    features, labels, folds, patients = cohort(120)
    fitted(features, labels, folds, patients).model.save(tmp_path / "ehr")
    file = tmp_path / "ehr" / "fold_0.json"
    file.write_text(file.read_text() + " ")
    with pytest.raises(UserError, match="SHA-256"):
        TabularModel.load(tmp_path / "ehr")


def test_trees_that_learnt_a_variable_in_another_unit_are_refused(tmp_path):
    features, labels, folds, patients = cohort(120)
    features = features.rename(columns={"a": "tr_vmax"})
    fitted(features, labels, folds, patients).model.save(tmp_path / "ehr")
    card = json.loads((tmp_path / "ehr" / "model.json").read_text())
    assert card["units"] == {"lvef": "%", "tr_vmax": "cm/s", "sex": "code 0 1"}
    for units in ({**card["units"], "tr_vmax": "m/s"}, None):  # None: of a release that did not write them
        changed = {key: value for key, value in card.items() if key != "units"} | ({"units": units} if units else {})
        (tmp_path / "ehr" / "model.json").write_text(json.dumps(changed))
        with pytest.raises(UserError, match="in another unit than this release has"):
            TabularModel.load(tmp_path / "ehr")


def outlying(seed=0):
    """A cohort with two variables without limits, each with one value beyond both rules among the training rows."""
    features, labels, folds, patients = cohort(240, seed)
    features = features.rename(columns={"a": "pa_acc_time", "b": "lvl_s_4c"})
    features["pa_acc_time"] = np.abs(features["pa_acc_time"].fillna(0.1)) / 50 + 0.08
    features.loc[7, ["pa_acc_time", "lvl_s_4c"]] = 9999
    return features, labels, folds, patients


def test_an_outlier_of_a_variable_without_limits_is_missing_to_the_trees_by_limits_of_the_training_rows(tmp_path):
    features, labels, folds, patients = outlying()
    model = fitted(features, labels, folds, patients).model
    gap = features.assign(pa_acc_time=np.where(np.arange(240) == 7, np.nan, features["pa_acc_time"]))
    gap = gap.assign(lvl_s_4c=np.where(np.arange(240) == 7, np.nan, features["lvl_s_4c"]))
    assert np.array_equal(model.score(features), model.score(gap))
    limits = [fold.outliers.high[features.columns.get_loc("pa_acc_time")] for fold in model.folds.values()]
    assert all(limit < 9999 for limit in limits) and len(set(limits)) > 1
    assert all(np.isinf(fold.outliers.high[features.columns.get_loc("lvef")]) for fold in model.folds.values())
    model.save(tmp_path / "ehr")
    assert np.array_equal(TabularModel.load(tmp_path / "ehr").score(features), model.score(features))


def test_a_graded_valve_is_one_column_a_level_to_the_trees_and_one_variable_to_its_importance(tmp_path):
    features, labels, folds, patients = cohort(480)
    graded = features.assign(mr_grade=np.where(labels == 1, 2.0, np.arange(480) % 2)).drop(columns=["lvef"])
    result = fitted(graded, labels, folds, patients)
    assert {booster.booster.num_features() for booster in result.model.folds.values()} == {graded.shape[1] + 3}
    importance = permutation_importance(result.model, graded, LabelledRows.of(labels, folds, patients), repeats=1)
    assert importance["feature"][0] == "mr_grade" and len(importance) == graded.shape[1]
    result.model.save(tmp_path / "ehr")
    assert TabularModel.load(tmp_path / "ehr").features == tuple(graded.columns)


def test_encoding_keeps_what_is_missing_missing():
    frame = pd.DataFrame({"sex": ["F", "M", None], "smoker": pd.array([True, None, False], dtype="boolean")})
    assert np.array_equal(encode(frame), np.array([[0, 1], [1, np.nan], [np.nan, 0]], np.float32), equal_nan=True)


def test_free_text_is_not_a_feature():
    with pytest.raises(UserError, match="setting"):
        encode(pd.DataFrame({"setting": ["ward", "clinic"]}))


@pytest.mark.parametrize(
    ("labels", "folds", "patients", "reason"),
    [
        ([0, 1, 0, 1], [0, 0, 1, 1], ["a", "b", "a", "c"], "more than one fold"),
        ([0, 0, 0, 1], [0, 1, 2, 3], list("abcd"), "folds 0 and 3 all have the same label"),
        ([0, 1, 0, 1], [0, 0, 1, -1], list("abcd"), "fewer than 3 folds"),
        ([0, 1, 0, 2], [0, 0, 1, 1], list("abcd"), "label that does not exist"),
    ],
)
def test_rows_that_allow_no_honest_fit_are_refused(labels, folds, patients, reason):
    with pytest.raises(UserError, match=reason):
        LabelledRows.of(labels, folds, patients)


def test_a_validation_part_takes_whole_patients_of_either_outcome():
    labels = np.array([1, 0] * 5 + [0] * 30)
    patients = np.array([f"p{index // 2}" for index in range(40)], dtype=object)
    inside = split_patients(labels, patients, 0.2, seed=3)
    assert not set(patients[inside]) & set(patients[~inside])
    assert labels[inside].sum() == 1  # of 5 patients who died in one of two studies
    assert inside.sum() == 2 + 6  # and 3 of 15 who did not
    assert not np.array_equal(inside, split_patients(labels, patients, 0.2, seed=4))


def test_rows_with_an_unknown_label_are_scored_out_of_fold_and_teach_nothing():
    features, labels, folds, patients = cohort()
    unknown = np.arange(len(labels)) % 7 == 0
    with_them = fitted(features, np.where(unknown, -1, labels), folds, patients).scores
    assert np.isfinite(with_them.logits).all()
    alone = fitted(features[~unknown].reset_index(drop=True), labels[~unknown], folds[~unknown], patients[~unknown])
    assert np.array_equal(with_them.logits[~unknown], alone.scores.logits)
    assert np.array_equal(with_them.without[~unknown], alone.scores.without, equal_nan=True)
    rows = LabelledRows.of(np.where(unknown, -1, labels), folds, patients)
    known = LabelledRows.of(labels[~unknown], folds[~unknown], patients[~unknown])
    assert mean_fold_auc(with_them.logits, rows) == mean_fold_auc(alone.scores.logits, known)


def test_the_trees_of_preset_pilot_have_branches_in_the_smallest_pilot(tmp_path):
    """With the usual least weight of a leaf, 60 patients of whom a quarter died would all get the same risk."""
    settings = validate({"home": str(tmp_path), "preset": "pilot"}).tabular
    lvef = np.random.default_rng(1).permutation(60).astype(np.float32)
    rows = LabelledRows.of((lvef < 15).astype(int), np.arange(60) % 5, np.arange(60).astype(str))
    fitted = fit_nested(lvef.reshape(-1, 1), ("lvef",), rows, settings)
    assert mean_fold_auc(out_of_fold(fitted.model, lvef.reshape(-1, 1), rows), rows) > 0.8
